/* precision.h -- the numbers that convolutions multiply. What is added up is float whatever they
 * are; what lies between nodes, fn_type says. */
#ifndef FN_KERNELS_PRECISION_H
#define FN_KERNELS_PRECISION_H

#include "kernels/op.h"

extern const char *const fn_precision_names[]; /* by fn_precision: "fp32", ...; then NULL */

/* The fn_precision of that name; -1 when there is none. */
int fn_precision_find(const char *name);

/* Whether this machine computes so. Errors: FN_EUNSUPPORTED; FN_EINVAL when `exact` asks for
 * digits that the precision does not have, or there is no such precision. */
fn_status fn_precision_accept(fn_precision p, fn_backend b, bool exact) FN_CHECKED;

#endif
