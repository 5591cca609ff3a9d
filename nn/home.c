#include "nn/home.h"

#include "core/mem.h"

#include <string.h>

static size_t number(const fn_home *h) /* of a weight, and of an image's value */
{
    return h->backend == FN_REF ? sizeof(double) : sizeof(float);
}

static fn_status claim(const fn_home *h, void *out, size_t bytes)
{
    void *p = NULL;
    if (h->backend == FN_CUDA)
        FN_TRY(fn_device_alloc(h->device, &p, bytes));
    else if (!(p = fn_alloc_aligned(bytes)))
        return fn_fail(FN_ENOMEM, "no memory");
    memcpy(out, &p, sizeof p);
    return FN_OK;
}

static void give_back(const fn_home *h, void *p)
{
    if (h->backend == FN_CUDA)
        fn_device_free(h->device, p);
    else
        fn_free(p);
}

/* What FN_CPU shares with the caller, the other backends copy. */
static fn_status claim_copies(fn_home *h, const fn_graph *g, fn_params *p)
{
    size_t all = (size_t)p->count * number(h);
    FN_TRY(claim(h, &h->weight, all));
    if (g->training)
        FN_TRY(claim(h, &h->grad, all));
    FN_TRY(claim(h, &h->images, (size_t)h->images_count * number(h)));
    for (int k = 0; k < g->n_output; k++) {
        fn_shape s = g->value[g->output[k]].shape;
        if (!(h->result[k] = fn_alloc((size_t)fn_numel(s), sizeof(float))))
            return fn_fail(FN_ENOMEM, "no memory for a result");
    }
    return FN_OK;
}

static fn_status claim_all(fn_home *h, const fn_graph *g, fn_params *p, size_t arena,
                           size_t workspace)
{
    size_t folded = (size_t)h->folded_count * sizeof(float);
    FN_TRY(claim(h, &h->arena, arena));
    FN_TRY(claim(h, &h->workspace, workspace));
    FN_TRY(claim(h, &h->folded, folded));
    h->fold = h->folded;
    if (h->backend == FN_CUDA && !(h->fold = fn_alloc_aligned(folded)))
        return fn_fail(FN_ENOMEM, "no memory for folded weights");
    h->weight = p->value;
    h->grad = p->grad;
    if (h->backend != FN_CPU) {
        h->weight = h->grad = NULL;
        FN_TRY(claim_copies(h, g, p));
    }
    return FN_OK;
}

fn_status fn_home_open(fn_home *h, const fn_graph *g, fn_params *p, size_t arena,
                       size_t workspace, int64_t folded)
{
    h->images_count = fn_numel(g->value[0].shape);
    h->folded_count = folded;
    fn_status rc = claim_all(h, g, p, arena, workspace);
    if (rc == FN_OK)
        return FN_OK;
    fn_home_close(h);
    return fn_context(
        rc, "%s at batch %lld wants %zu MB for its values, use a smaller batch", g->name,
        (long long)g->value[0].shape.dim[0], (arena + workspace) >> 20);
}

void fn_home_close(fn_home *h)
{
    give_back(h, h->arena);
    give_back(h, h->workspace);
    if (h->fold != h->folded)
        fn_free(h->fold);
    give_back(h, h->folded);
    for (int k = 0; k < FN_MAX_OUT; k++)
        fn_free(h->result[k]);
    if (h->backend != FN_CPU) {
        give_back(h, h->weight);
        give_back(h, h->grad);
        give_back(h, h->images);
    }
    *h = (fn_home){.backend = h->backend, .device = h->device};
}

fn_status fn_home_bring(const fn_home *h, void *to, const float *from, int64_t count)
{
    if (h->backend == FN_CUDA)
        return fn_device_upload(h->device, to, from, (size_t)count * sizeof *from);
    if (h->backend == FN_CPU)
        memcpy(to, from, (size_t)count * sizeof *from);
    for (int64_t i = 0; h->backend == FN_REF && i < count; i++)
        ((double *)to)[i] = (double)from[i];
    return FN_OK;
}

fn_status fn_home_fetch(const fn_home *h, float *to, const void *from, int64_t count)
{
    if (h->backend == FN_CUDA) {
        FN_TRY(fn_device_download(h->device, to, from, (size_t)count * sizeof *to));
        return fn_device_wait(h->device);
    }
    if (h->backend == FN_CPU)
        memcpy(to, from, (size_t)count * sizeof *to);
    for (int64_t i = 0; h->backend == FN_REF && i < count; i++)
        to[i] = (float)((const double *)from)[i];
    return FN_OK;
}
