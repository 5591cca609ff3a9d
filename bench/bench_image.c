/* bench_image.c -- our side of bench/run.py's cases of images.
 *
 *   bench_image decode PACK            every image of a pack, on one thread
 *   bench_image pack FOLDER CROP FILE  a folder of JPEGs into a pack, on every core */
#include "bench/wire.h"
#include "data/pack.h"

typedef struct bench {
    const char *folder, *file; /* pack */
    fn_pack_options options;
    fn_pack_report report;
    int n; /* decode: encoded images, in memory */
    uint8_t **bytes;
    size_t *size;
    float *mean; /* [n, 3] of red, green and blue; pack: what the report says */
} bench;

/* --- decode --- */

static void measure(const fn_pixels *p, float mean[3])
{
    size_t count = (size_t)p->width * (size_t)p->height;
    double sum[3] = {0};
    for (size_t i = 0; i < 3 * count; i++)
        sum[i % 3] += p->rgb[i];
    for (int k = 0; k < 3; k++)
        mean[k] = (float)(sum[k] / (double)count);
}

static fn_status decode_to(bench *b, float *mean)
{
    for (int i = 0; i < b->n; i++) {
        fn_pixels p;
        FN_TRY(fn_decode(&p, b->bytes[i], b->size[i], "image"));
        if (mean)
            measure(&p, mean + (ptrdiff_t)3 * i);
        fn_pixels_free(&p);
    }
    return FN_OK;
}

static fn_status decode(void *ctx)
{
    return decode_to(ctx, NULL);
}

static const float *decoded(void *ctx, size_t *count, char words[128])
{
    bench *b = ctx;
    *count = 3 * (size_t)b->n;
    if (decode_to(b, b->mean) != FN_OK) /* decode() has just done it */
        *count = 0;
    snprintf(words, 128, "images %d", b->n);
    return b->mean;
}

static fn_status open_decode(bench *b, const char *path)
{
    fn_pack *pack;
    fn_status rc = FN_OK;
    FN_TRY(fn_pack_open(&pack, path));
    int n = fn_pack_images(pack);
    b->bytes = fn_alloc((size_t)n, sizeof *b->bytes);
    b->size = fn_alloc((size_t)n, sizeof *b->size);
    b->mean = fn_alloc((size_t)n, 3 * sizeof *b->mean);
    if (!b->bytes || !b->size || !b->mean)
        rc = fn_fail(FN_ENOMEM, "no memory for %d images", n);
    while (rc == FN_OK && b->n < n) {
        rc = fn_pack_bytes(pack, b->n, &b->bytes[b->n], &b->size[b->n]);
        b->n += rc == FN_OK;
    }
    fn_pack_close(pack);
    return rc;
}

/* --- pack --- */

static fn_status pack(void *ctx)
{
    bench *b = ctx;
    return fn_pack_make(b->file, b->folder, &b->options, &b->report);
}

static const float *packed(void *ctx, size_t *count, char words[128])
{
    bench *b = ctx;
    b->mean[0] = (float)b->report.images;
    *count = 1;
    snprintf(words, 128, "images %lld bytes %lld", (long long)b->report.images,
             (long long)b->report.bytes);
    return b->mean;
}

static fn_status open_pack(bench *b, char **argument)
{
    b->folder = argument[0];
    b->options.crop = argument[1];
    b->file = argument[2];
    b->mean = fn_alloc(1, sizeof *b->mean);
    return b->mean ? FN_OK : fn_fail(FN_ENOMEM, "no memory");
}

int main(int argc, char **argv)
{
    bench b = {NULL};
    fn_wire w = {.ctx = &b, .run = decode, .result = decoded};
    fn_status rc;
    if (argc == 3 && strcmp(argv[1], "decode") == 0) {
        rc = open_decode(&b, argv[2]);
    } else if (argc == 5 && strcmp(argv[1], "pack") == 0) {
        w = (fn_wire){.ctx = &b, .run = pack, .result = packed};
        rc = open_pack(&b, argv + 2);
    } else {
        rc = fn_fail(FN_EINVAL, "usage: bench_image decode PACK | pack FOLDER CROP FILE");
    }
    if (rc == FN_OK)
        rc = fn_wire_serve(&w);
    for (int i = 0; i < b.n; i++)
        fn_free(b.bytes[i]);
    fn_free(b.bytes);
    fn_free(b.size);
    fn_free(b.mean);
    return fn_wire_end(rc);
}
