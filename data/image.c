/* image.c -- the owner of pixels, and which decoder an image needs. */
#include "data/image.h"

#include "core/file.h"
#include "core/mem.h"
#include "data/codec.h"

#include <assert.h>
#include <string.h>

enum { MAX_FILE = 512 * 1024 * 1024 };

fn_status fn_pixels_make(fn_pixels *out, int width, int height)
{
    assert(width > 0 && height > 0);
    *out = (fn_pixels){NULL, 0, 0};
    uint8_t *rgb = fn_alloc((size_t)width * (size_t)height, 3);
    if (!rgb)
        return fn_fail(FN_ENOMEM, "no memory for an image of %d x %d pixels", width,
                       height);
    *out = (fn_pixels){rgb, width, height};
    return FN_OK;
}

void fn_pixels_free(fn_pixels *p)
{
    fn_free(p->rgb);
    *p = (fn_pixels){NULL, 0, 0};
}

fn_image fn_pixels_view(const fn_pixels *p)
{
    return (fn_image){p->rgb, p->width, p->height, (size_t)p->width * 3};
}

fn_status fn_image_accept(const fn_image *image)
{
    if (image->rgb && image->width > 0 && image->height > 0 &&
        image->stride >= 3 * (size_t)image->width)
        return FN_OK;
    return fn_fail(FN_EINVAL,
                   "%d x %d pixels in rows of %zu bytes%s; an image has pixels and rows of "
                   "3 * width bytes or more",
                   image->width, image->height, image->stride,
                   image->rgb ? "" : " at no address");
}

fn_status fn_image_check(int64_t width, int64_t height, const char *name)
{
    if (width < 1 || height < 1)
        return fn_fail(FN_EDATA, "%s: an image without pixels; remove it", name);
    if (width > FN_MAX_SIDE || height > FN_MAX_SIDE || width * height > FN_MAX_PIXELS)
        return fn_fail(FN_EDATA,
                       "%s: %lld x %lld pixels are over the limit of %d a side and %d in "
                       "all; scale the image down",
                       name, (long long)width, (long long)height, FN_MAX_SIDE,
                       FN_MAX_PIXELS);
    return FN_OK;
}

static bool starts_with(fn_file_bytes file, const char *magic, size_t n)
{
    return file.size >= n && memcmp(file.data, magic, n) == 0;
}

fn_status fn_decode(fn_pixels *out, const void *bytes, size_t size, const char *name)
{
    fn_file_bytes file = {bytes, size, name};
    *out = (fn_pixels){NULL, 0, 0};
    if (starts_with(file, "\xff\xd8\xff", 3))
        return fn_jpeg_decode(out, file);
    if (starts_with(file, "\x89PNG\r\n\x1a\n", 8))
        return fn_png_decode(out, file);
    if (starts_with(file, "P5", 2) || starts_with(file, "P6", 2))
        return fn_pnm_decode(out, file);
    if (!size)
        return fn_fail(FN_EDATA, "%s: the image is empty; copy it again", name);
    return fn_fail(
        FN_EDATA,
        "%s: neither JPEG, PNG nor binary PGM or PPM by its first bytes; convert "
        "it to one of them",
        name);
}

fn_status fn_image_read(fn_pixels *out, const char *path)
{
    char *bytes;
    size_t size;
    *out = (fn_pixels){NULL, 0, 0};
    FN_TRY(fn_file_read(&bytes, &size, path, MAX_FILE));
    fn_status rc = fn_decode(out, bytes, size, path);
    fn_free(bytes);
    return rc;
}
