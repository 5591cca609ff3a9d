/* event.h -- TensorBoard's Event messages (tensorflow/core/util/event.proto) as bytes. Each
 * begins its fn_wire, which the caller frees. `wall` is the time in seconds since 1970. */
#ifndef FN_TRAIN_EVENT_H
#define FN_TRAIN_EVENT_H

#include "train/curve.h"
#include "train/histogram.h"
#include "train/wire.h"

enum { FN_EVENT_FRAME = 128 }; /* more than an event needs beside its contents and texts */

/* Where a summary stands in its run. */
typedef struct fn_place {
    double wall;
    int64_t step;
    const char *tag;
} fn_place;

typedef struct fn_png {
    const uint8_t *bytes;
    size_t size;
    int width, height;
} fn_png;

fn_status fn_event_version(fn_wire *w, double wall) FN_CHECKED;
/* What older files hold from `step` on is void. */
fn_status fn_event_start(fn_wire *w, double wall, int64_t step) FN_CHECKED;
fn_status fn_event_scalar(fn_wire *w, fn_place at, float value) FN_CHECKED;
fn_status fn_event_text(fn_wire *w, fn_place at, const char *text) FN_CHECKED;
fn_status fn_event_histogram(fn_wire *w, fn_place at, const fn_histogram *h) FN_CHECKED;
fn_status fn_event_image(fn_wire *w, fn_place at, const fn_png *png) FN_CHECKED;
fn_status fn_event_curve(fn_wire *w, fn_place at, const fn_curve *c) FN_CHECKED;

/* --- for messages made elsewhere --- */

/* Makes the metadata of a plugin's tensor of what was put since `before`: its content. */
void fn_event_plugin(fn_wire *w, const char *name, size_t before);
/* An empty tensor: the value of what is metadata alone. */
void fn_event_nothing(fn_wire *w);
/* Closes a Summary.Value that holds all but its tag, and the event around it. */
void fn_event_finish(fn_wire *w, fn_place at);

#endif
