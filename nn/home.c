#include "nn/home.h"

#include "core/mem.h"

#include <string.h>

size_t fn_home_number(const fn_home *h)
{
    return h->backend == FN_REF ? sizeof(double) : sizeof(float);
}

static fn_status claim(const fn_home *h, void *out, size_t bytes)
{
    void *p = NULL;
    if (h->backend == FN_CUDA)
        FN_TRY(fn_gpu_alloc(h->gpu, &p, bytes));
    else if (!(p = fn_alloc_aligned(bytes)))
        return fn_fail(FN_ENOMEM, "no memory");
    memcpy(out, &p, sizeof p);
    return FN_OK;
}

static void give_back(const fn_home *h, void *p)
{
    if (h->backend == FN_CUDA)
        fn_gpu_free(h->gpu, p);
    else
        fn_free(p);
}

/* Between parameters there are gaps, and gaps are zero. */
static fn_status claim_flat(const fn_home *h, void *out, const fn_params *p)
{
    void *at;
    size_t bytes = (size_t)p->count * fn_home_number(h);
    FN_TRY(claim(h, out, bytes));
    memcpy(&at, out, sizeof at);
    if (h->backend == FN_CUDA)
        return fn_gpu_zero(h->gpu, at, bytes);
    memset(at, 0, bytes);
    return FN_OK;
}

static fn_status claim_weights(fn_home *h, const fn_graph *g, const fn_params *p)
{
    h->weight = h->grad = NULL;
    if (h->beside) {
        h->weight = h->beside->weight;
        h->grad = h->beside->grad;
        return FN_OK;
    }
    FN_TRY(claim_flat(h, &h->weight, p));
    return g->training ? claim_flat(h, &h->grad, p) : FN_OK;
}

/* What FN_CPU shares with the caller, the other backends copy. */
static fn_status claim_copies(fn_home *h, const fn_graph *g, const fn_params *p)
{
    FN_TRY(claim_weights(h, g, p));
    h->images_bytes = h->fed ? 0
                             : (size_t)h->images_count * fn_type_bytes(g->value[0].type);
    if (!h->fed)
        FN_TRY(claim(h, &h->images, h->images_bytes));
    for (int k = 0; k < g->n_output; k++) {
        int64_t count = fn_numel(g->value[g->output[k]].shape);
        if (!(h->result[k] = fn_alloc((size_t)count, sizeof(float))))
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
    return h->backend == FN_CPU ? FN_OK : claim_copies(h, g, p);
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
        give_back(h, h->beside ? NULL : h->weight);
        give_back(h, h->beside ? NULL : h->grad);
        give_back(h, h->images);
    }
    *h = (fn_home){.backend = h->backend, .gpu = h->gpu};
}

fn_status fn_home_bring(const fn_home *h, void *to, fn_type type, const float *from,
                        int64_t count)
{
    if (h->backend == FN_CUDA)
        return fn_gpu_bring(h->gpu, to, type, from, count);
    if (h->backend == FN_CPU)
        memcpy(to, from, (size_t)count * sizeof *from);
    for (int64_t i = 0; h->backend == FN_REF && i < count; i++)
        ((double *)to)[i] = (double)from[i];
    return FN_OK;
}

fn_status fn_home_fetch(const fn_home *h, float *to, const void *from, fn_type type,
                        int64_t count)
{
    if (h->backend == FN_CUDA)
        return fn_gpu_fetch(h->gpu, to, from, type, count);
    if (h->backend == FN_CPU)
        memcpy(to, from, (size_t)count * sizeof *to);
    for (int64_t i = 0; h->backend == FN_REF && i < count; i++)
        to[i] = (float)((const double *)from)[i];
    return FN_OK;
}
