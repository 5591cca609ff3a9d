/* align.c -- the similarity transform that brings five landmarks onto a template.
 *
 *   With points as complex numbers, s the landmarks and d the template about their means, the
 *   least-squares similarity d = z s has z = sum(conj(s) d) / sum |s|^2 (Umeyama 1991 without
 *   reflection, in two dimensions). Pixels of the square are looked up through its inverse. */
#include "data/crop.h"

#include <assert.h>
#include <math.h>

/* The usual template is five points of a tight square of 112 pixels. Here that square is the
 * middle 80 % of a larger one, so that training can shift and zoom without leaving the crop:
 * a view of 0.8 is the tight crop. */
#define SHARE(v) ((v) / 112 * 0.8F + 0.1F)

const float fn_align_template[5][2] = {
    {SHARE(38.2946F), SHARE(51.6963F)}, {SHARE(73.5318F), SHARE(51.5014F)},
    {SHARE(56.0252F), SHARE(71.7366F)}, {SHARE(41.5493F), SHARE(92.3655F)},
    {SHARE(70.7299F), SHARE(92.2041F)},
};

enum { POINTS = 5, CHANNELS = 3, MAX_SAMPLES = 8 };

/* image = origin + (re + i im) * square, both in pixels. */
typedef struct similarity {
    double re, im, x, y;
} similarity;

static void mean_of(double mean[2], const float point[POINTS][2])
{
    mean[0] = mean[1] = 0;
    for (int i = 0; i < POINTS; i++) {
        mean[0] += (double)point[i][0] / POINTS;
        mean[1] += (double)point[i][1] / POINTS;
    }
}

/* Fits the template to the points, inverted: from the square back to the image. */
static fn_status fit(similarity *out, const float point[POINTS][2], int side)
{
    double from[2], to[2], re = 0, im = 0, square = 0;
    mean_of(from, point);
    mean_of(to, fn_align_template);
    for (int i = 0; i < POINTS; i++) {
        double sx = (double)point[i][0] - from[0], sy = (double)point[i][1] - from[1];
        double dx = ((double)fn_align_template[i][0] - to[0]) * side;
        double dy = ((double)fn_align_template[i][1] - to[1]) * side;
        re += sx * dx + sy * dy;
        im += sx * dy - sy * dx;
        square += sx * sx + sy * sy;
    }
    double norm = re * re + im * im;
    if (!isfinite(norm / square) || norm / square < 1e-12)
        return fn_fail(FN_EDATA, "the five landmarks do not span a face; mark them again");
    /* 1 / z = conj(z) / |z|^2 with z = (re + i im) / square. */
    out->re = re * square / norm;
    out->im = -im * square / norm;
    out->x = from[0] - (out->re * to[0] - out->im * to[1]) * side;
    out->y = from[1] - (out->im * to[0] + out->re * to[1]) * side;
    return FN_OK;
}

static int clamp(int v, int size)
{
    return v < 0 ? 0 : v >= size ? size - 1 : v;
}

/* Adds the value at x, y; the middle of the first pixel is at 0.5, 0.5. */
static void add_bilinear(double sum[CHANNELS], const fn_image *image, double x, double y)
{
    x = fmin(fmax(x - 0.5, -1), image->width);
    y = fmin(fmax(y - 0.5, -1), image->height);
    double x0 = floor(x), y0 = floor(y), fx = x - x0, fy = y - y0;
    for (int i = 0; i < 4; i++) {
        int dx = i & 1, dy = i >> 1;
        double w = (dx ? fx : 1 - fx) * (dy ? fy : 1 - fy);
        const uint8_t *p = image->rgb +
                           (size_t)clamp((int)y0 + dy, image->height) * image->stride +
                           (size_t)clamp((int)x0 + dx, image->width) * CHANNELS;
        for (int c = 0; c < CHANNELS; c++)
            sum[c] += w * p[c];
    }
}

/* One pixel of the square: the mean of n x n bilinear samples, so that a large face does not
 * alias when it shrinks. */
static void sample(uint8_t rgb[CHANNELS], const fn_image *image, const similarity *t,
                   const int at[2], int n)
{
    double sum[CHANNELS] = {0};
    for (int k = 0; k < n * n; k++) {
        int row = k / n, column = k % n;
        double u = at[0] + (column + 0.5) / n, v = at[1] + (row + 0.5) / n;
        double x = t->x + t->re * u - t->im * v, y = t->y + t->im * u + t->re * v;
        add_bilinear(sum, image, x, y);
    }
    for (int c = 0; c < CHANNELS; c++)
        rgb[c] = (uint8_t)(sum[c] / (n * n) + 0.5);
}

fn_status fn_align_face(fn_pixels *out, const fn_image *image, const float point[5][2],
                        int side)
{
    similarity t = {0};
    assert(side > 0);
    *out = (fn_pixels){NULL, 0, 0};
    FN_TRY(fit(&t, point, side));
    FN_TRY(fn_pixels_make(out, side, side));
    double step = sqrt(t.re * t.re + t.im * t.im);
    int n = step < MAX_SAMPLES ? (int)ceil(step) : MAX_SAMPLES;
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++)
            sample(out->rgb + CHANNELS * ((size_t)y * (size_t)side + (size_t)x), image, &t,
                   (int[2]){x, y}, n);
    return FN_OK;
}
