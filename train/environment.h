/* environment.h -- program, machine and libraries behind a result, as JSON. */
#ifndef FN_TRAIN_ENVIRONMENT_H
#define FN_TRAIN_ENVIRONMENT_H

#include "core/status.h"

/* *text: fn_free. */
fn_status fn_environment_json(char **text, int threads) FN_CHECKED;

#endif
