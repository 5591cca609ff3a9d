/* test_winograd.c -- each pass against the definition in double, in every format, with tiles
 * that stick out of the image; the rule that chooses; whole networks with and without. */
#include "core/mem.h"
#include "kernels/conv.h"
#include "kernels/format.h"
#include "kernels/threads.h"
#include "kernels/winograd.h"
#include "nn/plan.h"
#include "tests/nets.h"
#include "tests/test.h"

/* 9x7 pixels are 3x2 tiles, of which the last row and column stick out; 72 tiles are more
 * than go through at a time. */
enum { N = 12, C = 64, O = 72, H = 9, W = 7 };
static const fn_shape x_shape = FN_NCHW(N, C, H, W), y_shape = FN_NCHW(N, O, H, W);

static fn_call conv_call(const fn_conv *a, fn_shape x, fn_format f)
{
    fn_call c = {.attr = a, .training = true, .n_x = 1};
    c.x[0].shape = x;
    CHECK_OK(fn_op_find("conv")->infer(&c));
    c.x[0].format = c.y[0].format = f;
    return c;
}

static float *random_numbers(int64_t n, uint32_t seed)
{
    float *x = fn_alloc((size_t)n, sizeof *x);
    fn_test_fill(x, n, seed);
    return x;
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

/* Visits every product of the convolution: y[n, o, i, j] += w[o, c, u, v] x[n, c, r, k]. */
typedef struct tensors {
    const float *x, *w, *dy; /* plain */
    double *y, *dx, *dw, *db;
} tensors;

static void convolve_at(tensors *t, int64_t n, int64_t i, int64_t j)
{
    int64_t at = (n * H + i) * W + j;
    for (int64_t tap = 0; tap < 9; tap++) {
        int64_t r = i + tap / 3 - 1, k = j + tap % 3 - 1, from = (n * H + r) * W + k;
        if (r < 0 || r >= H || k < 0 || k >= W)
            continue;
        for (int64_t o = 0; o < O; o++)
            for (int64_t c = 0; c < C; c++) {
                double x = (double)t->x[from * C + c], g = (double)t->dy[at * O + o];
                double w = (double)t->w[(o * C + c) * 9 + tap];
                t->y[at * O + o] += w * x;
                t->dx[from * C + c] += w * g;
                t->dw[(o * C + c) * 9 + tap] += g * x;
            }
    }
    for (int64_t o = 0; o < O; o++)
        t->db[o] += (double)t->dy[at * O + o];
}

static tensors expected(void)
{
    tensors t = {.x = random_numbers(N * C * H * W, 1),
                 .w = random_numbers(O * C * 9, 2),
                 .dy = random_numbers(N * O * H * W, 3),
                 .y = fn_alloc(N * O * H * W, sizeof(double)),
                 .dx = fn_alloc(N * C * H * W, sizeof(double)),
                 .dw = fn_alloc(O * C * 9, sizeof(double)),
                 .db = fn_alloc(O, sizeof(double))};
    for (int64_t n = 0; n < N; n++)
        for (int64_t i = 0; i < H * W; i++)
            convolve_at(&t, n, i / W, i % W);
    return t;
}

static void forget(tensors t)
{
    void *all[] = {(void *)(uintptr_t)t.x,
                   (void *)(uintptr_t)t.w,
                   (void *)(uintptr_t)t.dy,
                   t.y,
                   t.dx,
                   t.dw,
                   t.db};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        fn_free(all[i]);
}

enum { SAME_AS_DOUBLE = 20 }; /* millionths of the largest value */

static void check_forward(const tensors *t, const fn_winograd *g, fn_format f, bool relu,
                          const float *bias)
{
    float *x = in_format(t->x, x_shape, f), *u = fn_alloc((size_t)fn_winograd_floats(g), 4);
    float *y = in_format(t->dy, y_shape, f); /* something that must vanish */
    void *scratch = fn_alloc(1, fn_winograd_scratch(g));
    double *want = fn_alloc(N * O * H * W, sizeof *want);
    for (int64_t i = 0; i < N * O * H * W; i++) {
        want[i] = t->y[i] + (bias ? (double)bias[i % O] : 0);
        want[i] = relu && want[i] < 0 ? 0 : want[i];
    }
    fn_winograd_pack(u, g, t->w, false);
    CHECK_OK(fn_winograd_forward(g, y, x, u, bias, relu, scratch));
    CHECK(worst(y, f, want, y_shape) < SAME_AS_DOUBLE * 1e-6);
    fn_free(x);
    fn_free(u);
    fn_free(y);
    fn_free(scratch);
    fn_free(want);
}

static void check_back(const tensors *t, const fn_winograd *g, fn_format f)
{
    float *x = in_format(t->x, x_shape, f), *u = fn_alloc((size_t)fn_winograd_floats(g), 4);
    float *dy = in_format(t->dy, y_shape, f), *dx = in_format(t->x, x_shape, f);
    float *dw = random_numbers(O * C * 9, 7), *db = random_numbers(O, 8);
    void *scratch = fn_alloc(1, fn_winograd_scratch(g));
    memset(scratch, 0xff, fn_winograd_scratch(g)); /* NaN */
    fn_winograd_pack(u, g, t->w, true);
    CHECK_OK(fn_winograd_back(g, dx, dy, u, scratch));
    CHECK_OK(fn_winograd_back_w(g, dw, db, x, dy, scratch));
    CHECK(worst(dx, f, t->dx, x_shape) < SAME_AS_DOUBLE * 1e-6);
    CHECK(worst(dw, FN_PLAIN, t->dw, (fn_shape)FN_NC(O, C * 9)) < SAME_AS_DOUBLE * 1e-6);
    CHECK(worst(db, FN_PLAIN, t->db, (fn_shape)FN_C(O)) < 1e-6);
    fn_free(x);
    fn_free(u);
    fn_free(dy);
    fn_free(dx);
    fn_free(dw);
    fn_free(db);
    fn_free(scratch);
}

TEST(every_pass_is_the_definition_in_every_format)
{
    static const fn_conv a = {.out = O, .kernel = 3, .stride = 1, .bias = 1};
    static const fn_format formats[] = {FN_PLAIN, FN_BLOCK8};
    tensors t = expected();
    float *bias = random_numbers(O, 9);
    for (int k = 0; k < 2; k++)
        for (int threads = 1; threads <= 3; threads++) {
            fn_call c = conv_call(&a, x_shape, formats[k]);
            fn_winograd g = fn_winograd_of(&c);
            fn_threads_set(threads);
            check_forward(&t, &g, formats[k], threads == 2, threads == 3 ? NULL : bias);
            check_back(&t, &g, formats[k]);
        }
    fn_threads_set(0);
    fn_free(bias);
    forget(t);
}

/* In blocks of 16, 72 channels end in half a block, whose padding must be zero; the rule
 * leaves such a convolution to oneDNN. 64 fill theirs. */
TEST(sixteen_channels_a_block)
{
    static const fn_conv a = {.out = O, .kernel = 3, .stride = 1};
    fn_call c = conv_call(&a, x_shape, FN_BLOCK16);
    CHECK(!fn_winograd_fits(&c));
    c.y[0].format = FN_BLOCK8;
    CHECK(fn_winograd_fits(&c));
    tensors t = expected();
    fn_winograd g = fn_winograd_of(&c);
    float *x = in_format(t.x, x_shape, FN_BLOCK16),
          *y = in_format(t.dy, y_shape, FN_BLOCK8);
    float *u = fn_alloc((size_t)fn_winograd_floats(&g), sizeof *u);
    void *scratch = fn_alloc(1, fn_winograd_scratch(&g));
    fn_winograd_pack(u, &g, t.w, false);
    CHECK_OK(fn_winograd_forward(&g, y, x, u, NULL, false, scratch));
    CHECK(worst(y, FN_BLOCK8, t.y, y_shape) < SAME_AS_DOUBLE * 1e-6);
    fn_winograd_pack(u, &g, t.w, true);
    fn_format_convert((fn_tensor){y_shape, FN_BLOCK8, .data = y},
                      (fn_tensor){y_shape, FN_PLAIN, .data = (void *)(uintptr_t)t.dy});
    CHECK_OK(fn_winograd_back(&g, x, y, u, scratch));
    CHECK(worst(x, FN_BLOCK16, t.dx, x_shape) < SAME_AS_DOUBLE * 1e-6);
    fn_free(x);
    fn_free(y);
    fn_free(u);
    fn_free(scratch);
    forget(t);
}

TEST(only_what_gains_is_taken)
{
    static const fn_conv yes = {.out = O, .kernel = 3, .stride = 1, .bias = 1};
    static const fn_conv no[] = {{.out = O, .kernel = 5, .stride = 1},
                                 {.out = O, .kernel = 3, .stride = 2},
                                 {.out = O, .kernel = 3, .stride = 1, .pad = FN_VALID},
                                 {.out = 56, .kernel = 3, .stride = 1},
                                 {.out = 76, .kernel = 3, .stride = 1}};
    fn_call c = conv_call(&yes, x_shape, FN_BLOCK8);
    CHECK(fn_winograd_fits(&c));
    c.exact = true;
    CHECK(!fn_winograd_fits(&c));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
        c = conv_call(&no[i], (fn_shape)FN_NCHW(4 * N, C, H, W),
                      FN_BLOCK8); /* tiles enough */
        CHECK(!fn_winograd_fits(&c));
    }
    c = conv_call(&yes, (fn_shape)FN_NCHW(10, C, H, W), FN_BLOCK8); /* 60 tiles */
    CHECK(!fn_winograd_fits(&c));
    c = conv_call(&yes, (fn_shape)FN_NCHW(N, 56, H, W), FN_BLOCK8);
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
