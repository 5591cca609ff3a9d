/* test_session.c -- embeddings of a session against a plain run of the plan: all batch sizes,
 * threads, mirror images, files, and sources that fail. */
#include "core/file.h"
#include "core/mem.h"
#include "data/view.h"
#include "infer/session.h"
#include "kernels/threads.h"
#include "nn/plan.h"
#include "tests/nets.h"
#include "tests/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

enum { N = 41, DIM = 8, H = 19, W = 17, VIEW_FLOATS = H * W * 3 };

static const float share = 0.8F;
/* Plans of two batch sizes may add in another order; images differ by much more. */
static const double tolerance = 2e-6, apart = 1e-3;

typedef struct rig {
    fn_net *net;
    fn_graph *graph;
    fn_params *params;
    fn_pixels face[N];
    fn_image image[N];
    float want[N * DIM];
} rig;

/* Every image has its own size and its own gradient of colours. */
static void paint(fn_pixels *p, uint32_t index)
{
    fn_rng r = fn_rng_at(3, FN_RNG_TEST, 0, index);
    CHECK_OK(
        fn_pixels_make(p, 18 + (int)fn_rng_below(&r, 30), 18 + (int)fn_rng_below(&r, 30)));
    double base[3], slope[3][2];
    for (int c = 0; c < 3; c++) {
        base[c] = fn_rng_range(&r, 0, 255);
        slope[c][0] = fn_rng_range(&r, -255, 255);
        slope[c][1] = fn_rng_range(&r, -255, 255);
    }
    for (int y = 0; y < p->height; y++)
        for (int x = 0; x < p->width; x++)
            for (int c = 0; c < 3; c++) {
                double v = base[c] + slope[c][0] * x / p->width +
                           slope[c][1] * y / p->height + fn_rng_range(&r, -20, 20);
                p->rgb[3 * (y * p->width + x) + c] = (uint8_t)fmin(fmax(v, 0), 255);
            }
}

/* The embeddings of n views by a plan of batch n. */
static void run_plan(const fn_net *net, fn_params *params, const float *x, int n,
                     float *out)
{
    fn_graph *g = NULL;
    fn_plan *plan = NULL;
    CHECK_OK(fn_net_build(&g, net, n, false));
    CHECK_OK(fn_plan_open(&plan, g, params, (fn_plan_options){.backend = FN_CPU}));
    CHECK_OK(fn_plan_load(plan));
    CHECK_OK(fn_plan_forward(plan, x));
    memcpy(out, fn_plan_output(plan, 0), (size_t)n * DIM * sizeof *out);
    fn_plan_close(plan);
    fn_graph_close(g);
}

static void run_images(const rig *r, const fn_image *image, float *out)
{
    static float x[N * VIEW_FLOATS];
    fn_view_scratch scratch = {NULL, 0};
    for (int i = 0; i < N; i++)
        CHECK_OK(fn_view_render(x + (size_t)i * VIEW_FLOATS, H, W, &image[i],
                                fn_view_centre(share), &scratch));
    fn_free(scratch.data);
    run_plan(r->net, r->params, x, N, out);
}

static void rig_open(rig *r)
{
    const char *text = FN_TEST_NET("batch");
    *r = (rig){.net = NULL};
    CHECK_OK(fn_net_parse(&r->net, "test.yaml", text, strlen(text)));
    CHECK_OK(fn_test_net(&r->graph, &r->params, text, 1, false));
    for (uint32_t i = 0; i < N; i++) {
        paint(&r->face[i], i);
        r->image[i] = fn_pixels_view(&r->face[i]);
    }
    run_images(r, r->image, r->want);
}

static void rig_close(rig *r)
{
    for (int i = 0; i < N; i++)
        fn_pixels_free(&r->face[i]);
    fn_params_close(r->params);
    fn_graph_close(r->graph);
    fn_net_close(r->net);
}

static fn_session *open_session(const rig *r, int threads, int max_batch)
{
    fn_session_options o = {.size = sizeof o, .threads = threads, .max_batch = max_batch};
    fn_session *s = NULL;
    CHECK_OK(fn_session_over(&s, r->net, r->params, share, &o));
    return s;
}

static double worst(const float *a, const float *b, int n)
{
    double most = 0;
    for (int i = 0; i < n * DIM; i++) {
        double e = fabs((double)a[i] - (double)b[i]);
        most = e > most || isnan(e) ? e : most;
    }
    return most;
}

static fn_status copy_face(void *ctx, int i, fn_pixels *out)
{
    const rig *r = ctx;
    FN_TRY(fn_pixels_make(out, r->face[i].width, r->face[i].height));
    memcpy(out->rgb, r->face[i].rgb, 3 * (size_t)out->width * (size_t)out->height);
    return FN_OK;
}

/* --- in memory --- */

TEST(images_of_the_rig_differ)
{
    rig r;
    rig_open(&r);
    for (int i = 0; i < N; i++)
        for (int k = 0; k < i; k++)
            CHECK(worst(r.want + i * DIM, r.want + k * DIM, 1) > apart);
    rig_close(&r);
}

TEST(every_batch_size_gives_the_plan_s_embeddings)
{
    rig r;
    float out[N * DIM];
    rig_open(&r);
    for (int batch = 1; batch <= 40; batch++) {
        fn_session *s = open_session(&r, 1, batch);
        memset(out, 0xff, sizeof out);
        CHECK_OK(fn_embed(s, r.image, N, out));
        CHECK(worst(out, r.want, N) < tolerance);
        fn_session_close(s);
    }
    rig_close(&r);
}

/* One to forty images through one session: whole batches, padded ones, single ones. */
TEST(every_count_gives_the_plan_s_embeddings)
{
    rig r;
    float out[(N + 1) * DIM];
    rig_open(&r);
    fn_session *s = open_session(&r, 1, 16);
    CHECK_OK(fn_embed(s, NULL, 0, NULL));
    for (int n = 40; n >= 1; n--) {
        memset(out, 0xff, sizeof out);
        CHECK_OK(fn_embed(s, r.image + N - n, n, out));
        CHECK(worst(out, r.want + (N - n) * DIM, n) < tolerance);
        CHECK(isnan(out[n * DIM])); /* nothing is written behind the last row */
    }
    fn_session_close(s);
    rig_close(&r);
}

TEST(rows_have_unit_norm)
{
    rig r;
    float out[N * DIM], zero[DIM] = {0};
    rig_open(&r);
    fn_session *s = open_session(&r, 1, 8);
    CHECK_OK(fn_embed(s, r.image, N, out));
    for (int i = 0; i < N; i++)
        CHECK_NEAR(fn_distance(out + i * DIM, zero, DIM), 1, 1e-5);
    fn_session_close(s);
    rig_close(&r);
}

TEST(rows_of_pixels_may_be_apart)
{
    rig r;
    float out[DIM];
    rig_open(&r);
    size_t row = 3 * (size_t)r.face[0].width, stride = row + 5;
    uint8_t *wide = fn_alloc((size_t)r.face[0].height, stride);
    for (int y = 0; y < r.face[0].height; y++)
        memcpy(wide + (size_t)y * stride, r.face[0].rgb + (size_t)y * row, row);
    fn_image image = {wide, r.face[0].width, r.face[0].height, stride};
    fn_session *s = open_session(&r, 1, 2);
    CHECK_OK(fn_embed(s, &image, 1, out));
    CHECK(worst(out, r.want, 1) < tolerance);
    fn_session_close(s);
    fn_free(wide);
    rig_close(&r);
}

TEST(a_model_s_session_uses_its_view_and_default_batches)
{
    rig r;
    float out[N * DIM];
    rig_open(&r);
    fn_model m = {.net = r.net, .params = r.params, .dim = DIM, .record = {.view = share}};
    fn_session *s = NULL;
    CHECK_OK(fn_session_open(&s, &m, NULL));
    CHECK_OK(fn_embed(s, r.image, N, out));
    CHECK(worst(out, r.want, N) < tolerance);
    fn_session_close(s);
    /* A caller of an older library knows only `threads`. */
    fn_session_options o = {
        .size = offsetof(fn_session_options, max_batch), .threads = 1, .max_batch = -77};
    CHECK_OK(fn_session_open(&s, &m, &o));
    CHECK_OK(fn_embed(s, r.image, N, out));
    CHECK(worst(out, r.want, N) < tolerance);
    fn_session_close(s);
    rig_close(&r);
}

TEST(reload_sees_new_weights)
{
    rig r;
    float out[N * DIM];
    rig_open(&r);
    fn_session *s = open_session(&r, 2, 16);
    CHECK_OK(fn_embed(s, r.image, N, out)); /* 16 + 16 padded + singles: 41 = 2 * 16 + 9 */
    CHECK_OK(fn_embed(s, r.image, 1, out));
    for (int64_t i = 0; i < r.params->count; i++)
        r.params->value[i] *= 1 + 0.1F * (float)(i % 7);
    float old[N * DIM];
    memcpy(old, r.want, sizeof old);
    run_images(&r, r.image, r.want);
    CHECK(worst(old, r.want, N) > apart);
    CHECK_OK(fn_session_reload(s));
    CHECK_OK(fn_embed(s, r.image, N, out));
    CHECK(worst(out, r.want, N) < tolerance);
    CHECK_OK(fn_embed(s, r.image, 1, out));
    CHECK(worst(out, r.want, 1) < tolerance);
    fn_session_close(s);
    rig_close(&r);
}

TEST(damaged_weights_are_noticed)
{
    rig r;
    float out[N * DIM];
    rig_open(&r);
    r.params->value[r.params->param[r.params->n - 1].offset] = NAN;
    fn_session *s = open_session(&r, 1, 4);
    CHECK_FAILS(fn_embed(s, r.image, N, out), FN_ENUMERIC, "small gives an embedding that");
    fn_session_close(s);
    rig_close(&r);
}

TEST(threads_of_the_caller_stay_as_they_were)
{
    rig r;
    float out[N * DIM];
    rig_open(&r);
    fn_threads_set(3);
    fn_session *s = open_session(&r, 1, 4);
    CHECK_OK(fn_embed(s, r.image, N, out));
    CHECK_OK(fn_session_reload(s));
    CHECK_INT(fn_threads(), 3);
    fn_threads_set(0);
    fn_session_close(s);
    rig_close(&r);
}

typedef struct guest {
    fn_session *session;
    const rig *r;
    float out[N * DIM];
    fn_status rc;
} guest;

static void *embed_elsewhere(void *arg)
{
    guest *g = arg;
    g->rc = fn_embed(g->session, g->r->image, N, g->out);
    return NULL;
}

/* A session may move to another thread, and sessions of one model run side by side. */
TEST(sessions_of_two_threads)
{
    rig r;
    guest g[2];
    pthread_t thread[2];
    rig_open(&r);
    for (int k = 0; k < 2; k++) {
        g[k] = (guest){.session = open_session(&r, 1, 8), .r = &r};
        CHECK_INT(pthread_create(&thread[k], NULL, embed_elsewhere, &g[k]), 0);
    }
    for (int k = 0; k < 2; k++) {
        pthread_join(thread[k], NULL);
        CHECK_INT(g[k].rc, FN_OK);
        CHECK(worst(g[k].out, r.want, N) < tolerance);
        fn_session_close(g[k].session);
    }
    rig_close(&r);
}

TEST(bad_arguments)
{
    rig r;
    float out[DIM];
    fn_session *s = (fn_session *)&s;
    fn_session_options o = {.size = 0};
    rig_open(&r);
    CHECK_FAILS(fn_session_over(&s, r.net, r.params, share, &o), FN_EINVAL, "size is 0");
    CHECK(!s);
    o = (fn_session_options){.size = sizeof o, .threads = -1};
    CHECK_FAILS(fn_session_over(&s, r.net, r.params, share, &o), FN_EINVAL, "negative");
    o = (fn_session_options){.size = sizeof o, .max_batch = -1};
    CHECK_FAILS(fn_session_over(&s, r.net, r.params, share, &o), FN_EINVAL, "negative");
    CHECK_FAILS(fn_session_over(&s, r.net, r.params, 0, NULL), FN_EINVAL, "(0, 1]");
    CHECK_FAILS(fn_session_over(&s, r.net, r.params, 1.5F, NULL), FN_EINVAL, "(0, 1]");
    CHECK_FAILS(fn_session_over(&s, r.net, r.params, NAN, NULL), FN_EINVAL, "(0, 1]");
    s = open_session(&r, 1, 2);
    fn_image bad = r.image[0];
    CHECK_FAILS(fn_embed(s, r.image, -1, out), FN_EINVAL, "-1 images");
    CHECK_FAILS(
        fn_embed_many(s, (fn_embed_source){copy_face, &r}, -1, false, out, NULL, NULL),
        FN_EINVAL, "-1 images");
    bad.stride = 3 * (size_t)bad.width - 1;
    CHECK_FAILS(fn_embed(s, &bad, 1, out), FN_EINVAL, "image 0");
    bad = (fn_image){NULL, 4, 4, 12};
    CHECK_FAILS(fn_embed(s, &bad, 1, out), FN_EINVAL, "at no address");
    bad = (fn_image){r.image[0].rgb, 4, 0, 12};
    CHECK_FAILS(fn_embed(s, &bad, 1, out), FN_EINVAL, "4 x 0 pixels");
    fn_session_close(s);
    rig_close(&r);
}

TEST(a_net_of_other_channels_is_refused)
{
    const char *text = "name: grey\ninput: 9x9x1\nlayers:\n  - avgpool: {kernel: 0}\n"
                       "heads:\n  embedding:\n    - fc: {name: e, out: 4, act: none}\n"
                       "    - l2norm\n";
    fn_net *net = NULL;
    fn_graph *g = NULL;
    fn_params *p = NULL;
    fn_session *s;
    CHECK_OK(fn_net_parse(&net, "grey.yaml", text, strlen(text)));
    CHECK_OK(fn_test_net(&g, &p, text, 1, false));
    CHECK_FAILS(fn_session_over(&s, net, p, 1, NULL), FN_ESHAPE, "takes 1 channels");
    CHECK(!s);
    fn_params_close(p);
    fn_graph_close(g);
    fn_net_close(net);
}

/* --- many --- */

typedef struct heard {
    int calls, done, total;
    bool rising;
    pthread_t caller;
} heard;

static void hear(void *ctx, int done, int total)
{
    heard *h = ctx;
    h->rising = h->rising && done > h->done && pthread_equal(h->caller, pthread_self());
    h->calls++;
    h->done = done;
    h->total = total;
}

TEST(many_equals_one_after_the_other_for_any_threads)
{
    rig r;
    float one[N * DIM], many[N * DIM];
    rig_open(&r);
    for (int threads = 1; threads <= 5; threads += 2)
        for (int batch = 1; batch <= N + 2; batch += 7) {
            heard h = {.rising = true, .caller = pthread_self()};
            fn_session *s = open_session(&r, threads, batch);
            memset(many, 0xff, sizeof many);
            CHECK_OK(fn_embed(s, r.image, N, one));
            CHECK_OK(fn_embed_many(s, (fn_embed_source){copy_face, &r}, N, false, many,
                                   hear, &h));
            CHECK(memcmp(one, many, sizeof one) == 0);
            CHECK(worst(many, r.want, N) < tolerance);
            CHECK(h.rising && h.done == N && h.total == N);
            CHECK_INT(h.calls, (N + batch - 1) / batch);
            fn_session_close(s);
        }
    rig_close(&r);
}

TEST(the_number_of_threads_does_not_change_a_bit)
{
    rig r;
    float first[N * DIM], out[N * DIM];
    rig_open(&r);
    for (int threads = 1; threads <= 4; threads++) {
        fn_session *s = open_session(&r, threads, 16);
        CHECK_OK(fn_embed_many(s, (fn_embed_source){copy_face, &r}, N, true,
                               threads > 1 ? out : first, NULL, NULL));
        CHECK(threads == 1 || memcmp(first, out, sizeof out) == 0);
        fn_session_close(s);
    }
    rig_close(&r);
}

static void mirror(fn_pixels *to, const fn_pixels *from)
{
    CHECK_OK(fn_pixels_make(to, from->width, from->height));
    for (int y = 0; y < from->height; y++)
        for (int x = 0; x < from->width; x++)
            memcpy(to->rgb + 3 * (y * from->width + x),
                   from->rgb + 3 * (y * from->width + from->width - 1 - x), 3);
}

TEST(flip_is_the_normalised_sum_of_both_images)
{
    rig r;
    fn_pixels other[N];
    fn_image image[N];
    float want[N * DIM], out[N * DIM];
    rig_open(&r);
    for (int i = 0; i < N; i++) {
        mirror(&other[i], &r.face[i]);
        image[i] = fn_pixels_view(&other[i]);
    }
    run_images(&r, image, want);
    CHECK(worst(want, r.want, N) > apart);
    for (int i = 0; i < N; i++) {
        double square = 0;
        for (int k = 0; k < DIM; k++) {
            want[i * DIM + k] += r.want[i * DIM + k];
            square += pow((double)want[i * DIM + k], 2);
        }
        for (int k = 0; k < DIM; k++)
            want[i * DIM + k] = (float)((double)want[i * DIM + k] / sqrt(square));
    }
    for (int batch = 1; batch <= N + 2; batch += 14) {
        fn_session *s = open_session(&r, 2, batch);
        CHECK_OK(
            fn_embed_many(s, (fn_embed_source){copy_face, &r}, N, true, out, NULL, NULL));
        CHECK(worst(out, want, N) < tolerance);
        fn_session_close(s);
    }
    for (int i = 0; i < N; i++)
        fn_pixels_free(&other[i]);
    rig_close(&r);
}

/* Images 13 and 14 fail, and one of them takes its time about it. */
typedef struct broken {
    rig *r;
    int slow;
    atomic_int asked;
} broken;

static fn_status break_two(void *ctx, int i, fn_pixels *out)
{
    broken *b = ctx;
    b->asked++;
    if (i == 13 || i == b->slow) /* while 13 sleeps, another thread takes 14 */
        nanosleep(&(struct timespec){.tv_nsec = i == b->slow ? 40000000 : 10000000}, NULL);
    if (i == 13 || i == 14)
        return fn_fail(i == 13 ? FN_EDATA : FN_EIO, "photo%d.jpg: broken", i);
    return copy_face(b->r, i, out);
}

static void check_broken(rig *r, fn_session *s, int slow, bool flip)
{
    float out[N * DIM];
    broken b = {.r = r, .slow = slow};
    CHECK_FAILS(
        fn_embed_many(s, (fn_embed_source){break_two, &b}, N, flip, out, NULL, NULL),
        FN_EDATA, "photo13.jpg: broken");
    CHECK(b.asked >= 14 && b.asked < 14 + 24);
}

TEST(the_first_bad_image_is_reported)
{
    rig r;
    float out[N * DIM];
    rig_open(&r);
    for (int threads = 1; threads <= 4; threads++)
        for (int batch = 1; batch <= 8; batch += 7) {
            fn_session *s = open_session(&r, threads, batch);
            for (int slow = 13; slow <= 14; slow++)
                check_broken(&r, s, slow, slow == 14);
            /* and the session lives on */
            CHECK_OK(fn_embed_many(s, (fn_embed_source){copy_face, &r}, N, false, out, NULL,
                                   NULL));
            CHECK(worst(out, r.want, N) < tolerance);
            fn_session_close(s);
        }
    rig_close(&r);
}

TEST(a_failing_network_ends_the_threads)
{
    rig r;
    float out[N * DIM];
    rig_open(&r);
    r.params->value[r.params->param[r.params->n - 1].offset] = NAN;
    fn_session *s = open_session(&r, 3, 4);
    CHECK_FAILS(
        fn_embed_many(s, (fn_embed_source){copy_face, &r}, N, true, out, NULL, NULL),
        FN_ENUMERIC, "not finite");
    fn_session_close(s);
    rig_close(&r);
}

TEST(none_at_all)
{
    rig r;
    rig_open(&r);
    fn_session *s = open_session(&r, 2, 4);
    CHECK_OK(fn_embed_many(s, (fn_embed_source){copy_face, &r}, 0, true, NULL, NULL, NULL));
    fn_session_close(s);
    rig_close(&r);
}

/* --- files --- */

static void write_png(const char *folder, const char *name, const fn_image *image)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    char *path = fn_file_join(folder, name);
    CHECK_OK(fn_encode_png(&bytes, &size, image));
    CHECK_OK(fn_file_replace(path, bytes, size));
    fn_free(bytes);
    fn_free(path);
}

static void check_files(const rig *r, const char *folder, const fn_crop *none)
{
    char name[N][32], *path[N], *full[2], *missing[2] = {name[0], "absent.png"};
    float out[N * DIM];
    fn_session *s = open_session(r, 2, 6);
    for (int i = 0; i < N; i++) {
        snprintf(name[i], sizeof name[i], "face%d.png", i);
        write_png(folder, path[i] = name[i], &r->image[i]);
    }
    CHECK_OK(fn_embed_files(s, none, folder, path, N, false, out, NULL, NULL));
    CHECK(worst(out, r->want, N) < tolerance);
    full[0] = fn_file_join(folder, name[5]);
    full[1] = fn_file_join(folder, name[2]);
    CHECK_OK(fn_embed_files(s, none, NULL, full, 2, false, out, NULL, NULL));
    CHECK(worst(out, r->want + 5 * DIM, 1) < tolerance);
    CHECK(worst(out + DIM, r->want + 2 * DIM, 1) < tolerance);
    CHECK_FAILS(fn_embed_files(s, none, folder, missing, 2, false, out, NULL, NULL),
                FN_ENOENT, "/absent.png");
    CHECK_OK(fn_file_replace(full[1], "no picture", 10));
    CHECK_FAILS(fn_embed_files(s, none, folder, path, N, false, out, NULL, NULL), FN_EDATA,
                "/face2.png");
    fn_free(full[0]);
    fn_free(full[1]);
    fn_session_close(s);
}

/* A centre crop of 16 pixels is what fn_embed gets from the part cut out by hand. */
static void check_crop(const rig *r, const char *folder)
{
    fn_crop *crop = NULL;
    char name[] = "face0.png", *path[] = {name};
    float want[DIM], out[DIM];
    const fn_image *whole = &r->image[0];
    fn_image part = {whole->rgb + 2 * whole->stride + 3, 16, 16, whole->stride};
    fn_session *s = open_session(r, 1, 1);
    CHECK_OK(fn_crop_open(&crop, "centre: 16@9,10"));
    CHECK_OK(fn_embed(s, &part, 1, want));
    CHECK_OK(fn_embed_files(s, crop, folder, path, 1, false, out, NULL, NULL));
    CHECK(worst(out, want, 1) < tolerance);
    CHECK(worst(out, r->want, 1) > apart);
    fn_crop_close(crop);
    fn_session_close(s);
}

/* The landmark file knows images by their path under the folder. */
static void check_landmarks(const rig *r, const char *folder)
{
    fn_crop *crop = NULL;
    char name[] = "face0.png", other[] = "face1.png", *path[] = {name, other}, text[400];
    char *file = fn_file_join(folder, "faces.tsv"), recipe[128];
    float want[DIM], out[2 * DIM];
    fn_pixels face = {NULL, 0, 0};
    fn_session *s = open_session(r, 1, 1);
    snprintf(text, sizeof text,
             "path\tside\tlex\tley\trex\trey\tnx\tny\tlmx\tlmy\trmx\trmy\n"
             "face0.png\t%d\t6\t7\t12\t7\t9\t10\t7\t13\t11\t13\n",
             r->face[0].width);
    snprintf(recipe, sizeof recipe, "landmarks: %s", file);
    CHECK_OK(fn_file_replace(file, text, strlen(text)));
    CHECK_OK(fn_crop_open(&crop, recipe));
    CHECK_OK(fn_crop_apply(&face, crop, &r->image[0], name));
    fn_image image = fn_pixels_view(&face);
    CHECK_OK(fn_embed(s, &image, 1, want));
    CHECK_OK(fn_embed_files(s, crop, folder, path, 1, false, out, NULL, NULL));
    CHECK(worst(out, want, 1) < tolerance);
    CHECK_FAILS(fn_embed_files(s, crop, folder, path, 2, false, out, NULL, NULL), FN_ENOENT,
                "face1.png: no landmarks in");
    fn_pixels_free(&face);
    fn_crop_close(crop);
    fn_session_close(s);
    fn_free(file);
}

TEST(files_by_a_recipe)
{
    rig r;
    char folder[] = "/tmp/test_session.XXXXXX";
    fn_crop *none = NULL;
    rig_open(&r);
    CHECK(mkdtemp(folder));
    CHECK_OK(fn_crop_open(&none, "none"));
    check_files(&r, folder, none);
    check_crop(&r, folder);
    check_landmarks(&r, folder);
    fn_crop_close(none);
    CHECK_OK(fn_file_remove_tree(folder));
    rig_close(&r);
}

/* --- failed allocations --- */

static fn_status open_and_embed(const rig *r, float *out)
{
    fn_session_options o = {.size = sizeof o, .threads = 1, .max_batch = 4};
    fn_session *s;
    fn_status rc = fn_session_over(&s, r->net, r->params, share, &o);
    CHECK((rc == FN_OK) == !!s);
    if (rc == FN_OK)
        rc = fn_embed(s, r->image, 5, out); /* a whole batch and a single one */
    if (rc == FN_OK)
        rc = fn_embed_many(s, (fn_embed_source){copy_face, (void *)(uintptr_t)r}, N, true,
                           out, NULL, NULL);
    fn_session_close(s);
    return rc;
}

TEST(failed_allocations)
{
    rig r;
    float out[N * DIM];
    long k = 1;
    rig_open(&r);
    for (;; k++) {
        fn_fail_alloc(k);
        fn_status rc = open_and_embed(&r, out);
        fn_fail_alloc(0);
        if (rc == FN_OK)
            break;
        CHECK_INT(rc, FN_ENOMEM);
        CHECK(k < 20000);
    }
    CHECK(k > 8);
    rig_close(&r);
}

TEST(distance_is_squared)
{
    const float a[] = {1, 2, 3}, b[] = {1, 4, 0};
    CHECK_NEAR(fn_distance(a, b, 3), 13, 0);
    CHECK_NEAR(fn_distance(a, a, 3), 0, 0);
    CHECK_NEAR(fn_distance(a, b, 0), 0, 0);
}
