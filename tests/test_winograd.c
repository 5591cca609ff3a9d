/* test_winograd.c -- each pass against the definition in double, in every format, for every
 * instruction set that the processor has, with tiles that stick out of the image; the rule that
 * chooses; whole networks with and without. */
#include "core/mem.h"
#include "kernels/conv.h"
#include "kernels/format.h"
#include "kernels/implicit.h"
#include "kernels/threads.h"
#include "kernels/winograd.h"
#include "kernels/winograd_stages.h"
#include "nn/plan.h"
#include "tests/nets.h"
#include "tests/test.h"
#include "tests/winograd_rig.h"

static fn_shape y_shape(void)
{
    return (fn_shape)FN_NCHW(N, O, H, W);
}

/* `from`, plain, as it lies in format f. */
static float *in_format(const float *from, fn_shape s, fn_format f)
{
    float *to = fn_alloc((size_t)fn_format_numel(s, f), sizeof *to);
    fn_format_convert((fn_tensor){s, f, .data = to},
                      (fn_tensor){s, FN_PLAIN, .data = (void *)(uintptr_t)from});
    return to;
}

static double worst(const float *got, fn_format f, const double *want, fn_shape s)
{
    float *plain = fn_alloc((size_t)fn_numel(s), sizeof *plain);
    double most = 0, scale = 0;
    fn_format_convert((fn_tensor){s, FN_PLAIN, .data = plain},
                      (fn_tensor){s, f, .data = (void *)(uintptr_t)got});
    for (int64_t i = 0; i < fn_numel(s); i++) {
        double e = fabs((double)plain[i] - want[i]);
        scale = fmax(scale, fabs(want[i]));
        most = e > most || isnan(e) ? e : most;
    }
    fn_free(plain);
    CHECK(scale > 1);
    return most / scale;
}

/* How a pass is run: in every way it must give the same bits for any number of threads. */
typedef struct trial {
    const tensors *t;
    fn_winograd g;
    bool relu; /* and its mask in backward, where there is no bias then */
} trial;

static fn_format format_of(const trial *r)
{
    return r->g.x_format;
}

static float *bits_of_forward(const trial *r, int threads, const float *bias)
{
    fn_format f = format_of(r);
    float *x = in_format(r->t->x, x_shape, f);
    float *u = fn_alloc((size_t)fn_winograd_floats(&r->g), sizeof *u);
    float *y = in_format(r->t->raw, y_shape(), f); /* something that must vanish */
    fn_threads_set(threads);
    void *scratch = fn_alloc(1, fn_winograd_scratch(&r->g));
    memset(scratch, 0xff, fn_winograd_scratch(&r->g)); /* NaN */
    fn_winograd_pack(u, &r->g, r->t->w, false);
    fn_winograd_forward(&r->g, y, x, u, bias, r->relu, scratch);
    fn_free(x);
    fn_free(u);
    fn_free(scratch);
    return y;
}

static void check_forward(const trial *r, const float *bias)
{
    int64_t count = N * O * H * W;
    double *want = fn_alloc((size_t)count, sizeof *want);
    for (int64_t i = 0; i < count; i++) {
        want[i] = r->t->y[i] + (bias ? (double)bias[i % O] : 0);
        want[i] = r->relu && want[i] < 0 ? 0 : want[i];
    }
    float *y = bits_of_forward(r, 1, bias), *again = bits_of_forward(r, 4, bias);
    CHECK(worst(y, format_of(r), want, y_shape()) < SAME_AS_DOUBLE * 1e-6);
    CHECK(memcmp(y, again, (size_t)count * sizeof *y) == 0);
    fn_free(y);
    fn_free(again);
    fn_free(want);
}

static gradients bits_of_back(const trial *r, int threads)
{
    fn_format f = format_of(r);
    float *x = in_format(r->t->x, x_shape, f);
    float *u = fn_alloc((size_t)fn_winograd_floats(&r->g), sizeof *u);
    float *dy = in_format(r->relu ? r->t->raw : r->t->dy, y_shape(), f);
    float *y = in_format(r->t->mask, y_shape(), f);
    gradients d = {in_format(r->t->x, x_shape, f), random_numbers(O * C * K * K, 7),
                   random_numbers(O, 8)};
    fn_threads_set(threads);
    void *scratch = fn_alloc(1, fn_winograd_scratch(&r->g));
    memset(scratch, 0xff, fn_winograd_scratch(&r->g)); /* NaN */
    fn_winograd_pack(u, &r->g, r->t->w, true);
    fn_winograd_back(&r->g, d.dx, dy, r->relu ? y : NULL, u, scratch);
    fn_winograd_back_w(&r->g, d.dw, d.db, x, dy, r->relu ? y : NULL, scratch);
    fn_free(x);
    fn_free(u);
    fn_free(dy);
    fn_free(y);
    fn_free(scratch);
    return d;
}

static void check_back(const trial *r)
{
    const tensors *t = r->t;
    gradients d = bits_of_back(r, 1), again = bits_of_back(r, 3);
    CHECK(worst(d.dx, format_of(r), t->dx, x_shape) < SAME_AS_DOUBLE * 1e-6);
    CHECK(worst(d.dw, FN_PLAIN, t->dw, (fn_shape)FN_NC(O, C * K * K)) <
          SAME_AS_DOUBLE * 1e-6);
    CHECK(worst(d.db, FN_PLAIN, t->db, (fn_shape)FN_C(O)) < 1e-6);
    CHECK(memcmp(d.dx, again.dx, N * C * H * W * sizeof *d.dx) == 0);
    CHECK(memcmp(d.dw, again.dw, (size_t)(O * C * K * K) * sizeof *d.dw) == 0);
    CHECK(memcmp(d.db, again.db, (size_t)O * sizeof *d.db) == 0);
    drop(d);
    drop(again);
}

static void check_passes(const tensors *t, fn_format f, bool any)
{
    fn_conv a = {.out = (int)O, .kernel = (int)K, .stride = 1, .bias = 1};
    fn_call c = conv_call(&a, x_shape, f);
    trial r = {t, fn_winograd_of(&c), false};
    float *bias = random_numbers(O, 9);
    if (any)
        r.g.stages = &fn_winograd_any;
    check_forward(&r, NULL);
    check_back(&r);
    r.relu = true;
    check_forward(&r, bias);
    check_back(&r);
    fn_free(bias);
}

/* 72 channels are nine vectors of AVX2, 80 are five of AVX-512: one is left over. */
TEST(every_pass_is_the_definition_in_every_format)
{
    for (O = 72; O <= 80; O += 8) {
        tensors t = expected();
        check_passes(&t, FN_PLAIN, false);
        check_passes(&t, FN_BLOCK8, false);
        if (O % 16 == 0)
            check_passes(&t, FN_BLOCK16, false);
        check_passes(&t, FN_PLAIN, true);
        forget(t);
    }
    O = 72;
    fn_threads_set(0);
}

/* With AVX2 and AVX-512 alone. */
TEST(kernels_of_five_are_the_definition)
{
    if (!fn_implicit_gains()) {
        printf("# neither AVX-512 nor AVX2: nothing to try\n");
        return;
    }
    K = 5;
    O = 80;
    tensors t = expected();
    check_passes(&t, FN_PLAIN, false);
    check_passes(&t, FN_BLOCK8, false);
    check_passes(&t, FN_BLOCK16, false);
    forget(t);
    fn_conv a = {.out = (int)O, .kernel = (int)K, .stride = 1, .bias = 1};
    fn_call c = conv_call(&a, x_shape, FN_PLAIN);
    CHECK(fn_winograd_fits(&c));
    c.x[0].type = c.y[0].type = FN_BF16;
    CHECK(!fn_winograd_fits(&c));
    K = 3;
    O = 72;
}

/* In blocks of 16, 72 channels end in half a block, whose padding must be zero; the rule
 * leaves such a convolution to oneDNN. 48 fill theirs. */
TEST(sixteen_channels_a_block)
{
    static const fn_conv a = {.out = 72, .kernel = 3, .stride = 1};
    fn_call c = conv_call(&a, x_shape, FN_BLOCK16);
    CHECK(!fn_winograd_fits(&c));
    c.y[0].format = FN_BLOCK8;
    CHECK(fn_winograd_fits(&c));
    tensors t = expected();
    fn_winograd g = fn_winograd_of(&c);
    float *x = in_format(t.x, x_shape, FN_BLOCK16),
          *y = in_format(t.dy, y_shape(), FN_BLOCK8);
    float *u = fn_alloc((size_t)fn_winograd_floats(&g), sizeof *u);
    void *scratch = fn_alloc(1, fn_winograd_scratch(&g));
    fn_winograd_pack(u, &g, t.w, false);
    fn_winograd_forward(&g, y, x, u, NULL, false, scratch);
    CHECK(worst(y, FN_BLOCK8, t.y, y_shape()) < SAME_AS_DOUBLE * 1e-6);
    fn_winograd_pack(u, &g, t.w, true);
    fn_format_convert((fn_tensor){y_shape(), FN_BLOCK8, .data = y},
                      (fn_tensor){y_shape(), FN_PLAIN, .data = (void *)(uintptr_t)t.dy});
    fn_winograd_back(&g, x, y, NULL, u, scratch);
    CHECK(worst(x, FN_BLOCK16, t.dx, x_shape) < SAME_AS_DOUBLE * 1e-6);
    fn_free(x);
    fn_free(y);
    fn_free(u);
    fn_free(scratch);
    forget(t);
}

TEST(only_what_gains_is_taken)
{
    static const fn_conv yes = {.out = 72, .kernel = 3, .stride = 1, .bias = 1};
    static const fn_conv no[] = {{.out = 72, .kernel = 7, .stride = 1},
                                 {.out = 72, .kernel = 3, .stride = 2},
                                 {.out = 72, .kernel = 3, .stride = 1, .pad = FN_VALID},
                                 {.out = 24, .kernel = 3, .stride = 1},
                                 {.out = 76, .kernel = 3, .stride = 1}};
    fn_call c = conv_call(&yes, x_shape, FN_BLOCK8);
    CHECK(fn_winograd_fits(&c));
    c.exact = true;
    CHECK(!fn_winograd_fits(&c));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
        c = conv_call(&no[i], x_shape, FN_BLOCK8);
        CHECK(!fn_winograd_fits(&c));
    }
    c = conv_call(&yes, (fn_shape)FN_NCHW(3, C, H, W), FN_BLOCK8); /* 63 of 96 pixels */
    CHECK(!fn_winograd_fits(&c));
    c = conv_call(&yes, (fn_shape)FN_NCHW(4, C, H, W), FN_BLOCK8);
    CHECK(fn_winograd_fits(&c));
    c = conv_call(&yes, (fn_shape)FN_NCHW(64, C, 5, 5), FN_BLOCK8); /* 25 of 64 pixels */
    CHECK(!fn_winograd_fits(&c));
    c = conv_call(&yes, (fn_shape)FN_NCHW(N, 24, H, W), FN_BLOCK8);
    CHECK(!fn_winograd_fits(&c));
}

/* --- a whole network --- */

enum { BATCH = 8, DIM = 128, IMAGE = 96 * 96 * 3 };

static int run_net(float *out, float *grad, const fn_graph *g, fn_params *p, bool exact)
{
    fn_plan *plan = NULL;
    float *x = random_numbers(BATCH * IMAGE, 3), d[BATCH * DIM];
    int fast = 0;
    fn_test_fill(d, BATCH * DIM, 4);
    CHECK_OK(
        fn_plan_open(&plan, g, p, (fn_plan_options){.backend = FN_CPU, .exact = exact}));
    for (int i = 0; i < fn_plan_lines(plan); i++) {
        fn_plan_line line;
        fn_plan_line_at(plan, i, &line);
        fast += strstr(line.kernel, "winograd") != NULL;
    }
    CHECK_OK(fn_plan_load(plan));
    CHECK_OK(fn_plan_forward(plan, x));
    memcpy(out, fn_plan_output(plan, 0), BATCH * DIM * sizeof *out);
    CHECK_OK(fn_plan_backward(plan, d));
    memcpy(grad, p->grad, (size_t)p->count * sizeof *grad);
    fn_plan_close(plan);
    fn_free(x);
    return fast;
}

/* Of the difference, relative, in the Euclidean norm. A maximum that ties or a ReLU near 0 may
 * fall the other way: weights changed by a millionth already move the gradients by 2e-3. */
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

TEST(a_network_is_the_same_with_and_without)
{
    fn_net *net = NULL;
    fn_graph *g = NULL;
    fn_params *p = NULL;
    float fast[BATCH * DIM], exact[BATCH * DIM];
    CHECK_OK(fn_net_open(&net, "nn4", NULL));
    CHECK_OK(fn_net_build(&g, net, BATCH, true));
    CHECK_OK(fn_params_open(&p, g, true));
    fn_params_init(p, 5);
    float *a = fn_alloc((size_t)p->count, sizeof *a), *b = fn_alloc((size_t)p->count, 4);
    CHECK(run_net(fast, a, g, p, false) >= 3);
    CHECK_INT(run_net(exact, b, g, p, true), 0);
    CHECK(distance(a, b, p->count) < 1e-2);
    fn_free(a);
    fn_free(b);
    fn_params_close(p);
    fn_graph_close(g);
    fn_net_close(net);
}
