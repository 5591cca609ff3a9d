/* manifest.h -- the list of a checkpoint's files with their sizes and SHA-256. It is written
 * last, so that a folder without one was never finished. */
#ifndef FN_TRAIN_MANIFEST_H
#define FN_TRAIN_MANIFEST_H

#include "core/status.h"

#include <stdint.h>

/* Reads the files `name` (NULL-terminated) of the folder and writes FOLDER/manifest.json. */
fn_status fn_manifest_write(const char *folder, const char *const *name,
                            int64_t step) FN_CHECKED;

/* FN_EDATA names the first file that is missing or differs; FN_ENOENT: no manifest. */
fn_status fn_manifest_verify(const char *folder, const char *const *name,
                             int64_t *step) FN_CHECKED;

#endif
