/* test_loader_faces.c -- a loader that hands out faces: those of the pack, with the views that its
 * crops would be, in memory of the caller's, which grows when it has to. */
#include "data/loader.h"
#include "tests/sizes.h"

#include <stddef.h>
#include <time.h>

enum { P = 3, K = 2, N = P * K, STEPS = 4 };

/* Memory that counts, and is out when it is told to be. */
typedef struct purse {
    int claimed, given_back;
    bool empty;
    size_t largest;
} purse;

static fn_status claim(void *ctx, void **out, size_t bytes)
{
    purse *p = ctx;
    *out = p->empty ? NULL : malloc(bytes);
    if (!*out)
        return fn_fail(FN_ENOMEM, "the purse is empty");
    p->claimed++;
    p->largest = bytes > p->largest ? bytes : p->largest;
    return FN_OK;
}

static void give_back(void *ctx, void *p)
{
    ((purse *)ctx)->given_back++;
    free(p);
}

typedef struct world {
    fn_pack *pack;
    fn_sampler *sampler;
    purse purse;
    fn_loader_options o;
} world;

static void open_world(world *w, fn_pack *(*pack)(void))
{
    fn_test_scratch();
    *w = (world){.pack = pack()};
    CHECK_OK(fn_sampler_open(&w->sampler, w->pack, (fn_sampler_options){P, K, 0, 1}));
    w->o = (fn_loader_options){.height = 24,
                               .width = 20,
                               .augment = fn_test_augment,
                               .seed = 3,
                               .threads = 3,
                               .faces = {claim, give_back, &w->purse}};
}

static void close_world(world *w)
{
    CHECK_INT(w->purse.given_back, w->purse.claimed);
    fn_sampler_close(w->sampler);
    fn_pack_close(w->pack);
    fn_test_sweep();
}

static void check_piece(const world *w, const fn_batch *b)
{
    size_t bytes = 0;
    CHECK(b->x == NULL);
    for (int i = 0; i < b->n; i++) {
        const fn_tray_face *f = &b->face[i];
        int slot = b->first + i;
        fn_pixels want;
        fn_view v = fn_augment_draw(&w->o.augment, w->o.seed, (uint64_t)b->step,
                                    (uint32_t)slot);
        fn_test_face(&want, w->pack, b->image[slot], &w->o, b->step, slot);
        size_t size = 3 * (size_t)want.width * (size_t)want.height;
        CHECK(f->width == want.width && f->height == want.height);
        CHECK(f->at + size <= b->bytes && memcmp(b->rgb + f->at, want.rgb, size) == 0);
        CHECK(memcmp(&f->view, &v, offsetof(fn_view, flip)) == 0 &&
              f->view.flip == v.flip &&
              memcmp(&f->view.gain, &v.gain, 2 * sizeof v.gain) == 0);
        bytes += size;
        fn_pixels_free(&want);
    }
    CHECK_INT(b->bytes, bytes);
}

/* Batches [first, STEPS), in pieces. */
static void check_loader(const world *w)
{
    int chunk = w->o.chunk ? w->o.chunk : N, passes = w->o.passes ? w->o.passes : 1;
    fn_loader *l = NULL;
    CHECK_OK(fn_loader_open(&l, w->pack, w->sampler, w->o));
    for (int64_t step = w->o.first_step; step < STEPS; step++)
        for (int pass = 0; pass < passes; pass++)
            for (int first = 0; first < N; first += chunk) {
                fn_batch b;
                double waited = -1;
                CHECK_OK(fn_loader_next(l, &b, &waited));
                CHECK(b.step == step && b.first == first && b.size == N);
                CHECK_INT(b.n, first + chunk < N ? chunk : N - first);
                CHECK(waited >= 0 && waited < 60);
                check_piece(w, &b);
            }
    fn_loader_close(l);
}

TEST(faces_and_views_are_those_that_crops_are_made_of)
{
    const int threads[] = {1, 2, 5}, chunk[] = {0, 1, 4};
    world w;
    open_world(&w, fn_test_sizes);
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++) {
            w.o.threads = threads[i];
            w.o.chunk = chunk[k];
            w.o.passes = 1 + k % 2;
            w.o.ahead = 1 + i;
            w.o.first_step = k;
            check_loader(&w);
        }
    w.o.augment.blur = 0;
    w.o.augment.jpeg = 0;
    check_loader(&w);
    close_world(&w);
}

static fn_pack *one_size(void)
{
    static const int count[] = {2, 3, 4, 2};
    return fn_test_pack(count, 4);
}

TEST(where_images_have_one_size_memory_is_claimed_once_a_piece)
{
    world w;
    open_world(&w, one_size);
    check_loader(&w);
    CHECK_INT(w.purse.claimed, FN_LOADER_AHEAD + 1);
    CHECK(w.purse.largest >= (size_t)N * 40 * 32 * 3);
    CHECK(w.purse.largest <= (size_t)N * 40 * 32 * 3 * 9 / 8);
    close_world(&w);
}

/* Where it is refused, nothing is lost: asked again, with memory, the piece is whole. */
TEST(memory_that_is_refused_can_be_asked_for_again)
{
    world w;
    fn_batch b;
    fn_loader *l = NULL;
    open_world(&w, fn_test_sizes);
    CHECK_OK(fn_loader_open(&l, w.pack, w.sampler, w.o));
    w.purse.empty = true;
    CHECK_FAILS(fn_loader_next(l, &b, NULL), FN_ENOMEM, "the purse is empty");
    CHECK_FAILS(fn_loader_next(l, &b, NULL), FN_ENOMEM, "the purse is empty");
    w.purse.empty = false;
    for (int step = 0; step < STEPS; step++) {
        CHECK_OK(fn_loader_next(l, &b, NULL));
        CHECK_INT(b.step, step);
        check_piece(&w, &b);
    }
    fn_loader_close(l); /* with faces that wait for room */
    close_world(&w);
}

TEST(a_piece_that_has_failed_is_never_ready)
{
    world w;
    fn_batch b;
    fn_loader *l = NULL;
    char name[64];
    int step = 0;
    open_world(&w, fn_test_sizes);
    fn_sampler_close(w.sampler);
    fn_test_damage(&w.pack, 12);
    CHECK_OK(fn_sampler_open(&w.sampler, w.pack, (fn_sampler_options){P, K, 0, 1}));
    snprintf(name, sizeof name, "%s/%s",
             fn_pack_person(w.pack, fn_pack_person_of(w.pack, 12)),
             fn_pack_name(w.pack, 12));
    CHECK_OK(fn_loader_open(&l, w.pack, w.sampler, w.o));
    while (fn_loader_next(l, &b, NULL) == FN_OK)
        CHECK(step++ < 100);
    for (int again = 0; again < 2; again++) {
        CHECK(!fn_loader_ready(l));
        CHECK_FAILS(fn_loader_next(l, &b, NULL), FN_EDATA, name);
    }
    fn_loader_close(l);
    close_world(&w);
}

TEST(a_piece_becomes_ready)
{
    world w;
    fn_batch b;
    fn_loader *l = NULL;
    open_world(&w, fn_test_sizes);
    CHECK_OK(fn_loader_open(&l, w.pack, w.sampler, w.o));
    for (int step = 0; step < STEPS; step++) {
        for (int tries = 0; !fn_loader_ready(l) && tries < 60000; tries++)
            nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL);
        CHECK(fn_loader_ready(l));
        CHECK_OK(fn_loader_next(l, &b, NULL));
        CHECK_INT(b.step, step);
    }
    fn_loader_close(l);
    close_world(&w);
}

TEST(every_failed_allocation_of_opening_is_reported)
{
    world w;
    fn_loader *l = NULL;
    fn_status rc = FN_ENOMEM;
    long n = 1;
    open_world(&w, fn_test_sizes);
    for (; rc != FN_OK && n < 100; n++) {
        fn_fail_alloc(n);
        rc = fn_loader_open(&l, w.pack, w.sampler, w.o);
        CHECK(rc == FN_OK || (rc == FN_ENOMEM && !l));
    }
    fn_fail_alloc(0);
    CHECK_INT(n - 2, 3 + 3 * 4); /* loader, ring, threads; four lists a place */
    fn_loader_close(l);
    close_world(&w);
}

/* Of 12 x 5 pixels and of 40 x 32; an image that is damaged does not count. */
TEST(how_large_images_are_decoded_is_told_before)
{
    const int count[] = {1, 2};
    uint8_t *bytes;
    size_t size;
    fn_pixels small;
    fn_test_scratch();
    CHECK_OK(fn_pixels_make(&small, 12, 5));
    fn_image image = fn_pixels_view(&small);
    CHECK_OK(fn_encode_png(&bytes, &size, &image));
    fn_test_put("people/a/1.png", bytes, size);
    fn_pack *p = fn_test_pack(count, 2);
    CHECK_INT(fn_pack_decoded_bytes(p), 3 * (12 * 5 + 3 * 40 * 32) / 4);
    fn_test_damage(&p, 3);
    CHECK_INT(fn_pack_decoded_bytes(p), 3 * (12 * 5 + 2 * 40 * 32) / 3);
    fn_pack_close(p);
    fn_pixels_free(&small);
    fn_free(bytes);
    fn_test_sweep();
}
