#include "eval/pixels.h"

#include "core/mem.h"
#include "data/view.h"

#include <math.h>

static void normalise(float *v)
{
    double mean = 0, square = 0;
    for (int i = 0; i < FN_PIXELS; i++)
        mean += (double)v[i] / FN_PIXELS;
    for (int i = 0; i < FN_PIXELS; i++) {
        v[i] = (float)((double)v[i] - mean);
        square += (double)v[i] * (double)v[i];
    }
    for (int i = 0; i < FN_PIXELS && square > 0; i++)
        v[i] = (float)((double)v[i] / sqrt(square));
}

static fn_status read_one(float *v, const fn_crop *crop, const char *folder,
                          const char *path, fn_view_scratch *scratch)
{
    fn_pixels face;
    FN_TRY(fn_crop_read(&face, crop, folder, path));
    fn_image view = fn_pixels_view(&face);
    fn_status rc = fn_view_render(v, FN_PIXEL_SIDE, FN_PIXEL_SIDE, &view, fn_view_centre(1),
                                  scratch);
    fn_pixels_free(&face);
    if (rc == FN_OK)
        normalise(v);
    return rc;
}

fn_status fn_pixels_read(float *v, const fn_crop *crop, const char *folder,
                         char *const *path, int n)
{
    fn_view_scratch scratch = {NULL, 0};
    fn_status rc = FN_OK;
    for (int i = 0; i < n && rc == FN_OK; i++)
        rc = read_one(v + (size_t)i * FN_PIXELS, crop, folder, path[i], &scratch);
    fn_free(scratch.data);
    return rc;
}
