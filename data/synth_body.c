/* synth_body.c -- neck and shoulders. They do not turn with the head. */
#include "data/synth_draw.h"

#include <math.h>
#include <string.h>

static const float neck_top = 0.45F, neck_low = 1.60F;

static void place_neck(float at[3], const fn_synth_sitting *s, const float on[3])
{
    float flat = hypotf(on[0], on[2]) + 1e-6F, along = 0.5F + 0.5F * on[1];
    float wide = s->trait.neck * (1 + 1.3F * along * along * along * along);
    at[0] = wide * on[0] / flat;
    at[1] = neck_top + (neck_low - neck_top) * along;
    at[2] = 0.85F * wide * on[2] / flat - 0.20F;
}

static bool paint_neck(float rgb[3], const fn_synth_sitting *s, const float at[3])
{
    memcpy(rgb, s->trait.skin, 3 * sizeof *rgb);
    fn_synth_darken(rgb, 0.55F * (1 - fn_synth_step(0.75F, 1.35F, at[1])) + 0.06F);
    return true;
}

static void place_torso(float at[3], const fn_synth_sitting *s, const float on[3])
{
    (void)s;
    at[0] = 1.65F * on[0];
    at[1] = 2.05F + 0.85F * on[1];
    at[2] = 0.62F * on[2] - 0.15F;
}

static bool paint_torso(float rgb[3], const fn_synth_sitting *s, const float at[3])
{
    const fn_synth_scene *scene = &s->scene;
    float neck = s->trait.neck * 1.25F, depth = 1.35F + scene->collar;
    if (at[2] > 0 && fabsf(at[0]) < neck &&
        at[1] < depth - scene->collar * fabsf(at[0]) / neck)
        memcpy(rgb, s->trait.skin, 3 * sizeof *rgb);
    else
        memcpy(rgb, scene->cloth, 3 * sizeof *rgb);
    return true;
}

const fn_synth_surface fn_synth_neck = {place_neck, paint_neck, false, false, 0.05F};
const fn_synth_surface fn_synth_torso = {place_torso, paint_torso, false, false, 0.02F};
