/* test_loader.c -- the same batches for any number of threads, in order, from any step. */
#include "core/mem.h"
#include "data/degrade.h"
#include "data/loader.h"
#include "tests/people.h"

#include <time.h>

enum { PEOPLE = 6, P = 3, K = 3, N = P * K, SIDE = 24, IMAGE = SIDE * SIDE * 3, STEPS = 5 };

static const int count[PEOPLE] = {4, 2, 1, 3, 7, 3};

static fn_loader_options options = {
    .height = SIDE,
    .width = SIDE,
    .augment = {.view = 0.9f,
                .shift = 0.05f,
                .zoom = 0.1f,
                .flip = 1,
                .brightness = 0.1f,
                .contrast = 0.2f,
                .degrade = 0.6f,
                .blur = 0.03f,
                .jpeg = 20},
    .seed = 3,
};

typedef struct world {
    fn_pack *pack;
    fn_sampler *sampler;
} world;

static void open_world(world *w)
{
    fn_test_scratch();
    w->pack = fn_test_pack(count, PEOPLE);
    CHECK_OK(fn_sampler_open(&w->sampler, w->pack, (fn_sampler_options){P, K, 0, 1}));
}

static void close_world(world *w)
{
    fn_sampler_close(w->sampler);
    fn_pack_close(w->pack);
    fn_test_sweep();
}

typedef struct taken {
    float x[N * IMAGE];
    int label[N], image[N];
} taken;

/* Takes batches [first, STEPS) into their places. */
static void take(const world *w, taken *t, int first, int threads, int ahead)
{
    fn_loader_options o = options;
    fn_loader *l = NULL;
    fn_batch b;
    o.threads = threads;
    o.ahead = ahead;
    o.first_step = first;
    CHECK_OK(fn_loader_open(&l, w->pack, w->sampler, o));
    for (int i = first; i < STEPS; i++) {
        double waited = -1;
        CHECK_OK(fn_loader_next(l, &b, i % 2 ? &waited : NULL));
        CHECK_INT(b.step, i);
        CHECK_INT(b.n, N);
        CHECK(i % 2 == 0 || (waited >= 0 && waited < 60));
        memcpy(t[i].x, b.x, sizeof t[i].x);
        memcpy(t[i].label, b.label, sizeof t[i].label);
        memcpy(t[i].image, b.image, sizeof t[i].image);
    }
    fn_loader_close(l);
}

TEST(any_number_of_threads_gives_the_same_bytes)
{
    const int threads[] = {1, 2, 5}, ahead[] = {0, 1, 2, 7};
    world w;
    taken *one = fn_alloc(STEPS, sizeof *one), *other = fn_alloc(STEPS, sizeof *other);
    open_world(&w);
    take(&w, one, 0, 1, 1);
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 4; k++) {
            memset(other, 0, STEPS * sizeof *other);
            take(&w, other, 0, threads[i], ahead[k]);
            CHECK(memcmp(one, other, STEPS * sizeof *one) == 0);
        }
    CHECK(memcmp(&one[0], &one[1], sizeof *one) != 0);
    fn_free(one);
    fn_free(other);
    close_world(&w);
}

/* What a batch holds is what sampler, pack and view say, image by image; what degrades it has a say
 * only when it is asked. */
static void check_batches(const world *w, bool degraded)
{
    int image[N], label[N], touched = 0;
    float x[IMAGE];
    fn_view_scratch scratch = {NULL, 0};
    taken *t = fn_alloc(STEPS, sizeof *t);
    take(w, t, 0, 2, 2);
    for (int step = 0; step < STEPS; step++) {
        CHECK_OK(fn_sampler_batch(w->sampler, (uint64_t)step, image, label));
        CHECK(memcmp(t[step].image, image, sizeof image) == 0);
        CHECK(memcmp(t[step].label, label, sizeof label) == 0);
        for (int i = 0; i < N; i++) {
            fn_pixels face;
            CHECK_OK(fn_pack_image(w->pack, image[i], &face));
            if (degraded) {
                fn_degrade d = fn_degrade_draw(&options.augment, options.seed,
                                               (uint64_t)step, (uint32_t)i);
                CHECK_OK(fn_degrade_apply(&face, d));
                touched += d.blur > 0 || d.jpeg;
            }
            fn_image whole = fn_pixels_view(&face);
            fn_view v = fn_augment_draw(&options.augment, options.seed, (uint64_t)step,
                                        (uint32_t)i);
            CHECK_OK(fn_view_render(x, SIDE, SIDE, &whole, v, &scratch));
            CHECK(memcmp(t[step].x + i * IMAGE, x, sizeof x) == 0);
            memset(x, 0, sizeof x);
            CHECK_OK(fn_loader_crop(x, w->pack, &options,
                                    &(fn_batch){.image = image, .step = step}, i));
            CHECK(memcmp(t[step].x + i * IMAGE, x, sizeof x) == 0);
            fn_pixels_free(&face);
        }
    }
    CHECK(degraded ? touched > N && touched < STEPS * N : touched == 0);
    fn_free(scratch.data);
    fn_free(t);
}

TEST(a_batch_is_sampled_decoded_and_augmented)
{
    const fn_augment all = options.augment;
    world w;
    open_world(&w);
    check_batches(&w, true);
    options.augment.jpeg = 0;
    check_batches(&w, true);
    options.augment = all;
    options.augment.blur = 0;
    check_batches(&w, true);
    options.augment.jpeg = 0;
    check_batches(&w, false);
    options.augment = all;
    close_world(&w);
}

TEST(a_loader_resumes_at_any_step)
{
    world w;
    taken *whole = fn_alloc(STEPS, sizeof *whole), *late = fn_alloc(STEPS, sizeof *late);
    open_world(&w);
    take(&w, whole, 0, 2, 2);
    for (int first = 1; first < STEPS; first++) {
        memset(late, 0, STEPS * sizeof *late);
        take(&w, late, first, 2, 2);
        CHECK(memcmp(whole + first, late + first, (size_t)(STEPS - first) * sizeof *late) ==
              0);
    }
    fn_free(whole);
    fn_free(late);
    close_world(&w);
}

/* The batch lent out is not written to while the threads run ahead. */
TEST(a_batch_stays_valid_until_the_next_call)
{
    world w;
    fn_loader_options o = options;
    fn_loader *l = NULL;
    fn_batch b;
    taken *t = fn_alloc(STEPS, sizeof *t);
    open_world(&w);
    take(&w, t, 0, 1, 1);
    o.threads = 3;
    o.ahead = 1;
    CHECK_OK(fn_loader_open(&l, w.pack, w.sampler, o));
    for (int i = 0; i < STEPS; i++) {
        CHECK_OK(fn_loader_next(l, &b, NULL));
        nanosleep(&(struct timespec){.tv_nsec = 30 * 1000 * 1000}, NULL);
        CHECK(memcmp(b.x, t[i].x, sizeof t[i].x) == 0);
        CHECK(memcmp(b.image, t[i].image, sizeof t[i].image) == 0);
    }
    fn_loader_close(l);
    fn_free(t);
    close_world(&w);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Closing waits for the image that a thread has in hand, not for the other eight. */
TEST(closing_does_not_wait_for_a_batch)
{
    world w;
    fn_loader_options o = options;
    fn_loader *l;
    open_world(&w);
    o.threads = 5;
    for (int i = 0; i < 20; i++) { /* at once, and at various moments */
        CHECK_OK(fn_loader_open(&l, w.pack, w.sampler, o));
        nanosleep(&(struct timespec){.tv_nsec = i * 100 * 1000}, NULL);
        fn_loader_close(l);
    }
    o.height = o.width = 1500;
    o.threads = 1;
    o.ahead = 1;
    CHECK_OK(fn_loader_open(&l, w.pack, w.sampler, o));
    fn_batch b;
    double start = seconds();
    CHECK_OK(fn_loader_next(l, &b, NULL)); /* 9 images */
    double batch = seconds() - start;
    start = seconds();
    fn_loader_close(l);
    CHECK(seconds() - start < 0.5 * batch);
    fn_loader_close(NULL);
    close_world(&w);
}

static bool batch_has(const world *w, int step, int wanted)
{
    int image[N], label[N];
    CHECK_OK(fn_sampler_batch(w->sampler, (uint64_t)step, image, label));
    for (int i = 0; i < N; i++)
        if (image[i] == wanted)
            return true;
    return false;
}

TEST(a_damaged_image_fails_its_batch_by_name)
{
    enum { BAD = 12 };
    world w;
    fn_loader *l;
    fn_batch b;
    char name[64];
    int bad_step = 0;
    open_world(&w);
    fn_sampler_close(w.sampler);
    fn_test_damage(&w.pack, BAD);
    CHECK_OK(fn_sampler_open(&w.sampler, w.pack, (fn_sampler_options){P, K, 0, 1}));
    snprintf(name, sizeof name, "%s/%s",
             fn_pack_person(w.pack, fn_pack_person_of(w.pack, BAD)),
             fn_pack_name(w.pack, BAD));
    while (!batch_has(&w, bad_step, BAD))
        bad_step++;
    CHECK(!batch_has(&w, bad_step + 1, BAD)); /* so that passing over would show */
    for (int threads = 1; threads <= 5; threads += 2) {
        fn_loader_options o = options;
        o.threads = threads;
        CHECK_OK(fn_loader_open(&l, w.pack, w.sampler, o));
        for (int i = 0; i < bad_step; i++)
            CHECK_OK(fn_loader_next(l, &b, NULL));
        for (int twice = 0; twice < 2; twice++)
            CHECK_FAILS(fn_loader_next(l, &b, NULL), FN_EDATA, name);
        fn_loader_close(l);
    }
    close_world(&w);
}

/* Every image is damaged: the first of the batch is named for any number of threads. */
TEST(the_first_damaged_image_of_a_batch_is_named)
{
    world w;
    fn_loader *l;
    fn_batch b;
    char *file, want[64];
    int image[N], label[N];
    uint8_t *bytes;
    size_t n, size, at = 0;
    open_world(&w);
    CHECK_OK(fn_file_read(&file, &size, fn_pack_path(w.pack), 1 << 24));
    CHECK_OK(fn_pack_bytes(w.pack, 0, &bytes, &n));
    while (memcmp(file + at, bytes, n) != 0)
        at++;
    fn_free(bytes);
    for (int i = 0; i < fn_pack_images(w.pack); i++) { /* they are end to end */
        CHECK_OK(fn_pack_bytes(w.pack, i, &bytes, &n));
        memset(file + at, 0x55, n);
        at += n;
        fn_free(bytes);
    }
    fn_test_put("damaged.h5", file, size);
    fn_free(file);
    fn_sampler_close(w.sampler);
    fn_pack_close(w.pack);
    CHECK_OK(fn_pack_open(&w.pack, fn_test_path("damaged.h5")));
    CHECK_OK(fn_sampler_open(&w.sampler, w.pack, (fn_sampler_options){P, K, 0, 1}));
    CHECK_OK(fn_sampler_batch(w.sampler, 0, image, label));
    snprintf(want, sizeof want, "%s/%s", fn_pack_person(w.pack, label[0]),
             fn_pack_name(w.pack, image[0]));
    for (int threads = 1; threads <= 5; threads++) {
        fn_loader_options o = options;
        o.threads = threads;
        CHECK_OK(fn_loader_open(&l, w.pack, w.sampler, o));
        CHECK_FAILS(fn_loader_next(l, &b, NULL), FN_EDATA, want);
        fn_loader_close(l);
    }
    close_world(&w);
}

TEST(every_failed_allocation_of_opening_is_reported)
{
    world w;
    fn_loader *l = NULL;
    fn_loader_options o = options;
    fn_status rc = FN_ENOMEM;
    long n = 1;
    open_world(&w);
    o.threads = 2;
    for (; rc != FN_OK && n < 100; n++) {
        fn_fail_alloc(n);
        rc = fn_loader_open(&l, w.pack, w.sampler, o);
        CHECK(rc == FN_OK || (rc == FN_ENOMEM && !l));
    }
    fn_fail_alloc(0);
    CHECK_INT(n - 2, 3 + 3 * 3); /* loader, ring, threads; three lists a place */
    fn_loader_close(l);
    close_world(&w);
}
