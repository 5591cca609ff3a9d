/* sampler.c -- drawing batches. Two kinds of draws: FN_RNG_PEOPLE shuffles the people of a
 * step, FN_RNG_FACES the faces of each. Both are functions of (seed, step), so nothing is
 * remembered between two batches. */
#include "data/sampler.h"

#include "core/mem.h"
#include "core/rng.h"

#include <inttypes.h>

struct fn_sampler {
    const fn_pack *pack;
    int *person;         /* [n], the people with two images or more */
    int n, most;         /* most: images of the one who has most */
    int size, max_faces; /* people * faces, faces */
    uint64_t seed;
};

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

static void find_pairs(fn_sampler *s)
{
    for (int i = 0; i < fn_pack_people(s->pack); i++) {
        int count = fn_pack_count(s->pack, i);
        if (count < 2)
            continue;
        s->person[s->n++] = i;
        s->most = count > s->most ? count : s->most;
    }
}

static fn_status check_size(const fn_sampler *s, int people, int faces)
{
    int64_t want = (int64_t)people * faces, have = 0;
    if (people < 1 || faces < 1)
        return fn_fail(FN_ECONFIG, "a batch of %d people x %d faces is empty", people,
                       faces);
    if (s->n < 2)
        return fn_fail(FN_EDATA,
                       "%s: only %d of %d people have two images or more; a batch needs "
                       "pairs of at least two people",
                       fn_pack_path(s->pack), s->n, fn_pack_people(s->pack));
    for (int i = 0; i < s->n; i++)
        have += smaller(fn_pack_count(s->pack, s->person[i]), faces);
    if (want <= have && want <= INT32_MAX)
        return FN_OK;
    have = have < INT32_MAX ? have : INT32_MAX;
    return fn_fail(FN_ECONFIG,
                   "%s: a batch of %d people x %d faces is %" PRId64 " images, but at most "
                   "%d of each person make %" PRId64 "; the largest batch is %" PRId64
                   " people x %d faces",
                   fn_pack_path(s->pack), people, faces, want, faces, have, have / faces,
                   faces);
}

fn_status fn_sampler_open(fn_sampler **out, const fn_pack *pack, int people, int faces,
                          uint64_t seed)
{
    fn_sampler *s = fn_alloc(1, sizeof *s);
    fn_status rc;
    *out = NULL;
    if (!s)
        return fn_fail(FN_ENOMEM, "%s: no memory for a sampler", fn_pack_path(pack));
    *s = (fn_sampler){.pack = pack, .max_faces = faces, .seed = seed};
    s->person = fn_alloc((size_t)fn_pack_people(pack), sizeof *s->person);
    if (!s->person) {
        rc = fn_fail(FN_ENOMEM, "%s: no memory for a list of %d people", fn_pack_path(pack),
                     fn_pack_people(pack));
        goto out;
    }
    find_pairs(s);
    FN_GO(check_size(s, people, faces));
    s->size = people * faces;
    *out = s;
    return FN_OK;
out:
    fn_sampler_close(s);
    return rc;
}

void fn_sampler_close(fn_sampler *s)
{
    if (!s)
        return;
    fn_free(s->person);
    fn_free(s);
}

int fn_sampler_size(const fn_sampler *s)
{
    return s->size;
}

/* `face` has room for s->most. */
static int draw_faces(const fn_sampler *s, uint64_t step, int at, int person, int *face)
{
    int count = fn_pack_count(s->pack, person);
    int k = smaller(count, s->max_faces);
    fn_rng r = fn_rng_at(s->seed, FN_RNG_FACES, step, (uint32_t)at);
    fn_rng_choose(&r, face, count, k);
    return k;
}

fn_status fn_sampler_batch(const fn_sampler *s, uint64_t step, int *image, int *label)
{
    int *order = fn_alloc((size_t)s->n + (size_t)s->most, sizeof *order);
    if (!order)
        return fn_fail(FN_ENOMEM, "%s: no memory to draw a batch of %d people",
                       fn_pack_path(s->pack), s->n);
    int *face = order + s->n;
    fn_rng r = fn_rng_at(s->seed, FN_RNG_PEOPLE, step, 0);
    fn_rng_choose(&r, order, s->n, smaller(s->n, s->size)); /* each gives one or more */
    for (int at = 0, n = 0; n < s->size; at++) {
        int person = s->person[order[at]];
        int k = smaller(draw_faces(s, step, at, person, face), s->size - n);
        for (int i = 0; i < k; i++, n++) {
            image[n] = fn_pack_first(s->pack, person) + face[i];
            label[n] = person;
        }
    }
    fn_free(order);
    return FN_OK;
}
