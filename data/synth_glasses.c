/* synth_glasses.c -- glasses: curves in space, drawn as chains of discs. */
#include "data/synth_draw.h"

#include <math.h>

enum { STEPS = 160 };

typedef struct pen {
    fn_synth_canvas *canvas;
    const fn_synth_sitting *sitting;
    float half; /* width, head units */
} pen;

static void ink(fn_synth_canvas *c, int x, int y, const float rgb[3], float share)
{
    if (x >= 0 && y >= 0 && x < FN_SYNTH_GRID && y < FN_SYNTH_GRID)
        fn_synth_blend(c->rgb[y * FN_SYNTH_GRID + x], rgb, share);
}

static bool hidden(const fn_synth_canvas *c, const float p[3])
{
    int x = (int)p[0], y = (int)p[1];
    return x < 0 || y < 0 || x >= FN_SYNTH_GRID || y >= FN_SYNTH_GRID ||
           c->depth[y * FN_SYNTH_GRID + x] > p[2] + 0.05F;
}

static void stamp(const pen *p, const float at[3])
{
    const fn_synth_scene *s = &p->sitting->scene;
    const float *frame = p->sitting->trait.frame;
    float to[3], light = s->sky[1] + 0.6F * s->sun[1];
    const float rgb[3] = {frame[0] * light, frame[1] * light, frame[2] * light};
    fn_synth_mesh_project(to, at, s, true);
    if (hidden(p->canvas, to))
        return;
    float half = p->half * s->scale * FN_SYNTH_SAMPLES;
    int reach = (int)half + 1;
    for (int dy = -reach; dy <= reach; dy++)
        for (int dx = -reach; dx <= reach; dx++) {
            float x = floorf(to[0]) + (float)dx, y = floorf(to[1]) + (float)dy;
            float off = hypotf(x + 0.5F - to[0], y + 0.5F - to[1]);
            ink(p->canvas, (int)x, (int)y, rgb, 0.6F * fn_synth_clamp(half + 0.5F - off));
        }
}

/* The rim is a superellipse: 2 is round, 5 nearly square. */
static float rounded(float v, float power)
{
    return copysignf(powf(fabsf(v), 2 / power), v);
}

static void draw_side(const pen *p, float side)
{
    const fn_synth_trait *t = &p->sitting->trait;
    float x = t->eye_x * 1.04F, y = t->eye_y + 0.02F, z = 0.80F, high = t->glasses * 0.8F;
    for (int i = 0; i < STEPS; i++) {
        float a = 6.2831853F * (float)i / STEPS, u = rounded(cosf(a), t->lens_square);
        const float at[3] = {side * (x + t->glasses * u),
                             y + high * rounded(sinf(a), t->lens_square),
                             z - 0.06F * (u + 1)};
        stamp(p, at);
    }
    for (int i = 0; i < STEPS; i++) { /* the temple, to the ear */
        float v = (float)i / STEPS, from = x + t->glasses;
        const float at[3] = {side * (from + (t->width * 1.06F - from) * fminf(3 * v, 1)),
                             y - 0.07F, z - 0.12F - 0.72F * v};
        stamp(p, at);
    }
}

void fn_synth_glasses_draw(fn_synth_canvas *c, const fn_synth_sitting *s)
{
    const fn_synth_trait *t = &s->trait;
    pen p = {c, s, 0.020F};
    if (t->glasses <= 0)
        return;
    draw_side(&p, -1);
    draw_side(&p, 1);
    float half = t->eye_x * 1.04F - t->glasses;
    for (int i = 0; i < STEPS && half > 0; i++) { /* the bridge, over the nose */
        float u = 2.0F * (float)i / STEPS - 1;
        const float at[3] = {half * u, t->eye_y - 0.03F + 0.03F * u * u,
                             0.84F - 0.04F * u * u};
        stamp(&p, at);
    }
}
