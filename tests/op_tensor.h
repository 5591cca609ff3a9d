/* op_tensor.h -- the tensors of a call and their elements, in any backend's type and format. */
#ifndef FN_TESTS_OP_TENSOR_H
#define FN_TESTS_OP_TENSOR_H

#include "kernels/bf16.h"
#include "kernels/format.h"

enum { X, W, DY, Y, DX, DW, ROLES }; /* tensors of a call, inputs first */
static const char *const role_name[ROLES] = {"x", "w", "dy", "y", "dx", "dw"};

static fn_tensor *tensors(fn_call *c, int role, int *n)
{
    *n = role == X || role == DX ? c->n_x : role == W || role == DW ? c->n_w : c->n_y;
    fn_tensor *const start[ROLES] = {c->x, c->w, c->dy, c->y, c->dx, c->dw};
    return start[role];
}

static size_t bytes_of(fn_tensor t, fn_backend b)
{
    size_t count = (size_t)fn_format_numel(t.shape, t.format);
    return count * (b == FN_REF ? sizeof(double) : fn_type_bytes(t.type));
}

/* What is stored at this place. */
static double stored(fn_tensor t, fn_backend b, int64_t i)
{
    if (b == FN_REF)
        return fn_f64(t)[i];
    return (double)fn_load_any(t.data, t.type, i) * (double)fn_bytes_step(t);
}

/* Where element i, counted as N,H,W,C, lies in a blocked tensor. */
static int64_t place(fn_tensor t, int64_t i)
{
    const int64_t *dim = t.shape.dim, block = t.format == FN_BLOCK16 ? 16 : 8;
    int64_t c = i % dim[1], pixel = i / dim[1], plane = dim[2] * dim[3];
    if (t.shape.rank != 4 || t.format == FN_PLAIN)
        return i;
    int64_t blocks = (dim[1] + block - 1) / block;
    return ((pixel / plane * blocks + c / block) * plane + pixel % plane) * block +
           c % block;
}

static double get(fn_tensor t, fn_backend b, int64_t i)
{
    return stored(t, b, b == FN_REF ? i : place(t, i));
}

static void put(fn_tensor t, fn_backend b, int64_t i, double value)
{
    if (b == FN_REF)
        fn_f64(t)[i] = value;
    else
        fn_store_any(t.data, t.type, place(t, i),
                     (float)(value / (double)fn_bytes_step(t)));
}

/* The oracle's numbers, with no more digits than bf16 has. */
static inline void round_tensor(fn_tensor t)
{
    for (int64_t i = 0; i < fn_numel(t.shape); i++)
        fn_f64(t)[i] = (double)fn_bf16_float(fn_bf16_of((float)fn_f64(t)[i]));
}

enum { EVERY_CHOICE = 8 };

/* Choices of gradients that nobody wants: all there are of a few; of many, each of them alone, and
 * all but each. */
static inline int unwanted_choices(int gradients)
{
    return gradients > EVERY_CHOICE ? 2 * gradients : (1 << gradients) - 1;
}

static inline unsigned unwanted_choice(int gradients, int i)
{
    if (gradients <= EVERY_CHOICE)
        return (unsigned)i + 1;
    unsigned all = (1u << gradients) - 1, one = 1u << i / 2;
    return i % 2 ? all & ~one : one;
}

#endif
