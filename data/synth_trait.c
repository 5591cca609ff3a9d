/* synth_trait.c -- who somebody is: proportions, colours, hair, beard and glasses. */
#include "data/synth_draw.h"

#include <string.h>

static const float skins[][3] = {
    {0.96F, 0.81F, 0.72F}, {0.91F, 0.73F, 0.60F}, {0.82F, 0.62F, 0.46F},
    {0.67F, 0.47F, 0.33F}, {0.47F, 0.31F, 0.22F}, {0.32F, 0.21F, 0.16F},
};
static const float hairs[][3] = {
    {0.08F, 0.07F, 0.07F}, {0.17F, 0.11F, 0.08F}, {0.29F, 0.18F, 0.11F},
    {0.43F, 0.27F, 0.14F}, {0.52F, 0.22F, 0.10F}, {0.76F, 0.58F, 0.33F},
    {0.55F, 0.54F, 0.53F}, {0.86F, 0.84F, 0.80F},
};
static const float irises[][3] = {
    {0.22F, 0.12F, 0.06F}, {0.38F, 0.23F, 0.10F}, {0.45F, 0.40F, 0.18F},
    {0.28F, 0.45F, 0.28F}, {0.25F, 0.45F, 0.66F}, {0.50F, 0.56F, 0.60F},
};
static const float frames[][3] = {
    {0.06F, 0.06F, 0.07F}, {0.33F, 0.16F, 0.08F}, {0.70F, 0.58F, 0.30F},
    {0.60F, 0.10F, 0.12F}, {0.12F, 0.22F, 0.45F}, {0.62F, 0.64F, 0.66F},
};

enum { LAST_DARK_HAIR = 2 };

static void mix(float rgb[3], fn_rng *r, const float (*palette)[3], float at)
{
    int i = (int)at;
    memcpy(rgb, palette[i], 3 * sizeof *rgb);
    if (at > (float)i)
        fn_synth_blend(rgb, palette[i + 1], at - (float)i);
    float light = fn_synth_range(r, 0.93F, 1.07F);
    for (int c = 0; c < 3; c++)
        rgb[c] = fn_synth_clamp(rgb[c] * light * fn_synth_range(r, 0.97F, 1.03F));
}

static void draw_colours(fn_synth_trait *t, fn_rng *r)
{
    float tone = fn_synth_range(r, 0, 4.999F);
    mix(t->skin, r, skins, tone);
    /* Light hair and light eyes go with light skin, mostly. */
    int last = tone < 2.2F ? 7 : tone < 3.2F ? 3 : LAST_DARK_HAIR;
    mix(t->hair, r, hairs, (float)fn_rng_below(r, (uint32_t)last + 1));
    mix(t->iris, r, irises, (float)fn_rng_below(r, tone < 2.5F ? 6 : 2));
    mix(t->frame, r, frames, (float)fn_rng_below(r, 6));
    const float red[3] = {0.72F, 0.22F, 0.24F};
    memcpy(t->lip, t->skin, sizeof t->lip);
    fn_synth_blend(t->lip, red, fn_synth_range(r, 0.22F, 0.55F));
    t->freckles = tone < 1.6F && fn_synth_chance(r, 0.25F) ? 1 : 0;
}

static void draw_head(fn_synth_trait *t, fn_rng *r)
{
    t->width = fn_synth_range(r, 0.66F, 0.80F);
    t->jaw = fn_synth_range(r, 0.90F, 1.22F);
    t->chin = fn_synth_range(r, 0, 0.14F);
    t->cheek = fn_synth_range(r, 0, 0.10F);
    t->ridge = fn_synth_range(r, 0, 0.07F);
    t->neck = fn_synth_range(r, 0.36F, 0.46F);
    t->ear = fn_synth_range(r, 0.6F, 1.3F);
}

static void draw_features(fn_synth_trait *t, fn_rng *r)
{
    t->eye_x = t->width * fn_synth_range(r, 0.37F, 0.47F);
    t->eye_y = fn_synth_range(r, -0.07F, 0.06F);
    t->eye_w = fn_synth_range(r, 0.145F, 0.195F);
    t->eye_h = t->eye_w * fn_synth_range(r, 0.40F, 0.64F);
    t->eye_tilt = fn_synth_range(r, -0.18F, 0.26F);
    t->brow_gap = fn_synth_range(r, 0.14F, 0.23F);
    t->brow_w = fn_synth_range(r, 0.16F, 0.23F);
    t->brow_h = fn_synth_range(r, 0.018F, 0.055F);
    t->brow_arch = fn_synth_range(r, 0.01F, 0.08F);
    t->brow_tilt = fn_synth_range(r, -0.18F, 0.22F);
    t->nose_y = t->eye_y + fn_synth_range(r, 0.32F, 0.46F);
    t->nose_w = fn_synth_range(r, 0.10F, 0.19F);
    t->nose_z = fn_synth_range(r, 0.14F, 0.30F);
    t->bridge = fn_synth_range(r, 0.15F, 0.75F);
    t->mouth_y = t->nose_y + (0.98F - t->nose_y) * fn_synth_range(r, 0.32F, 0.46F);
    t->mouth_w = fn_synth_range(r, 0.20F, 0.33F);
    t->lip_up = fn_synth_range(r, 0.022F, 0.060F);
    t->lip_low = fn_synth_range(r, 0.035F, 0.085F);
}

static void draw_hair(fn_synth_trait *t, fn_rng *r, bool long_hair)
{
    t->hairline = fn_synth_range(r, -0.74F, -0.34F);
    t->volume = fn_synth_range(r, 0.05F, long_hair ? 0.20F : 0.26F);
    t->parting = fn_synth_range(r, -0.45F, 0.45F);
    t->fringe = fn_synth_range(r, -0.7F, 0.6F);
    t->curl = fn_synth_range(r, 0, 1);
    t->hair_side = long_hair ? fn_synth_range(r, 0.5F, 1.7F)
                             : fn_synth_range(r, -0.25F, 0.12F);
    t->hair_back = long_hair ? t->hair_side : fn_synth_range(r, 0.35F, 0.75F);
    if (long_hair || !fn_synth_chance(r, 0.14F))
        return;
    t->hairline = -1.15F; /* bald on top */
    t->hair_side = fn_synth_range(r, -0.2F, 0.1F);
    t->volume = 0.05F;
}

static void draw_beard(fn_synth_trait *t, fn_rng *r, bool grows)
{
    float kind = (float)fn_rng_uniform(r), full = fn_synth_range(r, 0.55F, 1);
    if (!grows)
        return;
    t->beard = kind < 0.22F ? full : kind < 0.42F ? 0.32F * full : 0;
    t->moustache = kind < 0.52F ? fn_synth_range(r, 0.4F, 1) * (kind < 0.42F ? full : 1)
                                : 0;
}

void fn_synth_trait_draw(fn_synth_trait *t, uint64_t seed, int person)
{
    fn_rng r = fn_rng_at(seed, FN_RNG_SYNTH, (uint64_t)person, 0);
    *t = (fn_synth_trait){0};
    bool long_hair = fn_synth_chance(&r, 0.48F);
    draw_colours(t, &r);
    draw_head(t, &r);
    draw_features(t, &r);
    draw_hair(t, &r, long_hair);
    draw_beard(t, &r, !long_hair || fn_synth_chance(&r, 0.12F));
    if (long_hair && t->beard == 0) { /* softer on the whole */
        t->jaw = 0.90F + (t->jaw - 0.90F) * 0.6F;
        t->ridge *= 0.4F;
        t->neck *= 0.88F;
    }
    if (fn_synth_chance(&r, 0.24F))
        t->glasses = fn_synth_range(&r, 0.19F, 0.25F);
    t->lens_square = fn_synth_range(&r, 2, 5);
}
