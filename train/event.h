/* event.h -- TensorBoard's Event messages (tensorflow/core/util/event.proto) as bytes. Each is
 * put at the end of `p`; fn_proto_status tells of failure. `wall` is the time in seconds since
 * 1970. */
#ifndef FN_TRAIN_EVENT_H
#define FN_TRAIN_EVENT_H

#include "core/proto.h"
#include "train/curve.h"
#include "train/histogram.h"

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

void fn_event_version(fn_proto *p, double wall);
/* What older files hold from `step` on is void. */
void fn_event_start(fn_proto *p, double wall, int64_t step);
void fn_event_scalar(fn_proto *p, fn_place at, float value);
void fn_event_text(fn_proto *p, fn_place at, const char *text);
void fn_event_histogram(fn_proto *p, fn_place at, const fn_histogram *h);
void fn_event_image(fn_proto *p, fn_place at, const fn_png *png);
void fn_event_curve(fn_proto *p, fn_place at, const fn_curve *c);

/* --- for messages made elsewhere --- */

/* What is open: a message in a message. */
typedef struct fn_nest {
    size_t outer, inner;
} fn_nest;

/* An event with a Summary.Value that has its tag; its contents go between the two. */
fn_nest fn_event_begin(fn_proto *p, fn_place at);
/* A value's metadata; the plugin's own, in FN_EVENT_CONTENT, goes between the two. */
enum { FN_EVENT_CONTENT = 2 };
fn_nest fn_event_plugin(fn_proto *p, const char *name);
void fn_event_end(fn_proto *p, fn_nest open);
/* An empty tensor: the value of what is metadata alone. */
void fn_event_nothing(fn_proto *p);

#endif
