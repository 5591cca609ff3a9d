#include "kernels/fork.h"
#include "kernels/format.h"

#include <string.h>

enum { PIECE = 1024 }; /* floats summed at a time, in the first-level cache */

static void fork_choose(fn_call *c)
{
    for (int i = 0; i < c->n_y; i++)
        c->y[i].format = c->x[0].format;
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
    const float *x = fn_f32(c->x[0]);
    int64_t count = count_of(c);
#pragma omp parallel for
    for (int64_t from = 0; from < count; from += PIECE)
        for (int i = 0; i < c->n_y; i++)
            memcpy(fn_f32(c->y[i]) + from, x + from,
                   (size_t)piece_at(from, count) * sizeof *x);
    return FN_OK;
}

/* dx = dy[0] + dy[1] + ..., in this order for every element. */
static void sum_piece(const fn_call *c, int64_t from, int64_t count)
{
    const float *last = fn_f32(c->dy[c->n_y - 1]) + from;
    float *dx = fn_f32(c->dx[0]) + from, sum[PIECE];
    memcpy(sum, fn_f32(c->dy[0]) + from, (size_t)count * sizeof *sum);
    for (int i = 1; i < c->n_y - 1; i++) {
        const float *dy = fn_f32(c->dy[i]) + from;
        for (int64_t k = 0; k < count; k++)
            sum[k] += dy[k];
    }
    for (int64_t k = 0; k < count; k++)
        dx[k] = sum[k] + last[k];
}

static fn_status fork_backward(const fn_call *c)
{
    int64_t count = count_of(c);
    if (!c->dx[0].data)
        return FN_OK;
#pragma omp parallel for
    for (int64_t from = 0; from < count; from += PIECE)
        sum_piece(c, from, piece_at(from, count));
    return FN_OK;
}

const fn_kernel fn_fork_cpu = {
    .choose = fork_choose,
    .forward = fork_forward,
    .backward = fork_backward,
};
