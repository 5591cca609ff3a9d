/* event -- field numbers are those of event.proto, summary.proto, tensor.proto and the plugins'
 * own messages. A plugin's metadata goes with every value: readers keep the first of a tag. */
#include "train/event.h"

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

static void begin(fn_proto *p, double wall, int64_t step)
{
    fn_proto_double(p, WALL_TIME, wall);
    fn_proto_int(p, STEP, step);
}

void fn_event_version(fn_proto *p, double wall)
{
    fn_proto_double(p, WALL_TIME, wall);
    fn_proto_text(p, FILE_VERSION, "brain.Event:2");
}

void fn_event_start(fn_proto *p, double wall, int64_t step)
{
    begin(p, wall, step);
    size_t log = fn_proto_begin(p, SESSION_LOG);
    fn_proto_int(p, 1, 1); /* status: START */
    fn_proto_end(p, log);
}

fn_nest fn_event_begin(fn_proto *p, fn_place at)
{
    fn_nest open;
    begin(p, at.wall, at.step);
    open.outer = fn_proto_begin(p, SUMMARY);
    open.inner = fn_proto_begin(p, 1); /* value */
    fn_proto_text(p, TAG, at.tag);
    return open;
}

fn_nest fn_event_plugin(fn_proto *p, const char *name)
{
    fn_nest open;
    open.outer = fn_proto_begin(p, METADATA);
    fn_proto_int(p, 4, DATA_CLASS_TENSOR);
    open.inner = fn_proto_begin(p, 1); /* plugin_data */
    fn_proto_text(p, 1, name);         /* plugin_name */
    return open;
}

void fn_event_end(fn_proto *p, fn_nest open)
{
    fn_proto_end(p, open.inner);
    fn_proto_end(p, open.outer);
}

void fn_event_scalar(fn_proto *p, fn_place at, float value)
{
    fn_nest open = fn_event_begin(p, at);
    fn_proto_float(p, SIMPLE_VALUE, value);
    fn_event_end(p, open);
}

/* A tensor of which the contents are missing. */
static size_t begin_tensor(fn_proto *p, int type, const int64_t *dim, int rank)
{
    size_t tensor = fn_proto_begin(p, TENSOR);
    fn_proto_int(p, 1, type);            /* dtype */
    size_t shape = fn_proto_begin(p, 2); /* tensor_shape */
    for (int i = 0; i < rank; i++) {
        size_t one = fn_proto_begin(p, 2); /* dim */
        fn_proto_int(p, 1, dim[i]);        /* size */
        fn_proto_end(p, one);
    }
    fn_proto_end(p, shape);
    return tensor;
}

void fn_event_text(fn_proto *p, fn_place at, const char *text)
{
    const int64_t one = 1;
    fn_nest open = fn_event_begin(p, at);
    size_t tensor = begin_tensor(p, DT_STRING, &one, 1);
    fn_proto_text(p, 8, text); /* string_val */
    fn_proto_end(p, tensor);
    fn_event_end(p, fn_event_plugin(p, "text"));
    fn_event_end(p, open);
}

void fn_event_nothing(fn_proto *p)
{
    const int64_t none = 0;
    fn_proto_end(p, begin_tensor(p, DT_FLOAT, &none, 1));
}

void fn_event_curve(fn_proto *p, fn_place at, const fn_curve *c)
{
    const int64_t dim[] = {FN_CURVE_ROWS, FN_CURVE_POINTS};
    fn_nest open = fn_event_begin(p, at);
    size_t tensor = begin_tensor(p, DT_FLOAT, dim, 2);
    fn_proto_floats(p, 5, c->row[0], sizeof c->row / sizeof(float)); /* float_val */
    fn_proto_end(p, tensor);
    fn_nest plugin = fn_event_plugin(p, "pr_curves");
    size_t content = fn_proto_begin(p, FN_EVENT_CONTENT);
    fn_proto_int(p, 2, FN_CURVE_POINTS); /* num_thresholds */
    fn_proto_end(p, content);
    fn_event_end(p, plugin);
    fn_event_end(p, open);
}

/* Bins outside of the first and the last that hold something are left out: TensorBoard takes
 * min and max for the outer bounds. */
void fn_event_histogram(fn_proto *p, fn_place at, const fn_histogram *h)
{
    double limit[FN_BINS], count[FN_BINS];
    size_t n = 0;
    for (int i = fn_histogram_bin(h->min); i <= fn_histogram_bin(h->max); i++, n++) {
        limit[n] = FN_BIN * (i + 1);
        count[n] = (double)h->count[i];
    }
    fn_nest open = fn_event_begin(p, at);
    size_t histogram = fn_proto_begin(p, HISTOGRAM);
    fn_proto_double(p, 1, h->min);
    fn_proto_double(p, 2, h->max);
    fn_proto_double(p, 3, (double)h->n); /* num */
    fn_proto_double(p, 4, h->sum);
    fn_proto_double(p, 5, h->squares);
    fn_proto_doubles(p, 6, limit, n); /* bucket_limit */
    fn_proto_doubles(p, 7, count, n); /* bucket */
    fn_proto_end(p, histogram);
    fn_event_end(p, open);
}

void fn_event_image(fn_proto *p, fn_place at, const fn_png *png)
{
    fn_nest open = fn_event_begin(p, at);
    size_t image = fn_proto_begin(p, IMAGE);
    fn_proto_int(p, 1, png->height);
    fn_proto_int(p, 2, png->width);
    fn_proto_int(p, 3, COLORSPACE_RGB);
    fn_proto_bytes(p, 4, png->bytes, png->size); /* encoded_image_string */
    fn_proto_end(p, image);
    fn_event_end(p, open);
}
