/* distance.c -- sum of (a - b)^2, in double. */
#include "include/facenet.h"

float fn_distance(const float *a, const float *b, int dim)
{
    double sum = 0;
    for (int i = 0; i < dim; i++) {
        double d = (double)a[i] - (double)b[i];
        sum += d * d;
    }
    return (float)sum;
}
