/* implicit_any -- for processors without AVX-512, where oneDNN is the faster one: what is fused for
 * kernels/implicit.c is right there, too. */
#define FN_TILES fn_tiles_any
#include "kernels/implicit_tiles_body.h"
