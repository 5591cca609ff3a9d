/* synth_skin.c -- what is painted on the head: eyes, brows, mouth, nostrils, beard. Every
 * border is a ramp of about one sample, so that nothing has stairs. */
#include "data/synth_draw.h"

#include <math.h>
#include <string.h>

static const float ramp = 0.02F; /* width of a border */

/* 1 inside (d < 0), 0 outside. */
static float inside(float d)
{
    return fn_synth_clamp(0.5F - d / ramp);
}

/* 1 on a line at distance d = 0 with this half-width. */
static float stroke(float d, float half)
{
    return inside(fabsf(d) - half);
}

/* x is measured outwards from the middle of the eye, y downwards. */
static void paint_iris(float rgb[3], const fn_synth_sitting *s, float x, float y)
{
    static const float black[3] = {0.02F, 0.02F, 0.03F}, white[3] = {1, 1, 1};
    const fn_synth_trait *t = &s->trait;
    float radius = t->eye_w * 0.46F, r = sqrtf(x * x + y * y);
    float rim[3] = {t->iris[0] * 0.4F, t->iris[1] * 0.4F, t->iris[2] * 0.4F};
    float in = inside(r - radius), colour[3];
    memcpy(colour, t->iris, sizeof colour);
    fn_synth_blend(colour, rim, fn_synth_step(0.6F, 1, r / radius));
    fn_synth_blend(rgb, colour, in);
    fn_synth_blend(rgb, black, inside(r - radius * 0.45F));
    fn_synth_blend(
        rgb, white,
        0.9F * inside(hypotf(x + 0.3F * radius, y + 0.35F * radius) - 0.22F * radius));
}

/* An almond between two parabolas; the upper lid moves. */
static void paint_eye(float rgb[3], const fn_synth_sitting *s, const float at[3])
{
    static const float white[3] = {0.93F, 0.91F, 0.90F}, lash[3] = {0.09F, 0.06F, 0.06F};
    const fn_synth_trait *t = &s->trait;
    float side = at[0] < 0 ? -1.0F : 1.0F, x = side * at[0] - t->eye_x;
    float y = at[1] - t->eye_y + t->eye_tilt * x, u = x / t->eye_w;
    if (fabsf(u) > 1.5F || fabsf(y) > 3 * t->eye_h)
        return;
    float arch = 1 - u * u, upper = -t->eye_h * s->scene.lids * arch;
    float lower = 0.72F * t->eye_h * arch, eye[3];
    fn_synth_darken(rgb, 0.30F * stroke(y - upper + 0.45F * t->eye_h, 0.004F) *
                             fn_synth_clamp(1.4F * arch));
    fn_synth_darken(rgb, 0.16F * fn_synth_bump(u, y - 1.5F * t->eye_h, 1.1F, t->eye_h));
    memcpy(eye, white, sizeof eye);
    paint_iris(eye, s, x - side * s->scene.gaze[0] * t->eye_w * 0.5F,
               y - s->scene.gaze[1] * t->eye_h * 0.5F);
    fn_synth_darken(eye, 0.45F * fn_synth_clamp(1 - (y - upper) / (0.8F * t->eye_h)));
    fn_synth_blend(rgb, eye, inside(upper - y) * inside(y - lower));
    float thick = 0.014F + 0.008F * (u + 1);
    fn_synth_blend(rgb, lash,
                   stroke(y - upper, thick * fn_synth_clamp(1.6F * arch + 0.2F)) *
                       inside((fabsf(u) - 1.04F) * t->eye_w));
    fn_synth_darken(rgb, 0.35F * stroke(y - lower, 0.006F) * fn_synth_clamp(arch));
}

static void paint_brow(float rgb[3], const fn_synth_sitting *s, const float at[3])
{
    const fn_synth_trait *t = &s->trait;
    float x = fabsf(at[0]) - t->eye_x, u = x / t->brow_w;
    float middle = t->eye_y - t->brow_gap - s->scene.raise - t->brow_tilt * x -
                   t->brow_arch * (1 - u * u);
    if (fabsf(u) > 1.1F || fabsf(at[1] - middle) > 0.1F)
        return;
    float half = t->brow_h * (u > 0 ? 1 - 0.65F * u : 1);
    float hairy = 0.86F + 0.14F * fn_synth_wave(at[0] * 160 + at[1] * 90);
    const float colour[3] = {t->hair[0] * 0.75F, t->hair[1] * 0.72F, t->hair[2] * 0.70F};
    fn_synth_blend(rgb, colour,
                   hairy * stroke(at[1] - middle, half) *
                       inside((fabsf(u) - 1) * t->brow_w));
}

static void paint_nostrils(float rgb[3], const fn_synth_trait *t, const float at[3])
{
    float x = fabsf(at[0]) - t->nose_w * 0.46F, y = at[1] - t->nose_y - 0.075F;
    fn_synth_darken(rgb, 0.75F * fn_synth_bump(x, y, t->nose_w * 0.42F, 0.05F));
    fn_synth_darken(rgb, 0.22F * fn_synth_bump(at[0], y - 0.04F, t->nose_w * 1.3F, 0.10F));
    x = fabsf(at[0]) - t->nose_w * 1.22F;
    fn_synth_darken(rgb, 0.22F * fn_synth_bump(x, y + 0.08F, 0.05F, 0.10F));
}

/* The line between the lips, bent by a smile; the lips part about it. */
static void paint_mouth(float rgb[3], const fn_synth_sitting *s, const float at[3])
{
    static const float dark[3] = {0.20F, 0.05F, 0.06F}, teeth[3] = {0.92F, 0.89F, 0.84F};
    const fn_synth_trait *t = &s->trait;
    float smile = s->scene.smile, wide = t->mouth_w * (1 + 0.20F * smile), u = at[0] / wide;
    float arch = 1 - u * u, gap = 0.085F * s->scene.open * fmaxf(arch, 0);
    float y = at[1] - t->mouth_y + 0.07F * smile * (u * u - 0.3F);
    if (fabsf(u) > 1.3F || fabsf(y) > 0.3F)
        return;
    float bow = 1 - 0.35F * fn_synth_bump(u, 0, 0.22F, 1);
    float upper = -gap * 0.4F - t->lip_up * bow * arch;
    float lower = gap + t->lip_low * powf(fmaxf(arch, 0), 0.8F);
    float lips = inside(upper - y) * inside(y - lower) * inside((fabsf(u) - 1) * wide);
    fn_synth_blend(rgb, t->lip, lips);
    fn_synth_darken(rgb, lips * (y < 0 ? 0.14F : -0.04F));
    fn_synth_darken(rgb,
                    0.25F * fn_synth_bump(u, y - gap - t->lip_low - 0.05F, 0.8F, 0.07F));
    float hole = inside(-gap * 0.4F - y) * inside(y - gap) *
                 inside((fabsf(u) - 0.93F) * wide);
    if (s->scene.open > 0) {
        fn_synth_blend(rgb, dark, hole);
        fn_synth_blend(rgb, teeth, hole * inside(y - gap * 0.35F));
    } else {
        fn_synth_darken(rgb, 0.65F * stroke(y, 0.009F) * inside((fabsf(u) - 1) * wide));
    }
    fn_synth_darken(rgb, 0.4F * fn_synth_bump(fabsf(u) - 1.02F, y, 0.10F, 0.035F));
}

static float grain(const float at[3])
{
    return 0.85F + 0.15F * fn_synth_wave(at[0] * 130) * fn_synth_wave(at[1] * 110);
}

/* From the ears along the jaw to the corners of the mouth; the lips stay free. */
static void paint_beard(float rgb[3], const fn_synth_trait *t, const float at[3])
{
    const float colour[3] = {t->hair[0] * 0.85F, t->hair[1] * 0.82F, t->hair[2] * 0.80F};
    float x = fabsf(at[0]), lips = t->mouth_y + 0.3F * t->lip_low;
    float border = t->mouth_y + 0.04F - 0.9F * fmaxf(x - 0.26F, 0);
    float jaw = fn_synth_step(border - 0.09F, border + 0.09F, at[1]);
    float mouth = fn_synth_bump(at[0], at[1] - lips, t->mouth_w * 1.3F, 0.17F);
    fn_synth_blend(rgb, colour, grain(at) * t->beard * jaw * fn_synth_clamp(1 - 2 * mouth));
}

static void paint_moustache(float rgb[3], const fn_synth_trait *t, const float at[3])
{
    const float colour[3] = {t->hair[0] * 0.85F, t->hair[1] * 0.82F, t->hair[2] * 0.80F};
    float wide = t->mouth_w * 1.12F, u = at[0] / wide, arch = 1 - u * u;
    float space = t->mouth_y - t->lip_up - t->nose_y - 0.09F,
          half = fmaxf(0.45F * space, 0.03F);
    float middle = t->mouth_y - t->lip_up - half + 0.09F * u * u;
    fn_synth_blend(rgb, colour,
                   grain(at) * t->moustache *
                       stroke(at[1] - middle, half * fn_synth_clamp(1.5F * arch)) *
                       inside((fabsf(u) - 1) * wide));
}

static void paint_complexion(float rgb[3], const fn_synth_trait *t, const float at[3])
{
    static const float blush[3] = {0.80F, 0.32F, 0.28F};
    float x = fabsf(at[0]);
    float red = 0.22F * fn_synth_bump(x - 0.38F, at[1] - t->nose_y + 0.04F, 0.26F, 0.20F) +
                0.16F * fn_synth_bump(at[0], at[1] - t->nose_y, 0.16F, 0.14F);
    fn_synth_blend(rgb, blush, red);
    if (t->freckles <= 0)
        return;
    float spots = fn_synth_wave(at[0] * 61 + 3 * fn_synth_wave(at[1] * 23)) *
                  fn_synth_wave(at[1] * 67 + at[0] * 31);
    if (spots > 0.6F)
        fn_synth_darken(rgb, 0.30F * fn_synth_bump(x - 0.25F, at[1] - 0.22F, 0.4F, 0.3F));
}

static void paint_side(float rgb[3], const fn_synth_trait *t, const float at[3])
{
    float y = (at[1] - 0.10F) / 0.17F, z = (at[2] + 0.04F) / 0.10F;
    bool ear = fabsf(at[0]) > t->width * 1.03F;
    fn_synth_darken(rgb, ear ? 0.45F * fn_synth_bump(y, z, 0.8F, 0.8F) : 0);
    fn_synth_blend(rgb, t->hair, 0.8F * t->beard * fn_synth_step(0.45F, 0.6F, at[1]));
}

static void paint_front(float rgb[3], const fn_synth_sitting *s, const float at[3])
{
    const fn_synth_trait *t = &s->trait;
    paint_complexion(rgb, t, at);
    fn_synth_darken(rgb, 0.20F * fn_synth_bump(fabsf(at[0]) - t->eye_x * 0.9F,
                                               at[1] - t->eye_y + 0.05F, 0.22F, 0.15F));
    paint_nostrils(rgb, t, at);
    if (t->beard > 0)
        paint_beard(rgb, t, at);
    if (t->moustache > 0)
        paint_moustache(rgb, t, at);
    paint_mouth(rgb, s, at);
    paint_eye(rgb, s, at);
    paint_brow(rgb, s, at);
}

bool fn_synth_skin_paint(float rgb[3], const fn_synth_sitting *s, const float at[3])
{
    const fn_synth_trait *t = &s->trait;
    float under = -fn_synth_hair_inside(t, at);
    memcpy(rgb, t->skin, 3 * sizeof *rgb);
    fn_synth_darken(rgb, 0.30F * (1 - fn_synth_step(0, 0.14F, under)));
    if (under < -0.1F) /* the hair lies over it */
        return true;
    if (at[2] > 0.1F)
        paint_front(rgb, s, at);
    else
        paint_side(rgb, t, at);
    return true;
}
