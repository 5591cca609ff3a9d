/* test_image_bad.c -- images that must be refused, and none that may crash. */
#include "core/mem.h"
#include "data/image.h"
#include "tests/image_bytes.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

TEST(jpeg_of_unknown_colours_is_refused_in_words)
{
    static made m;
    fn_pixels p;
    jpeg_start(&m, 0xc0, 8, 2);
    jpeg_scan(&m, 1, 2);
    put_be(&m, 0xffd9, 2);
    CHECK_FAILS(fn_decode(&p, m.byte, m.n, "a.jpg"), FN_EDATA,
                "a.jpg: a JPEG in an unknown colour space; convert it to RGB");
}

TEST(jpeg_with_endless_scans_is_refused)
{
    static made m;
    fn_pixels p;
    for (int scans = 100; scans <= 101; scans++) {
        jpeg_start(&m, 0xc0, 8, 3);
        for (int i = 0; i < scans; i++)
            jpeg_scan(&m, 1 + i % 3, 1);
        put_be(&m, 0xffd9, 2);
        if (scans == 100)
            CHECK_OK(fn_decode(&p, m.byte, m.n, "a.jpg"));
        else
            CHECK_FAILS(fn_decode(&p, m.byte, m.n, "a.jpg"), FN_EDATA,
                        "more than 100 scans");
        fn_pixels_free(&p);
    }
}

/* Some kilobytes that ask for a walk over millions of pixels again and again. */
TEST(progressive_jpeg_bomb_is_refused_in_bounded_time)
{
    static made m;
    fn_pixels p;
    jpeg_bomb(&m, 320, 90);
    CHECK_OK(fn_decode(&p, m.byte, m.n, "a.jpg"));
    fn_pixels_free(&p);
    jpeg_bomb(&m, 4000, 90);
    CHECK(m.n < ROOM);
    clock_t start = clock();
    CHECK_FAILS(fn_decode(&p, m.byte, m.n, "a.jpg"), FN_EDATA,
                "a.jpg: damaged JPEG (more than 62 scans)");
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    CHECK(seconds < 20);
    CHECK(!p.rgb);
}

/* libpng 1.6.48 passes over the text; older ones (1.6.39) fail. */
TEST(png_with_a_huge_chunk_beside_the_pixels_is_refused_or_passed_over)
{
    enum { HUGE_CHUNK = 9 << 20 };
    static made start, end;
    fn_pixels p;
    uint8_t *all = fn_alloc(HUGE_CHUNK + 2 * ROOM, 1);
    png_start(&start, (png_kind){1, 1, 8, 2, 0});
    size_t n = start.n;
    memcpy(all, start.byte, n);
    memcpy(all + n, "\0\x90\0\0tEXt", 8);
    uint32_t crc = crc32_of(all + n + 4, 4 + HUGE_CHUNK);
    n += 8 + HUGE_CHUNK;
    for (int i = 0; i < 4; i++)
        all[n++] = (uint8_t)(crc >> (24 - 8 * i));
    png_end(&end, "\0\x32\x64\xc8", 4);
    memcpy(all + n, end.byte, end.n);
    fn_status rc = fn_decode(&p, all, n + end.n, "a.png");
    if (rc == FN_OK)
        CHECK(p.width == 1 && p.height == 1 && memcmp(p.rgb, "\x32\x64\xc8", 3) == 0);
    else
        CHECK(rc == FN_EDATA && strstr(fn_last_error(), "a.png: damaged PNG") && !p.rgb);
    fn_pixels_free(&p);
    /* A length that the file does not have. */
    memcpy(start.byte + start.n, "\x7f\xff\xff\xfftEXt", 8);
    CHECK_FAILS(fn_decode(&p, start.byte, start.n + 8, "a.png"), FN_EDATA, "a.png");
    fn_free(all);
}

TEST(huge_sides_are_refused_before_memory_is_taken)
{
    static made m;
    fn_pixels p;
    jpeg_start(&m, 0xc0, 65535, 3);
    jpeg_scan(&m, 1, 3);
    CHECK_FAILS(fn_decode(&p, m.byte, m.n, "a.jpg"), FN_EDATA, "65500 pixels");
    jpeg_start(&m, 0xc0, 65500, 3); /* the most that libjpeg itself takes */
    jpeg_scan(&m, 1, 3);
    CHECK_FAILS(fn_decode(&p, m.byte, m.n, "a.jpg"), FN_EDATA, "over the limit of 16384");
    jpeg_start(&m, 0xc0, 8000, 3);
    jpeg_scan(&m, 1, 3);
    CHECK_FAILS(fn_decode(&p, m.byte, m.n, "a.jpg"), FN_EDATA, "50000000 in all");
    png_start(&m, (png_kind){65535, 65535, 8, 2, 0});
    png_end(&m, "", 0);
    CHECK_FAILS(fn_decode(&p, m.byte, m.n, "a.png"), FN_EDATA, "limit");
    png_start(&m, (png_kind){8000, 8000, 8, 2, 0});
    png_end(&m, "", 0);
    CHECK_FAILS(fn_decode(&p, m.byte, m.n, "a.png"), FN_EDATA, "over the limit");
}

TEST(png_damaged_in_each_way)
{
    static made m;
    fn_pixels p;
    png_start(&m, (png_kind){1, 1, 8, 2, 0});
    png_end(&m, "\0\x32\x64\xc8", 4);
    for (size_t n = 8; n < m.n; n++) {
        CHECK_FAILS(fn_decode(&p, m.byte, n, "a.png"), FN_EDATA, "a.png: damaged PNG");
        CHECK(!p.rgb);
    }
    m.byte[m.n - 20] ^= 1; /* the last byte of the pixel, then of its checksums */
    CHECK_FAILS(fn_decode(&p, m.byte, m.n, "a.png"), FN_EDATA, "a.png: damaged PNG");
    png_start(&m, (png_kind){0, 1, 8, 2, 0});
    png_end(&m, "\0", 1);
    CHECK_FAILS(fn_decode(&p, m.byte, m.n, "a.png"), FN_EDATA, "a.png");
}

TEST(other_bytes_are_refused)
{
    fn_pixels p;
    CHECK_FAILS(fn_decode(&p, "", 0, "a.jpg"), FN_EDATA, "a.jpg: the image is empty");
    CHECK_FAILS(fn_decode(&p, "\xff\xd8", 2, "a.jpg"), FN_EDATA, "neither JPEG");
    CHECK_FAILS(fn_decode(&p, "GIF89a", 6, "a.jpg"), FN_EDATA, "convert it");
    CHECK(!p.rgb);
}

TEST(jpeg_cut_anywhere_is_refused)
{
    fn_pixels p, back;
    uint8_t *bytes;
    size_t size;
    paint_noise(&p, 64, 64);
    fn_image view = fn_pixels_view(&p);
    CHECK_OK(fn_encode_jpeg(&bytes, &size, &view, 90));
    for (size_t n = 3; n < size; n += n + 64 < size || n == size - 1 ? 64 : size - 1 - n) {
        /* A copy of exactly that size, so that a read beyond it is seen. */
        uint8_t *cut = fn_alloc(n, 1);
        memcpy(cut, bytes, n);
        CHECK_FAILS(fn_decode(&back, cut, n, "cut.jpg"), FN_EDATA, "cut.jpg: damaged JPEG");
        CHECK(!back.rgb);
        fn_free(cut);
    }
    fn_pixels_free(&p);
    fn_free(bytes);
}

/* Damage either passes unseen (it hit a pixel's value) or is refused; it never crashes. */
static void check_flips(const uint8_t *bytes, size_t size, int rounds, uint32_t purpose)
{
    uint8_t *bad = fn_alloc(size, 1);
    int refused = 0;
    for (int i = 0; i < rounds; i++) {
        fn_rng r = fn_rng_at(7, FN_RNG_TEST, (uint64_t)i, purpose);
        fn_pixels p;
        memcpy(bad, bytes, size);
        for (uint32_t k = 1 + fn_rng_below(&r, 4); k > 0; k--)
            bad[fn_rng_below(&r, (uint32_t)size)] ^= (uint8_t)(1 + fn_rng_below(&r, 255));
        fn_status s = fn_decode(&p, bad, size, "bad");
        CHECK(s == FN_OK || s == FN_EDATA || s == FN_ENOMEM);
        CHECK((s == FN_OK) == (p.rgb != NULL));
        refused += s != FN_OK;
        fn_pixels_free(&p);
    }
    CHECK(refused > rounds / 20);
    fn_free(bad);
}

TEST(flipped_bytes_never_crash)
{
    fn_pixels p;
    uint8_t *bytes;
    size_t size;
    paint(&p, 40, 40);
    fn_image view = fn_pixels_view(&p);
    CHECK_OK(fn_encode_jpeg(&bytes, &size, &view, 75));
    check_flips(bytes, size, 1500, 1);
    fn_free(bytes);
    CHECK_OK(fn_encode_png(&bytes, &size, &view));
    check_flips(bytes, size, 500, 2);
    fn_free(bytes);
    fn_pixels_free(&p);
}

/* Does the process, that may take so many bytes more, say that memory is out? */
static bool lacks_memory(const made *m, size_t more)
{
    long pages = 0;
    fn_pixels p;
    FILE *f = fopen("/proc/self/statm", "r");
    bool known = f && fscanf(f, "%ld", &pages) == 1;
    rlim_t limit = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + more;
    struct rlimit r = {limit, limit};
    if (f)
        fclose(f);
    return known && setrlimit(RLIMIT_AS, &r) == 0 &&
           fn_decode(&p, m->byte, m->n, "a.jpg") == FN_ENOMEM &&
           strstr(fn_last_error(), "a.jpg: no memory to decode a JPEG");
}

/* The pixels fit, the coefficients of a progressive file, which libjpeg asks for, do not. */
TEST(memory_that_runs_out_within_libjpeg)
{
    static made m;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    SKIP("a sanitizer's shadow does not fit under a limit of the address space");
#endif
    enum { WIDE = 4000 };
    int status = -1;
    jpeg_bomb(&m, WIDE, 1);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        _exit(lacks_memory(&m, 3 * WIDE * WIDE + (8 << 20)) ? 0 : 1);
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK_INT(status, 0);
}

TEST(memory_that_runs_out)
{
    static made m;
    fn_pixels p, back;
    uint8_t *jpeg = NULL, *png = NULL;
    size_t jpeg_size, png_size;
    fn_status s = FN_ENOMEM;
    paint_noise(&p, 96, 96);
    fn_image view = fn_pixels_view(&p);
    long n;
    for (n = 1; s != FN_OK; n++) {
        fn_fail_alloc(n);
        s = fn_encode_jpeg(&jpeg, &jpeg_size, &view, 95);
        CHECK(s == FN_OK || (s == FN_ENOMEM && !jpeg));
    }
    CHECK(n > 3);
    for (n = 1, s = FN_ENOMEM; s != FN_OK; n++) {
        fn_fail_alloc(n);
        s = fn_encode_png(&png, &png_size, &view);
        CHECK(s == FN_OK || (s == FN_ENOMEM && !png));
    }
    CHECK(n > 2);
    png_start(&m, (png_kind){1, 1, 8, 6, 0});
    png_end(&m, "\0\x10\x20\x30\x00", 5);
    for (n = 1, s = FN_ENOMEM; s != FN_OK && n < 100; n++) {
        fn_fail_alloc(n);
        s = fn_decode(&back, m.byte, m.n, "a.png");
        CHECK(s == FN_OK || (s == FN_ENOMEM && !back.rgb));
    }
    CHECK(n > 6 && s == FN_OK); /* libpng's own among them */
    fn_pixels_free(&back);
    fn_fail_alloc(1);
    CHECK_FAILS(fn_decode(&back, jpeg, jpeg_size, "a.jpg"), FN_ENOMEM, "96 x 96");
    fn_fail_alloc(0);
    fn_free(jpeg);
    fn_free(png);
    fn_pixels_free(&p);
}
