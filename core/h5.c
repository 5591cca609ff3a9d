/* h5 -- handles, types and errors, for h5_write.c and h5_read.c. */
#include "core/h5.h"

#include "core/h5_handle.h"
#include "core/mem.h"

#include <pthread.h>
#include <stdio.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* HDF5's exit handler crashes over a file that could not be written for want of room. */
static void start(void)
{
    H5dont_atexit();
    H5open();
}

/* Printing the error stack is a switch of each thread. */
fn_h5 *fn_h5_handle_make(const char *path)
{
    pthread_once(&once, start);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    fn_h5 *h = fn_alloc(1, sizeof *h);
    if (!h)
        return NULL;
    h->file = H5I_INVALID_HID;
    if (path && !(h->path = fn_strdup(path))) {
        fn_free(h);
        return NULL;
    }
    return h;
}

void fn_h5_close(fn_h5 *h)
{
    if (!h)
        return;
    fn_h5_handle_drop(h->file);
    fn_free(h->image);
    fn_free(h->path);
    fn_free(h);
}

/* Since 1.10 all metadata and every index of chunks carries a checksum; older formats let a
 * flipped bit turn a chunk into zeros. Nobody writes to our files in place, so there is nothing
 * to lock, and locks fail on some network file systems. */
hid_t fn_h5_handle_access(void)
{
    hid_t p = H5Pcreate(H5P_FILE_ACCESS);
    if (p >= 0 && H5Pset_libver_bounds(p, H5F_LIBVER_V110, H5F_LIBVER_V110) >= 0 &&
        H5Pset_file_locking(p, false, true) >= 0 &&
        H5Pset_fclose_degree(p, H5F_CLOSE_STRONG) >= 0)
        return p;
    fn_h5_handle_drop(p);
    return H5I_INVALID_HID;
}

hid_t fn_h5_handle_native(fn_h5_type type)
{
    switch (type) {
    case FN_H5_F32:
        return H5T_NATIVE_FLOAT;
    case FN_H5_I32:
        return H5T_NATIVE_INT32;
    case FN_H5_I64:
        return H5T_NATIVE_INT64;
    case FN_H5_U8:
        break;
    }
    return H5T_NATIVE_UINT8;
}

hid_t fn_h5_handle_stored(fn_h5_type type)
{
    switch (type) {
    case FN_H5_F32:
        return H5T_IEEE_F32LE;
    case FN_H5_I32:
        return H5T_STD_I32LE;
    case FN_H5_I64:
        return H5T_STD_I64LE;
    case FN_H5_U8:
        break;
    }
    return H5T_STD_U8LE;
}

const char *fn_h5_handle_path(const fn_h5 *h)
{
    return h->path ? h->path : "HDF5 image";
}

/* Copies the innermost complaint of the stack and stops the walk. */
static herr_t innermost(unsigned n, const H5E_error2_t *e, void *reason)
{
    (void)n;
    snprintf(reason, 160, "%s", e->desc ? e->desc : "");
    return 1;
}

fn_status fn_h5_handle_fail(const fn_h5 *h, fn_status s, const char *what, const char *name)
{
    char reason[160] = "";
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, innermost, reason);
    return fn_fail(s, "%s: %s '%s'%s%s%s", fn_h5_handle_path(h), what, name,
                   *reason ? " (HDF5: " : "", reason, *reason ? ")" : "");
}

void fn_h5_handle_drop(hid_t id)
{
    if (id >= 0)
        H5Idec_ref(id);
}
