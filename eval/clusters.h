/* clusters.h -- how far a figure would move with other people, when it is a sum over pairs and
 * pairs that share a person are right or wrong together:
 *
 *   V = sum x_i x_j over all pairs i, j (of images) that have a person in common
 *
 * x_i is what pair i adds to the figure, less its mean (the figure's influence function). With
 * no person in two pairs this is the usual sum of squares. (Cameron, Gelbach and Miller 2011 for
 * clusters that cross; Aronow, Samii and Assenova 2015 for pairs.) For eval/ alone. */
#ifndef FN_EVAL_CLUSTERS_H
#define FN_EVAL_CLUSTERS_H

#include "eval/pairs.h"

typedef struct fn_clusters fn_clusters;

/* person [images]: numbers below `people`. `p` and `person` outlive the result. */
fn_status fn_clusters_open(fn_clusters **out, const fn_pairs *p, const int *person,
                           int people) FN_CHECKED;
void fn_clusters_close(fn_clusters *c);
int fn_clusters_people(const fn_clusters *c);

/* V of x [pairs], but no less than without shared people: the sum can fall below that, even
 * below 0, where few people are in many pairs. */
double fn_clusters_variance(fn_clusters *c, const double *x);

#endif
