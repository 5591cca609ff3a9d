#include "train/histogram.h"

#include <math.h>

int fn_histogram_bin(double distance)
{
    if (!(distance > 0))
        return 0;
    return distance < 4 ? (int)(distance / FN_BIN) : FN_BINS - 1;
}

void fn_histogram_add(fn_histogram *h, float distance)
{
    double d = (double)distance;
    if (isnan(d))
        return;
    h->min = h->n && h->min < d ? h->min : d;
    h->max = h->n && h->max > d ? h->max : d;
    h->sum += d;
    h->squares += d * d;
    h->count[fn_histogram_bin(d)]++;
    h->n++;
}
