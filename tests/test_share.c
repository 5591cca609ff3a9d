/* test_share.c -- what facenet.h says of threads: many share a model, each with a session of its
 * own, and get the bits that one alone gets; the rest may be called from anywhere.
 *
 * Also run under ThreadSanitizer, which sees every access of our code to the model, and cannot
 * follow OpenMP's team of one session: there a team has one thread (tests/CMakeLists.txt). */
#include "core/file.h"
#include "infer/session.h"
#include "tests/rig.h"

#include <pthread.h>
#include <unistd.h>

enum { GUESTS = 6, ROUNDS = 4, BATCH = 8 };

static char folder[64], model_path[96];

/* A model file, and a picture beside it. */
static void write_model(const rig *r)
{
    const fn_record record = {.crop = "centre: 14@10,9", .view = share, .threshold = 1.1F};
    uint8_t *bytes = NULL;
    size_t size = 0;
    snprintf(folder, sizeof folder, "/tmp/test_share_XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    snprintf(model_path, sizeof model_path, "%s/a.fnm", folder);
    CHECK_OK(fn_model_save(model_path, r->net, r->params, &record));
    for (int i = 0; i < GUESTS; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%d.png", folder, i);
        CHECK_OK(fn_encode_png(&bytes, &size, &r->image[i]));
        CHECK_OK(fn_file_replace(path, bytes, size));
        fn_free(bytes);
    }
}

typedef struct guest {
    const rig *r;
    const fn_model *m; /* NULL: opens its own */
    int index, team;   /* OpenMP threads of its session */
    pthread_barrier_t *together;
    float all[N * DIM], one[DIM];
    char sentence[160];
} guest;

/* All images, from another first one on for each guest. */
static void embed_all(guest *g, fn_session *s)
{
    fn_image image[N];
    float out[N * DIM];
    for (int i = 0; i < N; i++)
        image[i] = g->r->image[(i + 7 * g->index) % N];
    CHECK_OK(fn_embed(s, image, N, out));
    for (int i = 0; i < N; i++)
        memcpy(g->all + (i + 7 * g->index) % N * DIM, out + i * DIM, DIM * sizeof *out);
}

/* The face in the guest's own picture. */
static void embed_file(guest *g, const fn_model *m, fn_session *s)
{
    char path[128];
    fn_pixels photo, face;
    snprintf(path, sizeof path, "%s/%d.png", folder, g->index);
    CHECK_OK(fn_image_read(&photo, path));
    fn_image whole = fn_pixels_view(&photo);
    CHECK_OK(fn_face_cut(&face, m, &whole, NULL));
    fn_image crop = fn_pixels_view(&face);
    CHECK_OK(fn_embed(s, &crop, 1, g->one));
    fn_pixels_free(&photo);
    fn_pixels_free(&face);
}

/* A mistake of this guest's own; the others make theirs meanwhile. */
static void fail(guest *g)
{
    char path[128];
    fn_model *m;
    snprintf(path, sizeof path, "%s/absent%d.fnm", folder, g->index);
    CHECK(fn_model_open(&m, path) == FN_ENOENT);
    pthread_barrier_wait(g->together);
    snprintf(g->sentence, sizeof g->sentence, "%s", fn_last_error());
}

static void *visit(void *arg)
{
    guest *g = arg;
    fn_session_options o = {.size = sizeof o, .threads = g->team, .max_batch = BATCH};
    fn_model *own = NULL;
    pthread_barrier_wait(g->together);
    for (int round = 0; round < ROUNDS; round++) {
        fn_session *s = NULL;
        if (!g->m)
            CHECK_OK(fn_model_open(&own, model_path));
        const fn_model *m = g->m ? g->m : own;
        CHECK_OK(fn_session_open(&s, m, &o));
        embed_all(g, s);
        embed_file(g, m, s);
        fail(g);
        fn_session_close(s);
        fn_model_close(own);
    }
    return NULL;
}

static void let_in(guest *g, const rig *r, const fn_model *m, int n, int team)
{
    pthread_barrier_t together;
    pthread_t thread[GUESTS];
    pthread_barrier_init(&together, NULL, (unsigned)n);
    for (int i = 0; i < n; i++) {
        g[i] = (guest){.r = r, .m = m, .index = i, .team = team, .together = &together};
        CHECK_INT(pthread_create(&thread[i], NULL, visit, &g[i]), 0);
    }
    for (int i = 0; i < n; i++)
        pthread_join(thread[i], NULL);
    pthread_barrier_destroy(&together);
}

/* What one session on the calling thread makes of the same images. */
static void check_guest(guest *g, const fn_model *m)
{
    guest alone = {.r = g->r, .index = g->index};
    char want[32];
    fn_session_options o = {.size = sizeof o, .threads = 1, .max_batch = BATCH};
    fn_session *s = NULL;
    CHECK_OK(fn_session_open(&s, m, &o));
    embed_all(&alone, s);
    embed_file(&alone, m, s);
    CHECK(worst(alone.all, g->r->want, N) < tolerance);
    CHECK(memcmp(g->all, alone.all, sizeof g->all) == 0);
    CHECK(memcmp(g->one, alone.one, sizeof g->one) == 0);
    snprintf(want, sizeof want, "/absent%d.fnm", g->index);
    CHECK(strstr(g->sentence, want));
    fn_session_close(s);
}

static void check_guests(bool shared, int n, int team)
{
    static guest g[GUESTS];
    rig r;
    fn_model *m = NULL;
    rig_open(&r);
    write_model(&r);
    CHECK_OK(fn_model_open(&m, model_path));
    let_in(g, &r, shared ? m : NULL, n, team);
    for (int i = 0; i < n; i++)
        check_guest(&g[i], m);
    fn_model_close(m);
    CHECK_OK(fn_file_remove_tree(folder));
    rig_close(&r);
}

TEST(threads_share_a_model)
{
    check_guests(true, GUESTS, 1);
}

TEST(threads_open_models_of_their_own)
{
    check_guests(false, GUESTS, 1);
}

TEST(sessions_of_several_threads_each)
{
    check_guests(true, 3, 3);
}
