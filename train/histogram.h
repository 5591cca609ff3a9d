/* histogram.h -- squared distances of unit vectors counted in bins of 0.05 from 0 to 4. The
 * bins never move, so the histograms of a run's steps can be laid over one another. */
#ifndef FN_TRAIN_HISTOGRAM_H
#define FN_TRAIN_HISTOGRAM_H

#include <stdint.h>

enum { FN_BINS = 80 };
#define FN_BIN (4.0 / FN_BINS) /* the width of a bin */

typedef struct fn_histogram { /* starts as {0} */
    int64_t n, count[FN_BINS];
    double min, max, sum, squares; /* of what was added */
} fn_histogram;

/* NaN is passed over. */
void fn_histogram_add(fn_histogram *h, float distance);

int fn_histogram_bin(double distance); /* bin i holds [i FN_BIN, (i + 1) FN_BIN) */

#endif
