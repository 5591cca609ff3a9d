/* implicit_avx512 -- what kernels/implicit.c is for. */
#define FN_TILES fn_tiles_avx512
#include "kernels/implicit_tiles_body.h"
