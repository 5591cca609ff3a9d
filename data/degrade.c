/* degrade.c -- Gaussian blur and recompression.
 *
 *   w_j = exp(-j^2 / 2 s^2) for |j| <= ceil(3 s), divided by their sum; along columns, then along
 *   rows; pixels outside repeat the border; rounded to the nearest of 0..255 at the end. */
#include "data/degrade.h"

#include "core/mem.h"
#include "core/rng.h"

#include <math.h>
#include <string.h>

/* No recompression is finer than that of a pack's own crops. */
enum { BEST_QUALITY = 95 };

typedef struct kernel {
    int reach;
    float *weight; /* [2 * reach + 1] */
} kernel;

static fn_status kernel_make(kernel *k, double sigma)
{
    double sum = 0;
    k->reach = (int)ceil(3 * sigma);
    k->weight = fn_alloc(2 * (size_t)k->reach + 1, sizeof *k->weight);
    if (!k->weight)
        return fn_fail(FN_ENOMEM, "no memory to blur a face");
    for (int j = -k->reach; j <= k->reach; j++)
        sum += exp(-j * j / (2 * sigma * sigma));
    for (int j = -k->reach; j <= k->reach; j++)
        k->weight[j + k->reach] = (float)(exp(-j * j / (2 * sigma * sigma)) / sum);
    return FN_OK;
}

static int clamp(int v, int size)
{
    return v < 0 ? 0 : v >= size ? size - 1 : v;
}

/* to [height, width, 3] of floats. */
static void blur_columns(float *to, const fn_pixels *p, const kernel *k)
{
    size_t stride = 3 * (size_t)p->width;
    for (int y = 0; y < p->height; y++, to += stride)
        for (int j = -k->reach; j <= k->reach; j++) {
            const uint8_t *from = p->rgb + (size_t)clamp(y + j, p->height) * stride;
            float w = k->weight[j + k->reach];
            for (size_t i = 0; i < stride; i++)
                to[i] += w * (float)from[i];
        }
}

/* `row` has room for a row of `width` pixels and its borders, k->reach on each side. */
static void blur_row(uint8_t *to, float *row, const float *from, int width, const kernel *k)
{
    for (int x = -k->reach; x < width + k->reach; x++)
        memcpy(row + 3 * (size_t)(x + k->reach), from + 3 * (size_t)clamp(x, width),
               3 * sizeof *row);
    for (size_t i = 0; i < 3 * (size_t)width; i++) {
        float sum = 0;
        for (int j = 0; j <= 2 * k->reach; j++)
            sum += k->weight[j] * row[i + 3 * (size_t)j];
        to[i] = (uint8_t)(sum + 0.5F);
    }
}

static fn_status blur(fn_pixels *p, double sigma)
{
    kernel k = {0, NULL};
    size_t stride = 3 * (size_t)p->width;
    float *between = NULL, *row = NULL;
    fn_status rc;
    FN_GO(kernel_make(&k, sigma));
    between = fn_alloc(stride * (size_t)p->height, sizeof *between);
    row = fn_alloc(stride + 6 * (size_t)k.reach, sizeof *row);
    if (!between || !row) {
        rc = fn_fail(FN_ENOMEM, "no memory to blur a face");
        goto out;
    }
    blur_columns(between, p, &k);
    for (int y = 0; y < p->height; y++)
        blur_row(p->rgb + (size_t)y * stride, row, between + (size_t)y * stride, p->width,
                 &k);
out:
    fn_free(row);
    fn_free(between);
    fn_free(k.weight);
    return rc;
}

static fn_status compress(fn_pixels *p, int quality)
{
    uint8_t *bytes;
    size_t size;
    fn_pixels back;
    fn_image image = fn_pixels_view(p);
    FN_TRY(fn_encode_jpeg(&bytes, &size, &image, quality));
    fn_status rc = fn_decode(&back, bytes, size, "recompressed face");
    fn_free(bytes);
    if (rc != FN_OK)
        return rc;
    fn_pixels_free(p);
    *p = back;
    return FN_OK;
}

fn_status fn_degrade_apply(fn_pixels *face, fn_degrade d)
{
    int side = face->width > face->height ? face->width : face->height;
    if (d.blur > 0)
        FN_TRY(blur(face, (double)d.blur * side));
    return d.jpeg ? compress(face, d.jpeg) : FN_OK;
}

/* Every number is drawn whether it is wanted or not, so that switching one off leaves the
 * other as it was. */
fn_degrade fn_degrade_draw(const fn_augment *a, uint64_t seed, uint64_t step, uint32_t slot)
{
    fn_rng r = fn_rng_at(seed, FN_RNG_DEGRADE, step, slot);
    bool blurred = fn_rng_uniform(&r) < (double)a->degrade;
    float share = (float)fn_rng_uniform(&r);
    bool compressed = fn_rng_uniform(&r) < (double)a->degrade;
    double place = fn_rng_uniform(&r);
    fn_degrade d = {0, 0};
    if (blurred)
        d.blur = a->blur * share;
    if (compressed && a->jpeg)
        d.jpeg = a->jpeg + (int)(place * (BEST_QUALITY + 1 - a->jpeg));
    return d;
}
