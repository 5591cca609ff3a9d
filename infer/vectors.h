/* vectors.h -- embeddings as a file for other programs. */
#ifndef FN_INFER_VECTORS_H
#define FN_INFER_VECTORS_H

#include "core/text.h"

typedef enum fn_vectors_format {
    FN_VECTORS_CSV,   /* name,v,v,...: no header; a name in quotes where it needs them */
    FN_VECTORS_JSONL, /* {"image": name, "embedding": [v, v, ...]}, a line each */
    FN_VECTORS_NPY,   /* NumPy, version 1.0: float32 [n, dim]; no names */
} fn_vectors_format;

typedef struct fn_vectors {
    char *const *name; /* [n] */
    const float *e;    /* [n, dim] */
    int n, dim;
} fn_vectors;

/* Puts them at the end of `t`. Numbers keep every bit. Errors: FN_EDATA (JSONL: a name that is
 * not UTF-8); a text without memory tells when it is saved. */
fn_status fn_vectors_put(fn_text *t, const fn_vectors *v,
                         fn_vectors_format format) FN_CHECKED;

#endif
