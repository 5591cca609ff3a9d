/* test_exact.c -- what `exact` promises: embeddings whose bits depend on the image alone, and
 * training without Winograd. NN4 is large enough for both to matter. */
#include "infer/session.h"
#include "kernels/threads.h"
#include "tests/people.h"
#include "train/trainer.h"

#include <math.h>

enum { N = 9, DIM = 128 };

typedef struct rig {
    fn_net *net;
    fn_graph *graph;
    fn_params *params;
    fn_pixels face[N];
    fn_image image[N];
    float alone[N * DIM]; /* one by one, in an exact session of one thread */
} rig;

static fn_session *open_session(const rig *r, fn_session_options o)
{
    fn_session *s = NULL;
    o.size = sizeof o;
    CHECK_OK(fn_session_over(&s, r->net, r->params, 1, &o));
    return s;
}

static void embed(const rig *r, fn_session_options o, int n, float *out)
{
    fn_session *s = open_session(r, o);
    memset(out, 0xff, N * DIM * sizeof *out);
    for (int at = 0; at < N; at += n)
        CHECK_OK(fn_embed(s, r->image + at, n < N - at ? n : N - at, out + at * DIM));
    fn_session_close(s);
}

static void rig_open(rig *r)
{
    *r = (rig){.net = NULL};
    CHECK_OK(fn_net_open(&r->net, "nn4", NULL));
    CHECK_OK(fn_net_build(&r->graph, r->net, 1, false));
    CHECK_OK(fn_params_open(&r->params, r->graph, false));
    fn_params_init(r->params, 5);
    for (int i = 0; i < N; i++) {
        fn_test_draw(&r->face[i], i);
        r->image[i] = fn_pixels_view(&r->face[i]);
    }
    embed(r, (fn_session_options){.threads = 1, .exact = 1}, 1, r->alone);
}

static void rig_close(rig *r)
{
    for (int i = 0; i < N; i++)
        fn_pixels_free(&r->face[i]);
    fn_params_close(r->params);
    fn_graph_close(r->graph);
    fn_net_close(r->net);
}

static bool same_bits(const float *a, const float *b)
{
    return memcmp(a, b, N * DIM * sizeof *a) == 0;
}

TEST(exact_bits_depend_on_nothing_but_the_image)
{
    rig r;
    float out[N * DIM];
    rig_open(&r);
    CHECK(memcmp(r.alone, r.alone + DIM, DIM * sizeof *out) != 0);
    for (int batch = 1; batch <= 16; batch *= 4)
        for (int threads = 1; threads <= 3; threads++)
            for (int n = 1; n <= N; n += 4) {
                embed(&r,
                      (fn_session_options){
                          .threads = threads, .max_batch = batch, .exact = 1},
                      n, out);
                CHECK(same_bits(out, r.alone));
            }
    rig_close(&r);
}

/* Without it they do: else the test above would say nothing. Not by much. */
TEST(otherwise_the_last_digits_depend_on_the_batch)
{
    rig r;
    float out[N * DIM];
    rig_open(&r);
    embed(&r, (fn_session_options){.threads = 1, .max_batch = N}, N, out);
    CHECK(!same_bits(out, r.alone));
    for (int i = 0; i < N * DIM; i++)
        CHECK(fabsf(out[i] - r.alone[i]) < 1e-4F);
    rig_close(&r);
}

TEST(an_exact_session_reloads)
{
    rig r;
    float out[N * DIM], want[N * DIM];
    rig_open(&r);
    fn_session *s = open_session(&r, (fn_session_options){.threads = 1, .exact = 1});
    CHECK_OK(fn_embed(s, r.image, N, out));
    CHECK(same_bits(out, r.alone));
    for (int64_t i = 0; i < r.params->count; i++)
        r.params->value[i] *= 1 + 0.1F * (float)(i % 7);
    CHECK_OK(fn_session_reload(s));
    CHECK_OK(fn_embed(s, r.image, N, out));
    embed(&r, (fn_session_options){.threads = 1, .exact = 1}, 1, want);
    CHECK(same_bits(out, want) && !same_bits(out, r.alone));
    fn_session_close(s);
    rig_close(&r);
}

TEST(a_caller_of_an_older_library_gets_the_default)
{
    rig r;
    float out[N * DIM];
    rig_open(&r);
    fn_session_options o = {.size = offsetof(fn_session_options, exact),
                            .threads = 1,
                            .max_batch = N,
                            .exact = 1};
    fn_session *s = NULL;
    CHECK_OK(fn_session_over(&s, r.net, r.params, 1, &o));
    CHECK_OK(fn_embed(s, r.image, N, out));
    CHECK(!same_bits(out, r.alone));
    fn_session_close(s);
    rig_close(&r);
}

/* --- training --- */

static int winograds(const fn_plan *p)
{
    int n = 0;
    for (int i = 0; i < fn_plan_lines(p); i++) {
        fn_plan_line line;
        fn_plan_line_at(p, i, &line);
        n += strstr(line.kernel, "winograd") != NULL;
    }
    return n;
}

TEST(train_exact_trains_without_winograd)
{
    static const int count[] = {5, 5, 5, 5};
    fn_config c;
    fn_test_scratch();
    fn_pack_close(fn_test_pack(count, 4));
    const char *text =
        "net: nn4\nrun: unset\ntrain: {steps: 1, people: 4, faces: 5, chunk: 12}\n";
    fn_test_put("c.yaml", text, strlen(text));
    for (int exact = 0; exact < 2; exact++) {
        char pack[FN_TEST_PATH + 300], flag[] = "train.exact=true";
        fn_trainer t;
        snprintf(pack, sizeof pack, "data.train=%s", fn_test_path("test.h5"));
        CHECK_OK(fn_config_read(&c, fn_test_path("c.yaml"), (char *const[]){pack, flag},
                                1 + exact));
        CHECK_INT(c.exact, exact);
        CHECK_OK(fn_trainer_open(&t, &c));
        CHECK(t.plan && t.rest);
        CHECK((winograds(t.plan) == 0) == exact && (winograds(t.rest) == 0) == exact);
        fn_trainer_close(&t);
    }
    fn_test_sweep();
}
