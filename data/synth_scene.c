/* synth_scene.c -- what one image is like, whoever is in it: pose, light, expression, camera. */
#include "data/synth_draw.h"

#include <math.h>

static const float degree = 0.01745329F;

/* Roll after pitch after yaw. */
static void set_turn(float turn[3][3], float yaw, float pitch, float roll)
{
    float cy = cosf(yaw), sy = sinf(yaw), cp = cosf(pitch), sp = sinf(pitch);
    float cr = cosf(roll), sr = sinf(roll);
    const float turned[3][3] = {
        {cy, 0, sy}, {sp * sy, cp, -sp * cy}, {-cp * sy, sp, cp * cy}};
    for (int i = 0; i < 3; i++) {
        turn[0][i] = cr * turned[0][i] - sr * turned[1][i];
        turn[1][i] = sr * turned[0][i] + cr * turned[1][i];
        turn[2][i] = turned[2][i];
    }
}

static float normal(fn_rng *r, float deviation, float most)
{
    float v = (float)fn_rng_normal(r) * deviation;
    return v < -most ? -most : v > most ? most : v;
}

static void draw_pose(fn_synth_scene *s, fn_rng *r)
{
    float yaw = normal(r, 17, 40), pitch = normal(r, 8, 18), roll = normal(r, 5, 14);
    set_turn(s->turn, yaw * degree, pitch * degree, roll * degree);
    s->x = FN_SYNTH_SIDE / 2.0F + normal(r, 2, 5);
    s->y = FN_SYNTH_SIDE * 0.51F + normal(r, 2, 5);
    s->scale = FN_SYNTH_SIDE * 0.385F * fn_synth_range(r, 0.92F, 1.08F);
}

static void draw_light(fn_synth_scene *s, fn_rng *r)
{
    float side = fn_synth_range(r, -80, 80) * degree,
          up = fn_synth_range(r, -5, 55) * degree;
    float warm = fn_synth_range(r, -0.14F, 0.14F), power = fn_synth_range(r, 0.5F, 1);
    float shade = fn_synth_range(r, 0.3F, 0.65F), cold = fn_synth_range(r, -0.10F, 0.10F);
    s->light[0] = sinf(side) * cosf(up);
    s->light[1] = -sinf(up);
    s->light[2] = cosf(side) * cosf(up);
    for (int c = 0; c < 3; c++) {
        s->sun[c] = power * (1 + warm * (float)(1 - c));
        s->sky[c] = shade * (1 + cold * (float)(1 - c));
    }
}

static void draw_expression(fn_synth_scene *s, fn_rng *r)
{
    s->gaze[0] = normal(r, 0.25F, 0.5F);
    s->gaze[1] = normal(r, 0.12F, 0.3F);
    s->lids = fn_synth_chance(r, 0.05F) ? 0.05F : fn_synth_range(r, 0.7F, 1.15F);
    s->smile = fn_synth_range(r, -0.3F, 1);
    s->open = fn_synth_chance(r, 0.4F) ? fn_synth_range(r, 0.2F, 1) : 0;
    s->raise = normal(r, 0.02F, 0.05F);
    for (int c = 0; c < 3; c++)
        s->cloth[c] = fn_synth_range(r, 0.05F, 0.9F);
    s->collar = fn_synth_range(r, 0, 0.5F);
}

static void draw_camera(fn_synth_scene *s, fn_rng *r)
{
    for (int c = 0; c < 3; c++)
        s->gain[c] = fn_synth_range(r, 0.88F, 1.12F);
    s->contrast = fn_synth_range(r, 0.65F, 1.25F);
    s->lift = fn_synth_range(r, -0.10F, 0.12F);
    s->blur = fn_synth_chance(r, 0.5F) ? fn_synth_range(r, 0, 0.9F) : 0;
    s->noise = fn_synth_range(r, 0, 0.035F);
}

void fn_synth_scene_draw(fn_synth_scene *s, fn_rng *r)
{
    *s = (fn_synth_scene){0};
    draw_pose(s, r);
    draw_light(s, r);
    draw_expression(s, r);
    draw_camera(s, r);
}
