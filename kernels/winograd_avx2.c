/* winograd_avx2 -- 16 registers of 8 floats: 12 sums. */
#define FN_STAGES       fn_winograd_avx2
#define FN_LANES        8
#define FN_ROWS         6
#define FN_VECTORS      2
#define FN_ROWS_BACK    4
#define FN_VECTORS_BACK 3
#include "kernels/winograd_stages_body.h"
