/* event -- protobuf written from its end to its beginning: when a message is done, its length
 * is known, and goes in front. A field is (number << 3 | wire type), then its value. The
 * numbers are those of event.proto, summary.proto and tensor.proto of TensorFlow. */
#include "train/event.h"

#include "core/mem.h"

#include <assert.h>
#include <string.h>

enum {
    VARINT = 0,
    FIXED64 = 1,
    BLOCK = 2,
    FIXED32 = 5,
    FRAME = 128, /* more than all fields of an event need beside its texts */
};

/* --- backwards --- */

static fn_status begin(fn_event *e, size_t texts)
{
    size_t size = texts + FRAME;
    e->size = 0;
    e->room = fn_alloc(size, 1);
    e->data = e->room + (e->room ? size : 0);
    return e->room ? FN_OK
                   : fn_fail(FN_ENOMEM, "no memory for an event of %zu bytes", size);
}

static void put(fn_event *e, const void *bytes, size_t n)
{
    assert((size_t)(e->data - e->room) >= n);
    e->data -= n;
    e->size += n;
    memcpy(e->data, bytes, n);
}

static void put_varint(fn_event *e, uint64_t v)
{
    uint8_t byte[10];
    size_t n = 0;
    for (; v > 127; v >>= 7)
        byte[n++] = (uint8_t)(v | 128);
    byte[n++] = (uint8_t)v;
    put(e, byte, n);
}

static void put_key(fn_event *e, int field, int type)
{
    put_varint(e, (uint64_t)field << 3 | (uint64_t)type);
}

static void put_int(fn_event *e, int field, int64_t v)
{
    put_varint(e, (uint64_t)v);
    put_key(e, field, VARINT);
}

static void put_fixed(fn_event *e, int field, int type, uint64_t bits)
{
    uint8_t byte[8];
    size_t n = type == FIXED64 ? 8 : 4;
    for (size_t i = 0; i < n; i++)
        byte[i] = (uint8_t)(bits >> 8 * i);
    put(e, byte, n);
    put_key(e, field, type);
}

static void put_double(fn_event *e, int field, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    put_fixed(e, field, FIXED64, bits);
}

static void put_float(fn_event *e, int field, float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    put_fixed(e, field, FIXED32, bits);
}

static void put_text(fn_event *e, int field, const char *text)
{
    size_t n = strlen(text);
    put(e, text, n);
    put_varint(e, n);
    put_key(e, field, BLOCK);
}

/* Makes one message of what was put since the event was `before` bytes long. */
static void enclose(fn_event *e, int field, size_t before)
{
    put_varint(e, e->size - before);
    put_key(e, field, BLOCK);
}

/* --- events --- */

enum { /* fields of Event */
       WALL_TIME = 1,
       STEP = 2,
       FILE_VERSION = 3,
       SUMMARY = 5,
       SESSION_LOG = 7,
};

fn_status fn_event_version(fn_event *e, double wall)
{
    FN_TRY(begin(e, 0));
    put_text(e, FILE_VERSION, "brain.Event:2");
    put_double(e, WALL_TIME, wall);
    return FN_OK;
}

fn_status fn_event_start(fn_event *e, double wall, int64_t step)
{
    FN_TRY(begin(e, 0));
    put_int(e, 1, 1); /* status: START */
    enclose(e, SESSION_LOG, 0);
    put_int(e, STEP, step);
    put_double(e, WALL_TIME, wall);
    return FN_OK;
}

/* Closes a Summary.Value that holds all but its tag. */
static void finish_value(fn_event *e, double wall, int64_t step, const char *tag)
{
    put_text(e, 1, tag);
    enclose(e, 1, 0); /* value */
    enclose(e, SUMMARY, 0);
    put_int(e, STEP, step);
    put_double(e, WALL_TIME, wall);
}

fn_status fn_event_scalar(fn_event *e, double wall, int64_t step, const char *tag,
                          float value)
{
    FN_TRY(begin(e, strlen(tag)));
    put_float(e, 2, value); /* simple_value */
    finish_value(e, wall, step, tag);
    return FN_OK;
}

/* A tensor of strings, of shape [1]. */
static void put_tensor(fn_event *e, const char *text)
{
    size_t before = e->size;
    put_text(e, 8, text); /* string_val */
    size_t shape = e->size;
    put_int(e, 1, 1);      /* size */
    enclose(e, 2, shape);  /* dim */
    enclose(e, 2, shape);  /* tensor_shape */
    put_int(e, 1, 7);      /* dtype: DT_STRING */
    enclose(e, 8, before); /* tensor */
}

fn_status fn_event_text(fn_event *e, double wall, int64_t step, const char *tag,
                        const char *text)
{
    FN_TRY(begin(e, strlen(tag) + strlen(text)));
    put_int(e, 4, 2); /* data_class: TENSOR */
    size_t plugin = e->size;
    put_text(e, 1, "text"); /* plugin_name */
    enclose(e, 1, plugin);  /* plugin_data */
    enclose(e, 9, 0);       /* metadata */
    put_tensor(e, text);
    finish_value(e, wall, step, tag);
    return FN_OK;
}

void fn_event_free(fn_event *e)
{
    fn_free(e->room);
    *e = (fn_event){.room = NULL};
}
