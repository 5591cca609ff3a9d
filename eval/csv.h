/* csv.h -- every pair of an evaluation as a line of CSV (RFC 4180). */
#ifndef FN_EVAL_CSV_H
#define FN_EVAL_CSV_H

#include "eval/verification.h"

/* Columns: image1, image2, fold (from 1), same, distance, threshold (of the fold), accepted,
 * right. Numbers come back as they were. */
fn_status fn_csv_write(const char *path, const fn_pairs *p, const float *distance,
                       const fn_verification *v) FN_CHECKED;

#endif
