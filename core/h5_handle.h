/* h5_handle.h -- what the writing and the reading half of h5.h share; private to them. */
#ifndef FN_CORE_H5_HANDLE_H
#define FN_CORE_H5_HANDLE_H

#include "core/h5.h"

#include <hdf5.h>

enum { FN_H5_RANK = 4, FN_H5_PART = 60000 };

struct fn_h5 {
    hid_t file;
    char *path;   /* NULL for an image in memory */
    int64_t size; /* bytes of the file when it was opened to be read */
    void *image;  /* of a file in memory: grown by HDF5, ours when it has closed the file */
};

/* An empty handle; NULL when memory is out. */
fn_h5 *fn_h5_handle_make(const char *path);

/* How we open every file: its formats, no locks, all of it closed with the file. */
hid_t fn_h5_handle_access(void);

hid_t fn_h5_handle_native(fn_h5_type type); /* in memory */
hid_t fn_h5_handle_stored(fn_h5_type type); /* in a file: little-endian */
const char *fn_h5_handle_path(const fn_h5 *h);

/* "PATH: WHAT 'NAME' (why HDF5 thinks so)". To be called before any other call of HDF5. */
fn_status fn_h5_handle_fail(const fn_h5 *h, fn_status s, const char *what, const char *name)
    __attribute__((cold));

/* Closes anything that HDF5 counts; accepts what failed to open. */
void fn_h5_handle_drop(hid_t id);

#endif
