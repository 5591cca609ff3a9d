/* test_embed.c -- many images through one session, from memory and from files: any number of
 * threads, mirror images, sources that fail. */
#include "core/file.h"
#include "infer/session.h"
#include "kernels/threads.h"
#include "tests/rig.h"

#include <pthread.h>
#include <stdatomic.h>

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

static fn_status embed_files(fn_session *s, const fn_crop *crop, const char *folder,
                             char *const *path, int n, float *out)
{
    fn_embed_paths paths = {crop, folder, path};
    return fn_embed_many(s, fn_embed_files(&paths), n, false, out, NULL, NULL);
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
    CHECK_OK(embed_files(s, none, folder, path, N, out));
    CHECK(worst(out, r->want, N) < tolerance);
    full[0] = fn_file_join(folder, name[5]);
    full[1] = fn_file_join(folder, name[2]);
    CHECK_OK(embed_files(s, none, NULL, full, 2, out));
    CHECK(worst(out, r->want + 5 * DIM, 1) < tolerance);
    CHECK(worst(out + DIM, r->want + 2 * DIM, 1) < tolerance);
    CHECK_FAILS(embed_files(s, none, folder, missing, 2, out), FN_ENOENT, "/absent.png");
    CHECK_OK(fn_file_replace(full[1], "no picture", 10));
    CHECK_FAILS(embed_files(s, none, folder, path, N, out), FN_EDATA, "/face2.png");
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
    CHECK_OK(embed_files(s, crop, folder, path, 1, out));
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
    CHECK_OK(embed_files(s, crop, folder, path, 1, out));
    CHECK(worst(out, want, 1) < tolerance);
    CHECK_FAILS(embed_files(s, crop, folder, path, 2, out), FN_ENOENT,
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
