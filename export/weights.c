/* weights.c -- comparing weights bit by bit. */
#include "export/weights.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

static uint32_t bits(float x)
{
    uint32_t b;
    memcpy(&b, &x, sizeof b);
    return b;
}

double fn_weights_difference(const float *a, const float *b, int64_t n)
{
    double most = 0;
    for (int64_t i = 0; i < n; i++) {
        if (bits(a[i]) == bits(b[i]))
            continue;
        double d = fabs((double)a[i] - (double)b[i]);
        most = d > 0 ? fmax(most, d) : INFINITY; /* NAN, or 0 and -0 */
    }
    return most;
}
