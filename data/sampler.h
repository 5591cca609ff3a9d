/* sampler.h -- which faces make a batch: P people x up to K faces (Schroff et al. 2015,
 * section 3.2). People are drawn evenly, not images; a person gives K faces, or as many as
 * there are; people are drawn until P * K slots are full, so a batch always has P * K images
 * (of P people or more; the last may be cut short). Behind them come negatives: one face each
 * of as many people who are not in the batch yet, drawn evenly too. A batch is a function of
 * (seed, step) alone, so resuming needs no state. */
#ifndef FN_DATA_SAMPLER_H
#define FN_DATA_SAMPLER_H

#include "data/pack.h"

typedef struct fn_sampler fn_sampler;

typedef struct fn_sampler_options {
    int people, faces, negatives;
    uint64_t seed;
} fn_sampler_options;

/* People with one image make no pair and are drawn as negatives alone. The pack outlives the
 * sampler. Errors: FN_EDATA when fewer than two people have two images; FN_ECONFIG when the whole
 * set cannot fill one batch, with the largest batch that it can fill, or when there could be too
 * few people for the negatives. */
fn_status fn_sampler_open(fn_sampler **out, const fn_pack *pack,
                          fn_sampler_options o) FN_CHECKED;
void fn_sampler_close(fn_sampler *s);
int fn_sampler_size(const fn_sampler *s); /* people * faces + negatives */

/* image, label [size]: images of the pack and their people, grouped by person, negatives
 * last. Thread-safe. */
fn_status fn_sampler_batch(const fn_sampler *s, uint64_t step, int *image,
                           int *label) FN_CHECKED;

#endif
