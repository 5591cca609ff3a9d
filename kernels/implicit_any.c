/* implicit_any -- for processors with neither AVX-512 nor AVX2, where oneDNN is the faster one:
 * what is fused for kernels/implicit.c is right there, too. Cut as for AVX-512, which not every
 * machine that runs the tests has. */
#define FN_TILES fn_tiles_any
#define FN_LANES 16
#define FN_ROWS  14
#define EACH_ROWS(X) \
    X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#include "kernels/implicit_tiles_body.h"
