/* test_precision.c -- convolutions in bf16: what is multiplied is rounded, what is added up is
 * not, and how far that takes embeddings and gradients from those in float. */
#include "kernels/conv.h"
#include "kernels/precision.h"
#include "nn/plan.h"
#include "tests/nets.h"
#include "tests/op_case.h"
#include "tests/test.h"

static bool lacks_bf16(void)
{
    return fn_precision_accept(FN_PRECISION_BF16, FN_CPU, false) != FN_OK;
}

#define NEEDS_BF16                                                    \
    do {                                                              \
        if (lacks_bf16())                                             \
            SKIP("this processor has neither avx512_bf16 nor AMX's"); \
    } while (0)

/* --- rounding --- */

static uint16_t rounded(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return fn_bf16_of(x);
}

TEST(rounding_is_to_the_nearest_and_ties_are_even)
{
    CHECK_INT(rounded(0x3f800000), 0x3f80);
    CHECK_INT(rounded(0x3f807fff), 0x3f80);
    CHECK_INT(rounded(0x3f808000), 0x3f80); /* a tie */
    CHECK_INT(rounded(0x3f808001), 0x3f81);
    CHECK_INT(rounded(0x3f818000), 0x3f82); /* a tie, upwards */
    CHECK_INT(rounded(0xbf818000), 0xbf82);
    CHECK_INT(rounded(0x3fffffff), 0x4000); /* into the exponent */
    CHECK_INT(rounded(0x80000000), 0x8000);
    CHECK_INT(rounded(0x00000001), 0);
    CHECK_INT(rounded(0x7f7fffff), 0x7f80); /* above the largest: infinity */
    CHECK_INT(rounded(0x7f800000), 0x7f80);
}

TEST(what_is_no_number_stays_none)
{
    CHECK((rounded(0x7fc00000) & 0x7fff) > 0x7f80);
    CHECK((rounded(0x7f800001) & 0x7fff) > 0x7f80);
    CHECK((rounded(0x7fffffff) & 0x7fff) > 0x7f80);
    CHECK((rounded(0xffffffff) & 0x7fff) > 0x7f80);
}

/* --- who may --- */

TEST(what_is_not_there_is_refused)
{
    CHECK_OK(fn_precision_accept(FN_PRECISION_FP32, FN_REF, true));
    CHECK_FAILS(fn_precision_accept(FN_PRECISION_TF32, FN_CPU, false), FN_EUNSUPPORTED,
                "tf32");
    CHECK_FAILS(fn_precision_accept(FN_PRECISION_BF16, FN_REF, false), FN_EUNSUPPORTED,
                "double");
    CHECK_FAILS(fn_precision_accept(FN_PRECISION_BF16, FN_CPU, true), FN_EINVAL, "exact");
    CHECK_FAILS(fn_precision_accept((fn_precision)4, FN_CPU, false), FN_EINVAL, "4");
    if (lacks_bf16())
        CHECK_FAILS(fn_precision_accept(FN_PRECISION_BF16, FN_CPU, false), FN_EUNSUPPORTED,
                    "avx512_bf16");
    CHECK_INT(fn_precision_find("bf16"), FN_PRECISION_BF16);
    CHECK_INT(fn_precision_find("bf1"), -1);
}

TEST(a_plan_says_so)
{
    fn_graph *g;
    fn_params *p;
    fn_plan *plan = NULL;
    CHECK_OK(fn_test_net(&g, &p, FN_TEST_NET("none"), 2, false));
    CHECK_FAILS(fn_plan_open(&plan, g, p,
                             (fn_plan_options){FN_CPU, .precision = FN_PRECISION_TF32}),
                FN_EUNSUPPORTED, "tf32");
    CHECK(!plan);
    fn_params_close(p);
    fn_graph_close(g);
}

/* --- every op --- */

/* Inputs are the same numbers; a result in bf16 is off by 2^-9 of itself, and by a little more
 * where backward reads a y that was rounded, or weights were. */
#define OFF (1.0 / 128)

static void check_offers(subject *s)
{
    if (!s->op->kernel[FN_CPU])
        return; /* one of a GPU's */
    for (int offer = 0; offer < OFFERS; offer++)
        try(s, (way){.backend = FN_CPU, .offer = offer, .precision = FN_PRECISION_BF16});
}

static void check_threads(subject *s)
{
    for (int run = 1; run < 4 && s->op->kernel[FN_CPU]; run += 2)
        try(s, (way){.backend = FN_CPU,
                     .offer = FN_BLOCK16,
                     .precision = FN_PRECISION_BF16,
                     .prepare_threads = 4 - run,
                     .run_threads = run});
}

static void check_unwanted(subject *s)
{
    int gradients = s->oracle.n_x + s->oracle.n_w;
    if (!s->op->kernel[FN_CPU])
        return;
    for (unsigned unwanted = 1; unwanted < 1u << gradients; unwanted++)
        try(s,
            (way){.backend = FN_CPU, .precision = FN_PRECISION_BF16, .unwanted = unwanted});
}

TEST(every_op_agrees_with_the_reference)
{
    NEEDS_BF16;
    allowed = OFF;
    for (int training = 0; training < 2; training++) {
        each_sample_in(FN_PRECISION_BF16, training, check_offers);
        each_sample_in(FN_PRECISION_BF16, training, check_threads);
    }
    each_sample_in(FN_PRECISION_BF16, true, check_unwanted);
    allowed = 1e-5;
}

/* --- one convolution --- */

/* Images are floats; and oneDNN may choose any format. */
static void check_conv(subject *s)
{
    if (strcmp(s->op->name, "conv") != 0)
        return;
    for (int floats = 0; floats < 2; floats++)
        for (fn_format x = FN_PLAIN; x < FN_FORMATS; x++)
            for (fn_format y = FN_PLAIN; y < FN_FORMATS; y++)
                try(s, (way){.backend = FN_CPU,
                             .precision = FN_PRECISION_BF16,
                             .floats = floats,
                             .forced = (const fn_format[]){x, y}});
}

TEST(a_convolution_takes_floats_and_any_format)
{
    NEEDS_BF16;
    allowed = OFF;
    each_sample_in(FN_PRECISION_BF16, true, check_conv);
    each_sample_in(FN_PRECISION_BF16, false, check_conv);
    allowed = 1e-5;
}

/* --- a whole network --- */

#define PLAIN_NET                                          \
    "name: plain\ninput: 64x64x3\n"                        \
    "each: {norm: batch, act: relu}\nlayers:\n"            \
    "  - conv: {name: a, out: 32, kernel: 5, stride: 2}\n" \
    "  - conv: {name: b, out: 64, kernel: 3}\n"            \
    "  - maxpool: {kernel: 3, stride: 2}\n"                \
    "  - conv: {name: c, out: 96, kernel: 3}\n"            \
    "  - conv: {name: d, out: 96, kernel: 3}\n"            \
    "  - maxpool: {kernel: 3, stride: 2}\n"                \
    "  - conv: {name: e, out: 128, kernel: 3}\n"           \
    "heads:\n  embedding:\n    - fc: {out: 128, act: none}\n    - l2norm\n"

enum { BATCH = 8, DIM = 128, GRIDS = 3 };

typedef struct result {
    float embedding[BATCH * DIM], *gradient;
    int convs, low; /* convolutions; those in bf16 */
} result;

/* What bf16 rounds is rounded in a plan in float as well, but on another grid: of numbers that are
 * `scale` times as large. What only picks or joins them changes nothing again. */
typedef struct grid {
    const fn_plan *plan;
    float scale;
} grid;

static void round_on(float scale, float *v, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        v[i] = fn_bf16_float(fn_bf16_of(scale * v[i])) / scale;
}

static void round_values(void *ctx, int node, bool backward)
{
    const grid *g = ctx;
    const fn_call *c = fn_plan_call(g->plan, node);
    const fn_tensor *t = backward ? c->dx : c->y;
    for (int i = 0; i < (backward ? c->n_x : c->n_y); i++)
        if (t[i].data && t[i].shape.rank == 4)
            round_on(g->scale, t[i].data, fn_format_numel(t[i].shape, t[i].format));
}

static void round_kernels(float scale, fn_params *p)
{
    for (int i = 0; i < p->n; i++)
        if (p->param[i].shape.rank == 4)
            round_on(scale, p->value + p->param[i].offset, p->param[i].count);
}

static void count_convs(result *r, const fn_plan *plan)
{
    for (int i = 0; i < fn_plan_lines(plan); i++) {
        fn_plan_line line;
        fn_plan_line_at(plan, i, &line);
        r->convs += strcmp(line.op, "conv") == 0;
        r->low += strcmp(line.op, "conv") == 0 && strstr(line.kernel, "bf16") != NULL;
    }
}

/* `scale`: of the grid, 0 if there is none. */
static void run_net(result *r, const fn_graph *g, fn_params *p, fn_precision precision,
                    float scale)
{
    fn_plan *plan = NULL;
    int64_t count = fn_numel(g->value[0].shape);
    float *x = fn_alloc((size_t)count, sizeof *x), d[BATCH * DIM];
    fn_test_fill(x, count, 3);
    fn_test_fill(d, BATCH * DIM, 4);
    *r = (result){.low = 0};
    CHECK_OK(fn_plan_open(&plan, g, p, (fn_plan_options){FN_CPU, .precision = precision}));
    grid on = {plan, scale};
    if (scale > 0) {
        round_on(scale, x, count);
        fn_plan_watch(plan, round_values, &on);
    }
    count_convs(r, plan);
    CHECK_OK(fn_plan_load(plan));
    CHECK_OK(fn_plan_forward(plan, x));
    memcpy(r->embedding, fn_plan_output(plan, 0), sizeof r->embedding);
    if (g->training) {
        r->gradient = fn_alloc((size_t)p->count, sizeof(float));
        CHECK_OK(fn_plan_backward(plan, d));
        memcpy(r->gradient, p->grad, (size_t)p->count * sizeof(float));
    }
    fn_plan_close(plan);
    fn_free(x);
}

/* Of the difference, relative, in the Euclidean norm. */
static double distance(const float *a, const float *b, int64_t n)
{
    double sum = 0, all = 0;
    for (int64_t i = 0; i < n; i++) {
        double e = (double)a[i] - (double)b[i];
        sum += e * e;
        all += (double)b[i] * (double)b[i];
    }
    return sqrt(sum / all);
}

/* How far embeddings and gradients have moved. */
typedef struct move {
    double cosine; /* 1 - the cosine, the mean over the images */
    double gradient;
} move;

static move moved(const result *a, const result *b, int64_t count)
{
    move m = {0};
    for (int i = 0; i < BATCH; i++) {
        double d = distance(a->embedding + i * DIM, b->embedding + i * DIM, DIM);
        m.cosine += d * d / 2 / BATCH;
    }
    m.gradient = a->gradient ? distance(a->gradient, b->gradient, count) : 0;
    return m;
}

/* Where Winograd keeps the kernel in float, embeddings are nearer than on the grids. */
static void judge(const char *name, move bf16, move grids, bool training)
{
    printf(
        "# %s%s: cosine distance %.2g, on other grids %.2g; gradient off by %.2g, %.2g\n",
        name, training ? ", training" : "", bf16.cosine, grids.cosine, bf16.gradient,
        grids.gradient);
    CHECK(bf16.cosine > grids.cosine / 3 && bf16.cosine < 1.5 * grids.cosine);
    if (training)
        CHECK(bf16.gradient > 0.75 * grids.gradient &&
              bf16.gradient < 1.25 * grids.gradient);
    else
        CHECK(bf16.cosine < 5e-5);
}

static move move_on_grids(const result *exact, const fn_graph *g, fn_params *p)
{
    const float scale[GRIDS] = {1.19F, 1.41F, 1.68F}; /* the quarters of an octave */
    float *w = fn_alloc((size_t)p->count, sizeof *w);
    move sum = {0};
    memcpy(w, p->value, (size_t)p->count * sizeof *w);
    for (int k = 0; k < GRIDS; k++) {
        result r;
        memcpy(p->value, w, (size_t)p->count * sizeof *w);
        round_kernels(scale[k], p);
        run_net(&r, g, p, FN_PRECISION_FP32, scale[k]);
        move m = moved(&r, exact, p->count);
        sum.cosine += m.cosine / GRIDS;
        sum.gradient += m.gradient / GRIDS;
        fn_free(r.gradient);
    }
    fn_free(w);
    return sum;
}

/* In float, in bf16, and in float on other grids. */
static void compare_nets(const char *name, const char *text, bool training)
{
    fn_net *net = NULL;
    fn_graph *g = NULL;
    fn_params *p = NULL;
    result exact, low;
    CHECK_OK(text ? fn_net_parse(&net, name, text, strlen(text))
                  : fn_net_open(&net, name, NULL));
    CHECK_OK(fn_net_build(&g, net, BATCH, training));
    CHECK_OK(fn_params_open(&p, g, training));
    fn_params_init(p, 5);
    run_net(&exact, g, p, FN_PRECISION_FP32, 0);
    run_net(&low, g, p, FN_PRECISION_BF16, 0);
    CHECK_INT(exact.low, 0);
    CHECK_INT(low.low, low.convs);
    judge(name, moved(&low, &exact, p->count), move_on_grids(&exact, g, p), training);
    fn_free(exact.gradient);
    fn_free(low.gradient);
    fn_params_close(p);
    fn_graph_close(g);
    fn_net_close(net);
}

/* A network multiplies what one convolution loses, most in training with batch norm. The measure
 * is therefore the same network in float, with what is kept between its nodes, and kernels, as
 * coarse as in bf16. */
TEST(a_network_loses_what_rounding_takes)
{
    NEEDS_BF16;
    for (int training = 0; training < 2; training++) {
        compare_nets("nn4", NULL, training);
        compare_nets("nn4-bn", NULL, training);
        compare_nets("plain", PLAIN_NET, training);
    }
}
