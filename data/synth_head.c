/* synth_head.c -- the head's surface: an ellipsoid with a jaw, and bumps where a face has
 * them. Its colours are in synth_skin.c. */
#include "data/synth_draw.h"

#include <math.h>

/* A pair of bumps, one on each side of the face. */
static float pair(const float at[3], float x, float y, float rx, float ry)
{
    return fn_synth_bump(fabsf(at[0]) - x, at[1] - y, rx, ry);
}

/* The nose grows from the bridge to the tip and ends steeply below it. */
static float nose(const fn_synth_trait *t, const float at[3])
{
    float top = t->eye_y - 0.10F, v = (at[1] - top) / (t->nose_y - top);
    if (v < 0 || v > 1.3F)
        return 0;
    float along = fn_synth_clamp(v), fall = 1 - fn_synth_step(1, 1.26F, v);
    float high = t->nose_z * (t->bridge * fn_synth_step(0, 0.35F, along) +
                              (1 - t->bridge) * along * along);
    float wide = t->nose_w * (0.62F + 0.75F * along * along);
    float ridge = high * fall * fn_synth_bump(at[0], 0, wide * 1.25F, 1);
    return ridge + t->nose_z * 0.30F *
                       pair(at, t->nose_w * 0.72F, t->nose_y, t->nose_w * 0.55F, 0.10F);
}

static float features(const fn_synth_sitting *s, const float at[3])
{
    const fn_synth_trait *t = &s->trait;
    float smile = fmaxf(s->scene.smile, 0);
    float z = nose(t, at);
    z -= 0.13F * pair(at, t->eye_x, t->eye_y, 0.24F, 0.20F);
    z += 0.07F * pair(at, t->eye_x, t->eye_y, t->eye_w * 1.15F, t->eye_h * 1.9F);
    z += t->ridge * pair(at, t->eye_x * 0.9F, t->eye_y - t->brow_gap, 0.26F, 0.10F);
    z += (t->cheek + 0.05F * smile) * pair(at, 0.40F, t->nose_y - 0.06F, 0.26F, 0.24F);
    z += 0.07F * fn_synth_bump(at[0], at[1] - t->mouth_y, t->mouth_w * 1.2F, 0.20F);
    z += 0.5F * t->lip_up *
         fn_synth_bump(at[0], at[1] - t->mouth_y + t->lip_up * 0.6F, t->mouth_w, t->lip_up);
    z += 0.6F * t->lip_low *
         fn_synth_bump(at[0], at[1] - t->mouth_y - t->lip_low * 0.7F, t->mouth_w * 0.8F,
                       t->lip_low);
    z += (0.05F + t->chin) * fn_synth_bump(at[0], at[1] - 0.88F, 0.24F, 0.17F);
    return z;
}

static void place(float at[3], const fn_synth_sitting *s, const float on[3])
{
    const fn_synth_trait *t = &s->trait;
    float low = fn_synth_step(0.05F, 0.85F, on[1]), front = fn_synth_step(0, 0.5F, on[2]);
    at[0] = on[0] * t->width * (1 + (t->jaw - 1.03F) * low);
    at[1] = on[1] * (on[1] < 0 ? 1.02F : 1);
    at[2] = on[2] * (on[2] > 0 ? 0.80F : 0.90F) * (1 - 0.12F * low * (1 - front));
    /* The back of the jaw rises to the ear. */
    at[1] -= 0.35F * low * (1 - fn_synth_step(-0.5F, 0.35F, on[2]));
    at[2] += front * features(s, at);
    float ear = fn_synth_bump(on[2] + 0.06F, on[1] - 0.10F, 0.14F, 0.24F);
    at[0] += (on[0] > 0 ? 0.17F : -0.17F) * t->ear * ear;
}

const fn_synth_surface fn_synth_head = {place, fn_synth_skin_paint, true, false, 0.10F};
