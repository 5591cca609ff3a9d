/* winograd_any -- for processors that have neither AVX-512 nor AVX2, of any architecture:
 * registers of 4 floats, 16 as SSE has them, of which 12 are sums. */
#define FN_STAGES       fn_winograd_any
#define FN_LANES        4
#define FN_ROWS         6
#define FN_VECTORS      2
#define FN_ROWS_BACK    4
#define FN_VECTORS_BACK 2
#include "kernels/winograd_stages_body.h"
