/* synth_hair.c -- the hair: a shell over the head that grows out of it at its edge. Long hair
 * does not follow the skull below the ears but hangs. */
#include "data/synth_draw.h"

#include <math.h>
#include <string.h>

static const float front_z = 0.52F; /* the face lies before it */

/* How low the hair comes: in front to the hairline, a parabola about the parting that ends in
 * tufts; lower at the sides and the back. */
static float edge(const fn_synth_trait *t, float x, float z)
{
    float off = x - t->parting, side = fabsf(x) / t->width;
    float front = t->hairline + t->fringe * 0.5F * off * off + 0.20F * side * side;
    float sides = front + (t->hair_side - front) * fn_synth_step(-front_z, -0.12F, -z);
    return sides + (t->hair_back - t->hair_side) * fn_synth_step(0.05F, 0.35F, -z);
}

float fn_synth_hair_inside(const fn_synth_trait *t, const float at[3])
{
    const float e = 0.02F;
    float here = edge(t, at[0], at[2]);
    if (at[2] > front_z) /* level there */
        return here - at[1];
    float slope = (edge(t, at[0], at[2] + e) - here) / e;
    return (here - at[1]) / sqrtf(1 + slope * slope);
}

static void place(float at[3], const fn_synth_sitting *s, const float on[3])
{
    const fn_synth_trait *t = &s->trait;
    float hang = fn_synth_step(0.2F, 0.5F, t->hair_side), flat = hypotf(on[0], on[2]);
    float wide = flat, low = on[1] > 0 ? on[1] : 0;
    if (on[1] > 0 && flat > 1e-6F)
        wide += hang * (1 - 0.12F * low - flat);
    float x = flat > 1e-6F ? on[0] / flat : 0, z = flat > 1e-6F ? on[2] / flat : 0;
    at[0] = x * wide * t->width;
    at[1] = on[1] * (on[1] < 0 ? 1.02F : 1 + hang * (t->hair_back - 0.8F));
    at[2] = z * wide * (z > 0 ? 0.80F : 0.90F);
    float thick = 0.012F + t->volume * fn_synth_step(0, 0.36F, fn_synth_hair_inside(t, at));
    thick *= 1 + 0.08F * t->curl * fn_synth_wave(9 * atan2f(on[0], on[2])) *
                     fn_synth_wave(11 * on[1]);
    at[0] += thick * x * (0.35F + 0.65F * flat);
    at[1] += thick * on[1] * (on[1] < 0 ? 1 : 0);
    at[2] += thick * z * (0.35F + 0.65F * flat);
}

/* Tufts make the border uneven. */
static float tuft(float x)
{
    return 0.022F * fn_synth_wave(x * 43 + 2 * fn_synth_wave(x * 19)) +
           0.014F * fn_synth_wave(x * 97);
}

static bool paint(float rgb[3], const fn_synth_sitting *s, const float at[3])
{
    const fn_synth_trait *t = &s->trait;
    float inner = fn_synth_hair_inside(t, at);
    if (inner < 0.04F)
        inner += tuft(at[0]);
    if (inner < 0)
        return false;
    float round = atan2f(at[0] - 0.4F * t->parting, 0.35F - at[1] + 0.2F * at[2]);
    float wave = 1.6F * t->curl * fn_synth_wave(at[1] * 13 + at[2] * 9 + 2 * round);
    float strand = 0.6F * fn_synth_wave(round * 55 + wave) +
                   0.4F * fn_synth_wave(round * 131 - 1.7F * wave);
    memcpy(rgb, t->hair, 3 * sizeof *rgb);
    fn_synth_darken(rgb, 0.12F - 0.12F * strand);
    fn_synth_darken(rgb, 0.25F * (1 - fn_synth_step(0, 0.10F, inner)));
    return true;
}

const fn_synth_surface fn_synth_hair = {place, paint, true, true, 0.16F};
