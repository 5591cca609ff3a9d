/* synth_mesh.c -- draws a deformed sphere: a grid of points, two triangles a cell, a depth
 * buffer, one light. */
#include "core/mem.h"
#include "data/synth_draw.h"

#include <math.h>
#include <string.h>

enum { COLUMNS = 64, ROWS = 44 };

static const float pi = 3.14159265F, camera = 8; /* distance of the camera */

typedef struct corner {
    float at[3];     /* before the head turns */
    float seen[3];   /* samples and depth */
    float normal[3]; /* turned */
} corner;

/* The last column repeats the first. */
struct fn_synth_grid {
    float on[ROWS + 1][COLUMNS + 1][3]; /* the sphere */
    corner corner[ROWS + 1][COLUMNS + 1];
};

typedef struct brush {
    fn_synth_canvas *canvas;
    const fn_synth_surface *surface;
    const fn_synth_sitting *sitting;
    float half[3]; /* half-way between the light and the viewer */
} brush;

/* Columns lie twice as close at the front, where the face is. */
fn_status fn_synth_mesh_make(fn_synth_grid **out)
{
    fn_synth_grid *g = *out = fn_alloc(1, sizeof **out);
    if (!g)
        return fn_fail(FN_ENOMEM, "no memory to draw a face");
    for (int i = 0; i <= ROWS; i++)
        for (int j = 0; j <= COLUMNS; j++) {
            float q = 2.0F * (float)j / COLUMNS - 1, up = pi * ((float)i / ROWS - 0.5F);
            float round = pi * q - 0.5F * sinf(pi * q);
            g->on[i][j][0] = sinf(round) * cosf(up);
            g->on[i][j][1] = sinf(up);
            g->on[i][j][2] = cosf(round) * cosf(up);
        }
    return FN_OK;
}

static void turn(float to[3], const float v[3], const fn_synth_scene *s)
{
    for (int i = 0; i < 3; i++)
        to[i] = s->turn[i][0] * v[0] + s->turn[i][1] * v[1] + s->turn[i][2] * v[2];
}

void fn_synth_mesh_project(float to[3], const float at[3], const fn_synth_scene *s,
                           bool turns)
{
    float v[3];
    if (turns)
        turn(v, at, s);
    else
        memcpy(v, at, sizeof v);
    float near = s->scale * FN_SYNTH_SAMPLES * camera / (camera - v[2]);
    to[0] = s->x * FN_SYNTH_SAMPLES + near * v[0];
    to[1] = s->y * FN_SYNTH_SAMPLES + near * v[1];
    to[2] = v[2];
}

static void set_corners(fn_synth_grid *g, const brush *b)
{
    for (int i = 0; i <= ROWS; i++)
        for (int j = 0; j <= COLUMNS; j++) {
            corner *c = &g->corner[i][j];
            b->surface->place(c->at, b->sitting, g->on[i][j]);
            fn_synth_mesh_project(c->seen, c->at, &b->sitting->scene, b->surface->turns);
        }
}

static void set_normal(fn_synth_grid *g, int i, int j, const brush *b)
{
    const float *left = g->corner[i][j > 0 ? j - 1 : COLUMNS - 1].at;
    const float *right = g->corner[i][j < COLUMNS ? j + 1 : 1].at;
    const float *above = g->corner[i > 0 ? i - 1 : 0][j].at;
    const float *below = g->corner[i < ROWS ? i + 1 : ROWS][j].at;
    float u[3], v[3], n[3], *to = g->corner[i][j].normal;
    for (int k = 0; k < 3; k++) {
        u[k] = right[k] - left[k];
        v[k] = below[k] - above[k];
    }
    for (int k = 0; k < 3; k++)
        n[k] = u[(k + 1) % 3] * v[(k + 2) % 3] - u[(k + 2) % 3] * v[(k + 1) % 3];
    float length = sqrtf(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]) + 1e-12F;
    for (int k = 0; k < 3; k++)
        n[k] /= length;
    if (b->surface->turns)
        turn(to, n, &b->sitting->scene);
    else
        memcpy(to, n, sizeof n);
}

static float dot(const float a[3], const float b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static void set_half(brush *b)
{
    const float *light = b->sitting->scene.light;
    const float h[3] = {light[0], light[1], light[2] + 1};
    float length = sqrtf(dot(h, h) + 1e-6F);
    for (int k = 0; k < 3; k++)
        b->half[k] = h[k] / length;
}

/* Lambert's law with a soft border of the shade, and a little gloss. */
static void shine(float rgb[3], const float n[3], const brush *b)
{
    const fn_synth_scene *s = &b->sitting->scene;
    float lit = fn_synth_clamp((dot(n, s->light) + 0.18F) / 1.18F);
    float above = 0.85F - 0.15F * n[1], gloss = fn_synth_clamp(dot(n, b->half));
    gloss *= gloss * gloss;
    gloss *= gloss * gloss * gloss * b->surface->gloss; /* the 12th power */
    for (int k = 0; k < 3; k++)
        rgb[k] = rgb[k] * (s->sky[k] * above + s->sun[k] * lit) + s->sun[k] * gloss;
}

/* Paints one sample inside a triangle; w are its barycentric weights. */
static void paint_sample(const brush *b, int sample, const corner *const c[3],
                         const float w[3])
{
    float at[3], n[3], rgb[3], *depth = &b->canvas->depth[sample];
    float z = w[0] * c[0]->seen[2] + w[1] * c[1]->seen[2] + w[2] * c[2]->seen[2];
    if (z <= *depth)
        return;
    for (int k = 0; k < 3; k++) {
        at[k] = w[0] * c[0]->at[k] + w[1] * c[1]->at[k] + w[2] * c[2]->at[k];
        n[k] = w[0] * c[0]->normal[k] + w[1] * c[1]->normal[k] + w[2] * c[2]->normal[k];
    }
    if (!b->surface->paint(rgb, b->sitting, at))
        return;
    shine(rgb, n, b);
    memcpy(b->canvas->rgb[sample], rgb, sizeof rgb);
    *depth = z;
}

/* A barycentric weight over the plane: 1 at its corner, 0 on the side a-b across. */
typedef struct slope {
    float start, dx, dy;
} slope;

static slope slope_make(const float a[3], const float b[3], float whole)
{
    float dx = (a[1] - b[1]) / whole, dy = (b[0] - a[0]) / whole;
    return (slope){(0.5F - a[0]) * dx + (0.5F - a[1]) * dy, dx, dy};
}

static void bounds(int *low, int *high, const corner *const c[3], int axis)
{
    float least = c[0]->seen[axis], most = least;
    for (int k = 1; k < 3; k++) {
        float v = c[k]->seen[axis];
        least = v < least ? v : least;
        most = v > most ? v : most;
    }
    *low = least > 0.5F ? (int)(least + 0.5F) : 0;
    *high = most < FN_SYNTH_GRID ? (int)(most + 0.5F) - 1 : FN_SYNTH_GRID - 1;
}

static void draw_triangle(const brush *b, const corner *const c[3])
{
    int x0, x1, y0, y1;
    const float *p = c[0]->seen, *q = c[1]->seen, *r = c[2]->seen;
    float whole = (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]);
    if (whole == 0 || (whole < 0 && !b->surface->hollow))
        return;
    bounds(&x0, &x1, c, 0);
    bounds(&y0, &y1, c, 1);
    slope first = slope_make(q, r, whole), second = slope_make(r, p, whole);
    for (int y = y0; y <= y1; y++)
        for (int x = x0; x <= x1; x++) {
            float u = first.start + (float)x * first.dx + (float)y * first.dy;
            float v = second.start + (float)x * second.dx + (float)y * second.dy;
            if (u >= 0 && v >= 0 && u + v <= 1)
                paint_sample(b, y * FN_SYNTH_GRID + x, c, (float[3]){u, v, 1 - u - v});
        }
}

void fn_synth_mesh_draw(fn_synth_canvas *canvas, fn_synth_grid *g,
                        const fn_synth_surface *f, const fn_synth_sitting *s)
{
    brush b = {.canvas = canvas, .surface = f, .sitting = s};
    set_half(&b);
    set_corners(g, &b);
    for (int i = 0; i <= ROWS; i++)
        for (int j = 0; j <= COLUMNS; j++)
            set_normal(g, i, j, &b);
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < COLUMNS; j++) {
            const corner *a = &g->corner[i][j], *d = &g->corner[i + 1][j];
            draw_triangle(&b, (const corner *const[3]){a, a + 1, d + 1});
            draw_triangle(&b, (const corner *const[3]){a, d + 1, d});
        }
}
