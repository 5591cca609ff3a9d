/* h5.h -- the few HDF5 calls we use; the only place that includes <hdf5.h>.
 *
 * Files we write are built in memory (core driver) and handed to fn_file_replace, so a crash
 * or a full disk never tears one. Equal contents make equal bytes. Every dataset of a model or
 * checkpoint is chunked with fletcher32, and HDF5's own structures are those of 1.10, which
 * have checksums too: a flipped bit is an error. (The checksum of zeros is zero: a lost sector
 * that holds a whole chunk reads as zeros, so models and checkpoints carry a SHA-256 as well.)
 * Files we read are walked with care: hard links only, no external or virtual storage, known
 * types, sizes within the file (docs/architecture.md, "HDF5"). Handles of several threads need
 * the thread-safe HDF5 that distributions build. */
#ifndef FN_CORE_H5_H
#define FN_CORE_H5_H

#include "core/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct fn_h5 fn_h5;

typedef enum fn_h5_type { FN_H5_F32, FN_H5_I32, FN_H5_I64, FN_H5_U8 } fn_h5_type;

/* --- writing: a file image in memory --- */
fn_status fn_h5_create(fn_h5 **out) FN_CHECKED;
/* Writes one whole dataset; '/' in the name makes groups. 1 <= rank <= 4. */
fn_status fn_h5_write(fn_h5 *h, const char *name, fn_h5_type type, int rank,
                      const int64_t *dim, const void *data) FN_CHECKED;
/* Text attributes of the root group, up to 1 MiB each; what is beyond 60,000 bytes goes on in
 * the attributes NAME.1, NAME.2, ... */
fn_status fn_h5_write_text(fn_h5 *h, const char *name, const char *text) FN_CHECKED;
/* Finishes the image and replaces PATH by it; the handle stays to be closed. */
fn_status fn_h5_save(fn_h5 *h, const char *path) FN_CHECKED;

/* Data too large for memory: a file on disk at DRAFT, beside its final place, one byte dataset of
 * which is only reserved. Order: create_file, write..., reserve, finish; then fill [offset,
 * offset + size) with fn_file_write and give the file its name with fn_file_publish. */
fn_status fn_h5_create_file(fn_h5 **out, const char *draft) FN_CHECKED;
/* A contiguous dataset of `size` > 0 bytes whose place in the file is known at once. */
fn_status fn_h5_reserve(fn_h5 *h, const char *name, int64_t size,
                        int64_t *offset) FN_CHECKED;
/* Writes what HDF5 still holds and closes the file, if not the handle. */
fn_status fn_h5_finish(fn_h5 *h) FN_CHECKED;

/* --- reading --- */
fn_status fn_h5_open(fn_h5 **out, const char *path) FN_CHECKED;
bool fn_h5_has(fn_h5 *h, const char *name);
/* Shape of a dataset; dim has room for 4. FN_EDATA when it is absent or of another type. */
fn_status fn_h5_shape(fn_h5 *h, const char *name, fn_h5_type type, int *rank,
                      int64_t dim[4]) FN_CHECKED;
/* Reads one whole dataset of exactly `count` elements. */
fn_status fn_h5_read(fn_h5 *h, const char *name, fn_h5_type type, int64_t count,
                     void *data) FN_CHECKED;
bool fn_h5_has_text(fn_h5 *h, const char *name);
/* *text is the caller's (fn_free). */
fn_status fn_h5_read_text(fn_h5 *h, const char *name, char **text) FN_CHECKED;
/* Byte offset in the file of a contiguous FN_H5_U8 dataset's first element, for pread; all of
 * it lies within the file. */
fn_status fn_h5_offset(fn_h5 *h, const char *name, int64_t *offset) FN_CHECKED;

void fn_h5_close(fn_h5 *h);

#endif
