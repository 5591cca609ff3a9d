/* synth_photo.c -- the background behind a face, things in front of it, and the camera: tint,
 * contrast, blur and noise. */
#include "data/synth_draw.h"

#include <math.h>
#include <string.h>

enum { BLOBS = 7 };

static const float side = FN_SYNTH_SIDE;

typedef struct blob {
    float rgb[3], x, y, rx, ry, soft;
    float cosine, sine;
    bool box;
} blob;

static void draw_colour(float rgb[3], fn_rng *r)
{
    float grey = fn_synth_range(r, 0.08F, 0.85F);
    for (int c = 0; c < 3; c++)
        rgb[c] = fn_synth_clamp(grey + fn_synth_range(r, -0.09F, 0.09F));
}

static blob draw_blob(fn_rng *r)
{
    blob b = {.x = fn_synth_range(r, 0, side), .y = fn_synth_range(r, 0, side)};
    float angle = fn_synth_range(r, 0, 3.1416F);
    draw_colour(b.rgb, r);
    b.rx = fn_synth_range(r, 0.08F, 0.45F) * side;
    b.ry = fn_synth_range(r, 0.08F, 0.45F) * side;
    b.soft = fn_synth_range(r, 0.1F, 0.8F);
    b.cosine = cosf(angle);
    b.sine = sinf(angle);
    b.box = fn_synth_chance(r, 0.5F);
    return b;
}

/* 1 inside the blob, 0 outside; x, y in pixels. */
static float cover(const blob *b, float x, float y)
{
    float u = ((x - b->x) * b->cosine + (y - b->y) * b->sine) / b->rx;
    float v = ((y - b->y) * b->cosine - (x - b->x) * b->sine) / b->ry;
    if (u * u > 1 || v * v > 1)
        return 0;
    float d = b->box ? fmaxf(fabsf(u), fabsf(v)) : sqrtf(u * u + v * v);
    return 1 - fn_synth_step(1 - b->soft, 1, d);
}

static void fill_pixel(fn_synth_canvas *c, int x, int y, const float rgb[3])
{
    for (int k = 0; k < FN_SYNTH_SAMPLES * FN_SYNTH_SAMPLES; k++) {
        int at = (y * FN_SYNTH_SAMPLES + k / FN_SYNTH_SAMPLES) * FN_SYNTH_GRID +
                 x * FN_SYNTH_SAMPLES + k % FN_SYNTH_SAMPLES;
        memcpy(c->rgb[at], rgb, sizeof c->rgb[at]);
        c->depth[at] = -100;
    }
}

void fn_synth_photo_begin(fn_synth_canvas *c, fn_rng *r)
{
    float above[3], below[3], rgb[3];
    blob b[BLOBS];
    draw_colour(above, r);
    draw_colour(below, r);
    for (int i = 0; i < BLOBS; i++)
        b[i] = draw_blob(r);
    for (int i = 0; i < FN_SYNTH_SIDE * FN_SYNTH_SIDE; i++) {
        int x = i % FN_SYNTH_SIDE, y = i / FN_SYNTH_SIDE;
        memcpy(rgb, above, sizeof above);
        fn_synth_blend(rgb, below, (float)y / side);
        for (int k = 0; k < BLOBS; k++)
            fn_synth_blend(rgb, b[k].rgb,
                           0.85F * cover(&b[k], (float)x + 0.5F, (float)y + 0.5F));
        fill_pixel(c, x, y, rgb);
    }
}

/* The mean of each pixel's samples goes to the front of the canvas, row by row. */
static void shrink(fn_synth_canvas *c)
{
    const float share = 1.0F / (FN_SYNTH_SAMPLES * FN_SYNTH_SAMPLES);
    for (int i = 0; i < FN_SYNTH_SIDE * FN_SYNTH_SIDE; i++) {
        float sum[3] = {0};
        int x = i % FN_SYNTH_SIDE * FN_SYNTH_SAMPLES,
            y = i / FN_SYNTH_SIDE * FN_SYNTH_SAMPLES;
        for (int k = 0; k < FN_SYNTH_SAMPLES * FN_SYNTH_SAMPLES; k++) {
            int at = (y + k / FN_SYNTH_SAMPLES) * FN_SYNTH_GRID + x + k % FN_SYNTH_SAMPLES;
            for (int j = 0; j < 3; j++)
                sum[j] += c->rgb[at][j] * share;
        }
        memcpy(c->rgb[i], sum, sizeof sum);
    }
}

/* Something at the edge of every third picture covers a part of the face. */
static void occlude(fn_synth_canvas *c, fn_rng *r)
{
    blob b = draw_blob(r);
    float angle = fn_synth_range(r, 0, 6.2832F),
          far = fn_synth_range(r, 0.42F, 0.62F) * side;
    b.x = side / 2 + far * cosf(angle);
    b.y = side / 2 + far * sinf(angle);
    b.rx = b.rx * 0.5F + 8;
    b.ry = b.ry * 0.5F + 8;
    b.soft = 0.06F;
    if (!fn_synth_chance(r, 0.33F))
        return;
    for (int i = 0; i < FN_SYNTH_SIDE * FN_SYNTH_SIDE; i++) {
        int row = i / FN_SYNTH_SIDE, column = i % FN_SYNTH_SIDE;
        float x = (float)column + 0.5F, y = (float)row + 0.5F;
        fn_synth_blend(c->rgb[i], b.rgb, cover(&b, x, y));
    }
}

/* One pass of a three-tap blur along rows (step 1) or columns (step FN_SYNTH_SIDE). */
static void blur(fn_synth_canvas *c, float strength, int step)
{
    float(*v)[3] = c->rgb;
    float w = strength / (1 + 2 * strength);
    for (int line = 0; line < FN_SYNTH_SIDE; line++) {
        int start = line * (step == 1 ? FN_SYNTH_SIDE : 1);
        for (int k = 0; k < 3; k++) {
            float before = v[start][k];
            for (int i = 0; i < FN_SYNTH_SIDE; i++) {
                int at = start + i * step, next = i + 1 < FN_SYNTH_SIDE ? at + step : at;
                float here = v[at][k];
                v[at][k] = here * (1 - 2 * w) + w * (before + v[next][k]);
                before = here;
            }
        }
    }
}

/* Nearly normal, deviation 1: the sum of four bytes. */
static float grain(fn_rng *r)
{
    uint32_t u = fn_rng_u32(r);
    float sum = (float)((u & 255) + (u >> 8 & 255) + (u >> 16 & 255) + (u >> 24));
    return (sum - 510) / 147.8F;
}

void fn_synth_photo_end(fn_pixels *out, fn_synth_canvas *c, const fn_synth_scene *s,
                        fn_rng *r)
{
    shrink(c);
    occlude(c, r);
    blur(c, s->blur, 1);
    blur(c, s->blur, FN_SYNTH_SIDE);
    for (int i = 0; i < 3 * FN_SYNTH_SIDE * FN_SYNTH_SIDE; i++) {
        float v = c->rgb[i / 3][i % 3] * s->gain[i % 3];
        v = (v - 0.45F) * s->contrast + 0.45F + s->lift + s->noise * grain(r);
        out->rgb[i] = (uint8_t)(255 * fn_synth_clamp(v) + 0.5F);
    }
}
