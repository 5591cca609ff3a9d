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

#define MOST (255 / 32.0F) /* a step of x is 1/32 */

/* --- one convolution --- */

/* Steps of x, from 0 to 255, and steps of 1/128 of w, of which one in each row is 127. */
static void make_whole(subject *s)
{
    fn_tensor x = s->oracle.x[0], w = s->oracle.w[0];
    int64_t each = fn_numel(w.shape) / w.shape.dim[0];
    fn_rng r = fn_rng_at(2, FN_RNG_TEST, (uint64_t)s->number, 0);
    for (int64_t i = 0; i < fn_numel(x.shape); i++)
        fn_f64(x)[i] = fn_rng_below(&r, 256) / 32.0;
    for (int64_t i = 0; i < fn_numel(w.shape); i++)
        fn_f64(w)[i] = i % each ? ((double)fn_rng_below(&r, 255) - 127) / 128 : 127 / 128.0;
}

static void make_positive(subject *s)
{
    fn_tensor x = s->oracle.x[0];
    for (int64_t i = 0; i < fn_numel(x.shape); i++)
        fn_f64(x)[i] = fabs(fn_f64(x)[i]) * (double)MOST;
}

static void each_conv(void (*make)(subject *s), void (*visit)(subject *s))
{
    const fn_op *op = fn_op_find("conv");
    for (int i = 0; op->sample[i].attr; i++) {
        subject s = {.op = op, .sample = &op->sample[i], .number = i};
        CHECK_OK(open_oracle(&s, false));
        make(&s);
        CHECK_OK(ask_oracle(&s));
        visit(&s);
        fn_fence_close(0);
    }
}

static void check_formats(subject *s)
{
    for (fn_format x = FN_PLAIN; x < FN_FORMATS; x++)
        for (fn_format y = FN_PLAIN; y < FN_FORMATS; y++)
            try(s, (way){.backend = FN_CPU,
                         .precision = FN_PRECISION_U8,
                         .most = MOST,
                         .forced = (const fn_format[]){x, y},
                         .prepare_threads = 1 + (int)x,
                         .run_threads = 1 + (int)x});
}

TEST(whole_numbers_lose_nothing)
{
    NEEDS_U8;
    each_conv(make_whole, check_formats);
}

TEST(others_lose_half_a_step)
{
    NEEDS_U8;
    allowed = 1e-2;
    each_conv(make_positive, check_formats);
    allowed = 1e-5;
}

/* A convolution of one pixel and one channel, prepared; the caller releases it. */
static fn_call one_by_one(const fn_conv *a, float *x, float *w, float *y, float most)
{
    const fn_op *op = fn_op_find("conv");
    fn_call c = {.attr = a, .n_x = 1, .precision = FN_PRECISION_U8, .most = most};
    c.x[0].shape = (fn_shape)FN_NCHW(1, 1, 1, 4);
    CHECK_OK(op->infer(&c));
    c.x[0].data = x;
    c.w[0].data = w;
    c.y[0].data = y;
    CHECK_OK(op->kernel[FN_CPU]->prepare(&c));
    c.workspace = fn_alloc_aligned(c.workspace_bytes);
    CHECK_OK(op->kernel[FN_CPU]->load(&c));
    CHECK_OK(op->kernel[FN_CPU]->forward(&c));
    fn_free(c.workspace);
    return c;
}

TEST(what_is_out_of_range_is_cut_off)
{
    static const fn_conv a = {.out = 1, .kernel = 1, .stride = 1};
    const fn_kernel *k = fn_op_find("conv")->kernel[FN_CPU];
    float x[] = {1, 3, -1, 2}, w[] = {0.5F}, y[4];
    char text[64];
    NEEDS_U8;
    fn_call c = one_by_one(&a, x, w, y, 2);
    CHECK_NEAR(y[0], 0.5, 2e-3);
    CHECK(y[1] == y[3] && y[3] == 1 && y[2] == 0);
    k->describe(&c, text, sizeof text);
    CHECK(strstr(text, "u8"));
    k->release(&c);
    c = one_by_one(&a, x, w, y, 0); /* unknown: in float */
    CHECK(y[1] == 1.5F && y[2] == -0.5F);
    k->describe(&c, text, sizeof text);
    CHECK(!strstr(text, "u8"));
    k->release(&c);
}

TEST(rounding_is_to_the_nearest)
{
    static const fn_conv a = {.out = 1, .kernel = 1, .stride = 1};
    float x[] = {1.4F, 1.6F, 2.5F, 254.7F}, w[] = {1}, y[4];
    static const float want[] = {1, 2, 3, 255};
    NEEDS_U8;
    fn_call c = one_by_one(&a, x, w, y, 255);
    for (int i = 0; i < 4; i++)
        CHECK_NEAR(y[i], want[i], 1e-4);
    fn_op_find("conv")->kernel[FN_CPU]->release(&c);
}

TEST(weights_of_nothing_give_the_bias)
{
    static const fn_conv a = {.out = 1, .kernel = 1, .stride = 1};
    float x[] = {1, 2, 3, 4}, tiny[] = {1e-38F}, zero[] = {0}, y[4];
    NEEDS_U8;
    for (int i = 0; i < 2; i++) {
        fn_call c = one_by_one(&a, x, i ? zero : tiny, y, 4);
        CHECK(y[0] == 0 && y[3] == 0);
        fn_op_find("conv")->kernel[FN_CPU]->release(&c);
    }
}

/* --- a whole network --- */

enum { BATCH = 8, DIM = 128 };

typedef struct run_result {
    float e[BATCH * DIM];
    int convs, low;
} run_result;

static void look_at(run_result *r, fn_plan *p, const float *x)
{
    *r = (run_result){.low = 0};
    for (int i = 0; i < fn_plan_lines(p); i++) {
        fn_plan_line line;
        fn_plan_line_at(p, i, &line);
        r->convs += strcmp(line.op, "conv") == 0;
        r->low += strstr(line.kernel, "u8") != NULL;
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
    fn_plan *plan = NULL, *low = NULL;
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
    CHECK_OK(fn_plan_open(&plan, g, p, (fn_plan_options){.backend = FN_CPU}));
    CHECK_OK(fn_gauge_open(&gauge, plan));
    look_at(&a, plan, x);
    fn_plan_options o = {.backend = FN_CPU, .precision = FN_PRECISION_U8};
    o.most = fn_gauge_most(gauge, &n);
    CHECK_INT(n, a.convs);
    CHECK(o.most[0] == 0); /* images are of both signs */
    CHECK_OK(fn_plan_open(&low, g, p, o));
    look_at(&b, low, x);
    CHECK_INT(a.low, 0);
    CHECK_INT(b.low, a.convs - 1);
    printf("# %s: cosine distance %.2g\n", name, farthest(&a, &b));
    CHECK(farthest(&a, &b) > 1e-6 && farthest(&a, &b) < allow);
    fn_plan_close(low);
    fn_gauge_close(gauge);
    fn_plan_close(plan);
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
        static const float most[64] = {0};
        fn_graph *g;
        fn_params *p;
        fn_plan *plan = NULL;
        CHECK_OK(fn_test_net(&g, &p, FN_TEST_NET("none"), 2, training));
        fn_plan_options o = {.backend = FN_CPU, .precision = FN_PRECISION_U8};
        o.most = training ? most : NULL;
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
