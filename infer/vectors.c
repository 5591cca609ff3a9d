/* vectors -- a row an image, in the order given. */
#include "infer/vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

enum { DIGITS = 9 }; /* bring every float back */

static void put_row(fn_text *t, const fn_vectors *v, int i, const char *between)
{
    const float *e = v->e + (size_t)i * (size_t)v->dim;
    for (int k = 0; k < v->dim; k++) {
        fn_text_put(t, "%s", k ? between : "");
        fn_text_number(t, (double)e[k], DIGITS);
    }
}

static void put_csv(fn_text *t, const fn_vectors *v)
{
    for (int i = 0; i < v->n; i++) {
        fn_text_csv(t, v->name[i]);
        fn_text_put(t, ",");
        put_row(t, v, i, ",");
        fn_text_put(t, "\n");
    }
}

static fn_status put_json_name(fn_text *t, const char *name)
{
    json_t *value = json_string(name);
    char *quoted = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
    fn_status rc = FN_OK;
    if (quoted)
        fn_text_bytes(t, quoted, strlen(quoted));
    else
        rc = fn_fail(FN_EDATA, "%s: its name is not UTF-8, which JSON must be: rename it",
                     name);
    free(quoted);
    json_decref(value);
    return rc;
}

static fn_status put_jsonl(fn_text *t, const fn_vectors *v)
{
    for (int i = 0; i < v->n; i++) {
        fn_text_put(t, "{\"image\": ");
        FN_TRY(put_json_name(t, v->name[i]));
        fn_text_put(t, ", \"embedding\": [");
        put_row(t, v, i, ", ");
        fn_text_put(t, "]}\n");
    }
    return FN_OK;
}

/* The magic, the version, the header's length, and a header that ends on a multiple of 64
 * (numpy.lib.format). */
static void put_npy(fn_text *t, const fn_vectors *v)
{
    enum { BEFORE = 10, MULTIPLE = 64 };
    char header[2 * MULTIPLE - BEFORE + 1];
    int length = (int)sizeof header - 1;
    snprintf(header, sizeof header,
             "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", v->n, v->dim);
    size_t used = strlen(header);
    memset(header + used, ' ', (size_t)length - used - 1);
    header[length - 1] = '\n';
    fn_text_bytes(t, "\x93NUMPY\x01", 7);
    fn_text_bytes(t, (unsigned char[]){0, (unsigned char)length, 0}, 3);
    fn_text_bytes(t, header, (size_t)length);
    fn_text_bytes(t, v->e, (size_t)v->n * (size_t)v->dim * sizeof *v->e);
}

fn_status fn_vectors_put(fn_text *t, const fn_vectors *v, fn_vectors_format format)
{
    switch (format) {
    case FN_VECTORS_CSV:
        put_csv(t, v);
        return FN_OK;
    case FN_VECTORS_JSONL:
        return put_jsonl(t, v);
    case FN_VECTORS_NPY:
        put_npy(t, v);
        return FN_OK;
    }
    return FN_OK;
}
