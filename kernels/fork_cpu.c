#include "kernels/bf16.h"
#include "kernels/fork.h"
#include "kernels/format.h"

#include <string.h>

enum { PIECE = 1024 }; /* numbers summed at a time, in the first-level cache */

static void fork_choose(fn_call *c)
{
    for (int i = 0; i < c->n_y; i++)
        c->y[i].format = c->x[0].format;
    for (int i = 0; i < c->n_y; i++)
        c->y[i].type = c->x[0].type;
}

static int64_t count_of(const fn_call *c)
{
    return fn_format_numel(c->x[0].shape, c->x[0].format);
}

static int64_t piece_at(int64_t from, int64_t count)
{
    return count - from < PIECE ? count - from : PIECE;
}

static fn_status fork_forward(const fn_call *c)
{
    int64_t count = count_of(c);
#pragma omp parallel for
    for (int64_t from = 0; from < count; from += PIECE)
        for (int i = 0; i < c->n_y; i++)
            memcpy(fn_from(c->y[i], from), fn_from(c->x[0], from),
                   (size_t)piece_at(from, count) * fn_type_bytes(c->x[0].type));
    return FN_OK;
}

/* dx = dy[0] + dy[1] + ..., in this order for every element. */
static inline void sum_piece(const fn_call *c, fn_type t, int64_t from, int64_t count)
{
    const void *first = fn_from(c->dy[0], from), *last = fn_from(c->dy[c->n_y - 1], from);
    void *dx = fn_from(c->dx[0], from);
    float sum[PIECE];
    for (int64_t k = 0; k < count; k++)
        sum[k] = fn_load(first, t, k);
    for (int i = 1; i < c->n_y - 1; i++) {
        const void *dy = fn_from(c->dy[i], from);
        for (int64_t k = 0; k < count; k++)
            sum[k] += fn_load(dy, t, k);
    }
    for (int64_t k = 0; k < count; k++)
        fn_store(dx, t, k, sum[k] + fn_load(last, t, k));
}

static fn_status fork_backward(const fn_call *c)
{
    int64_t count = count_of(c);
    if (!c->dx[0].data)
        return FN_OK;
#pragma omp parallel for
    for (int64_t from = 0; from < count; from += PIECE)
        if (c->dx[0].type == FN_BF16)
            sum_piece(c, FN_BF16, from, piece_at(from, count));
        else
            sum_piece(c, FN_F32, from, piece_at(from, count));
    return FN_OK;
}

const fn_kernel fn_fork_cpu = {
    .choose = fork_choose,
    .forward = fork_forward,
    .backward = fork_backward,
};
