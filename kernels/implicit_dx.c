/* implicit_dx -- the gradient of x of kernels/implicit.c's convolutions. A pixel of dx at place
 * r + pad = s q + phase of its line is seen through the taps phase, phase + s, ... of the kernel
 * from the dy at q, q - 1, ...: those of one phase are a convolution of stride 1. */
#include "kernels/implicit_band.h"

/* Of the pixels of a line that have this phase: the q of the first, and behind the last; in a line
 * shorter than the stride there may be none. */
typedef struct stretch {
    int64_t first, end;
} stretch;

static stretch stretch_of(const fn_implicit *g, int64_t phase, int64_t size)
{
    int64_t first = phase < g->pad ? fn_implicit_up(g->pad - phase, g->stride) : 0;
    int64_t end = size + g->pad - phase;
    return (stretch){first, end > 0 ? fn_implicit_up(end, g->stride) : 0};
}

/* Line q of the pixels of dx of a phase, of channels from c on. */
static void give_line(const fn_bands *w, const fn_band *b, fn_tile t, int64_t q, int64_t r,
                      int64_t column, int64_t c)
{
    const fn_implicit *g = w->g;
    stretch s = stretch_of(g, column, g->x_wide);
    int64_t margin = fn_band_margin(g);
    const float *dy = b->dy + (q - b->first + margin - (t.pieces - 1)) * t.pitch;
    float *dx = w->d->dx + (b->image * g->x_high + r) * g->x_wide * g->in + c;
    for (int64_t j = s.first, rows; j < s.end; j += rows) {
        rows = fn_implicit_rows(g, s.end - j);
        t.a = dy + (j + margin - (fn_implicit_taps(g, column) - 1)) * g->out;
        t.y = dx + (j * g->stride + column - g->pad) * g->in;
        g->tiles->multiply(&t, (int)rows);
    }
}

static void give_phase(const fn_bands *w, const fn_band *b, const float *u, int64_t row,
                       int64_t column)
{
    const fn_implicit *g = w->g;
    int64_t taps = fn_implicit_taps(g, column);
    fn_tile t = {.row = g->out,
                 .pieces = fn_implicit_taps(g, row),
                 .length = taps * g->out,
                 .pitch = fn_band_wide(g) * g->out,
                 .y_row = g->stride * g->in};
    for (int64_t c = 0; c < g->in; c += fn_implicit_width(g)) {
        t.columns = fn_implicit_least(fn_implicit_width(g), g->in - c);
        t.b = u + c * t.pieces * t.length;
        for (int64_t q = b->first; q < b->end; q++) {
            int64_t r = q * g->stride + row - g->pad;
            if (r >= 0 && r < g->x_high)
                give_line(w, b, t, q, r, column, c);
        }
    }
}

void fn_band_give_dx(const fn_bands *w, const fn_band *b)
{
    const fn_implicit *g = w->g;
    const float *u = w->d->u;
    for (int64_t row = 0; row < g->stride; row++)
        for (int64_t column = 0; column < g->stride; column++) {
            give_phase(w, b, u, row, column);
            u += fn_implicit_taps(g, row) * fn_implicit_taps(g, column) * g->out *
                 fn_implicit_places(g, g->in);
        }
}
