/* bench_pack.c -- what a pack costs to open, to look into and to read at random.
 *
 *   bench_pack FILE.h5     microseconds of one thread's CPU time, so that others who are at work on
 *                          the machine count little; the file is warm after the first pass */
#include "core/mem.h"
#include "core/rng.h"
#include "data/pack.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { OPENINGS = 5, LOOKS = 1000000, READS = 20000 };

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void print(const char *what, double start, int times)
{
    printf("%-34s %10.2f us\n", what, 1e6 * (cpu_seconds() - start) / times);
}

static fn_status open_it(fn_pack **p, const char *path)
{
    for (int i = 0; i < OPENINGS; i++) {
        double start = cpu_seconds();
        FN_TRY(fn_pack_open(p, path));
        print("open", start, 1);
        if (i < OPENINGS - 1)
            fn_pack_close(*p);
    }
    return FN_OK;
}

static void look(const fn_pack *p, fn_rng r)
{
    size_t sum = 0; /* printed, so that the looking is not left out */
    double start = cpu_seconds();
    for (int i = 0; i < LOOKS; i++) {
        int image = (int)fn_rng_below(&r, (uint32_t)fn_pack_images(p));
        int person = fn_pack_person_of(p, image);
        sum += strlen(fn_pack_person(p, person)) + strlen(fn_pack_name(p, image)) +
               (size_t)fn_pack_count(p, person);
    }
    print("names and person of an image", start, LOOKS);
    printf("%-34s %10.2f\n", "letters and images behind it", (double)sum / LOOKS);
}

static fn_status read_bytes(const fn_pack *p, fn_rng r)
{
    uint8_t *bytes;
    size_t size;
    double start = cpu_seconds();
    for (int i = 0; i < READS; i++) {
        int image = (int)fn_rng_below(&r, (uint32_t)fn_pack_images(p));
        FN_TRY(fn_pack_bytes(p, image, &bytes, &size));
        fn_free(bytes);
    }
    print("bytes of an image, checked", start, READS);
    return FN_OK;
}

static fn_status read_image(const fn_pack *p, fn_rng r)
{
    fn_pixels face;
    double start = cpu_seconds();
    for (int i = 0; i < READS; i++) {
        int image = (int)fn_rng_below(&r, (uint32_t)fn_pack_images(p));
        FN_TRY(fn_pack_image(p, image, &face));
        fn_pixels_free(&face);
    }
    print("an image, decoded", start, READS);
    return FN_OK;
}

static fn_status run(const char *path)
{
    fn_pack *p = NULL;
    fn_rng r = fn_rng_at(1, FN_RNG_TEST, 0, 0);
    struct rusage u;
    fn_status rc;
    FN_TRY(open_it(&p, path));
    getrusage(RUSAGE_SELF, &u);
    printf("%d images of %d people; peak memory after opening %.1f MB\n", fn_pack_images(p),
           fn_pack_people(p), (double)u.ru_maxrss / 1024);
    look(p, r);
    FN_GO(read_bytes(p, r));
    FN_GO(read_bytes(p, r));
    rc = read_image(p, r);
out:
    fn_pack_close(p);
    return rc;
}

int main(int argc, char **argv)
{
    fn_status rc = argc == 2 ? run(argv[1])
                             : fn_fail(FN_EINVAL, "usage: bench_pack FILE.h5");
    if (rc != FN_OK)
        fprintf(stderr, "%s\n", fn_last_error());
    return fn_exit_code(rc);
}
