/* hdf5.c -- weights as plain datasets, metadata as text attributes of the root group. */
#include "core/h5.h"
#include "core/mem.h"
#include "export/metadata.h"
#include "export/weights.h"

#include <math.h>

static fn_status put(void *ctx, const char *key, const char *value)
{
    return fn_h5_write_text(ctx, key, value);
}

fn_status fn_hdf5_write(const char *path, const struct fn_model *m)
{
    const fn_params *p = m->params;
    fn_h5 *h;
    fn_status rc;
    FN_TRY(fn_h5_create(&h));
    FN_GO(fn_metadata_each(m, put, h));
    FN_GO(put(h, "net", fn_net_text(m->net)));
    for (int i = 0; i < p->n; i++) {
        const fn_param *a = &p->param[i];
        FN_GO(fn_h5_write(h, a->name, FN_H5_F32, a->shape.rank, a->shape.dim,
                          p->value + a->offset));
    }
    FN_GO(fn_h5_save(h, path));
out:
    fn_h5_close(h);
    return rc;
}

static fn_status compare(fn_h5 *h, const fn_param *a, const float *ours, double *difference)
{
    float *stored = fn_alloc((size_t)a->count, sizeof *stored);
    if (!stored)
        return fn_fail(FN_ENOMEM, "%s: no memory to compare it", a->name);
    fn_status rc = fn_h5_read(h, a->name, FN_H5_F32, a->count, stored);
    if (rc == FN_OK)
        *difference = fmax(*difference, fn_weights_difference(stored, ours, a->count));
    fn_free(stored);
    return rc;
}

fn_status fn_hdf5_check(const char *path, const struct fn_model *m, double *difference)
{
    const fn_params *p = m->params;
    fn_h5 *h;
    fn_status rc = FN_OK;
    *difference = 0;
    FN_TRY(fn_h5_open(&h, path));
    for (int i = 0; rc == FN_OK && i < p->n; i++)
        rc = compare(h, &p->param[i], p->value + p->param[i].offset, difference);
    fn_h5_close(h);
    return rc;
}
