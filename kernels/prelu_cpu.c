/* prelu on the CPU, in any format: channels are taken in bands of up to 16 that lie side by
 * side, and a band belongs to one thread, which sums its gradients in a fixed order. */
#include "kernels/bf16.h"
#include "kernels/format.h"
#include "kernels/prelu.h"

enum { MOST = 16 };

/* Where the bands lie: band b of pixel p of image n begins at
 * n * image + b * band + p * pixel. */
typedef struct layout {
    int64_t lanes, bands, pixels;
    int64_t image, band, pixel;
} layout;

static layout layout_of(const fn_call *c)
{
    fn_shape s = c->x[0].shape;
    int64_t channels = s.dim[1], pixels = s.dim[2] * s.dim[3];
    int64_t block = fn_format_block(c->x[0].format);
    layout l = {.lanes = block > 1 ? block : MOST, .pixels = pixels};
    l.bands = (channels + l.lanes - 1) / l.lanes;
    l.pixel = block > 1 ? block : channels;
    l.band = block > 1 ? pixels * block : MOST;
    l.image = block > 1 ? l.bands * l.band : pixels * channels;
    return l;
}

/* Channels of band b that exist; a blocked format stores the rest of them as zeros. */
static int64_t real_lanes(const fn_call *c, const layout *l, int64_t b)
{
    int64_t left = c->x[0].shape.dim[1] - b * l->lanes;
    return left < l->lanes ? left : l->lanes;
}

static int64_t stored_lanes(const fn_call *c, const layout *l, int64_t b)
{
    return c->x[0].format == FN_PLAIN ? real_lanes(c, l, b) : l->lanes;
}

/* The slopes of band b, zeros in its padding. */
static void take_slopes(float slope[MOST], const fn_call *c, const layout *l, int64_t b)
{
    int64_t real = real_lanes(c, l, b);
    for (int64_t k = 0; k < MOST; k++)
        slope[k] = k < real ? fn_f32(c->w[0])[b * l->lanes + k] : 0;
}

static inline void forward_band(const fn_call *c, const layout *l, fn_type t, int64_t n,
                                int64_t b)
{
    float slope[MOST];
    int64_t lanes = stored_lanes(c, l, b), at = n * l->image + b * l->band;
    take_slopes(slope, c, l, b);
    for (int64_t p = 0; p < l->pixels; p++) {
        int64_t i = at + p * l->pixel;
#pragma omp simd
        for (int64_t k = 0; k < lanes; k++) {
            float x = fn_load(c->x[0].data, t, i + k);
            fn_store(c->y[0].data, t, i + k, x > 0 ? x : slope[k] * x);
        }
    }
}

static fn_status prelu_forward(const fn_call *c)
{
    layout l = layout_of(c);
    int64_t images = c->x[0].shape.dim[0];
#pragma omp parallel for collapse(2)
    for (int64_t n = 0; n < images; n++)
        for (int64_t b = 0; b < l.bands; b++)
            if (c->x[0].type == FN_BF16)
                forward_band(c, &l, FN_BF16, n, b);
            else
                forward_band(c, &l, FN_F32, n, b);
    return FN_OK;
}

/* dx of one band of an image. */
static inline void give_x(const fn_call *c, const layout *l, fn_type t, int64_t at,
                          int64_t lanes, const float slope[MOST])
{
    for (int64_t p = 0; p < l->pixels; p++) {
        int64_t i = at + p * l->pixel;
#pragma omp simd
        for (int64_t k = 0; k < lanes; k++) {
            float dy = fn_load(c->dy[0].data, t, i + k);
            bool open = fn_load(c->x[0].data, t, i + k) > 0;
            fn_store(c->dx[0].data, t, i + k, open ? dy : slope[k] * dy);
        }
    }
}

/* Adds what one band of an image gives to its slopes. */
static inline void give_slopes(double sum[MOST], const fn_call *c, const layout *l,
                               fn_type t, int64_t at, int64_t lanes)
{
    for (int64_t p = 0; p < l->pixels; p++) {
        int64_t i = at + p * l->pixel;
#pragma omp simd
        for (int64_t k = 0; k < lanes; k++) {
            double x = (double)fn_load(c->x[0].data, t, i + k);
            sum[k] += x > 0 ? 0 : (double)fn_load(c->dy[0].data, t, i + k) * x;
        }
    }
}

static inline void backward_band(const fn_call *c, const layout *l, fn_type t, int64_t b)
{
    double sum[MOST] = {0};
    float slope[MOST];
    int64_t real = real_lanes(c, l, b);
    take_slopes(slope, c, l, b);
    for (int64_t n = 0; n < c->x[0].shape.dim[0]; n++) {
        int64_t at = n * l->image + b * l->band;
        if (c->dx[0].data)
            give_x(c, l, t, at, stored_lanes(c, l, b), slope);
        if (c->dw[0].data)
            give_slopes(sum, c, l, t, at, real);
    }
    for (int64_t k = 0; c->dw[0].data && k < real; k++)
        fn_f32(c->dw[0])[b * l->lanes + k] = (float)sum[k];
}

static fn_status prelu_backward(const fn_call *c)
{
    layout l = layout_of(c);
#pragma omp parallel for
    for (int64_t b = 0; b < l.bands; b++)
        if (c->x[0].type == FN_BF16)
            backward_band(c, &l, FN_BF16, b);
        else
            backward_band(c, &l, FN_F32, b);
    return FN_OK;
}

const fn_kernel fn_prelu_cpu = {
    .choose = fn_format_keep,
    .forward = prelu_forward,
    .backward = prelu_backward,
};
