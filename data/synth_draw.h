/* synth_draw.h -- how a face is drawn: a small renderer of surfaces, private to data/synth*.
 *
 * Head coordinates: x to the viewer's right, y down, z towards the viewer; the head is about
 * 1 high above and below its centre. A trait belongs to the person and is the same in all of
 * their images; a scene belongs to one image and says nothing about the person. */
#ifndef FN_DATA_SYNTH_DRAW_H
#define FN_DATA_SYNTH_DRAW_H

#include "core/rng.h"
#include "data/synth.h"

#include <math.h>
#include <stdbool.h>

typedef struct fn_synth_trait {
    float skin[3], hair[3], iris[3], lip[3], frame[3]; /* colours, 0..1 */
    float width, jaw, chin, cheek, ridge, neck;        /* of the head */
    float eye_x, eye_y, eye_w, eye_h, eye_tilt;
    float brow_gap, brow_w, brow_h, brow_arch, brow_tilt;
    float nose_y, nose_w, nose_z, bridge;
    float mouth_y, mouth_w, lip_up, lip_low;
    float ear;
    float hairline, volume, parting, fringe, curl;
    float hair_side, hair_back;       /* how low the hair comes there */
    float beard, moustache, freckles; /* 0 none, 1 full */
    float glasses;                    /* half-width of a lens, 0: none */
    float lens_square;
} fn_synth_trait;

typedef struct fn_synth_scene {
    float turn[3][3];               /* of the head */
    float x, y, scale;              /* centre and size of the head, pixels */
    float light[3], sun[3], sky[3]; /* direction; colour of the light and of the shade */
    float gaze[2], lids, smile, open, raise; /* expression */
    float cloth[3], collar;
    float gain[3], contrast, lift, blur, noise; /* of the camera */
} fn_synth_scene;

typedef struct fn_synth_sitting {
    fn_synth_trait trait;
    fn_synth_scene scene;
} fn_synth_sitting;

/* FN_SYNTH_SAMPLES x FN_SYNTH_SAMPLES samples to a pixel. */
enum { FN_SYNTH_SAMPLES = 2, FN_SYNTH_GRID = FN_SYNTH_SIDE * FN_SYNTH_SAMPLES };

typedef struct fn_synth_canvas {
    float rgb[FN_SYNTH_GRID * FN_SYNTH_GRID][3];
    float depth[FN_SYNTH_GRID * FN_SYNTH_GRID];
} fn_synth_canvas;

/* A surface is a deformed sphere. */
typedef struct fn_synth_surface {
    /* Where the sphere's point `on` (unit length) comes to lie. */
    void (*place)(float at[3], const fn_synth_sitting *s, const float on[3]);
    /* Colour of the surface at `at` (before the head turns); false: a hole. */
    bool (*paint)(float rgb[3], const fn_synth_sitting *s, const float at[3]);
    bool turns;  /* with the head */
    bool hollow; /* has holes, so that its inner side is seen too */
    float gloss;
} fn_synth_surface;

extern const fn_synth_surface fn_synth_head, fn_synth_hair, fn_synth_neck, fn_synth_torso;

void fn_synth_trait_draw(fn_synth_trait *t, uint64_t seed, int person);
void fn_synth_scene_draw(fn_synth_scene *s, fn_rng *r);

/* Draws one surface with hidden parts removed. `grid` is scratch. */
typedef struct fn_synth_grid fn_synth_grid;
fn_status fn_synth_mesh_make(fn_synth_grid **out) FN_CHECKED;
void fn_synth_mesh_draw(fn_synth_canvas *c, fn_synth_grid *grid, const fn_synth_surface *f,
                        const fn_synth_sitting *s);
/* From head coordinates to samples: x, y and depth. */
void fn_synth_mesh_project(float to[3], const float at[3], const fn_synth_scene *s,
                           bool turns);

void fn_synth_glasses_draw(fn_synth_canvas *c, const fn_synth_sitting *s);

/* The picture's background, and what the camera makes of the canvas. */
void fn_synth_photo_begin(fn_synth_canvas *c, fn_rng *r);
void fn_synth_photo_end(fn_pixels *out, fn_synth_canvas *c, const fn_synth_scene *s,
                        fn_rng *r);

/* The head's colours: fn_synth_surface.paint. */
bool fn_synth_skin_paint(float rgb[3], const fn_synth_sitting *s, const float at[3]);

/* About how far a point lies inside the hair's border; negative: on bare skin. */
float fn_synth_hair_inside(const fn_synth_trait *t, const float at[3]);

/* --- small mathematics --- */

static inline float fn_synth_clamp(float v)
{
    return v < 0 ? 0 : v > 1 ? 1 : v;
}

/* 0 below a, 1 above b, smooth between. */
static inline float fn_synth_step(float a, float b, float v)
{
    float t = fn_synth_clamp((v - a) / (b - a));
    return t * t * (3 - 2 * t);
}

/* 1 at the middle of an ellipse, 0 on and beyond its border, smooth. */
static inline float fn_synth_bump(float x, float y, float rx, float ry)
{
    float q = x * x / (rx * rx) + y * y / (ry * ry);
    return q < 1 ? (1 - q) * (1 - q) : 0;
}

/* Nearly the sine, cheap: parabolas. For textures. */
static inline float fn_synth_wave(float v)
{
    float turns = v * 0.15915494F, q = turns - floorf(turns + 0.5F);
    return 8 * q * (1 - 2 * fabsf(q));
}

/* Moves `rgb` a share of the way to the colour `to`. */
static inline void fn_synth_blend(float rgb[3], const float to[3], float share)
{
    for (int c = 0; c < 3; c++)
        rgb[c] += (to[c] - rgb[c]) * share;
}

static inline void fn_synth_darken(float rgb[3], float share)
{
    for (int c = 0; c < 3; c++)
        rgb[c] *= 1 - share;
}

static inline float fn_synth_range(fn_rng *r, float low, float high)
{
    return (float)fn_rng_range(r, (double)low, (double)high);
}

static inline bool fn_synth_chance(fn_rng *r, float p)
{
    return (float)fn_rng_uniform(r) < p;
}

#endif
