/* settings.h -- the `eval` section of a configuration: what to evaluate and how. The file may
 * be a training configuration, or hold nothing else. */
#ifndef FN_EVAL_SETTINGS_H
#define FN_EVAL_SETTINGS_H

#include "core/field.h"

typedef struct fn_settings {
    char run[FN_TEXT_BYTES]; /* of the training configuration: RUN/model.fnm is the model */
    char pairs[FN_TEXT_BYTES], images[FN_TEXT_BYTES], model[FN_TEXT_BYTES];
    char crop[FN_TEXT_BYTES];
    int device; /* fn_device_choice */
    int flip, pixels, allow_missing, batch, threads;
} fn_settings;

/* `also`: the other sections that such a file may have (NULL-terminated). `model` is settled by
 * `run` where it is not written; it stays "" without either. Errors: FN_ECONFIG with
 * file:line:col. */
fn_status fn_settings_read(fn_settings *out, const char *path,
                           const char *const *also) FN_CHECKED;

#endif
