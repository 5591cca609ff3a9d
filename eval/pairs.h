/* pairs.h -- LFW's pairs.txt, exactly: a header "sets<TAB>N" (or one number: one set), then
 * per set N lines "name n1 n2" and N lines "name1 n1 name2 n2". TAB or spaces, CRLF and
 * trailing blank lines are accepted, nothing else. Errors: FN_EDATA with file:line:col. */
#ifndef FN_EVAL_PAIRS_H
#define FN_EVAL_PAIRS_H

#include "core/status.h"

#include <stdbool.h>

typedef struct fn_pair {
    int a, b; /* indices into path */
    int fold;
    bool same;
} fn_pair;

typedef struct fn_pairs {
    fn_pair *pair;
    int n, folds;
    char **path; /* distinct images, "name/name_0001.jpg", in order of first use */
    int n_path;
    char digest[65];       /* SHA-256 of the file */
    char **absent;         /* images that were left out by fn_pairs_drop */
    int n_absent, dropped; /* dropped: pairs that named them */
} fn_pairs;

fn_status fn_pairs_read(fn_pairs **out, const char *file) FN_CHECKED;
void fn_pairs_free(fn_pairs *p);

/* Settles each path's extension (.jpg, .jpeg, .png) by looking under `folder`, and lists the
 * images that are missing: *missing is a malloc'ed array of indices into path (fn_free). */
fn_status fn_pairs_locate(fn_pairs *p, const char *folder, int **missing,
                          int *n_missing) FN_CHECKED;

/* Leaves out the pairs that name these images; they and images that no other pair names leave
 * `path`. Indices change. */
fn_status fn_pairs_drop(fn_pairs *p, const int *missing, int n) FN_CHECKED;

/* (*person)[i] is the number of image i's person, 0 .. *n - 1: images in one folder are one
 * person's. The caller's (fn_free). */
fn_status fn_pairs_people(int **person, int *n, const fn_pairs *p) FN_CHECKED;

/* distance [p->n]: squared, of rows e [images, dim]. */
void fn_pairs_measure(float *distance, const fn_pairs *p, const float *e, int dim);

/* Draws a protocol from labelled images for validation while training: `pairs` pairs, half of
 * one person, split into `folds` by people; a function of `seed`. Paths stay empty: a and b
 * index the images given. Fewer pairs come where the set has no more. */
fn_status fn_pairs_draw(fn_pairs **out, const int *label, int n_image, int pairs, int folds,
                        uint64_t seed) FN_CHECKED;

#endif
