/* planted.h -- kernels with a mistake (broken) and without: planted.cu. 0: results are right. */
#ifndef FN_TESTS_EMU_PLANTED_H
#define FN_TESTS_EMU_PLANTED_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

int fn_planted_barrier(bool broken);
int fn_planted_reuse(bool broken);
int fn_planted_divergence(bool broken);
int fn_planted_return(bool broken);
int fn_planted_overrun(bool broken);
int fn_planted_shared_overrun(bool broken);
int fn_planted_alignment(bool broken);
int fn_planted_mask(bool broken);
int fn_planted_source(bool broken);
int fn_planted_absence(bool broken);
int fn_planted_start(bool broken);
int fn_planted_launch(bool broken);

#ifdef __cplusplus
}
#endif

#endif
