/* test_u8.c -- convolutions of bytes: whole numbers come out as they are, others nearly, and a
 * calibrated network embeds nearly as in float. */
#include "kernels/conv.h"
#include "kernels/precision.h"
#include "nn/gauge.h"
#include "tests/nets.h"
#include "tests/op_case.h"
#include "tests/test.h"

static bool lacks_u8(void)
{
    return fn_precision_accept(FN_PRECISION_U8, FN_CPU, false) != FN_OK;
}

#define NEEDS_U8                                                         \
    do {                                                                 \
        if (lacks_u8())                                                  \
            SKIP("this processor has neither avx512_vnni nor avx_vnni"); \
    } while (0)

#define STEP (1 / 32.0F) /* of x */
#define MOST (255 * STEP)

static const fn_range positive = {0, MOST}, either_sign = {-127 * STEP, 127 * STEP};

/* --- samples: x in whole steps, so that only y is rounded --- */

static void make_x(subject *s, fn_range r)
{
    fn_rng rng = fn_rng_at(2, FN_RNG_TEST, (uint64_t)s->number, 0);
    for (int i = 0; i < s->oracle.n_x; i++)
        for (int64_t k = 0; k < fn_numel(s->oracle.x[i].shape); k++)
            fn_f64(s->oracle.x[i])[k] =
                r.least < 0 ? ((double)fn_rng_below(&rng, 255) - 127) * (double)STEP
                            : (double)fn_rng_below(&rng, 256) * (double)STEP;
}

/* Steps of 1/128, of which one in each row is 127. */
static void make_w(subject *s)
{
    fn_rng rng = fn_rng_at(3, FN_RNG_TEST, (uint64_t)s->number, 0);
    fn_tensor w = s->oracle.w[0];
    int64_t each = fn_numel(w.shape) / w.shape.dim[0];
    for (int64_t i = 0; i < fn_numel(w.shape); i++)
        fn_f64(w)[i] = i % each ? ((double)fn_rng_below(&rng, 255) - 127) / 128
                                : 127 / 128.0;
}

static fn_range range_of(fn_tensor t)
{
    fn_range r = {0, 0};
    for (int64_t i = 0; i < fn_numel(t.shape); i++) {
        float v = (float)fn_f64(t)[i];
        r.least = v < r.least ? v : r.least;
        r.most = v > r.most ? v : r.most;
    }
    return r;
}

static void check_way(subject *s, way w)
{
    for (int threads = 1; threads <= 3; threads += 2) {
        w.prepare_threads = w.run_threads = threads;
        try(s, w);
    }
}

/* What is negative in y is cut off where that is bytes, and is nothing in the oracle then. y may be
 * off by half a step; floats by what the kernel computes with. */
static void check_bytes(subject *s, fn_range x_range)
{
    fn_range y = range_of(s->oracle.y[0]);
    way w = {.backend = FN_CPU, .precision = FN_PRECISION_U8, .x_range = x_range};
    w.bytes = x_range.least >= 0;
    check_way(s, w);
    w.bytes = false;
    check_way(s, w);
    for (int64_t i = 0; i < fn_numel(s->oracle.y[0].shape); i++)
        fn_f64(s->oracle.y[0])[i] = fmax(fn_f64(s->oracle.y[0])[i], 0);
    w.y_range = (fn_range){0, y.most};
    bool keeps = strcmp(s->op->name, "maxpool") == 0 || strcmp(s->op->name, "reorder") == 0;
    allowed = keeps ? 1e-6 : 0.502 / 255 * (double)y.most / fmax(1, (double)y.most);
    check_way(s, w);
    w.bytes = x_range.least >= 0;
    check_way(s, w);
    allowed = 1e-5;
}

static void each_sample_of(const char *name, fn_range x)
{
    const fn_op *op = fn_op_find(name);
    for (int i = 0; op->sample[i].attr || op->sample[i].n_x; i++) {
        subject s = {.op = op, .sample = &op->sample[i], .number = i};
        CHECK_OK(open_oracle(&s, false));
        make_x(&s, x);
        if (s.oracle.n_w > 0)
            make_w(&s);
        CHECK_OK(ask_oracle(&s));
        check_bytes(&s, x);
        fn_fence_close(0);
    }
}

TEST(convolutions_of_whole_numbers_lose_nothing_before_y_is_rounded)
{
    NEEDS_U8;
    each_sample_of("conv", positive);
    each_sample_of("conv", either_sign);
}

TEST(pools_and_norms_and_concat_take_and_give_bytes)
{
    each_sample_of("maxpool", positive);
    each_sample_of("avgpool", positive);
    each_sample_of("l2pool", positive);
    each_sample_of("lrn", positive);
    each_sample_of("concat", positive);
}

/* --- one convolution --- */

/* A convolution of four pixels and one channel, x and y in bytes if their ranges are known, of step
 * 1 / 32 and 1 / 32 again. */
static void one_by_one(float *y, const float *x, float weight, float bias, bool rounds_y)
{
    static const fn_conv a = {.out = 1, .kernel = 1, .stride = 1, .bias = 1};
    const fn_op *op = fn_op_find("conv");
    const fn_kernel *k = op->kernel[FN_CPU];
    fn_call c = {.attr = &a, .n_x = 1, .precision = FN_PRECISION_U8, .x_range = positive};
    unsigned char low_x[4], low_y[4];
    c.x[0].shape = (fn_shape)FN_NCHW(1, 1, 1, 4);
    CHECK_OK(op->infer(&c));
    c.y_range = rounds_y ? positive : (fn_range){0, 0};
    k->choose(&c);
    CHECK(c.x[0].type == FN_U8 && c.y[0].type == (rounds_y ? FN_U8 : FN_F32));
    fn_tensor in = c.x[0], out = c.y[0];
    in.type = out.type = FN_F32;
    in.data = (void *)(uintptr_t)x;
    out.data = y;
    c.x[0].data = low_x;
    c.y[0].data = rounds_y ? (void *)low_y : (void *)y;
    c.w[0].data = &weight;
    c.w[1].data = &bias;
    fn_format_convert(c.x[0], in);
    CHECK_OK(k->prepare(&c));
    c.workspace = fn_alloc_aligned(c.workspace_bytes);
    CHECK_OK(k->load(&c));
    CHECK_OK(k->forward(&c));
    fn_free(c.workspace);
    k->release(&c);
    if (rounds_y)
        fn_format_convert(out, c.y[0]);
}

TEST(what_is_out_of_range_is_cut_off)
{
    const float x[] = {1, 9, -1, 2};
    float y[4];
    NEEDS_U8;
    one_by_one(y, x, 0.5F, 0, false);
    CHECK_NEAR(y[0], 0.5, 1e-6);
    CHECK_NEAR(y[1], MOST / 2, 1e-6);
    CHECK(y[2] == 0);
    one_by_one(y, x, -2, 4, true);
    CHECK_NEAR(y[0], 2, 1e-6);
    CHECK(y[1] == 0 && y[3] == 0);
    CHECK_NEAR(y[2], 4, 1e-6);
    one_by_one(y, x, 2, 4, true);
    CHECK_NEAR(y[1], MOST, 1e-6);
}

TEST(rounding_is_to_the_nearest)
{
    const float x[] = {1.4F * STEP, 1.6F * STEP, 2.5F * STEP, 254.7F * STEP};
    static const float want[] = {1, 2, 3, 255};
    float y[4];
    NEEDS_U8;
    for (int low = 0; low < 2; low++) {
        one_by_one(y, x, 1, 0, low);
        for (int i = 0; i < 4; i++)
            CHECK_NEAR(y[i], want[i] * STEP, 1e-6);
    }
    one_by_one(y, x, 0.3F, 0, true); /* of 0.3, 0.6, 0.9 and 76.5 steps */
    CHECK_NEAR(y[0], 0, 1e-6);
    CHECK_NEAR(y[1], STEP, 1e-6);
    CHECK_NEAR(y[2], STEP, 1e-6);
}

TEST(weights_of_nothing_give_the_bias)
{
    const float x[] = {1, 2, 3, 4}, none[] = {0, 1e-38F};
    float y[4];
    NEEDS_U8;
    for (int i = 0; i < 4; i++) {
        one_by_one(y, x, none[i / 2], 2, i % 2);
        CHECK_NEAR(y[0], 2, 1e-6);
        CHECK_NEAR(y[3], 2, 1e-6);
    }
}

TEST(what_nobody_has_seen_stays_float)
{
    static const fn_conv a = {.out = 1, .kernel = 1, .stride = 1};
    static const fn_range blank = {0, 0}, tiny = {0, 1e-38F};
    const fn_op *op = fn_op_find("conv");
    fn_call c = {.attr = &a, .n_x = 1, .precision = FN_PRECISION_U8};
    c.x[0].shape = (fn_shape)FN_NCHW(1, 1, 1, 4);
    CHECK_OK(op->infer(&c));
    for (int i = 0; i < 2; i++) {
        c.x_range = c.y_range = i ? tiny : blank;
        op->kernel[FN_CPU]->choose(&c);
        CHECK(c.x[0].type == FN_F32 && c.y[0].type == FN_F32);
    }
    c.x_range = c.y_range = either_sign; /* only a reader may have a sign */
    op->kernel[FN_CPU]->choose(&c);
    CHECK(c.x[0].type == FN_S8 && c.y[0].type == FN_F32);
}

/* --- a whole network --- */

enum { BATCH = 8, DIM = 128 };

typedef struct run_result {
    float e[BATCH * DIM];
    int convs, low, bytes; /* and values of FN_U8 */
} run_result;

static void look_at(run_result *r, fn_plan *p, const float *x)
{
    *r = (run_result){.low = 0};
    for (int i = 0; i < fn_plan_lines(p); i++) {
        fn_plan_line line;
        fn_plan_line_at(p, i, &line);
        r->convs += strcmp(line.op, "conv") == 0;
        r->low += strstr(line.kernel, "u8") != NULL;
        r->bytes += strcmp(line.type, "u8") == 0;
    }
    CHECK_OK(fn_plan_load(p));
    CHECK_OK(fn_plan_forward(p, x));
    memcpy(r->e, fn_plan_output(p, 0), sizeof r->e);
}

static double farthest(const run_result *a, const run_result *b)
{
    double most = 0;
    for (int i = 0; i < BATCH; i++) {
        double sum = 0;
        for (int k = i * DIM; k < (i + 1) * DIM; k++) {
            double e = (double)a->e[k] - (double)b->e[k];
            sum += e * e / 2;
        }
        most = fmax(most, sum);
    }
    return most;
}

static void check_net(const char *name, double allow)
{
    fn_net *net = NULL;
    fn_graph *g = NULL;
    fn_params *p = NULL;
    fn_plan *low = NULL;
    fn_gauge *gauge = NULL;
    static run_result a, b;
    int n;
    CHECK_OK(fn_net_open(&net, name, NULL));
    CHECK_OK(fn_net_build(&g, net, BATCH, false));
    CHECK_OK(fn_params_open(&p, g, false));
    fn_params_init(p, 5);
    int64_t count = fn_numel(g->value[0].shape);
    float *x = fn_alloc((size_t)count, sizeof *x);
    fn_test_fill(x, count, 3);
    fn_plan_options o = {.backend = FN_CPU, .precision = FN_PRECISION_U8};
    CHECK_OK(fn_gauge_open(&gauge, g, p, o));
    look_at(&a, fn_gauge_plan(gauge), x);
    o.range = fn_gauge_ranges(gauge, &n);
    CHECK(o.range[0].least < -0.9F && o.range[0].most > 0.9F); /* images */
    CHECK_OK(fn_plan_open(&low, g, p, o));
    look_at(&b, low, x);
    CHECK_INT(a.low, 0);
    CHECK_INT(b.low, a.convs);
    CHECK_INT(a.bytes, 0);
    CHECK(b.bytes > a.convs); /* and what pools, norms and concats make of them */
    printf("# %s: cosine distance %.2g\n", name, farthest(&a, &b));
    CHECK(farthest(&a, &b) > 1e-6 && farthest(&a, &b) < allow);
    fn_plan_close(low);
    fn_gauge_close(gauge);
    fn_free(x);
    fn_params_close(p);
    fn_graph_close(g);
    fn_net_close(net);
}

TEST(a_calibrated_network_is_near)
{
    NEEDS_U8;
    check_net("nn4", 1e-3);
    check_net("nn4-bn", 1e-3);
}

TEST(a_plan_without_ranges_and_one_for_training_are_refused)
{
    for (int training = 0; training < 2; training++) {
        static const fn_range range[64] = {{0, 0}};
        fn_graph *g;
        fn_params *p;
        fn_plan *plan = NULL;
        CHECK_OK(fn_test_net(&g, &p, FN_TEST_NET("none"), 2, training));
        fn_plan_options o = {.backend = FN_CPU, .precision = FN_PRECISION_U8};
        o.range = training ? range : NULL;
        CHECK_FAILS(fn_plan_open(&plan, g, p, o), FN_EUNSUPPORTED, "u8");
        CHECK(!plan);
        fn_params_close(p);
        fn_graph_close(g);
    }
}

TEST(who_may)
{
    CHECK_FAILS(fn_precision_accept(FN_PRECISION_U8, FN_CPU, true), FN_EINVAL, "exact");
    CHECK_FAILS(fn_precision_accept(FN_PRECISION_U8, FN_REF, false), FN_EUNSUPPORTED,
                "double");
    if (lacks_u8())
        CHECK_FAILS(fn_precision_accept(FN_PRECISION_U8, FN_CPU, false), FN_EUNSUPPORTED,
                    "vnni");
    CHECK_INT(fn_precision_find("u8"), FN_PRECISION_U8);
}
