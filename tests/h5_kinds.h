/* h5_kinds.h -- a small HDF5 file with every kind of thing in it, written and read. */
#ifndef FN_TESTS_H5_KINDS_H
#define FN_TESTS_H5_KINDS_H

#include "core/h5.h"
#include "tests/scratch.h"

static const float reals[6] = {1, -2.5f, 3e-30f, 4e30f, 0, -0.f};
static const int32_t ints[4] = {1, -2, INT32_MAX, INT32_MIN};
static const int64_t longs[3] = {INT64_MAX, INT64_MIN, 42};
static const uint8_t bytes[5] = {0, 1, 127, 128, 255};
static const char note[] = "words, \xc3\xa9";

static fn_status fn_kinds_write_all(fn_h5 *h)
{
    FN_TRY(fn_h5_write_text(h, "note", note));
    FN_TRY(fn_h5_write_text(h, "none", ""));
    FN_TRY(fn_h5_write(h, "reals", FN_H5_F32, 2, (int64_t[]){2, 3}, reals));
    FN_TRY(fn_h5_write(h, "deep/er/ints", FN_H5_I32, 4, (int64_t[]){1, 2, 1, 2}, ints));
    FN_TRY(fn_h5_write(h, "deep/er/longs", FN_H5_I64, 1, (int64_t[]){3}, longs));
    FN_TRY(fn_h5_write(h, "deep/bytes", FN_H5_U8, 3, (int64_t[]){5, 1, 1}, bytes));
    return fn_h5_write(h, "empty", FN_H5_F32, 2, (int64_t[]){0, 7}, NULL);
}

static fn_status fn_kinds_save_all(const char *path)
{
    fn_h5 *h = NULL;
    fn_status rc;
    FN_GO(fn_h5_create(&h));
    FN_GO(fn_kinds_write_all(h));
    rc = fn_h5_save(h, path);
out:
    fn_h5_close(h);
    return rc;
}

typedef struct contents {
    float reals[6];
    int32_t ints[4];
    int64_t longs[3], dim[5][4];
    uint8_t bytes[5];
    int rank[5];
    char note[sizeof note], none;
} contents;

static fn_status read_text(fn_h5 *h, const char *name, char *text, size_t size)
{
    char *found;
    FN_TRY(fn_h5_read_text(h, name, &found));
    snprintf(text, size, "%s", found);
    fn_free(found);
    return FN_OK;
}

static fn_status read_parts(fn_h5 *h, contents *c)
{
    FN_TRY(read_text(h, "note", c->note, sizeof c->note));
    FN_TRY(read_text(h, "none", &c->none, 1));
    FN_TRY(fn_h5_shape(h, "reals", FN_H5_F32, &c->rank[0], c->dim[0]));
    FN_TRY(fn_h5_shape(h, "deep/er/ints", FN_H5_I32, &c->rank[1], c->dim[1]));
    FN_TRY(fn_h5_shape(h, "deep/er/longs", FN_H5_I64, &c->rank[2], c->dim[2]));
    FN_TRY(fn_h5_shape(h, "deep/bytes", FN_H5_U8, &c->rank[3], c->dim[3]));
    FN_TRY(fn_h5_shape(h, "empty", FN_H5_F32, &c->rank[4], c->dim[4]));
    FN_TRY(fn_h5_read(h, "reals", FN_H5_F32, 6, c->reals));
    FN_TRY(fn_h5_read(h, "deep/er/ints", FN_H5_I32, 4, c->ints));
    FN_TRY(fn_h5_read(h, "deep/er/longs", FN_H5_I64, 3, c->longs));
    FN_TRY(fn_h5_read(h, "deep/bytes", FN_H5_U8, 5, c->bytes));
    return fn_h5_read(h, "empty", FN_H5_F32, 0, NULL);
}

static fn_status fn_kinds_read_all(contents *c, const char *path)
{
    fn_h5 *h;
    memset(c, 0, sizeof *c); /* padding too, so that memcmp compares */
    FN_TRY(fn_h5_open(&h, path));
    fn_status rc = read_parts(h, c);
    fn_h5_close(h);
    return rc;
}

#endif
