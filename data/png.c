/* png.c -- PNG by libpng. Only pixels count: ancillary chunks but transparency and orientation
 * are skipped, so neither gamma nor colour profiles change a value; warnings about the rest are
 * errors. */
#include "core/mem.h"
#include "core/text.h"
#include "data/codec.h"

#include <stdio.h>
#include <string.h>

#include <png.h>
#include <setjmp.h>

enum { MAX_CHUNK = 8 * 1024 * 1024, MAX_CHUNKS = 100, TEXT = 256 };

typedef struct decoder {
    png_structp png;
    png_infop info;
    jmp_buf escape;
    char text[TEXT];
    bool no_memory; /* libpng asked for some and there was none */
    fn_file_bytes file;
    size_t at;     /* bytes of the file read */
    uint8_t *rgba; /* pixels with alpha, to be composed */
} decoder;

typedef struct encoder {
    png_structp png;
    png_infop info;
    jmp_buf escape;
    fn_text bytes;
} encoder;

static void give_up(png_structp png, png_const_charp text)
{
    decoder *d = png_get_error_ptr(png);
    snprintf(d->text, sizeof d->text, "%s", text);
    longjmp(d->escape, 1);
}

static void read_bytes(png_structp png, png_bytep to, size_t size)
{
    decoder *d = png_get_io_ptr(png);
    if (size > d->file.size - d->at)
        png_error(png, "the file ends too early");
    memcpy(to, d->file.data + d->at, size);
    d->at += size;
}

/* libpng's memory is ours, so that its lack is not taken for damage of the file. */
static png_voidp allocate(png_structp png, png_alloc_size_t size)
{
    decoder *d = png_get_mem_ptr(png);
    void *p = fn_alloc(size, 1);
    d->no_memory = d->no_memory || !p;
    return p;
}

static void release(png_structp png, png_voidp p)
{
    (void)png;
    fn_free(p);
}

static fn_status refuse(const decoder *d)
{
    if (d->no_memory)
        return fn_fail(FN_ENOMEM, "%s: no memory to decode a PNG", d->file.name);
    return fn_fail(FN_EDATA, "%s: damaged PNG (%s); copy it again or remove it",
                   d->file.name, d->text);
}

static fn_status read_header(decoder *d)
{
    d->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, d, give_up, give_up, d,
                                      allocate, release);
    if (d->png)
        d->info = png_create_info_struct(d->png);
    if (!d->info)
        return fn_fail(FN_ENOMEM, "%s: no memory for the PNG decoder", d->file.name);
    png_set_read_fn(d->png, d, read_bytes);
    png_set_user_limits(d->png, FN_MAX_SIDE, FN_MAX_SIDE);
    png_set_chunk_malloc_max(d->png, MAX_CHUNK);
    png_set_chunk_cache_max(d->png, MAX_CHUNKS);
    png_set_keep_unknown_chunks(d->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_read_info(d->png, d->info);
    return fn_image_check(png_get_image_width(d->png, d->info),
                          png_get_image_height(d->png, d->info), d->file.name);
}

/* Everything becomes 8-bit RGB or RGBA. */
static int set_transforms(decoder *d)
{
    png_set_expand(d->png);
    png_set_scale_16(d->png);
    png_set_gray_to_rgb(d->png);
    int passes = png_set_interlace_handling(d->png);
    png_read_update_info(d->png, d->info);
    return passes;
}

static void read_rows(decoder *d, uint8_t *to, int height, int passes)
{
    size_t stride = png_get_rowbytes(d->png, d->info);
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < height; y++)
            png_read_row(d->png, to + (size_t)y * stride, NULL);
    png_read_end(d->png, NULL);
}

static void compose_over_white(uint8_t *rgb, const uint8_t *rgba, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < 3; c++) {
            int alpha = rgba[4 * i + 3];
            int v = rgba[4 * i + c] * alpha + 255 * (255 - alpha);
            rgb[3 * i + c] = (uint8_t)((v + 127) / 255);
        }
}

static fn_status decode(decoder *d, fn_pixels *out)
{
    if (setjmp(d->escape))
        return refuse(d);
    FN_TRY(read_header(d));
    FN_TRY(fn_pixels_make(out, (int)png_get_image_width(d->png, d->info),
                          (int)png_get_image_height(d->png, d->info)));
    int passes = set_transforms(d);
    if (png_get_channels(d->png, d->info) == 3) {
        read_rows(d, out->rgb, out->height, passes);
        return FN_OK;
    }
    size_t n = (size_t)out->width * (size_t)out->height;
    d->rgba = fn_alloc(n, 4);
    if (!d->rgba)
        return fn_fail(FN_ENOMEM, "%s: no memory for %d x %d pixels", d->file.name,
                       out->width, out->height);
    read_rows(d, d->rgba, out->height, passes);
    compose_over_white(out->rgb, d->rgba, n);
    return FN_OK;
}

fn_status fn_png_decode(fn_pixels *out, fn_file_bytes file)
{
    decoder d = {.file = file};
    fn_status rc = decode(&d, out);
    png_destroy_read_struct(&d.png, &d.info, NULL);
    fn_free(d.rgba);
    if (rc == FN_OK)
        rc = fn_exif_turn(out, fn_exif_orientation(file));
    if (rc != FN_OK)
        fn_pixels_free(out);
    return rc;
}

static void stop_writing(png_structp png, png_const_charp text)
{
    encoder *e = png_get_error_ptr(png);
    (void)text;
    longjmp(e->escape, 1);
}

static void write_bytes(png_structp png, png_bytep bytes, size_t size)
{
    encoder *e = png_get_io_ptr(png);
    fn_text_bytes(&e->bytes, bytes, size);
    if (e->bytes.failed)
        png_error(png, "no memory");
}

static void flush(png_structp png)
{
    (void)png;
}

static fn_status encode(encoder *e, const fn_image *image)
{
    if (setjmp(e->escape))
        return fn_fail(FN_ENOMEM, "no memory for a PNG of %d x %d pixels", image->width,
                       image->height);
    e->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, e, stop_writing, stop_writing);
    if (e->png)
        e->info = png_create_info_struct(e->png);
    if (!e->info)
        return fn_fail(FN_ENOMEM, "no memory for the PNG encoder");
    png_set_write_fn(e->png, e, write_bytes, flush);
    png_set_IHDR(e->png, e->info, (png_uint_32)image->width, (png_uint_32)image->height, 8,
                 PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(e->png, e->info);
    for (int y = 0; y < image->height; y++)
        png_write_row(e->png, image->rgb + (size_t)y * image->stride);
    png_write_end(e->png, NULL);
    return FN_OK;
}

fn_status fn_encode_png(uint8_t **bytes, size_t *size, const fn_image *image)
{
    encoder e = {0};
    *bytes = NULL;
    *size = 0;
    FN_TRY(fn_image_check(image->width, image->height, "image to encode"));
    fn_status rc = encode(&e, image);
    png_destroy_write_struct(&e.png, &e.info);
    if (rc == FN_OK) {
        *bytes = (uint8_t *)e.bytes.data;
        *size = e.bytes.size;
    } else {
        fn_free(e.bytes.data);
    }
    return rc;
}
