/* event.h -- TensorBoard's Event messages (tensorflow/core/util/event.proto) as bytes. */
#ifndef FN_TRAIN_EVENT_H
#define FN_TRAIN_EVENT_H

#include "core/status.h"

#include <stdint.h>

typedef struct fn_event {
    uint8_t *room; /* fn_event_free */
    uint8_t *data; /* inside room: the message */
    size_t size;
} fn_event;

/* `wall` is the time in seconds since 1970. */
fn_status fn_event_version(fn_event *e, double wall) FN_CHECKED;
/* What older files hold from `step` on is void. */
fn_status fn_event_start(fn_event *e, double wall, int64_t step) FN_CHECKED;
fn_status fn_event_scalar(fn_event *e, double wall, int64_t step, const char *tag,
                          float value) FN_CHECKED;
fn_status fn_event_text(fn_event *e, double wall, int64_t step, const char *tag,
                        const char *text) FN_CHECKED;
void fn_event_free(fn_event *e);

#endif
