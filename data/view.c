/* view.c -- a part of the crop, resampled to the network's input. The hot path of training.
 *
 *   A triangle filter of half-width s = max(1, source pixels per output pixel), separable.
 *   The pixel i of an axis lies at its middle, c = origin + (i + 1/2) * step, and pixel j of
 *   the source weighs max(0, 1 - |j + 1/2 - c| / s), divided by the sum of all weights.
 *
 * The vertical pass goes first: it runs along rows, which vectorises, and one row of floats
 * is all that lies between the passes. */
#include "data/view.h"

#include "core/mem.h"
#include "core/rng.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* The filters of one axis. Each is `taps` weights behind the index of its first source
 * pixel, which a float holds exactly; weights outside the source are folded onto its border. */
typedef struct axis {
    int taps, stride; /* stride = 1 + taps floats a filter */
    float *filter;
} axis;

typedef struct span {
    double origin, step, reach; /* source pixels; reach is the filter's half-width */
    int source, out;
} span;

static span span_make(float at, float share, int source, int out)
{
    double step = (double)share * source / out;
    return (span){(double)at * source, step, fmax(1, step), source, out};
}

static int span_taps(const span *s)
{
    double wide = ceil(2 * s->reach) + 1;
    return wide < s->source ? (int)wide : s->source;
}

static int clamp(int v, int low, int high)
{
    return v < low ? low : v > high ? high : v;
}

static void make_filter(float *f, int taps, const span *s, int i)
{
    double c = s->origin + (i + 0.5) * s->step, sum = 0;
    int low = (int)ceil(c - s->reach - 0.5), high = (int)floor(c + s->reach - 0.5);
    int first = clamp(low, 0, s->source - taps);
    f[0] = (float)first;
    memset(f + 1, 0, (size_t)taps * sizeof *f);
    for (int j = low; j <= high; j++)
        sum += 1 - fabs(j + 0.5 - c) / s->reach;
    for (int j = low; j <= high; j++) {
        double w = (1 - fabs(j + 0.5 - c) / s->reach) / sum;
        f[1 + clamp(j, 0, s->source - 1) - first] += (float)w;
    }
}

static axis axis_make(float *room, const span *s, bool flip)
{
    int taps = span_taps(s);
    axis a = {taps, 1 + taps, room};
    for (int i = 0; i < s->out; i++)
        make_filter(room + (size_t)(flip ? s->out - 1 - i : i) * (size_t)a.stride, taps, s,
                    i);
    return a;
}

static void columns_used(int *low, int *high, const axis *a, int out)
{
    int first = (int)a->filter[0];
    int last = (int)a->filter[(size_t)(out - 1) * (size_t)a->stride];
    *low = first < last ? first : last;
    *high = (first > last ? first : last) + a->taps;
}

/* row[0..n) = sum over taps of weight * the bytes from `rgb`, a source row each. */
static void sum_rows(float *restrict row, size_t n, const uint8_t *restrict rgb,
                     size_t stride, const float *weight, int taps)
{
    memset(row, 0, n * sizeof *row);
    for (int t = 0; t < taps; t++, rgb += stride) {
        float w = weight[t];
        for (size_t i = 0; i < n; i++)
            row[i] += w * (float)rgb[i];
    }
}

static void lighten(float *x, int n, const fn_view *view)
{
    float shift = 127.5F + 255 * view->lift;
    for (int i = 0; i < n; i++) {
        float lit = (x[i] - 127.5F) * view->gain + shift;
        float held = lit < 0 ? 0 : lit > 255 ? 255 : lit;
        x[i] = (held - 127.5F) / 128;
    }
}

uint8_t fn_view_byte(float v)
{
    float b = v * 128 + 127.5F;
    return b <= 0 ? 0 : b >= 255 ? 255 : (uint8_t)lroundf(b);
}

/* `row` starts at source column `low`. */
static void sum_columns(float *restrict x, const float *restrict row, int low,
                        const axis *a, int width)
{
    for (ptrdiff_t i = 0; i < width; i++) {
        const float *f = a->filter + i * a->stride;
        const float *p = row + 3 * ((ptrdiff_t)f[0] - low);
        float r = 0, g = 0, b = 0;
        for (int t = 0; t < a->taps; t++, p += 3) {
            r += f[1 + t] * p[0];
            g += f[1 + t] * p[1];
            b += f[1 + t] * p[2];
        }
        x[3 * i] = r;
        x[3 * i + 1] = g;
        x[3 * i + 2] = b;
    }
}

static fn_status make_room(fn_view_scratch *scratch, size_t count)
{
    if (scratch->count >= count)
        return FN_OK;
    float *grown = fn_grow(scratch->data, count, sizeof *grown);
    if (!grown)
        return fn_fail(FN_ENOMEM, "no memory to resample a face");
    *scratch = (fn_view_scratch){grown, count};
    return FN_OK;
}

fn_status fn_view_render(float *x, int height, int width, const fn_image *crop, fn_view v,
                         fn_view_scratch *scratch)
{
    assert(v.width > 0 && v.height > 0 && height > 0 && width > 0);
    span sx = span_make(v.x, v.width, crop->width, width);
    span sy = span_make(v.y, v.height, crop->height, height);
    size_t nx = (size_t)width * (size_t)(1 + span_taps(&sx));
    size_t ny = (size_t)height * (size_t)(1 + span_taps(&sy));
    FN_TRY(make_room(scratch, nx + ny + (size_t)crop->width * 3));
    axis ax = axis_make(scratch->data, &sx, v.flip);
    axis ay = axis_make(scratch->data + nx, &sy, false);
    float *row = scratch->data + nx + ny;
    int low, high;
    columns_used(&low, &high, &ax, width);
    for (int i = 0; i < height; i++) {
        const float *f = ay.filter + (size_t)i * (size_t)ay.stride;
        const uint8_t *rgb = crop->rgb + (size_t)f[0] * crop->stride + 3 * (size_t)low;
        sum_rows(row, 3 * (size_t)(high - low), rgb, crop->stride, f + 1, ay.taps);
        float *to = x + 3 * (size_t)i * (size_t)width;
        sum_columns(to, row, low, &ax, width);
        lighten(to, 3 * width, &v);
    }
    return FN_OK;
}

fn_view fn_view_centre(float share)
{
    return (fn_view){(1 - share) / 2, (1 - share) / 2, share, share, false, 1, 0};
}

/* Every number is drawn whether it is wanted or not, so that switching one off leaves the
 * others as they were. */
fn_view fn_augment_draw(const fn_augment *a, uint64_t seed, uint64_t step, uint32_t slot)
{
    fn_rng r = fn_rng_at(seed, FN_RNG_AUGMENT, step, slot);
    float zoom = (float)fn_rng_range(&r, -1, 1) * a->zoom;
    float dx = (float)fn_rng_range(&r, -1, 1) * a->shift;
    float dy = (float)fn_rng_range(&r, -1, 1) * a->shift;
    float contrast = (float)fn_rng_range(&r, -1, 1) * a->contrast;
    float brightness = (float)fn_rng_range(&r, -1, 1) * a->brightness;
    bool mirror = fn_rng_u32(&r) & 1;
    fn_view v = fn_view_centre(a->view * (1 + zoom));
    v.x += dx;
    v.y += dy;
    v.flip = a->flip && mirror;
    v.gain = 1 + contrast;
    v.lift = brightness;
    return v;
}
