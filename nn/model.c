/* model.c -- weights and what belongs to them, in one HDF5 file (docs/formats.md, "Models"). */
#include "nn/model.h"

#include "core/h5.h"
#include "core/mem.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char format[] = "facenet model 1", unknown[] = "unknown";

/* The numbers of a record; a threshold may be unknown. */
static const fn_field numbers[] = {
    {"view", FN_REAL, offsetof(fn_record, view), 1, (double)FLT_MIN, 1, NULL, NULL, NULL},
    {"threshold", FN_REAL, offsetof(fn_record, threshold), NAN, 0, 4, NULL, NULL, NULL},
    {"margin", FN_REAL, offsetof(fn_record, margin), 0, 0, 4, NULL, NULL, NULL},
    {"step", FN_LONG, offsetof(fn_record, step), 0, 0, 9e15, NULL, NULL, NULL},
    {0},
};

/* The texts of a record. */
typedef struct text_field {
    const char *name;
    size_t offset, size;
} text_field;
static const text_field texts[] = {
    {"crop", offsetof(fn_record, crop), FN_TEXT_BYTES},
    {"threshold_from", offsetof(fn_record, threshold_from), FN_TEXT_BYTES},
    {"data", offsetof(fn_record, data), FN_DIGEST_BYTES},
};
enum { TEXTS = sizeof texts / sizeof texts[0] };

static bool is_unknown(const fn_field *f, const fn_record *r)
{
    return f->offset == offsetof(fn_record, threshold) && isnan(r->threshold);
}

static void name_dataset(char *name, size_t size, const fn_param *p)
{
    snprintf(name, size, "params/%.*s", 2 * FN_NAME_BYTES - 1, p->name);
}

static fn_status digest_weights(char hex[FN_DIGEST_BYTES], const fn_params *p)
{
    return fn_digest(hex, p->value, (size_t)p->count * sizeof *p->value);
}

/* --- saving --- */

static fn_status write_number(fn_h5 *h, const fn_field *f, const fn_record *r)
{
    char text[64];
    fn_record again;
    if (is_unknown(f, r))
        return fn_h5_write_text(h, f->name, unknown);
    fn_field_print(text, sizeof text, f, r);
    FN_TRY(fn_field_parse(f, &again, text)); /* what cannot be read is not written */
    return fn_h5_write_text(h, f->name, text);
}

static fn_status write_record(fn_h5 *h, const fn_record *r)
{
    for (int i = 0; i < TEXTS; i++)
        FN_TRY(fn_h5_write_text(h, texts[i].name, (const char *)r + texts[i].offset));
    for (const fn_field *f = numbers; f->name; f++)
        FN_TRY(write_number(h, f, r));
    return FN_OK;
}

static fn_status write_params(fn_h5 *h, const fn_params *p)
{
    for (int i = 0; i < p->n; i++) {
        const fn_param *a = &p->param[i];
        char name[3 * FN_NAME_BYTES];
        name_dataset(name, sizeof name, a);
        FN_TRY(fn_h5_write(h, name, FN_H5_F32, a->shape.rank, a->shape.dim,
                           p->value + a->offset));
    }
    return FN_OK;
}

fn_status fn_model_save(const char *path, const fn_net *net, const fn_params *params,
                        const fn_record *record)
{
    char digest[FN_DIGEST_BYTES];
    fn_h5 *h;
    fn_status rc;
    FN_TRY(digest_weights(digest, params));
    FN_TRY(fn_h5_create(&h));
    FN_GO(fn_h5_write_text(h, "format", format));
    FN_GO(fn_h5_write_text(h, "net", fn_net_text(net)));
    FN_GO(fn_h5_write_text(h, "digest", digest));
    FN_GO(write_record(h, record));
    FN_GO(write_params(h, params));
    FN_GO(fn_h5_save(h, path));
out:
    fn_h5_close(h);
    return rc;
}

/* --- opening --- */

typedef struct reader {
    const char *path;
    fn_h5 *h;
    fn_model *m;
} reader;

/* Anything wrong in the file is the file's fault, whoever noticed. */
static fn_status damaged(const reader *r, fn_status rc)
{
    if (rc == FN_ENOMEM)
        return rc;
    return fn_context(FN_EDATA, "%s: the model is damaged, restore it from a copy",
                      r->path);
}

static fn_status check_format(const reader *r)
{
    char *text = NULL;
    fn_status rc = fn_h5_read_text(r->h, "format", &text);
    if (rc == FN_ENOMEM)
        return rc;
    if (rc != FN_OK || strncmp(text, format, strlen("facenet model ")) != 0)
        rc = fn_fail(FN_EDATA,
                     "%s: not a model of facenet: give the .fnm file that `train` wrote",
                     r->path);
    else if (strcmp(text, format) != 0)
        rc = fn_fail(FN_EDATA,
                     "%s: its format is '%.40s' and this is facenet %s, which "
                     "reads '%s': use a newer facenet",
                     r->path, text, fn_version(), format);
    fn_free(text);
    return rc;
}

static fn_status read_text(const reader *r, const char *name, char *to, size_t size)
{
    char *text;
    FN_TRY(fn_h5_read_text(r->h, name, &text));
    size_t n = strlen(text);
    if (n < size)
        memcpy(to, text, n + 1);
    fn_free(text);
    return n < size ? FN_OK
                    : fn_fail(FN_EDATA, "%s has %zu bytes, %zu fit", name, n, size - 1);
}

static fn_status read_number(const reader *r, const fn_field *f)
{
    char text[64];
    /* Models of before have no margin; it stays 0, unknown. */
    if (f->offset == offsetof(fn_record, margin) && !fn_h5_has_text(r->h, f->name))
        return FN_OK;
    FN_TRY(read_text(r, f->name, text, sizeof text));
    if (f->offset != offsetof(fn_record, threshold) || strcmp(text, unknown) != 0)
        return fn_field_parse(f, &r->m->record, text);
    r->m->record.threshold = NAN;
    return FN_OK;
}

static fn_status read_record(const reader *r)
{
    for (int i = 0; i < TEXTS; i++)
        FN_TRY(read_text(r, texts[i].name, (char *)&r->m->record + texts[i].offset,
                         texts[i].size));
    for (const fn_field *f = numbers; f->name; f++)
        FN_TRY(read_number(r, f));
    return FN_OK;
}

static fn_status open_net(const reader *r)
{
    char *text;
    FN_TRY(fn_h5_read_text(r->h, "net", &text));
    fn_status rc = fn_net_parse(&r->m->net, "net", text, strlen(text));
    fn_free(text);
    return rc;
}

static fn_status open_params(const reader *r)
{
    fn_graph *g;
    FN_TRY(fn_net_build(&g, r->m->net, 1, false));
    fn_status rc = fn_params_open(&r->m->params, g, false);
    r->m->dim = (int)g->value[g->output[0]].shape.dim[1];
    fn_graph_close(g);
    return rc;
}

static fn_status read_param(const reader *r, const fn_param *p)
{
    char name[3 * FN_NAME_BYTES];
    int64_t dim[4] = {1, 1, 1, 1};
    int rank;
    name_dataset(name, sizeof name, p);
    FN_TRY(fn_h5_shape(r->h, name, FN_H5_F32, &rank, dim));
    bool same = rank == p->shape.rank;
    for (int k = 0; same && k < rank; k++)
        same = dim[k] == p->shape.dim[k];
    if (!same)
        return fn_fail(FN_EDATA, "%s has not the shape that its network wants", name);
    return fn_h5_read(r->h, name, FN_H5_F32, p->count, r->m->params->value + p->offset);
}

static fn_status read_params(const reader *r)
{
    char saved[FN_DIGEST_BYTES];
    for (int i = 0; i < r->m->params->n; i++)
        FN_TRY(read_param(r, &r->m->params->param[i]));
    FN_TRY(digest_weights(r->m->digest, r->m->params));
    FN_TRY(read_text(r, "digest", saved, sizeof saved));
    return strcmp(saved, r->m->digest) == 0
               ? FN_OK
               : fn_fail(FN_EDATA, "its weights are not those that were saved");
}

static fn_status read_model(const reader *r)
{
    FN_TRY(read_record(r));
    FN_TRY(open_net(r));
    FN_TRY(open_params(r));
    return read_params(r);
}

fn_status fn_model_open(fn_model **out, const char *path)
{
    reader r = {.path = path, .m = fn_alloc(1, sizeof(fn_model))};
    fn_status rc;
    *out = NULL;
    if (!r.m)
        return fn_fail(FN_ENOMEM, "%s: no memory for a model", path);
    FN_GO(fn_h5_open(&r.h, path));
    FN_GO(check_format(&r));
    rc = read_model(&r);
    if (rc != FN_OK)
        rc = damaged(&r, rc);
out:
    fn_h5_close(r.h);
    if (rc == FN_OK)
        *out = r.m;
    else
        fn_model_close(r.m);
    return rc;
}

void fn_model_close(fn_model *m)
{
    if (!m)
        return;
    fn_net_close(m->net);
    fn_params_close(m->params);
    fn_free(m);
}

int fn_model_dim(const fn_model *m)
{
    return m->dim;
}

const char *fn_model_name(const fn_model *m)
{
    return fn_net_name(m->net);
}

int fn_model_width(const fn_model *m)
{
    return fn_net_width(m->net);
}

int fn_model_height(const fn_model *m)
{
    return fn_net_height(m->net);
}

const char *fn_model_crop(const fn_model *m)
{
    return m->record.crop;
}

const char *fn_model_digest(const fn_model *m)
{
    return m->digest;
}

float fn_model_threshold(const fn_model *m)
{
    return m->record.threshold;
}

const char *fn_model_threshold_from(const fn_model *m)
{
    return m->record.threshold_from;
}
