#include "train/curve.h"

enum { TP, FP, TN, FN, PRECISION, RECALL, LAST = FN_CURVE_POINTS - 1 };

/* The highest threshold that the score of distance d reaches; that of NaN is the lowest. */
static int reached(float d)
{
    double at = LAST * (1 - (double)d / 4);
    if (!(at > 0))
        return 0;
    return at < LAST ? (int)at : LAST;
}

static float ratio(float part, float rest)
{
    return part > 0 ? part / (part + rest) : 0;
}

void fn_curve_make(fn_curve *c, const fn_pairs *p, const float *distance)
{
    int64_t count[2][FN_CURVE_POINTS] = {{0}}, all[2] = {0}, above[2] = {0};
    for (int i = 0; i < p->n; i++) {
        count[p->pair[i].same][reached(distance[i])]++;
        all[p->pair[i].same]++;
    }
    for (int t = LAST; t >= 0; t--) {
        above[0] += count[0][t];
        above[1] += count[1][t];
        c->row[TP][t] = (float)above[1];
        c->row[FP][t] = (float)above[0];
        c->row[TN][t] = (float)(all[0] - above[0]);
        c->row[FN][t] = (float)(all[1] - above[1]);
        c->row[PRECISION][t] = ratio(c->row[TP][t], c->row[FP][t]);
        c->row[RECALL][t] = ratio(c->row[TP][t], c->row[FN][t]);
    }
}
