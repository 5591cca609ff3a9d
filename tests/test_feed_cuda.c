/* test_feed_cuda.c -- crops that the device makes of faces that were sent to it are those that the
 * loader makes, whenever the device's queues run. */
#include "data/loader.h"
#include "kernels/bf16.h"
#include "tests/cuda_rig.h"
#include "tests/sizes.h"
#include "train/feed_cuda.h"

#include <time.h>

enum { P = 3, K = 2, N = P * K, STEPS = 4, HEIGHT = 24, WIDTH = 20 };
enum { CROP = HEIGHT * WIDTH * 3, MOST_PIECES = 2 * STEPS * N };

static const double tolerance = 2e-6;

typedef struct world {
    fn_pack *pack;
    fn_sampler *sampler;
    fn_loader_options o;
} world;

static void open_world(world *w)
{
    open_device();
    fn_test_scratch();
    *w = (world){.pack = fn_test_sizes()};
    MUST(fn_sampler_open(&w->sampler, w->pack, (fn_sampler_options){P, K, 0, 1}));
    w->o = (fn_loader_options){.height = HEIGHT,
                               .width = WIDTH,
                               .augment = fn_test_augment,
                               .seed = 3,
                               .threads = 3};
}

static void close_world(world *w)
{
    fn_emu_run(FN_EMU_AT_ONCE);
    fn_sampler_close(w->sampler);
    fn_pack_close(w->pack);
    fn_test_sweep();
    close_device();
}

/* --- what the loader's own crops are --- */

static bool near_enough(const void *got, int64_t at, float want, fn_type type)
{
    if (type == FN_F32)
        return fabs((double)((const float *)got)[at] - (double)want) <= tolerance;
    double of = (double)fn_bf16_float(((const uint16_t *)got)[at]);
    return fabs(of - (double)want) <= tolerance + fabs((double)want) / 256;
}

static void check_crops(const void *got, const fn_batch *b, fn_type type)
{
    int64_t wrong = 0;
    for (int64_t i = 0; i < (int64_t)b->n * CROP; i++)
        wrong += !near_enough(got, i, b->x[i], type);
    CHECK_INT(wrong, 0);
}

/* --- through the device --- */

typedef struct piece {
    fn_batch b;
    int label[N], image[N];
    void *x; /* the device's */
} piece;

static size_t bytes_of(const fn_batch *b, fn_type type)
{
    return (size_t)b->n * CROP * (type == FN_BF16 ? 2 : 4);
}

/* The whole of a run, and nobody waits for the device. */
static int feed_all(const world *w, piece *p, fn_type type, int64_t *waits)
{
    fn_feed *f = NULL;
    int n = 0, passes = w->o.passes ? w->o.passes : 1;
    MUST(fn_feed_open(&f, device, w->pack, w->sampler, w->o));
    for (int images = 0; images < passes * STEPS * N; n++) {
        double waited = -1;
        MUST(fn_feed_next(f, &p[n].b, &waited));
        memcpy(p[n].label, p[n].b.label, sizeof p[n].label);
        memcpy(p[n].image, p[n].b.image, sizeof p[n].image);
        p[n].x = on_device(NULL, (size_t)N * CROP * 4);
        CHECK_OK(fn_feed_crop(f, p[n].x, type, NULL));
        CHECK(memcmp(p[n].image, p[n].b.image, sizeof p[n].image) == 0);
        CHECK(waited >= 0 && waited < 60);
        *waits += waited > 0;
        images += p[n].b.n;
    }
    CHECK_OK(fn_device_wait(device));
    fn_feed_close(f);
    return n;
}

static void check_feed(const world *w, fn_type type)
{
    static piece p[MOST_PIECES];
    fn_loader *l = NULL;
    int64_t waits = 0;
    int n = feed_all(w, p, type, &waits);
    void *got = fn_alloc(N, CROP * sizeof(float));
    CHECK(waits >= 1 && waits <= n);
    MUST(fn_loader_open(&l, w->pack, w->sampler, w->o));
    for (int i = 0; i < n; i++) {
        fn_batch want;
        CHECK_OK(fn_loader_next(l, &want, NULL));
        CHECK(p[i].b.step == want.step && p[i].b.first == want.first);
        CHECK(p[i].b.n == want.n && p[i].b.size == want.size);
        CHECK(memcmp(p[i].label, want.label, sizeof p[i].label) == 0);
        CHECK(memcmp(p[i].image, want.image, sizeof p[i].image) == 0);
        fetch(got, p[i].x, bytes_of(&want, type));
        check_crops(got, &want, type);
        off_device(p[i].x);
    }
    fn_loader_close(l);
    fn_free(got);
}

TEST(crops_are_the_loaders)
{
    const int chunk[] = {0, 4, 1};
    world w;
    open_world(&w);
    for (int pace = FN_EMU_AT_ONCE; pace <= FN_EMU_UPLOADS_EARLY; pace++)
        for (int k = 0; k < 3; k++) {
            fn_emu_run((fn_emu_pace)pace);
            w.o.chunk = chunk[k];
            w.o.passes = 1 + (k == 1);
            w.o.threads = 1 + 2 * k;
            check_feed(&w, FN_F32);
            check_feed(&w, FN_BF16);
        }
    w.o.augment.blur = 0;
    w.o.augment.jpeg = 0;
    w.o.first_step = 2;
    check_feed(&w, FN_BF16);
    close_world(&w);
}

/* The same bits, whatever runs when. */
TEST(crops_do_not_depend_on_threads)
{
    static piece one[MOST_PIECES], other[MOST_PIECES];
    size_t bytes = (size_t)N * CROP * sizeof(float);
    void *a = fn_alloc(1, bytes), *b = fn_alloc(1, bytes);
    int64_t waits = 0;
    world w;
    open_world(&w);
    w.o.threads = 1;
    CHECK_INT(feed_all(&w, one, FN_F32, &waits), STEPS);
    fn_emu_run(FN_EMU_UPLOADS_EARLY);
    w.o.threads = 5;
    w.o.ahead = 4;
    CHECK_INT(feed_all(&w, other, FN_F32, &waits), STEPS);
    for (int i = 0; i < STEPS; i++) {
        fetch(a, one[i].x, bytes);
        fetch(b, other[i].x, bytes);
        CHECK(memcmp(a, b, bytes) == 0);
        off_device(one[i].x);
        off_device(other[i].x);
    }
    fn_free(a);
    fn_free(b);
    close_world(&w);
}

/* The piece before it is cut as if nothing were wrong, though the next is sent ahead of its
 * time. */
TEST(a_damaged_image_fails_its_own_piece_by_name)
{
    world w;
    fn_feed *f = NULL;
    fn_batch b;
    char name[64];
    int step = 0;
    void *x;
    open_world(&w);
    fn_sampler_close(w.sampler);
    fn_test_damage(&w.pack, 12);
    MUST(fn_sampler_open(&w.sampler, w.pack, (fn_sampler_options){P, K, 0, 1}));
    snprintf(name, sizeof name, "%s/%s",
             fn_pack_person(w.pack, fn_pack_person_of(w.pack, 12)),
             fn_pack_name(w.pack, 12));
    int label[N], image[N], bad = -1;
    while (bad < 0) {
        CHECK_OK(fn_sampler_batch(w.sampler, (uint64_t)step, image, label));
        for (int i = 0; i < N; i++)
            if (image[i] == 12)
                bad = step;
        step++;
    }
    x = on_device(NULL, (size_t)N * CROP * sizeof(float));
    MUST(fn_feed_open(&f, device, w.pack, w.sampler, w.o));
    for (int i = 0; i < bad; i++) {
        CHECK_OK(fn_feed_next(f, &b, NULL));
        nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
        CHECK_OK(fn_feed_crop(f, x, FN_F32, NULL));
    }
    CHECK_FAILS(fn_feed_next(f, &b, NULL), FN_EDATA, name);
    CHECK_FAILS(fn_feed_next(f, &b, NULL), FN_EDATA, name);
    fn_feed_close(f);
    off_device(x);
    close_world(&w);
}

TEST(every_failed_allocation_is_reported)
{
    world w;
    fn_batch b;
    fn_status rc = FN_ENOMEM;
    long n = 1;
    open_world(&w);
    void *x = on_device(NULL, (size_t)N * CROP * sizeof(float));
    for (; rc != FN_OK && n < 200; n++) {
        fn_feed *f = NULL;
        fn_fail_alloc(n);
        rc = fn_feed_open(&f, device, w.pack, w.sampler, w.o);
        CHECK(rc == FN_OK || (rc == FN_ENOMEM && !f));
        if (rc == FN_OK)
            rc = fn_feed_next(f, &b, NULL);
        if (rc == FN_OK)
            rc = fn_feed_crop(f, x, FN_F32, NULL);
        fn_fail_alloc(0);
        CHECK(rc == FN_OK || rc == FN_ENOMEM);
        fn_feed_close(f);
    }
    CHECK(n - 1 > 1 + 2 * 4 + 3 + 3 * 4 && n < 200); /* those of opening, and of decoders */
    off_device(x);
    close_world(&w);
}

TEST(a_feed_closes_in_the_middle)
{
    world w;
    fn_batch b;
    open_world(&w);
    void *x = on_device(NULL, (size_t)N * CROP * sizeof(float));
    for (int pace = FN_EMU_AT_ONCE; pace <= FN_EMU_UPLOADS_EARLY; pace++)
        for (int calls = 0; calls < 5; calls++) {
            fn_feed *f = NULL;
            fn_emu_run((fn_emu_pace)pace);
            MUST(fn_feed_open(&f, device, w.pack, w.sampler, w.o));
            for (int i = 0; i < calls; i++)
                if (i % 2)
                    CHECK_OK(fn_feed_crop(f, x, FN_BF16, NULL));
                else
                    CHECK_OK(fn_feed_next(f, &b, NULL));
            fn_feed_close(f);
        }
    fn_feed_close(NULL);
    off_device(x);
    close_world(&w);
}
