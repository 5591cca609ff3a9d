#include "train/hardest.h"

#include <stdbool.h>

static bool shown(const fn_triplet *hardest, int n, const int *label, int person)
{
    for (int i = 0; i < n; i++)
        if (label[hardest[i].anchor] == person)
            return true;
    return false;
}

int fn_hardest_triplets(fn_triplet *hardest, int k, const fn_triplets *t, const float *d,
                        const int *label, int n, float margin)
{
    int found = 0;
    for (; found < k; found++) {
        float worst = -margin; /* here a term of the loss begins to be positive */
        int64_t at = -1;
        for (int64_t i = 0; i < t->n; i++) {
            fn_triplet x = t->triplet[i];
            const float *row = d + (int64_t)x.anchor * n;
            float gap = row[x.positive] - row[x.negative];
            if (gap > worst && !shown(hardest, found, label, label[x.anchor])) {
                worst = gap;
                at = i;
            }
        }
        if (at < 0)
            break;
        hardest[found] = t->triplet[at];
    }
    return found;
}
