/* test_distance.c -- squared distances of all pairs against plain loops in double. */
#include "tests/rows.h"
#include "train/mine.h"

static void check_distances(int n, int dim, double spread)
{
    int *label = fn_alloc((size_t)n, sizeof *label);
    float *d = fn_alloc((size_t)(n * n), sizeof *d);
    mixed_labels(label, n);
    float *e = clustered(label, n, dim, spread);
    int crooked = 0, negative = 0, diagonal = 0;
    double worst = 0;
    CHECK_OK(fn_distances(d, e, n, dim));
    for (int i = 0; i < n; i++) {
        diagonal += memcmp(&d[i * n + i], &(float){0}, sizeof *d) != 0;
        for (int j = 0; j < n; j++) {
            double want = 0, x;
            for (int k = 0; k < dim; k++, want += x * x)
                x = (double)e[i * dim + k] - (double)e[j * dim + k];
            worst = fmax(worst, fabs((double)d[i * n + j] - want));
            crooked += memcmp(&d[i * n + j], &d[j * n + i], sizeof *d) != 0;
            negative += !(d[i * n + j] >= 0);
        }
    }
    CHECK_INT(crooked, 0);
    CHECK_INT(negative, 0);
    CHECK_INT(diagonal, 0);
    CHECK_NEAR(worst, 0, 2e-6);
    fn_free(e);
    fn_free(d);
    fn_free(label);
}

TEST(distances_of_any_size)
{
    static const int size[] = {1, 2, 31, 32, 33, 64, 131};
    for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
        check_distances(size[i], 128, 1);
        check_distances(size[i], 7, 0.3);
        check_distances(size[i], 1, 1);
    }
}

TEST(distances_of_rows_almost_alike)
{
    check_distances(131, 128, 0);
    check_distances(131, 128, 1e-6);
    check_distances(131, 128, 1e-4);
}

TEST(distances_keep_nan)
{
    enum { N = 40, DIM = 4, SICK = 33 };
    float e[N * DIM], d[N * N];
    for (int i = 0; i < N * DIM; i++)
        e[i] = 0.5f;
    e[SICK * DIM + 1] = NAN;
    CHECK_OK(fn_distances(d, e, N, DIM));
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            CHECK((i != j && (i == SICK || j == SICK)) == (bool)isnan(d[i * N + j]));
}
