/* metadata.c -- a model's record as pairs of text. */
#include "export/metadata.h"

#include "core/field.h"
#include "data/crop.h"

#include <math.h>
#include <stdio.h>

/* The first failure stands; what follows it is not put. */
typedef struct writer {
    fn_status (*put)(void *ctx, const char *key, const char *value);
    void *ctx;
    fn_status status;
} writer;

static void text(writer *w, const char *key, const char *value)
{
    if (w->status == FN_OK)
        w->status = w->put(w->ctx, key, value);
}

static void integer(writer *w, const char *key, int64_t v)
{
    char number[32];
    snprintf(number, sizeof number, "%lld", (long long)v);
    text(w, key, number);
}

static void real(writer *w, const char *key, float v)
{
    const fn_field field = {.kind = FN_REAL};
    char number[64];
    fn_field_print(number, sizeof number, &field, &v);
    text(w, key, number);
}

/* The file of landmarks is the trainer's own business; the template is what counts. */
static void write_crop(writer *w, const fn_record *r)
{
    char points[256] = "";
    size_t n = 0;
    if (!fn_crop_by_landmarks(r->crop)) {
        text(w, "crop", r->crop);
        return;
    }
    for (int k = 0; k < 5; k++)
        n += (size_t)snprintf(points + n, sizeof points - n, "%s%.6g,%.6g", k ? " " : "",
                              (double)fn_align_template[k][0],
                              (double)fn_align_template[k][1]);
    text(w, "crop", "landmarks");
    text(w, "crop_points", points);
    integer(w, "crop_side", FN_ALIGN_SIDE);
}

static void write_input(writer *w, const struct fn_model *m)
{
    integer(w, "height", fn_net_height(m->net));
    integer(w, "width", fn_net_width(m->net));
    text(w, "colour", "RGB");
    text(w, "scaling", "(v - 127.5) / 128");
    write_crop(w, &m->record);
    real(w, "view", m->record.view);
}

static void write_judgement(writer *w, const fn_record *r)
{
    if (!isnan(r->threshold)) {
        real(w, "threshold", r->threshold);
        text(w, "threshold_from", r->threshold_from);
    }
    if (r->margin > 0)
        real(w, "margin", r->margin);
}

fn_status fn_metadata_each(const struct fn_model *m,
                           fn_status (*put)(void *ctx, const char *key, const char *value),
                           void *ctx)
{
    writer w = {put, ctx, FN_OK};
    text(&w, "version", fn_version());
    text(&w, "network", fn_net_name(m->net));
    write_input(&w, m);
    integer(&w, "embedding", fn_model_dim(m));
    write_judgement(&w, &m->record);
    integer(&w, "step", m->record.step);
    if (m->record.data[0])
        text(&w, "data_sha256", m->record.data);
    text(&w, "weights_sha256", m->digest);
    return w.status;
}
