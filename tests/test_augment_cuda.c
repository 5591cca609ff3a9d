/* test_augment_cuda.c -- views of faces on a GPU are the CPU's: fn_view_render of the same image
 * and the same draw, plain and in squares, float and bf16. */
#include "core/mem.h"
#include "core/rng.h"
#include "data/view.h"
#include "kernels/bf16.h"
#include "kernels/op.h"
#include "tests/cuda_rig.h"

enum { FACES = 5, GAP = 3, LARGEST = 90 };

static const double tolerance = 2e-6;

/* Images of all sizes, one behind the other, with a gap that nobody may read. */
typedef struct rig {
    fn_rng r;
    int height, width; /* of the network's input */
    uint8_t *rgb;
    fn_image image[FACES];
    fn_view view[FACES];
    fn_face_view table[FACES];
    float *want; /* [FACES, height, width, 3] */
    uint8_t *gpu_rgb;
    fn_face_view *gpu_table;
} rig;

static float between(rig *t, double low, double high)
{
    return (float)fn_rng_range(&t->r, low, high);
}

static void draw_view(rig *t, int i)
{
    bool wild = i % 2 == 1;
    t->view[i] = (fn_view){.x = between(t, wild ? -0.6 : 0, wild ? 0.8 : 0.2),
                           .y = between(t, wild ? -0.6 : 0, wild ? 0.8 : 0.2),
                           .width = between(t, 0.1, wild ? 1.5 : 0.8),
                           .height = between(t, 0.1, wild ? 1.5 : 0.8),
                           .flip = fn_rng_u32(&t->r) & 1,
                           .gain = between(t, 0.5, 1.5),
                           .lift = between(t, -0.2, 0.2)};
    if (i == 0)
        t->view[i] = fn_view_centre(1);
}

static size_t draw_faces(rig *t)
{
    size_t at = 0;
    for (int i = 0; i < FACES; i++) {
        int width = 1 + (int)fn_rng_below(&t->r, LARGEST);
        int height = 1 + (int)fn_rng_below(&t->r, LARGEST);
        if (i == 0) {
            width = t->width;
            height = t->height;
        }
        draw_view(t, i);
        fn_view v = t->view[i];
        t->table[i] = (fn_face_view){(int64_t)at, width,    height, v.x,    v.y,
                                     v.width,     v.height, v.gain, v.lift, v.flip};
        at += 3 * (size_t)width * (size_t)height + GAP;
    }
    return at;
}

static void render_all(rig *t)
{
    fn_view_scratch scratch = {NULL, 0};
    size_t size = 3 * (size_t)t->height * (size_t)t->width;
    t->want = fn_alloc(FACES * size, sizeof *t->want);
    for (int i = 0; i < FACES; i++) {
        const fn_face_view *f = &t->table[i];
        fn_image image = {t->rgb + f->at, f->width, f->height, 3 * (size_t)f->width};
        CHECK_OK(fn_view_render(t->want + (size_t)i * size, t->height, t->width, &image,
                                t->view[i], &scratch));
    }
    fn_free(scratch.data);
}

static void open_rig(rig *t, int height, int width, uint32_t round)
{
    *t = (rig){.r = fn_rng_at(6, FN_RNG_TEST, 0, round), .height = height, .width = width};
    size_t bytes = draw_faces(t);
    t->rgb = fn_alloc(bytes, 1);
    for (size_t i = 0; i < bytes; i++)
        t->rgb[i] = (uint8_t)fn_rng_u32(&t->r);
    render_all(t);
    t->gpu_rgb = on_device(t->rgb, bytes - GAP);
    t->gpu_table = on_device(t->table, sizeof t->table);
}

static void close_rig(rig *t)
{
    off_device(t->gpu_rgb);
    off_device(t->gpu_table);
    fn_free(t->rgb);
    fn_free(t->want);
}

/* --- what came out --- */

/* In the units of `want`; bf16 rounds to 8 bits. */
static bool near_enough(const void *got, int64_t at, float want, fn_type type)
{
    if (type == FN_F32)
        return fabs((double)((const float *)got)[at] - (double)want) <= tolerance;
    double of = (double)fn_bf16_float(((const uint16_t *)got)[at]);
    return fabs(of - (double)want) <= tolerance + fabs((double)want) / 256;
}

static void check_plain(const rig *t, fn_type type)
{
    int64_t count = (int64_t)FACES * t->height * t->width * 3, wrong = 0;
    size_t bytes = (size_t)count * (type == FN_BF16 ? 2 : 4);
    void *x = on_device(NULL, bytes), *got = fn_alloc(1, bytes);
    CHECK_INT(fn_launch_augment(x, t->gpu_rgb, t->gpu_table, FACES, t->height, t->width,
                                (int)type, fn_device_stream(device)),
              0);
    fetch(got, x, bytes);
    for (int64_t i = 0; i < count; i++)
        wrong += !near_enough(got, i, t->want[i], type);
    CHECK_INT(wrong, 0);
    off_device(x);
    fn_free(got);
}

typedef struct squares {
    int rows, columns, pad;
} squares;

/* Of a convolution of stride 2, as many as its taps need. */
static squares squares_of(int height, int width, int kernel)
{
    int pad = kernel / 2, taps = (kernel + 1) / 2;
    return (squares){(height + 2 * pad - kernel) / 2 + taps,
                     (width + 2 * pad - kernel) / 2 + taps, pad};
}

/* By the definition: element `at` of the squares is this number. */
static float wanted(const rig *t, const squares *s, int64_t at)
{
    int64_t channel = at % 16, place = channel / 3, square = at / 16;
    int64_t row = square / s->columns % s->rows * 2 + place / 2 - s->pad;
    int64_t column = square % s->columns * 2 + place % 2 - s->pad;
    int64_t image = square / s->columns / s->rows;
    if (place > 3 || row < 0 || row >= t->height || column < 0 || column >= t->width)
        return 0;
    return t->want[((image * t->height + row) * t->width + column) * 3 + channel % 3];
}

static void check_squares(const rig *t, int kernel, fn_type type)
{
    squares s = squares_of(t->height, t->width, kernel);
    int64_t count = (int64_t)FACES * s.rows * s.columns * 16, wrong = 0;
    size_t bytes = (size_t)count * (type == FN_BF16 ? 2 : 4);
    void *x = on_device(NULL, bytes), *got = fn_alloc(1, bytes);
    CHECK_INT(fn_launch_augment_squares(x, t->gpu_rgb, t->gpu_table, FACES, t->height,
                                        t->width, s.rows, s.columns, s.pad, (int)type,
                                        fn_device_stream(device)),
              0);
    fetch(got, x, bytes);
    for (int64_t i = 0; i < count; i++)
        wrong += !near_enough(got, i, wanted(t, &s, i), type);
    CHECK_INT(wrong, 0);
    off_device(x);
    fn_free(got);
}

static void check_rig(int height, int width, uint32_t round)
{
    rig t;
    fn_emu_schedule(round % SCHEDULES);
    open_rig(&t, height, width, round);
    for (int type = FN_F32; type <= FN_BF16; type++) {
        check_plain(&t, (fn_type)type);
        check_squares(&t, 7, (fn_type)type);
    }
    close_rig(&t);
}

TEST(views_are_the_cpus)
{
    static const int sizes[][2] = {{1, 1}, {7, 9}, {16, 16}, {17, 33}, {40, 23}, {32, 64}};
    uint32_t round = 0;
    open_device();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int again = 0; again < 6; again++)
            check_rig(sizes[i][0], sizes[i][1], round++);
    close_device();
}

/* The schedules, in which a filter may be read before it is there. */
TEST(views_are_the_same_in_any_order)
{
    open_device();
    for (uint32_t schedule = 0; schedule < SCHEDULES; schedule++) {
        rig t;
        fn_emu_schedule(schedule);
        open_rig(&t, 31, 45, 77);
        check_plain(&t, FN_F32);
        check_squares(&t, 7, FN_BF16);
        close_rig(&t);
    }
    close_device();
}

TEST(squares_of_other_kernels)
{
    open_device();
    for (int kernel = 3; kernel <= 9; kernel += 2) {
        rig t;
        open_rig(&t, 21, 18, (uint32_t)kernel);
        check_squares(&t, kernel, FN_F32);
        close_rig(&t);
    }
    CHECK(squares_of(224, 224, 7).rows == 115 && squares_of(224, 224, 7).columns == 115);
    close_device();
}
