/* nets.h -- small networks that hold every construct, for the tests of nn/. */
#ifndef FN_TESTS_NETS_H
#define FN_TESTS_NETS_H

#include "core/rng.h"
#include "nn/net.h"
#include "nn/params.h"

#include <string.h>

/* norm: "none" or "batch". Odd sizes and widths that no block divides are on purpose. */
#define FN_TEST_NET(norm)                                                                \
    "name: small\n"                                                                      \
    "input: 19x17x3\n"                                                                   \
    "each: {norm: " norm ", act: relu}\n"                                                \
    "layers:\n"                                                                          \
    "  - conv: {name: one, out: 16, kernel: 7, stride: 2}\n"                             \
    "  - maxpool: {kernel: 3, stride: 2}\n"                                              \
    "  - lrn\n"                                                                          \
    "  - inception: {name: a, 1x1: 16, 3x3r: 8, 3x3: 24, 5x5r: 8, 5x5: 16, pool: l2, "   \
    "proj: 8}\n"                                                                         \
    "  - inception: {name: b, 1x1: 0, 3x3r: 16, 3x3: 16, 5x5r: 16, 5x5: 16, pool: max, " \
    "stride: 2}\n"                                                                       \
    "  - avgpool: {kernel: 0}\n"                                                         \
    "  - fc: {name: f, out: 12, maxout: 2, act: none}\n"                                 \
    "heads:\n"                                                                           \
    "  embedding:\n"                                                                     \
    "    - fc: {name: e, out: 8, act: none}\n"                                           \
    "    - l2norm\n"

/* Graph and weights of such a net; weights and statistics are random but sane. */
static inline fn_status fn_test_net(fn_graph **g, fn_params **p, const char *text,
                                    int batch, bool training)
{
    fn_net *net;
    FN_TRY(fn_net_parse(&net, "test.yaml", text, strlen(text)));
    fn_status rc = fn_net_build(g, net, batch, training);
    fn_net_close(net);
    FN_TRY(rc);
    FN_TRY(fn_params_open(p, *g, training));
    fn_params_init(*p, 7);
    fn_rng r = fn_rng_at(7, FN_RNG_TEST, 0, 0);
    for (int i = 0; i < (*p)->n; i++)
        for (int64_t k = 0; (*p)->param[i].shape.rank == 1 && k < (*p)->param[i].count; k++)
            (*p)->value[(*p)->param[i].offset + k] += (float)fn_rng_range(&r, 0, 0.3);
    return FN_OK;
}

static inline void fn_test_fill(float *x, int64_t n, uint32_t index)
{
    fn_rng r = fn_rng_at(1, FN_RNG_TEST, 1, index);
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)fn_rng_range(&r, -1, 1);
}

#endif
