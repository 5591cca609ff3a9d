/* metadata.h -- what a stranger needs to feed exported weights and to judge a distance: the
 * same keys and texts in every format (docs/formats.md, "Exports"). */
#ifndef FN_EXPORT_METADATA_H
#define FN_EXPORT_METADATA_H

#include "nn/model.h"

/* Calls put for each entry, until one fails. What was never measured is left out. */
fn_status fn_metadata_each(const struct fn_model *m,
                           fn_status (*put)(void *ctx, const char *key, const char *value),
                           void *ctx) FN_CHECKED;

#endif
