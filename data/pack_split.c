/* pack_split.c -- one pack into two by people. Who is held out is a function of (seed, name)
 * alone: packs that share people never disagree about one of them. */
#include "core/digest.h"
#include "core/mem.h"
#include "core/rng.h"
#include "data/pack_write.h"

#include <stdlib.h>
#include <string.h>

/* The first 64 bits of the name's SHA-256 are the place of the draw. */
static fn_status is_held(bool *held, const char *name, double share, uint64_t seed)
{
    char hex[FN_DIGEST_BYTES];
    FN_TRY(fn_digest(hex, name, strlen(name)));
    hex[16] = '\0';
    fn_rng r = fn_rng_at(seed, FN_RNG_SPLIT, strtoull(hex, NULL, 16), 0);
    *held = fn_rng_uniform(&r) < share;
    return FN_OK;
}

typedef struct side {
    fn_pack_part *part;
    fn_pack_write *write;
} side;

static fn_status open_side(side *s, const char *path, const fn_pack *p)
{
    FN_TRY(fn_pack_part_scratch(&s->part, path));
    return fn_pack_write_open(&s->write, path, fn_pack_crop(p));
}

static fn_status copy_image(const side *to, const fn_pack *p, int image)
{
    const char *person = fn_pack_person(p, fn_pack_person_of(p, image));
    uint8_t *bytes;
    fn_pack_record r = {.key = person};
    fn_status rc;
    FN_TRY(fn_pack_bytes(p, image, &bytes, &r.size));
    r.body = bytes;
    FN_GO(fn_pack_part_add(to->part, &r));
    rc = fn_pack_write_image(to->write, person, fn_pack_name(p, image), &r);
out:
    fn_free(bytes);
    return rc;
}

static fn_status deal(const side to[2], const fn_pack *p, double share, uint64_t seed)
{
    bool held = false;
    for (int i = 0; i < fn_pack_people(p); i++) {
        int first = fn_pack_first(p, i);
        FN_TRY(is_held(&held, fn_pack_person(p, i), share, seed));
        for (int k = 0; k < fn_pack_count(p, i); k++)
            FN_TRY(copy_image(&to[held], p, first + k));
    }
    return FN_OK;
}

static fn_status check_sides(const side to[2], const fn_pack *p)
{
    fn_pack_report r[2];
    for (int i = 0; i < 2; i++)
        fn_pack_write_count(to[i].write, &r[i]);
    if (r[0].people >= 2 && r[1].people >= 2)
        return FN_OK;
    return fn_fail(
        FN_EDATA,
        "%s: its %d people split into %d and %d, and each side needs two; choose "
        "another share or seed",
        fn_pack_path(p), fn_pack_people(p), (int)r[0].people, (int)r[1].people);
}

static fn_status check_arguments(const char *path, const char *const to[2], double share)
{
    if (!(share > 0 && share < 1))
        return fn_fail(FN_EINVAL, "the share to hold out is %g; it lies between 0 and 1",
                       share);
    if (strcmp(to[0], to[1]) == 0 || strcmp(path, to[0]) == 0 || strcmp(path, to[1]) == 0)
        return fn_fail(FN_EINVAL,
                       "%s: the pack to split and its two sides are three different files",
                       path);
    return FN_OK;
}

/* Both sides are read and checked before either replaces a file. */
fn_status fn_pack_split(const char *path, const char *kept, const char *held, double share,
                        uint64_t seed)
{
    const char *const name[2] = {kept, held};
    fn_pack *p = NULL;
    side to[2] = {{NULL, NULL}, {NULL, NULL}};
    fn_status rc;
    FN_TRY(check_arguments(path, name, share));
    FN_GO(fn_pack_open(&p, path));
    for (int i = 0; i < 2; i++)
        FN_GO(open_side(&to[i], name[i], p));
    FN_GO(deal(to, p, share, seed));
    FN_GO(check_sides(to, p));
    for (int i = 0; i < 2; i++)
        FN_GO(fn_pack_write_save(to[i].write, to[i].part));
out:
    for (int i = 0; i < 2; i++) {
        fn_pack_write_close(to[i].write);
        fn_pack_part_close(to[i].part, true);
    }
    fn_pack_close(p);
    return rc;
}
