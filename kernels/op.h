/* op.h -- what an operator is, and the contract every kernel keeps.
 *
 * An op is one const struct: its attributes, its shape rule, its kernels on each backend,
 * and the samples it is tested with. There is no registration at run time: kernels/ops.def
 * lists the ops and the linker does the rest.
 *
 * Life of a call: infer (shapes) -> choose (formats) -> prepare (descriptors, sizes) ->
 * pointers bound -> load (weights) -> forward, backward, ... -> release.
 *
 * Kernel contract (the plan and CUDA-graph capture rely on it)
 *   1. Write every element of every output once, channel padding of blocked formats
 *      included (zero); never read an output.
 *   2. A gradient whose .data is NULL is not wanted: skip that work.
 *   3. No allocation, no synchronisation, no host state that changes between steps. All of
 *      that happens in prepare() and load().
 *   4. Shapes are trusted: infer() has already refused the bad ones.
 *   5. Backward reads only x (if FN_KEEP_X), y (if FN_KEEP_Y), saved, w, dy.
 * Fan-out is the `fork` op's business, so nobody accumulates (+=). A gradient has the shape
 * and the format of its value. A weight that is not trained (running statistics) gets in its
 * dw the statistic of this batch: the optimizer moves the running one. */
#ifndef FN_KERNELS_OP_H
#define FN_KERNELS_OP_H

#include "core/field.h"
#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FN_MAX_IN = 8, FN_MAX_OUT = 8, FN_MAX_WEIGHT = 16, FN_ATTR_BYTES = 64 };

typedef struct fn_shape {
    int rank;       /* 1: C   2: N,C   4: N,C,H,W -- logical order, always */
    int64_t dim[4]; /* unused dims are 1 */
} fn_shape;

/* How the bytes of a rank-4 value lie. Plain is N,H,W,C (weights: O,C,H,W as written).
 * Blocked formats are N,C/b,H,W,b with the last block filled up with zeros; see format.h.
 * Values of other ranks are always plain. */
typedef enum fn_format { FN_PLAIN, FN_BLOCK8, FN_BLOCK16, FN_FORMATS } fn_format;

/* How an element is stored: FN_F64 on FN_REF, else FN_F32, but under bf16: there the values of
 * rank 4 and their gradients are FN_BF16, on FN_CUDA all of them, on FN_CPU what a convolution
 * gives and what is made of it until a kernel wants floats. Rows and weights never are. Under u8
 * the same values are FN_U8 where all their numbers are positive, and a convolution reads the
 * others as FN_S8; both are plain, and times a step that the value has (kernels/bytes.h). */
typedef enum fn_type { FN_F32, FN_BF16, FN_F64, FN_U8, FN_S8 } fn_type;

typedef struct fn_tensor {
    fn_shape shape;
    fn_format format;
    fn_type type; /* FN_REF's kernels do not look: theirs are doubles */
    float step;   /* FN_U8, FN_S8: what 1 stands for */
    void *data;   /* not owned; on the device for FN_CUDA, 16-byte aligned if no weight's */
} fn_tensor;

typedef enum fn_backend { FN_REF, FN_CPU, FN_CUDA, FN_BACKENDS } fn_backend;

/* What backward reads again. The plan frees the rest early, so this must be honest: the
 * tests poison whatever is not listed before they call backward. */
enum { FN_KEEP_NONE = 0, FN_KEEP_X = 1, FN_KEEP_Y = 2 };

/* The least and the largest number of a value; {0, 0}: unknown. */
typedef struct fn_range {
    float least, most;
} fn_range;

struct fn_gpu;
struct fn_stem; /* kernels/stem.h */

/* One use of an op. */
typedef struct fn_call {
    const void *attr;       /* the op's own attribute struct */
    bool training;          /* set before infer */
    bool exact;             /* set before prepare: no shortcut that costs digits */
    fn_precision precision; /* set before choose: the numbers to multiply */
    /* Set before choose in FN_PRECISION_U8: of x[0]; and of y[0], if that may be bytes. */
    fn_range x_range, y_range;
    struct fn_gpu *gpu; /* FN_CUDA: kernels/gpu.h; set before prepare */
    void *stream;       /* and where work is queued: the GPU's */
    int n_x, n_y, n_w;  /* n_y and n_w by infer */
    int keep;           /* FN_KEEP_*, by infer */
    fn_tensor x[FN_MAX_IN], w[FN_MAX_WEIGHT], y[FN_MAX_OUT];
    fn_tensor dx[FN_MAX_IN], dw[FN_MAX_WEIGHT], dy[FN_MAX_OUT];
    size_t saved_bytes, workspace_bytes; /* by prepare */
    bool fed;    /* set after prepare: x[0] lies in `saved`, as fn_kernel.squares says */
    void *saved; /* forward's note to backward (statistics), 64-byte aligned */
    void *workspace; /* scratch that all nodes share, 64-byte aligned; one call long */
    void *state;     /* the kernel's own, made by prepare() */
} fn_call;

typedef struct fn_kernel {
    bool bytes; /* may be offered FN_U8 */
    /* In: x[i]'s format and type are what the producer has. Out: what this kernel wants, and
     * in y[i] what it will give. The plan reorders where they differ. NULL: plain floats. */
    void (*choose)(fn_call *c);
    /* Shapes and formats are final, no pointer is set: makes `state`, says saved_bytes and
     * workspace_bytes. NULL: nothing to do. On failure it has released what it made. */
    fn_status (*prepare)(fn_call *c);
    /* Of a call that is prepared: how x[0] has to lie in `saved` before forward if `fed` is set;
     * x[0] itself has no pointer then. Forward would have made that of it. NULL: reads x[0]. */
    const struct fn_stem *(*squares)(const fn_call *c);
    /* The weights changed: refreshes the kernel's own copies of them. NULL: has none. */
    fn_status (*load)(fn_call *c);
    fn_status (*forward)(const fn_call *c);
    fn_status (*backward)(const fn_call *c); /* only when training */
    void (*release)(fn_call *c);             /* accepts a call that was never prepared */
    /* Names of the implementations prepared, for people and for the test that refuses slow
     * ones: "jit:avx512_core; bwd_d jit:avx512_core; ...". NULL: the kernel is our own. */
    void (*describe)(const fn_call *c, char *text, size_t size);
} fn_kernel;

typedef enum fn_init { FN_INIT_ZERO, FN_INIT_QUARTER, FN_INIT_ONE, FN_INIT_HE } fn_init;

typedef struct fn_weight {
    const char *name;
    fn_init init;
    bool trained; /* false: a running statistic */
} fn_weight;

typedef enum fn_fill {
    FN_FILL_UNIFORM, /* [-1, 1) */
    FN_FILL_TIES,    /* -1, 0 or 1: equal values in a window; the gradient is not checked */
} fn_fill;

/* Arguments for one test case; the tests fill the tensors with random numbers. */
typedef struct fn_sample {
    const void *attr; /* not NULL */
    int n_x;
    fn_shape x[FN_MAX_IN];
    fn_fill fill;
} fn_sample;

typedef struct fn_op {
    const char *name;
    const fn_field *field;   /* attributes as YAML sees them; NULL: none */
    const fn_weight *weight; /* ends with {0}; NULL: none */
    size_t attr_size;
    bool inplace;                   /* y may overwrite x; then keep lacks FN_KEEP_X */
    bool twins;                     /* all y are the same value, and may be one buffer */
    bool internal;                  /* made by the plan, not by a YAML row */
    fn_status (*infer)(fn_call *c); /* x shapes in; y and w shapes, keep out */
    int64_t (*multiply_adds)(const fn_call *c); /* bias adds included; NULL: none */
    const fn_kernel *kernel[FN_BACKENDS];
    const fn_sample *sample; /* ends with {0} */
} fn_op;

extern const fn_op *const fn_ops[]; /* ends with NULL; see kernels/ops.def */
const fn_op *fn_op_find(const char *name);

/* In the table of an op: its kernel on FN_CUDA, where this build has CUDA. */
#ifdef FN_WITH_CUDA
#    define FN_CUDA_KERNEL(kernel) (&(kernel))
#else
#    define FN_CUDA_KERNEL(kernel) NULL
#endif

/* clang-format off */
#define FN_NCHW(n, c, h, w) {4, {(n), (c), (h), (w)}}
#define FN_NC(n, c)         {2, {(n), (c), 1, 1}}
#define FN_C(c)             {1, {(c), 1, 1, 1}}
/* clang-format on */

static inline int64_t fn_numel(fn_shape s)
{
    return s.dim[0] * s.dim[1] * s.dim[2] * s.dim[3];
}

static inline size_t fn_type_bytes(fn_type t)
{
    return t == FN_F64 ? 8 : t == FN_BF16 ? 2 : t == FN_U8 || t == FN_S8 ? 1 : 4;
}

/* Of a value on FN_CUDA. */
static inline fn_type fn_stored_as(fn_precision p, fn_shape s)
{
    return p == FN_PRECISION_BF16 && s.rank == 4 ? FN_BF16 : FN_F32;
}

static inline double *fn_f64(fn_tensor t)
{
    return (double *)t.data;
}

static inline float *fn_f32(fn_tensor t)
{
    return (float *)t.data;
}

#endif
