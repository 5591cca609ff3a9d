/* winograd5_avx2 -- F(2x2, 5x5), with the sums of kernels/winograd_avx2.c. */
#define FN_STAGES       fn_winograd5_avx2
#define FN_KERNEL       5
#define FN_LANES        8
#define FN_ROWS         6
#define FN_VECTORS      2
#define FN_ROWS_BACK    4
#define FN_VECTORS_BACK 3
#include "kernels/winograd_stages_body.h"
