#include "train/sheet.h"

#include "data/view.h"

#include <string.h>

fn_status fn_sheet_make(fn_sheet *s, int rows)
{
    FN_TRY(fn_pixels_make(&s->pixels, s->columns * (s->width + s->gap) - s->gap,
                          rows * (s->height + s->gap) - s->gap));
    memset(s->pixels.rgb, 255, 3 * (size_t)s->pixels.width * (size_t)s->pixels.height);
    return FN_OK;
}

void fn_sheet_free(fn_sheet *s)
{
    fn_pixels_free(&s->pixels);
}

/* The mean of a block whose first value is x; `stride` floats lie between its rows. */
static float mean(const float *x, size_t stride, int side)
{
    float sum = 0;
    for (int y = 0; y < side; y++)
        for (int k = 0; k < side; k++)
            sum += x[(size_t)y * stride + 3 * (size_t)k];
    return sum / (float)(side * side);
}

void fn_sheet_put(fn_sheet *s, int i, const float *x, int shrink)
{
    size_t stride = 3 * (size_t)s->width * (size_t)shrink;
    int left = i % s->columns * (s->width + s->gap);
    int top = i / s->columns * (s->height + s->gap);
    for (int v = 0; v < s->height; v++) {
        uint8_t *to = s->pixels.rgb +
                      3 * ((size_t)(top + v) * (size_t)s->pixels.width + (size_t)left);
        const float *row = x + (size_t)v * (size_t)shrink * stride;
        for (int u = 0; u < s->width; u++)
            for (int c = 0; c < 3; c++)
                to[3 * u + c] = fn_view_byte(
                    mean(row + (ptrdiff_t)3 * u * shrink + c, stride, shrink));
    }
}
