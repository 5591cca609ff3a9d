/* safetensors.c -- 8 bytes: the length of the header; the header, JSON filled up with spaces
 * to a multiple of 8; the weights, end to end, little-endian
 * (github.com/huggingface/safetensors). */
#include "core/file.h"
#include "core/mem.h"
#include "export/metadata.h"
#include "export/weights.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

enum { LENGTH_BYTES = 8, ALIGN = 8, MOST_HEADER = 100000000 }; /* the format's own limit */

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the weights would need a swap");

static size_t bytes_of(const fn_param *a)
{
    return (size_t)a->count * sizeof(float);
}

/* --- writing --- */

static fn_status put(void *ctx, const char *key, const char *value)
{
    json_t *text = json_string(value);
    if (!text)
        return fn_fail(FN_EUNSUPPORTED,
                       "safetensors holds UTF-8 and the model's '%s' is not: export hdf5",
                       key);
    return json_object_set_new(ctx, key, text) == 0
               ? FN_OK
               : fn_fail(FN_ENOMEM, "no memory for the metadata '%s'", key);
}

static json_t *describe(const fn_param *a, size_t at)
{
    json_t *shape = json_array();
    for (int k = 0; k < a->shape.rank; k++)
        if (json_array_append_new(shape, json_integer(a->shape.dim[k])) != 0) {
            json_decref(shape);
            return NULL;
        }
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", "F32", "shape", shape, "data_offsets",
                     (json_int_t)at, (json_int_t)at + (json_int_t)bytes_of(a));
}

static fn_status make_header(json_t *header, const struct fn_model *m)
{
    json_t *metadata = json_object();
    size_t at = 0;
    if (json_object_set_new(header, "__metadata__", metadata) != 0)
        return fn_fail(FN_ENOMEM, "no memory for a safetensors header");
    FN_TRY(fn_metadata_each(m, put, metadata));
    FN_TRY(put(metadata, "net", fn_net_text(m->net)));
    for (int i = 0; i < m->params->n; i++) {
        const fn_param *a = &m->params->param[i];
        if (json_object_set_new(header, a->name, describe(a, at)) != 0)
            return fn_fail(FN_ENOMEM, "no memory for the header of %s", a->name);
        at += bytes_of(a);
    }
    return FN_OK;
}

/* Length and text of the header, as they lie in the file. */
static fn_status encode(uint8_t **out, size_t *size, const json_t *header)
{
    size_t n = json_dumpb(header, NULL, 0, JSON_COMPACT);
    uint64_t padded = (n + ALIGN - 1) / ALIGN * ALIGN;
    *size = LENGTH_BYTES + (size_t)padded;
    *out = fn_alloc(*size, 1);
    if (n == 0 || !*out)
        return fn_fail(FN_ENOMEM, "no memory for a safetensors header");
    memcpy(*out, &padded, sizeof padded);
    memset(*out + LENGTH_BYTES, ' ', (size_t)padded);
    json_dumpb(header, (char *)*out + LENGTH_BYTES, n, JSON_COMPACT);
    return FN_OK;
}

/* The weights go to the file from where they are: they can be large. */
static fn_status write_file(int fd, const uint8_t *head, size_t size, const fn_params *p,
                            const char *path)
{
    int64_t at = (int64_t)size;
    FN_TRY(fn_file_write(fd, 0, head, size, path));
    for (int i = 0; i < p->n; i++) {
        const fn_param *a = &p->param[i];
        FN_TRY(fn_file_write(fd, at, p->value + a->offset, bytes_of(a), path));
        at += (int64_t)bytes_of(a);
    }
    return FN_OK;
}

static fn_status save(const char *path, const uint8_t *head, size_t size,
                      const fn_params *p)
{
    int fd;
    char *draft;
    FN_TRY(fn_file_draft(&fd, &draft, path));
    return fn_file_finish(fd, draft, path, write_file(fd, head, size, p, path));
}

fn_status fn_safetensors_write(const char *path, const struct fn_model *m)
{
    json_t *header = json_object();
    uint8_t *head = NULL;
    size_t size;
    fn_status rc;
    FN_GO(make_header(header, m));
    FN_GO(encode(&head, &size, header));
    FN_GO(save(path, head, size, m->params));
out:
    fn_free(head);
    json_decref(header);
    return rc;
}

/* --- reading again --- */

typedef struct reader {
    const char *path;
    char *data;
    size_t size, begin; /* of the file; where the weights begin */
    json_t *header;
} reader;

static fn_status broken(const reader *r, const char *what)
{
    return fn_fail(FN_EDATA, "%s: %s: export it again", r->path, what);
}

static fn_status read_header(reader *r)
{
    uint64_t n;
    if (r->size < LENGTH_BYTES)
        return broken(r, "is shorter than a safetensors header");
    memcpy(&n, r->data, sizeof n);
    if (n > MOST_HEADER || n > r->size - LENGTH_BYTES)
        return broken(r, "its header is longer than the file");
    r->begin = LENGTH_BYTES + (size_t)n;
    r->header = json_loadb(r->data + LENGTH_BYTES, (size_t)n, JSON_REJECT_DUPLICATES, NULL);
    return r->header ? FN_OK : broken(r, "its header is not JSON");
}

static bool same_shape(const json_t *shape, const fn_param *a)
{
    bool same = json_array_size(shape) == (size_t)a->shape.rank;
    for (int k = 0; same && k < a->shape.rank; k++)
        same = json_integer_value(json_array_get(shape, (size_t)k)) == a->shape.dim[k];
    return same;
}

static fn_status compare(const reader *r, const fn_param *a, const float *ours,
                         double *difference)
{
    const char *dtype = "";
    json_t *shape = NULL;
    json_int_t from = 0, to = 0;
    if (json_unpack(json_object_get(r->header, a->name), "{s:s, s:o, s:[I, I]}", "dtype",
                    &dtype, "shape", &shape, "data_offsets", &from, &to) != 0 ||
        strcmp(dtype, "F32") != 0 || !same_shape(shape, a) || from < 0 || to < from ||
        to - from != (json_int_t)bytes_of(a) || to > (json_int_t)(r->size - r->begin))
        return fn_fail(FN_EDATA, "%s: '%s' is not as it was written: export it again",
                       r->path, a->name);
    float *stored = fn_alloc((size_t)a->count, sizeof *stored);
    if (!stored)
        return fn_fail(FN_ENOMEM, "%s: no memory to compare %s", r->path, a->name);
    memcpy(stored, r->data + r->begin + from, bytes_of(a));
    *difference = fmax(*difference, fn_weights_difference(stored, ours, a->count));
    fn_free(stored);
    return FN_OK;
}

fn_status fn_safetensors_check(const char *path, const struct fn_model *m,
                               double *difference)
{
    const fn_params *p = m->params;
    reader r = {.path = path};
    fn_status rc;
    *difference = 0;
    FN_GO(fn_file_read(&r.data, &r.size, path, SIZE_MAX / 2));
    FN_GO(read_header(&r));
    for (int i = 0; i < p->n; i++)
        FN_GO(compare(&r, &p->param[i], p->value + p->param[i].offset, difference));
out:
    json_decref(r.header);
    fn_free(r.data);
    return rc;
}
