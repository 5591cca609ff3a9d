/* implicit_avx2 -- 12 sums of 16 registers of 8 floats. */
#define FN_TILES     fn_tiles_avx2
#define FN_LANES     8
#define FN_ROWS      6
#define EACH_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6)
#include "kernels/implicit_tiles_body.h"
