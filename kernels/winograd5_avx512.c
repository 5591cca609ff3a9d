/* winograd5_avx512 -- F(2x2, 5x5), with the sums of kernels/winograd_avx512.c. */
#define FN_STAGES       fn_winograd5_avx512
#define FN_KERNEL       5
#define FN_LANES        16
#define FN_ROWS         14
#define FN_VECTORS      2
#define FN_ROWS_BACK    8
#define FN_VECTORS_BACK 2
#include "kernels/winograd_stages_body.h"
