/* test_session.c -- embeddings of a session against a plain run of the plan: all batch sizes,
 * threads, weights that change, bad arguments, failed allocations. */
#include "infer/session.h"
#include "kernels/threads.h"
#include "tests/rig.h"

#include <pthread.h>

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

/* Struct and tail, as a caller of a newer facenet lays them out. */
TEST(options_of_another_version)
{
    rig r;
    struct {
        fn_session_options known;
        int later[3];
    } o = {.known = {.size = sizeof o, .threads = 1, .max_batch = 3}};
    fn_session *s = NULL;
    rig_open(&r);
    CHECK_OK(fn_session_over(&s, r.net, r.params, share, &o.known));
    fn_session_close(s);
    o.later[2] = 1 << 24;
    CHECK_FAILS(fn_session_over(&s, r.net, r.params, share, &o.known), FN_EUNSUPPORTED,
                "sets an option that facenet 0.");
    CHECK(!s);
    o.known.size = sizeof o.known; /* then what follows is not ours */
    CHECK_OK(fn_session_over(&s, r.net, r.params, share, &o.known));
    fn_session_close(s);
    o.known.size = offsetof(fn_session_options, exact) + 1; /* half a field is not one */
    CHECK_OK(fn_session_over(&s, r.net, r.params, share, &o.known));
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
    int before = fn_threads();
    fn_session *s = open_session(&r, 1, 4);
    CHECK_OK(fn_embed(s, r.image, N, out));
    CHECK_OK(fn_session_reload(s));
    CHECK_INT(fn_threads(), before);
    fn_threads_set(0);
    fn_session_close(s);
    rig_close(&r);
}

/* In a program's own parallel region OpenMP gives our teams one thread, whatever they ask for,
 * and work cut for three would be done to a third. */
TEST(a_parallel_region_of_the_caller)
{
    rig r;
    if (fn_threads_given(3) < 3)
        SKIP("OpenMP has fewer than three threads");
    fn_threads_set(2);
    rig_open(&r);
    fn_session *outside = open_session(&r, 3, N + 2);
#pragma omp parallel num_threads(2)
    {
        float out[N * DIM];
        fn_session *inside = open_session(&r, 3, N + 2);
#pragma omp critical
        {
            CHECK_INT(fn_threads_given(3), 1);
            CHECK_OK(fn_embed(inside, r.image, N, out));
            CHECK(worst(out, r.want, N) < tolerance);
            CHECK_FAILS(fn_embed(outside, r.image, N, out), FN_EINVAL,
                        "opened for 3 threads, and OpenMP gives it 1 here");
            CHECK_FAILS(fn_session_reload(outside), FN_EINVAL, "opened for 3 threads");
        }
        fn_session_close(inside);
    }
    float out[N * DIM];
    CHECK_OK(fn_embed(outside, r.image, N, out)); /* outside again */
    CHECK(worst(out, r.want, N) < tolerance);
    fn_session_close(outside);
    fn_threads_set(0);
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
    o.size = sizeof o.size - 1;
    CHECK_FAILS(fn_session_over(&s, r.net, r.params, share, &o), FN_EINVAL, "size is 7");
    o.size = SIZE_MAX; /* as when nobody set it */
    CHECK_FAILS(fn_session_over(&s, r.net, r.params, share, &o), FN_EINVAL, "size is 18");
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

/* --- exact --- */

#define WIDE                                               \
    "name: wide\ninput: 40x36x3\nlayers:\n"                \
    "  - conv: {name: a, out: 64, kernel: 3, act: relu}\n" \
    "  - conv: {name: b, out: 64, kernel: 3, act: relu}\n" \
    "  - avgpool: {kernel: 0}\nheads:\n  embedding:\n"     \
    "    - fc: {name: e, out: 8, act: none}\n    - l2norm\n"

/* Its second convolution runs by Winograd, unless exactness is asked for. */
static void embed_wide(float out[DIM], const fn_session_options *o, const rig *r)
{
    fn_net *net = NULL;
    fn_graph *g = NULL;
    fn_params *p = NULL;
    fn_session *s = NULL;
    CHECK_OK(fn_net_parse(&net, "wide.yaml", WIDE, strlen(WIDE)));
    CHECK_OK(fn_test_net(&g, &p, WIDE, 1, false));
    CHECK_OK(fn_session_over(&s, net, p, share, o));
    CHECK_OK(fn_embed(s, r->image, 1, out));
    fn_session_close(s);
    fn_params_close(p);
    fn_graph_close(g);
    fn_net_close(net);
}

TEST(exact_reaches_the_plan)
{
    rig r;
    float fast[DIM], exact[DIM], again[DIM];
    fn_session_options o = {.size = sizeof o, .threads = 1, .max_batch = 1};
    rig_open(&r);
    embed_wide(fast, &o, &r);
    o.exact = 1;
    embed_wide(exact, &o, &r);
    CHECK(memcmp(fast, exact, sizeof fast) != 0);
    CHECK(worst(fast, exact, 1) < 1e-4);
    o.size = offsetof(fn_session_options, exact); /* a caller who knows nothing of it */
    embed_wide(again, &o, &r);
    CHECK(memcmp(fast, again, sizeof fast) == 0);
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
