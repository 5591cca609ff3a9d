/* concat on the CPU. In a blocked format whose blocks every input fills, the channels of one
 * image are one stretch of memory, and the join is one copy an input and image. */
#include "kernels/bf16.h"
#include "kernels/concat.h"
#include "kernels/format.h"

#include <string.h>

static bool fits(const fn_call *c, fn_format f)
{
    bool offered = false;
    for (int i = 0; i < c->n_x; i++) {
        if (c->x[i].shape.dim[1] % fn_format_block(f))
            return false;
        offered |= c->x[i].format == f;
    }
    return offered;
}

/* Bytes have the step of y, whichever input they are from. */
static void choose_bytes(fn_call *c)
{
    c->y[0].format = FN_PLAIN;
    for (int i = 0; i < c->n_x; i++) {
        c->x[i].format = FN_PLAIN;
        c->x[i].type = c->y[0].type;
        c->x[i].step = c->y[0].step;
    }
}

/* The widest block that an input comes in and every input fills; bf16 if any input is. */
static void concat_choose(fn_call *c)
{
    fn_format f = FN_BLOCK16;
    fn_bytes_give(&c->y[0], c->y_range);
    if (fn_bytes_are(c->y[0].type)) {
        choose_bytes(c);
        return;
    }
    while (f != FN_PLAIN && !fits(c, f))
        f--;
    for (int i = 0; i < c->n_x; i++)
        c->x[i].format = f;
    c->y[0].format = f;
    for (int i = 0; i < c->n_x; i++)
        c->y[0].type = c->x[i].type == FN_BF16 ? FN_BF16 : c->y[0].type;
    for (int i = 0; i < c->n_x; i++)
        c->x[i].type = c->y[0].type;
}

/* y as rows, x[i] as stretches of them: rows are images when blocked, else pixels. */
static int64_t rows_of(const fn_call *c)
{
    fn_shape y = c->y[0].shape;
    return c->y[0].format == FN_PLAIN ? y.dim[0] * y.dim[2] * y.dim[3] : y.dim[0];
}

static size_t bytes_of(const fn_call *c, int64_t count)
{
    return (size_t)count * fn_type_bytes(c->y[0].type);
}

static fn_status concat_forward(const fn_call *c)
{
    int64_t rows = rows_of(c), width = fn_numel(c->y[0].shape) / rows;
#pragma omp parallel for
    for (int64_t r = 0; r < rows; r++) {
        int64_t at = r * width;
        for (int i = 0; i < c->n_x; i++) {
            int64_t part = fn_numel(c->x[i].shape) / rows;
            memcpy(fn_from(c->y[0], at), fn_from(c->x[i], r * part), bytes_of(c, part));
            at += part;
        }
    }
    return FN_OK;
}

static fn_status concat_backward(const fn_call *c)
{
    int64_t rows = rows_of(c), width = fn_numel(c->y[0].shape) / rows;
#pragma omp parallel for
    for (int64_t r = 0; r < rows; r++) {
        int64_t at = r * width;
        for (int i = 0; i < c->n_x; i++) {
            int64_t part = fn_numel(c->x[i].shape) / rows;
            if (c->dx[i].data)
                memcpy(fn_from(c->dx[i], r * part), fn_from(c->dy[0], at),
                       bytes_of(c, part));
            at += part;
        }
    }
    return FN_OK;
}

const fn_kernel fn_concat_cpu = {
    .bytes = true,
    .choose = concat_choose,
    .forward = concat_forward,
    .backward = concat_backward,
};
