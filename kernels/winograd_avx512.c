/* winograd_avx512 -- 32 registers of 16 floats: 28 sums. */
#define FN_STAGES       fn_winograd_avx512
#define FN_LANES        16
#define FN_ROWS         14
#define FN_VECTORS      2
#define FN_ROWS_BACK    8
#define FN_VECTORS_BACK 2
#include "kernels/winograd_stages_body.h"
