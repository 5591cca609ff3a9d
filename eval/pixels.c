#include "eval/pixels.h"

#include "core/file.h"
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
    fn_pixels image = {NULL, 0, 0}, face = {NULL, 0, 0};
    char *full = fn_file_join(folder, path);
    fn_status rc;
    if (!full)
        return fn_fail(FN_ENOMEM, "%s: no memory", path);
    FN_GO(fn_image_read(&image, full));
    fn_image view = fn_pixels_view(&image);
    FN_GO(fn_crop_apply(&face, crop, &view, path));
    view = fn_pixels_view(&face);
    FN_GO(
        fn_view_render(v, FN_PIXEL_SIDE, FN_PIXEL_SIDE, &view, fn_view_centre(1), scratch));
    normalise(v);
out:
    fn_pixels_free(&image);
    fn_pixels_free(&face);
    fn_free(full);
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
