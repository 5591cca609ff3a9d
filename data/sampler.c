/* sampler.c -- drawing batches. FN_RNG_PEOPLE shuffles the people of a step (index 0: those of
 * the pairs, index 1: the negatives), FN_RNG_FACES the faces of each. Both are functions of
 * (seed, step), so nothing is remembered between two batches. */
#include "data/sampler.h"

#include "core/mem.h"
#include "core/rng.h"

#include <inttypes.h>

struct fn_sampler {
    const fn_pack *pack;
    int *person;          /* [n], the people with two images or more */
    int n, most;          /* most: images of the one who has most */
    int pairs, max_faces; /* people * faces, faces */
    int negatives;
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

/* People in the batch that needs the most of them: those with the fewest images. */
static int most_people(const fn_sampler *s)
{
    int people = 0, filled = 0;
    for (int k = 2; k <= s->max_faces && k <= s->most; k++)
        for (int i = 0; i < s->n && filled < s->pairs; i++)
            if (smaller(fn_pack_count(s->pack, s->person[i]), s->max_faces) == k) {
                filled += k;
                people++;
            }
    return people;
}

static fn_status check_negatives(const fn_sampler *s)
{
    int left = s->negatives > 0 ? fn_pack_people(s->pack) - most_people(s) : 0;
    if (s->negatives <= left && s->negatives <= INT32_MAX - s->pairs)
        return FN_OK;
    return fn_fail(
        FN_ECONFIG,
        "%s: %d negatives, one a person, but a batch can leave only %d of its %d "
        "people; use train.negatives=%d or fewer",
        fn_pack_path(s->pack), s->negatives, left, fn_pack_people(s->pack), left);
}

fn_status fn_sampler_open(fn_sampler **out, const fn_pack *pack, fn_sampler_options o)
{
    fn_sampler *s = fn_alloc(1, sizeof *s);
    fn_status rc;
    *out = NULL;
    if (!s)
        return fn_fail(FN_ENOMEM, "%s: no memory for a sampler", fn_pack_path(pack));
    *s = (fn_sampler){
        .pack = pack, .max_faces = o.faces, .negatives = o.negatives, .seed = o.seed};
    s->person = fn_alloc((size_t)fn_pack_people(pack), sizeof *s->person);
    if (!s->person) {
        rc = fn_fail(FN_ENOMEM, "%s: no memory for a list of %d people", fn_pack_path(pack),
                     fn_pack_people(pack));
        goto out;
    }
    find_pairs(s);
    FN_GO(check_size(s, o.people, o.faces));
    s->pairs = o.people * o.faces;
    FN_GO(check_negatives(s));
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
    return s->pairs + s->negatives;
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

typedef struct slots {
    int *image, *label;
} slots;

static bool is_taken(slots to, int n, int person)
{
    for (int i = 0; i < n; i++)
        if (to.label[i] == person)
            return true;
    return false;
}

/* Fills the slots of the pairs; returns how many people they took. */
static int draw_pairs(const fn_sampler *s, uint64_t step, const int *order, int *face,
                      slots to)
{
    int at = 0;
    for (int n = 0; n < s->pairs; at++) {
        int person = s->person[order[at]];
        int k = smaller(draw_faces(s, step, at, person, face), s->pairs - n);
        for (int i = 0; i < k; i++, n++) {
            to.image[n] = fn_pack_first(s->pack, person) + face[i];
            to.label[n] = person;
        }
    }
    return at;
}

/* `order` has room for all people. Of those who are drawn, at most `first` are in the batch
 * already: as many of the pairs' people as there are. */
static void draw_negatives(const fn_sampler *s, uint64_t step, int first, int *order,
                           slots to)
{
    int others = 0, people = fn_pack_people(s->pack);
    fn_rng r = fn_rng_at(s->seed, FN_RNG_PEOPLE, step, 1);
    fn_rng_choose(&r, order, people, smaller(people, first + s->negatives));
    for (int i = 0; others < s->negatives; i++) {
        int person = order[i];
        if (is_taken(to, s->pairs, person))
            continue;
        fn_rng own = fn_rng_at(s->seed, FN_RNG_FACES, step, (uint32_t)(first + others));
        uint32_t count = (uint32_t)fn_pack_count(s->pack, person);
        to.image[s->pairs + others] = fn_pack_first(s->pack, person) +
                                      (int)fn_rng_below(&own, count);
        to.label[s->pairs + others++] = person;
    }
}

fn_status fn_sampler_batch(const fn_sampler *s, uint64_t step, int *image, int *label)
{
    int people = fn_pack_people(s->pack);
    int *order = fn_alloc((size_t)people + (size_t)s->most, sizeof *order);
    if (!order)
        return fn_fail(FN_ENOMEM, "%s: no memory to draw a batch of %d people",
                       fn_pack_path(s->pack), s->n);
    slots to;
    to.image = image;
    to.label = label;
    fn_rng r = fn_rng_at(s->seed, FN_RNG_PEOPLE, step, 0);
    fn_rng_choose(&r, order, s->n, smaller(s->n, s->pairs)); /* each gives one or more */
    int drawn = draw_pairs(s, step, order, order + people, to);
    if (s->negatives > 0)
        draw_negatives(s, step, drawn, order, to);
    fn_free(order);
    return FN_OK;
}
