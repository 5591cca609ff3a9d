/* jpeg.c -- JPEG by libjpeg-turbo, for files from strangers: no call of its exit(), no
 * warning passed over, no memory before the header is judged, no endless scans. A progressive
 * file costs a walk over all pixels for each scan, so scans times pixels have a limit too. */
#include "core/mem.h"
#include "core/text.h"
#include "data/codec.h"

#include <assert.h>
#include <stdio.h>

#include <jerror.h>
#include <jpeglib.h>
#include <setjmp.h>

enum { MAX_MEMORY = 512 * 1024 * 1024, MAX_SCANS = 100, CHUNK = 16 * 1024 };
enum { MAX_WORK = 1000 * 1000 * 1000 }; /* scans times pixels */

/* Where libjpeg's complaints go: its words are kept and control returns to `escape`. */
typedef struct trap {
    struct jpeg_error_mgr manager; /* first, so that libjpeg's pointer is ours */
    jmp_buf escape;
    char text[JMSG_LENGTH_MAX];
} trap;

typedef struct decoder {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_progress_mgr progress;
    trap trap;
    fn_file_bytes file;
    uint8_t *cmyk; /* one row, when the file has four colours */
} decoder;

typedef struct encoder {
    struct jpeg_compress_struct jpeg;
    struct jpeg_destination_mgr to;
    trap trap;
    fn_text bytes;
    uint8_t chunk[CHUNK];
} encoder;

static void give_up(j_common_ptr jpeg)
{
    trap *t = (trap *)jpeg->err;
    jpeg->err->format_message(jpeg, t->text);
    longjmp(t->escape, 1);
}

static void on_message(j_common_ptr jpeg, int level)
{
    if (level < 0) /* a warning: the data is damaged */
        give_up(jpeg);
}

static void stay_silent(j_common_ptr jpeg)
{
    (void)jpeg;
}

static struct jpeg_error_mgr *set_trap(trap *t)
{
    jpeg_std_error(&t->manager);
    t->manager.error_exit = give_up;
    t->manager.emit_message = on_message;
    t->manager.output_message = stay_silent;
    return &t->manager;
}

static void limit_scans(j_common_ptr jpeg)
{
    trap *t = (trap *)jpeg->err;
    j_decompress_ptr j = (j_decompress_ptr)jpeg;
    int64_t pixels = (int64_t)j->image_width * j->image_height;
    int64_t most = MAX_WORK / pixels < MAX_SCANS ? MAX_WORK / pixels : MAX_SCANS;
    if (j->input_scan_number <= most)
        return;
    snprintf(t->text, sizeof t->text, "more than %d scans", (int)most);
    longjmp(t->escape, 1);
}

static fn_status refuse(const decoder *d)
{
    if (d->trap.manager.msg_code == JERR_OUT_OF_MEMORY)
        return fn_fail(FN_ENOMEM, "%s: no memory to decode a JPEG", d->file.name);
    return fn_fail(FN_EDATA, "%s: damaged JPEG (%s); copy it again or remove it",
                   d->file.name, d->trap.text);
}

static fn_status read_header(decoder *d)
{
    struct jpeg_decompress_struct *j = &d->jpeg;
    j->err = set_trap(&d->trap);
    jpeg_create_decompress(j);
    j->mem->max_memory_to_use = MAX_MEMORY;
    d->progress.progress_monitor = limit_scans;
    j->progress = &d->progress;
    jpeg_mem_src(j, d->file.data, (unsigned long)d->file.size);
    jpeg_read_header(j, TRUE);
    FN_TRY(fn_image_check(j->image_width, j->image_height, d->file.name));
    if (j->jpeg_color_space != JCS_UNKNOWN)
        return FN_OK;
    return fn_fail(FN_EDATA, "%s: a JPEG in an unknown colour space; convert it to RGB",
                   d->file.name);
}

static bool has_four_colours(const struct jpeg_decompress_struct *j)
{
    return j->jpeg_color_space == JCS_CMYK || j->jpeg_color_space == JCS_YCCK;
}

/* As Adobe writes them, all four are the light that is left, not the ink. Every decoder that we
 * know assumes so, whether or not there is an Adobe marker. */
static void mix_inks(uint8_t *rgb, const uint8_t *cmyk, int n)
{
    for (int i = 0; i < n; i++)
        for (int c = 0; c < 3; c++)
            rgb[3 * i + c] = (uint8_t)((cmyk[4 * i + c] * cmyk[4 * i + 3] + 127) / 255);
}

/* The method of the inverse DCT and of chroma upsampling are pinned: they change pixels. */
static void read_rows(decoder *d, fn_pixels *out)
{
    struct jpeg_decompress_struct *j = &d->jpeg;
    j->out_color_space = d->cmyk ? JCS_CMYK : JCS_RGB;
    j->dct_method = JDCT_ISLOW;
    j->do_fancy_upsampling = TRUE;
    jpeg_start_decompress(j);
    while (j->output_scanline < j->output_height) {
        uint8_t *rgb = out->rgb + (size_t)j->output_scanline * (size_t)out->width * 3;
        JSAMPROW row = d->cmyk ? d->cmyk : rgb;
        jpeg_read_scanlines(j, &row, 1);
        if (d->cmyk)
            mix_inks(rgb, d->cmyk, out->width);
    }
    jpeg_finish_decompress(j);
}

static fn_status decode(decoder *d, fn_pixels *out)
{
    if (setjmp(d->trap.escape))
        return refuse(d);
    FN_TRY(read_header(d));
    if (has_four_colours(&d->jpeg)) {
        d->cmyk = fn_alloc(d->jpeg.image_width, 4);
        if (!d->cmyk)
            return fn_fail(FN_ENOMEM, "%s: no memory for a row of pixels", d->file.name);
    }
    FN_TRY(fn_pixels_make(out, (int)d->jpeg.image_width, (int)d->jpeg.image_height));
    read_rows(d, out);
    return FN_OK;
}

fn_status fn_jpeg_decode(fn_pixels *out, fn_file_bytes file)
{
    decoder d = {.file = file};
    fn_status rc = decode(&d, out);
    jpeg_destroy_decompress(&d.jpeg);
    fn_free(d.cmyk);
    if (rc == FN_OK)
        rc = fn_exif_turn(out, fn_exif_orientation(file));
    if (rc != FN_OK)
        fn_pixels_free(out);
    return rc;
}

static void start_chunk(j_compress_ptr jpeg)
{
    encoder *e = jpeg->client_data;
    e->to.next_output_byte = e->chunk;
    e->to.free_in_buffer = CHUNK;
}

static void append(encoder *e, size_t size)
{
    fn_text_bytes(&e->bytes, e->chunk, size);
    if (!e->bytes.failed)
        return;
    snprintf(e->trap.text, sizeof e->trap.text, "no memory");
    longjmp(e->trap.escape, 1);
}

static boolean next_chunk(j_compress_ptr jpeg)
{
    append(jpeg->client_data, CHUNK);
    start_chunk(jpeg);
    return TRUE;
}

static void last_chunk(j_compress_ptr jpeg)
{
    encoder *e = jpeg->client_data;
    append(e, CHUNK - e->to.free_in_buffer);
}

static void describe(encoder *e, const fn_image *image, int quality)
{
    struct jpeg_compress_struct *j = &e->jpeg;
    j->image_width = (JDIMENSION)image->width;
    j->image_height = (JDIMENSION)image->height;
    j->input_components = 3;
    j->in_color_space = JCS_RGB;
    jpeg_set_defaults(j);
    jpeg_set_quality(j, quality, TRUE);
    j->dct_method = JDCT_ISLOW;
    j->comp_info[0].h_samp_factor = j->comp_info[0].v_samp_factor = 1; /* 4:4:4 */
}

static fn_status encode(encoder *e, const fn_image *image, int quality)
{
    struct jpeg_compress_struct *j = &e->jpeg;
    if (setjmp(e->trap.escape))
        return fn_fail(FN_ENOMEM, "an image of %d x %d pixels as JPEG: %s", image->width,
                       image->height, e->trap.text);
    j->err = set_trap(&e->trap);
    jpeg_create_compress(j);
    j->client_data = e;
    j->dest = &e->to;
    e->to.init_destination = start_chunk;
    e->to.empty_output_buffer = next_chunk;
    e->to.term_destination = last_chunk;
    describe(e, image, quality);
    jpeg_start_compress(j, TRUE);
    while (j->next_scanline < j->image_height) {
        JSAMPROW row = (JSAMPROW)(uintptr_t)(image->rgb + j->next_scanline * image->stride);
        jpeg_write_scanlines(j, &row, 1);
    }
    jpeg_finish_compress(j);
    return FN_OK;
}

fn_status fn_encode_jpeg(uint8_t **bytes, size_t *size, const fn_image *image, int quality)
{
    assert(quality >= 1 && quality <= 100);
    *bytes = NULL;
    *size = 0;
    FN_TRY(fn_image_check(image->width, image->height, "image to encode"));
    encoder *e = fn_alloc(1, sizeof *e);
    if (!e)
        return fn_fail(FN_ENOMEM, "no memory to encode a JPEG");
    fn_status rc = encode(e, image, quality);
    jpeg_destroy_compress(&e->jpeg);
    if (rc == FN_OK) {
        *bytes = (uint8_t *)e->bytes.data;
        *size = e->bytes.size;
    } else {
        fn_free(e->bytes.data);
    }
    fn_free(e);
    return rc;
}
