/* cudnn.h -- convolutions on a GPU: what is wanted, in a few words, and the plan that cuDNN
 * makes of it. The words know nothing of cuDNN, so that a test can do the same by plain loops.
 *
 * A plan can be made without a GPU, for a device that a text describes: whether an engine
 * exists, which, and how much workspace it wants is then known before anybody pays for the
 * device. Only fn_cudnn_plan_run and fn_cudnn_tune need the real one.
 *
 *   fn_cudnn_open -> fn_cudnn_plan_open -> fn_cudnn_plan_run, ... -> _plan_close -> _close
 *
 * All of a device's plans run on its stream. A device and its plans belong to one thread.
 * Errors are FN_EUNSUPPORTED where no engine can do what is asked, FN_EDEVICE where cuDNN or
 * the device fails. */
#ifndef FN_KERNELS_CUDNN_H
#define FN_KERNELS_CUDNN_H

#include "kernels/engines.h"
#include "kernels/op.h"

/* x [N, H, W, C], w [K, R, R, C] and y [N, H', W', K] are stored as the precision says: bfloat16
 * or float. b [K] is stored like them; sums and what a fusion keeps to itself are float.
 * With * a plan that cuDNN compiles at run time: ask fn_cudnn_can_compile first.
 *
 *   pass                reads        writes   formula
 *   FORWARD             x w          y        y = x * w
 *   FORWARD_BIAS        x w b        y        y = x * w + b
 *   FORWARD_BIAS_RELU   x w b        y        y = max(0, x * w + b)
 *   DGRAD               w dy         dx       dx = dy * w transposed
 *   DGRAD_RELU *        w dy x       dx       and 0 where x is 0, x being a ReLU's output
 *   DGRAD_RELU_BIAS *   w dy x       dx b     and b [C] float, the sum of that over N, H, W
 *   WGRAD               x dy         dw       dw = x * dy
 *   WGRAD_F32 *         x dy         dw       and dw float, whatever the precision */
typedef enum fn_cudnn_pass {
    FN_CUDNN_FORWARD,
    FN_CUDNN_FORWARD_BIAS,
    FN_CUDNN_FORWARD_BIAS_RELU,
    FN_CUDNN_DGRAD,
    FN_CUDNN_DGRAD_RELU,
    FN_CUDNN_DGRAD_RELU_BIAS,
    FN_CUDNN_WGRAD,
    FN_CUDNN_WGRAD_F32,
    FN_CUDNN_PASSES
} fn_cudnn_pass;

/* C and K are multiples of 8: others cost a hidden copy of the whole tensor in every call. */
typedef struct fn_cudnn_conv {
    fn_cudnn_pass pass;
    fn_precision precision;
    int64_t n, h, w, c;      /* of x */
    int64_t k;               /* channels of y */
    int kernel, stride, pad; /* R, and in pixels; the same in both directions */
} fn_cudnn_conv;

enum { FN_CUDNN_TEXT = 160 };

/* "[256,28,28,192] 3x3/1 pad 1 to 64, forward+bias+relu, bf16": a choice's WHAT. */
void fn_cudnn_text(char text[FN_CUDNN_TEXT], const fn_cudnn_conv *a);

/* --- the device --- */

typedef struct fn_cudnn fn_cudnn;

/* The current CUDA device; plans run on `stream` (NULL: the default one). */
fn_status fn_cudnn_open(fn_cudnn **out, void *stream) FN_CHECKED;
/* A device that is not here, as fn_cudnn_device prints it: plans are made and do not run. */
fn_status fn_cudnn_open_described(fn_cudnn **out, const char *json) FN_CHECKED;
void fn_cudnn_close(fn_cudnn *c);

/* The description, JSON; fn_free. */
fn_status fn_cudnn_device(char **json, const fn_cudnn *c) FN_CHECKED;
/* "cuDNN 9.19.0, NVIDIA H200, 132 SMs": a choice's WHERE. */
const char *fn_cudnn_where(const fn_cudnn *c);

/* Plans opened from now on take the engine that is written down for them, if one is; it is
 * borrowed for the device's life. NULL: cuDNN's own order. */
void fn_cudnn_choose_from(fn_cudnn *c, const fn_engines *chosen);

/* Who wants to know which plans a network opens is told of each before it is made; NULL: nobody. */
void fn_cudnn_listen(fn_cudnn *c, void (*seen)(void *ctx, const fn_cudnn_conv *what),
                     void *ctx);

/* FN_OK where fusions that are compiled at run time can be had, else the reason. */
fn_status fn_cudnn_can_compile(fn_cudnn *c) FN_CHECKED;

/* --- plans --- */

/* Workspace above this is as a rule a copy of a tensor in another layout. An engine that wants
 * less is preferred to all that want more. */
enum { FN_CUDNN_WORKSPACE = 16 << 20 };

typedef struct fn_cudnn_plan fn_cudnn_plan;

/* The first engine, in cuDNN's order, that gives the same bits in every run and the precision
 * that is asked for. The sentence of a refusal holds cuDNN's reasons. */
fn_status fn_cudnn_plan_open(fn_cudnn_plan **out, fn_cudnn *c,
                             const fn_cudnn_conv *what) FN_CHECKED;
void fn_cudnn_plan_close(fn_cudnn_plan *p);

size_t fn_cudnn_plan_workspace(const fn_cudnn_plan *p); /* bytes */
const fn_engine *fn_cudnn_plan_engine(const fn_cudnn_plan *p);

/* Device memory, 16-byte aligned; NULL where the pass has no such tensor. w and y stand for dw
 * and dy as well. */
typedef struct fn_cudnn_data {
    void *x, *dx, *w, *b, *y, *workspace;
} fn_cudnn_data;

/* Queues the work; waits for nothing. A run with other pointers than those of the last allocates,
 * so run once before a CUDA graph is captured. */
fn_status fn_cudnn_plan_run(fn_cudnn_plan *p, const fn_cudnn_data *data) FN_CHECKED;

typedef struct fn_cudnn_tuned {
    fn_engine fastest;
    float ms, first_ms; /* of a run: the fastest's, and of the first in cuDNN's order */
    int timed, failed;  /* engines; the last that failed said: */
    char failure[512];
} fn_cudnn_tuned;

/* The fastest of the engines that fn_cudnn_plan_open would take and that want `workspace` bytes
 * or less: each is timed a few times, on memory of its own, which must be free (FN_ENOMEM). For
 * fn_engines_put, under fn_cudnn_text and fn_cudnn_where. After `seconds` no other is tried: they
 * are in cuDNN's order, and some are compiled first. One that fails is passed over, unless the
 * device is lost with it (FN_EDEVICE). Waits for the device. */
fn_status fn_cudnn_tune(fn_cudnn_tuned *t, fn_cudnn *c, const fn_cudnn_conv *what,
                        size_t workspace, double seconds) FN_CHECKED;

#endif
