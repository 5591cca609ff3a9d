/* synth_folder.c -- a folder of drawn faces in LFW's layout, and its pairs.txt. */
#include "core/file.h"
#include "core/mem.h"
#include "core/rng.h"
#include "data/synth.h"

#include <stdio.h>
#include <string.h>

enum {
    FOLDS = 10,
    MOST_PAIRS = 300, /* of each kind in a fold, as in LFW */
    LEAST_PEOPLE = 2 * FOLDS,
    MOST_PEOPLE = 999999,
    MOST_IMAGES = 9999,
    NAME = 32,
    LINE = 3 * NAME,
    QUALITY_DRAWS =
        1 << 20, /* draws of JPEG quality lie apart from those of the pictures */
    PAIR_DRAWS = 1 << 21,
};

typedef struct pair {
    int person[2], image[2];
} pair;

/* People low .. high - 1 make a fold. */
typedef struct fold {
    int low, high;
    int64_t pairs; /* of each kind */
} fold;

static fn_status check(const char *folder, const fn_synth_options *o)
{
    char **name;
    int n = 0;
    if (o->people < LEAST_PEOPLE || o->images < 2)
        return fn_fail(FN_EINVAL,
                       "%s: %d people with %d images: 10 folds of pairs need at least %d "
                       "people with 2 images each",
                       folder, o->people, o->images, LEAST_PEOPLE);
    if (o->images > MOST_IMAGES || o->first < 0 || o->people > MOST_PEOPLE - o->first)
        return fn_fail(
            FN_EINVAL,
            "%s: people %d to %lld with %d images: names have room for %d people "
            "and %d images",
            folder, o->first, (long long)o->first + o->people, o->images, MOST_PEOPLE,
            MOST_IMAGES);
    if (!fn_file_exists(folder))
        return FN_OK;
    FN_TRY(fn_file_names(&name, &n, folder));
    fn_file_names_free(name, n);
    if (n)
        return fn_fail(FN_EEXIST, "%s: the folder is not empty; name a new one", folder);
    return FN_OK;
}

static void name_person(char name[NAME], int person)
{
    snprintf(name, NAME, "synth_%06d", person + 1);
}

/* A drawing that is lost can be drawn again, so it is not worth an fsync. */
static fn_status write_file(const char *path, const uint8_t *bytes, size_t size)
{
    FILE *f = fopen(path, "wb");
    if (!f)
        return fn_fail_errno(path, "cannot create");
    size_t n = fwrite(bytes, 1, size, f);
    if (fclose(f) != 0 || n != size)
        return fn_fail_errno(path, "cannot write");
    return FN_OK;
}

static fn_status write_image(const char *folder, const fn_synth_options *o, int person,
                             int image)
{
    char name[NAME], file[LINE];
    uint8_t *bytes = NULL;
    size_t size;
    fn_pixels face;
    fn_rng r = fn_rng_at(o->seed, FN_RNG_SYNTH, (uint64_t)person,
                         QUALITY_DRAWS + (uint32_t)image);
    name_person(name, person);
    snprintf(file, sizeof file, "%s_%04d.jpg", name, image + 1);
    char *path = fn_file_join(folder, file);
    fn_status rc = path ? FN_OK : fn_fail(FN_ENOMEM, "%s: no memory", folder);
    FN_TRY(rc);
    FN_GO(fn_synth_face(&face, o->seed, person, image));
    fn_image view = fn_pixels_view(&face);
    rc = fn_encode_jpeg(&bytes, &size, &view, 45 + (int)fn_rng_below(&r, 51));
    fn_pixels_free(&face);
    if (rc == FN_OK)
        rc = write_file(path, bytes, size);
out:
    fn_free(bytes);
    fn_free(path);
    return rc;
}

static fn_status write_person(const char *folder, const fn_synth_options *o, int person)
{
    char name[NAME];
    name_person(name, person);
    char *path = fn_file_join(folder, name);
    if (!path)
        return fn_fail(FN_ENOMEM, "%s: no memory", folder);
    fn_status rc = fn_file_mkdirs(path);
    for (int i = 0; i < o->images && rc == FN_OK; i++)
        rc = write_image(path, o, person, i);
    fn_free(path);
    return rc;
}

/* The smallest fold says how many different pairs every fold can have. */
static int64_t count_pairs(const fn_synth_options *o)
{
    int64_t people = o->people / FOLDS, images = o->images;
    int64_t same = people * images * (images - 1) / 2;
    int64_t different = people * (people - 1) / 2 * images * images;
    int64_t n = same < different ? same : different;
    return n < MOST_PAIRS ? n : MOST_PAIRS;
}

static pair draw_pair(const fold *f, const fn_synth_options *o, bool same, fn_rng *r)
{
    uint32_t people = (uint32_t)(f->high - f->low), images = (uint32_t)o->images;
    int a = (int)fn_rng_below(r, people), b = (int)fn_rng_below(r, people - 1);
    int i = (int)fn_rng_below(r, images), j = (int)fn_rng_below(r, images - (same ? 1 : 0));
    b = same ? a : b + (b >= a);
    j += same && j >= i;
    if (a > b || (same && i > j)) /* one order, so that repetitions are seen */
        return (pair){{f->low + b, f->low + a}, {j, i}};
    return (pair){{f->low + a, f->low + b}, {i, j}};
}

static void draw_pairs(pair *p, const fold *f, const fn_synth_options *o, bool same,
                       fn_rng *r)
{
    for (int64_t n = 0; n < f->pairs;) {
        bool fresh = true;
        p[n] = draw_pair(f, o, same, r);
        for (int64_t k = 0; k < n && fresh; k++)
            fresh = memcmp(&p[k], &p[n], sizeof *p) != 0;
        n += fresh;
    }
}

static void print_pair(char line[LINE], const pair *p, bool same)
{
    char a[NAME], b[NAME];
    name_person(a, p->person[0]);
    name_person(b, p->person[1]);
    if (same)
        snprintf(line, LINE, "%s\t%d\t%d\n", a, p->image[0] + 1, p->image[1] + 1);
    else
        snprintf(line, LINE, "%s\t%d\t%s\t%d\n", a, p->image[0] + 1, b, p->image[1] + 1);
}

static void print_folds(char *text, pair *p, const fn_synth_options *o)
{
    int64_t pairs = count_pairs(o);
    int at = snprintf(text, LINE, "%d\t%d\n", FOLDS, (int)pairs);
    for (int k = 0; k < 2 * FOLDS; k++) {
        fn_rng r = fn_rng_at(o->seed, FN_RNG_SYNTH, (uint64_t)o->first,
                             PAIR_DRAWS + (uint32_t)k);
        int64_t i = k / 2, people = o->people;
        fold f = {o->first + (int)(i * people / FOLDS),
                  o->first + (int)((i + 1) * people / FOLDS), pairs};
        bool same = k % 2 == 0;
        draw_pairs(p, &f, o, same, &r);
        for (int64_t n = 0; n < pairs; n++) {
            print_pair(text + at, &p[n], same);
            at += (int)strlen(text + at);
        }
    }
}

static fn_status write_pairs(const char *folder, const fn_synth_options *o)
{
    fn_status rc;
    size_t lines = 1 + 2 * (size_t)FOLDS * (size_t)count_pairs(o);
    char *text = fn_alloc(lines, LINE);
    pair *p = fn_alloc((size_t)count_pairs(o), sizeof *p);
    if (!text || !p) {
        rc = fn_fail(FN_ENOMEM, "%s: no memory for pairs.txt", folder);
        goto out;
    }
    print_folds(text, p, o);
    rc = fn_file_replace_in(folder, "pairs.txt", text, strlen(text));
out:
    fn_free(text);
    fn_free(p);
    return rc;
}

fn_status fn_synth_folder(const char *folder, fn_synth_options o)
{
    FN_TRY(check(folder, &o));
    FN_TRY(fn_file_mkdirs(folder));
    for (int i = 0; i < o.people; i++)
        FN_TRY(write_person(folder, &o, o.first + i));
    return write_pairs(folder, &o);
}
