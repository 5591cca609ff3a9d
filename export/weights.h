/* weights.h -- a model's weights alone, for programs that have the network themselves.
 *
 * safetensors: F32, named by our parameters ("3a/3x3/conv/kernel"), in the network's order;
 * hdf5: one dataset each under the same names. Both carry the metadata of metadata.h and, as
 * "net", the network's YAML. Batch norm stays as it was trained. */
#ifndef FN_EXPORT_WEIGHTS_H
#define FN_EXPORT_WEIGHTS_H

#include "nn/model.h"

/* Replace PATH, or leave the old file untouched. Errors: those of fn_file_replace, FN_ENOMEM,
 * FN_EUNSUPPORTED (a text of the record that the format cannot hold). */
fn_status fn_safetensors_write(const char *path, const struct fn_model *m) FN_CHECKED;
fn_status fn_hdf5_write(const char *path, const struct fn_model *m) FN_CHECKED;

/* Read PATH again: the largest difference of a weight, 0 when every bit is the model's.
 * Errors: FN_EDATA when it is not such a file, or lacks a weight. */
fn_status fn_safetensors_check(const char *path, const struct fn_model *m,
                               double *difference) FN_CHECKED;
fn_status fn_hdf5_check(const char *path, const struct fn_model *m,
                        double *difference) FN_CHECKED;

/* The largest |a[i] - b[i]|; infinite where bits differ and the numbers do not tell. */
double fn_weights_difference(const float *a, const float *b, int64_t n);

#endif
