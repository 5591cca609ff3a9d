/* event -- field numbers are those of event.proto, summary.proto, tensor.proto and the plugins'
 * own messages. A plugin's metadata goes with every value: readers keep the first of a tag. */
#include "train/event.h"

#include <string.h>

enum { /* fields of Event */
       WALL_TIME = 1,
       STEP = 2,
       FILE_VERSION = 3,
       SUMMARY = 5,
       SESSION_LOG = 7,
};

enum { /* fields of Summary.Value */
       TAG = 1,
       SIMPLE_VALUE = 2,
       IMAGE = 4,
       HISTOGRAM = 5,
       TENSOR = 8,
       METADATA = 9,
};

enum { DT_FLOAT = 1, DT_STRING = 7, DATA_CLASS_TENSOR = 2, COLORSPACE_RGB = 3 };

fn_status fn_event_version(fn_wire *w, double wall)
{
    FN_TRY(fn_wire_begin(w, FN_EVENT_FRAME));
    fn_wire_text(w, FILE_VERSION, "brain.Event:2");
    fn_wire_double(w, WALL_TIME, wall);
    return FN_OK;
}

fn_status fn_event_start(fn_wire *w, double wall, int64_t step)
{
    FN_TRY(fn_wire_begin(w, FN_EVENT_FRAME));
    fn_wire_int(w, 1, 1); /* status: START */
    fn_wire_enclose(w, SESSION_LOG, 0);
    fn_wire_int(w, STEP, step);
    fn_wire_double(w, WALL_TIME, wall);
    return FN_OK;
}

void fn_event_finish(fn_wire *w, fn_place at)
{
    fn_wire_text(w, TAG, at.tag);
    fn_wire_enclose(w, 1, 0); /* value */
    fn_wire_enclose(w, SUMMARY, 0);
    fn_wire_int(w, STEP, at.step);
    fn_wire_double(w, WALL_TIME, at.wall);
}

void fn_event_plugin(fn_wire *w, const char *name, size_t before)
{
    if (w->size > before)
        fn_wire_enclose(w, 2, before); /* content */
    fn_wire_text(w, 1, name);          /* plugin_name */
    fn_wire_enclose(w, 1, before);     /* plugin_data */
    fn_wire_int(w, 4, DATA_CLASS_TENSOR);
    fn_wire_enclose(w, METADATA, before);
}

static fn_status begin(fn_wire *w, fn_place at, size_t contents)
{
    return fn_wire_begin(w, strlen(at.tag) + contents + FN_EVENT_FRAME);
}

fn_status fn_event_scalar(fn_wire *w, fn_place at, float value)
{
    FN_TRY(begin(w, at, 0));
    fn_wire_float(w, SIMPLE_VALUE, value);
    fn_event_finish(w, at);
    return FN_OK;
}

/* Gives the contents that were put since `before` a shape and a type, and so makes the value's
 * tensor of them. */
static void finish_tensor(fn_wire *w, int type, const int64_t *dim, int rank, size_t before)
{
    size_t shape = w->size;
    while (rank-- > 0) {
        size_t one = w->size;
        fn_wire_int(w, 1, dim[rank]); /* size */
        fn_wire_enclose(w, 2, one);   /* dim */
    }
    fn_wire_enclose(w, 2, shape); /* tensor_shape */
    fn_wire_int(w, 1, type);      /* dtype */
    fn_wire_enclose(w, TENSOR, before);
}

fn_status fn_event_text(fn_wire *w, fn_place at, const char *text)
{
    const int64_t one = 1;
    FN_TRY(begin(w, at, strlen(text)));
    fn_event_plugin(w, "text", 0);
    size_t before = w->size;
    fn_wire_text(w, 8, text); /* string_val */
    finish_tensor(w, DT_STRING, &one, 1, before);
    fn_event_finish(w, at);
    return FN_OK;
}

void fn_event_nothing(fn_wire *w)
{
    const int64_t none = 0;
    finish_tensor(w, DT_FLOAT, &none, 1, w->size);
}

fn_status fn_event_curve(fn_wire *w, fn_place at, const fn_curve *c)
{
    const int64_t dim[] = {FN_CURVE_ROWS, FN_CURVE_POINTS};
    FN_TRY(begin(w, at, sizeof c->row));
    fn_wire_int(w, 2, FN_CURVE_POINTS); /* num_thresholds */
    fn_event_plugin(w, "pr_curves", 0);
    size_t before = w->size;
    fn_wire_floats(w, 5, c->row[0], sizeof c->row / sizeof(float)); /* float_val */
    finish_tensor(w, DT_FLOAT, dim, 2, before);
    fn_event_finish(w, at);
    return FN_OK;
}

/* Bins outside of the first and the last that hold something are left out: TensorBoard takes
 * min and max for the outer bounds. */
fn_status fn_event_histogram(fn_wire *w, fn_place at, const fn_histogram *h)
{
    double limit[FN_BINS], count[FN_BINS];
    size_t n = 0;
    for (int i = fn_histogram_bin(h->min); i <= fn_histogram_bin(h->max); i++, n++) {
        limit[n] = FN_BIN * (i + 1);
        count[n] = (double)h->count[i];
    }
    FN_TRY(begin(w, at, sizeof limit + sizeof count));
    fn_wire_doubles(w, 7, count, n); /* bucket */
    fn_wire_doubles(w, 6, limit, n); /* bucket_limit */
    fn_wire_double(w, 5, h->squares);
    fn_wire_double(w, 4, h->sum);
    fn_wire_double(w, 3, (double)h->n); /* num */
    fn_wire_double(w, 2, h->max);
    fn_wire_double(w, 1, h->min);
    fn_wire_enclose(w, HISTOGRAM, 0);
    fn_event_finish(w, at);
    return FN_OK;
}

fn_status fn_event_image(fn_wire *w, fn_place at, const fn_png *png)
{
    FN_TRY(begin(w, at, png->size));
    fn_wire_bytes(w, 4, png->bytes, png->size); /* encoded_image_string */
    fn_wire_int(w, 3, COLORSPACE_RGB);
    fn_wire_int(w, 2, png->width);
    fn_wire_int(w, 1, png->height);
    fn_wire_enclose(w, IMAGE, 0);
    fn_event_finish(w, at);
    return FN_OK;
}
