/* h5_write -- the half of h5.h that writes. Nothing in a file depends on the time, so equal
 * contents make equal bytes. */
#include "core/file.h"
#include "core/h5_handle.h"
#include "core/mem.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A text of more than PART bytes becomes several attributes: those under 64 KiB lie in the
 * header of the root group, which has a checksum; longer ones lie outside, and have none. */
enum { CHUNK = 1 << 20, NAME = 256, PART = FN_H5_PART, LONGEST = 1 << 20 };

static fn_status fail_write(const fn_h5 *h, const char *name)
{
    return fn_h5_handle_fail(h, h->path ? FN_EIO : FN_ENOMEM, "HDF5 cannot store", name);
}

/* The root group keeps every attribute in its header, and no times. */
static hid_t root_creation(void)
{
    hid_t p = H5Pcreate(H5P_FILE_CREATE);
    if (p >= 0 && H5Pset_obj_track_times(p, false) >= 0 &&
        H5Pset_attr_phase_change(p, UINT16_MAX, 0) >= 0)
        return p;
    fn_h5_handle_drop(p);
    return H5I_INVALID_HID;
}

/* --- the image: HDF5 asks us for its memory and we keep it when the file is closed, because
 * H5Fget_file_image of 1.10 spoils the checksum of the superblock (and doubles the memory) --- */

static void *grow_image(void *p, size_t size, H5FD_file_image_op_t op, void *handle)
{
    fn_h5 *h = handle;
    void *grown = fn_grow(p, size, 1);
    (void)op;
    if (grown)
        h->image = grown;
    return grown;
}

static void *make_image(size_t size, H5FD_file_image_op_t op, void *handle)
{
    return grow_image(NULL, size, op, handle);
}

static herr_t keep_image(void *p, H5FD_file_image_op_t op, void *handle)
{
    (void)p;
    (void)op;
    (void)handle;
    return 0;
}

static void *same_handle(void *handle)
{
    return handle;
}

static herr_t leave_handle(void *handle)
{
    (void)handle;
    return 0;
}

static bool put_in_memory(hid_t access, fn_h5 *h)
{
    H5FD_file_image_callbacks_t our = {
        .image_malloc = make_image,
        .image_memcpy = NULL,
        .image_realloc = grow_image,
        .image_free = keep_image,
        .udata_copy = same_handle,
        .udata_free = leave_handle,
        .udata = h,
    };
    return H5Pset_fapl_core(access, CHUNK, false) >= 0 &&
           H5Pset_file_image_callbacks(access, &our) >= 0;
}

static fn_status create(fn_h5 **out, const char *path)
{
    fn_h5 *h = fn_h5_handle_make(path);
    *out = NULL;
    if (!h)
        return fn_fail(FN_ENOMEM, "no memory for an HDF5 file");
    hid_t access = fn_h5_handle_access(), root = root_creation();
    if (access >= 0 && root >= 0 && (path || put_in_memory(access, h)))
        h->file = H5Fcreate(path ? path : "image", H5F_ACC_TRUNC, root, access);
    fn_status rc = h->file >= 0 ? FN_OK : fail_write(h, "/");
    fn_h5_handle_drop(root);
    fn_h5_handle_drop(access);
    if (rc != FN_OK)
        fn_h5_close(h);
    else
        *out = h;
    return rc;
}

fn_status fn_h5_create(fn_h5 **out)
{
    return create(out, NULL);
}

/* The draft is made by us first, because we know why that fails and HDF5 does not say. */
fn_status fn_h5_create_file(fn_h5 **out, const char *draft)
{
    *out = NULL;
    FILE *file = fopen(draft, "wb");
    if (!file)
        return fn_fail_errno(draft, "create");
    fclose(file);
    return create(out, draft);
}

/* --- groups --- */

static hid_t make_group(const fn_h5 *h, const char *name)
{
    hid_t p = H5Pcreate(H5P_GROUP_CREATE), group = H5I_INVALID_HID;
    if (p >= 0 && H5Pset_obj_track_times(p, false) >= 0)
        group = H5Gcreate2(h->file, name, H5P_DEFAULT, p, H5P_DEFAULT);
    fn_h5_handle_drop(p);
    return group;
}

/* Makes the groups that "a/b/name" lies in, unless they are there. */
static fn_status make_groups(const fn_h5 *h, const char *name)
{
    char part[NAME];
    if (strlen(name) >= sizeof part)
        return fn_fail(FN_EINVAL, "%s: a name of more than %d bytes: '%.40s...'",
                       fn_h5_handle_path(h), NAME - 1, name);
    for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(part, sizeof part, "%.*s", (int)(slash - name), name);
        htri_t there = H5Lexists(h->file, part, H5P_DEFAULT);
        hid_t group = there == 0 ? make_group(h, part) : H5I_INVALID_HID;
        if (there < 0 || (there == 0 && group < 0))
            return fail_write(h, part);
        fn_h5_handle_drop(group);
    }
    return FN_OK;
}

/* --- datasets --- */

static int64_t divide_up(int64_t n, int64_t by)
{
    return (n + by - 1) / by;
}

/* Pieces of equal size, of at most 1 MiB, that lie in one run of the array. */
static void choose_chunk(hsize_t *chunk, int rank, const int64_t *dim, int64_t element)
{
    int64_t inner = element;
    for (int i = rank - 1; i >= 0; i--) {
        int64_t most = inner < CHUNK ? CHUNK / inner : 1;
        chunk[i] = (hsize_t)divide_up(dim[i], divide_up(dim[i], most));
        inner *= dim[i];
    }
}

/* A dataset without an element has nothing to cut up or to check. */
static hid_t set_creation(fn_h5_type type, int rank, const int64_t *dim)
{
    hsize_t chunk[FN_H5_RANK];
    bool empty = false;
    for (int i = 0; i < rank; i++)
        empty = empty || dim[i] == 0;
    hid_t p = H5Pcreate(H5P_DATASET_CREATE);
    if (p < 0 || H5Pset_obj_track_times(p, false) < 0)
        goto fail;
    if (empty)
        return p;
    choose_chunk(chunk, rank, dim, (int64_t)H5Tget_size(fn_h5_handle_stored(type)));
    if (H5Pset_chunk(p, rank, chunk) >= 0 && H5Pset_fletcher32(p) >= 0)
        return p;
fail:
    fn_h5_handle_drop(p);
    return H5I_INVALID_HID;
}

static hid_t make_space(int rank, const int64_t *dim)
{
    hsize_t size[FN_H5_RANK] = {0};
    for (int i = 0; i < rank; i++)
        size[i] = (hsize_t)dim[i];
    return H5Screate_simple(rank, size, NULL);
}

fn_status fn_h5_write(fn_h5 *h, const char *name, fn_h5_type type, int rank,
                      const int64_t *dim, const void *data)
{
    assert(1 <= rank && rank <= FN_H5_RANK);
    FN_TRY(make_groups(h, name));
    hid_t space = make_space(rank, dim), how = set_creation(type, rank, dim);
    hid_t set = H5I_INVALID_HID;
    if (space >= 0 && how >= 0)
        set = H5Dcreate2(h->file, name, fn_h5_handle_stored(type), space, H5P_DEFAULT, how,
                         H5P_DEFAULT);
    bool ok = set >= 0 && H5Dwrite(set, fn_h5_handle_native(type), H5S_ALL, H5S_ALL,
                                   H5P_DEFAULT, data) >= 0;
    if (ok) {
        ok = H5Dclose(set) >= 0; /* the chunk cache writes only now */
        set = H5I_INVALID_HID;
    }
    fn_status rc = ok ? FN_OK : fail_write(h, name);
    fn_h5_handle_drop(set);
    fn_h5_handle_drop(how);
    fn_h5_handle_drop(space);
    return rc;
}

static hid_t make_reserved(const fn_h5 *h, const char *name, int64_t size)
{
    hid_t space = make_space(1, &size), how = H5Pcreate(H5P_DATASET_CREATE);
    hid_t set = H5I_INVALID_HID;
    if (space >= 0 && how >= 0 && H5Pset_layout(how, H5D_CONTIGUOUS) >= 0 &&
        H5Pset_alloc_time(how, H5D_ALLOC_TIME_EARLY) >= 0 &&
        H5Pset_fill_time(how, H5D_FILL_TIME_NEVER) >= 0 &&
        H5Pset_obj_track_times(how, false) >= 0)
        set = H5Dcreate2(h->file, name, H5T_STD_U8LE, space, H5P_DEFAULT, how, H5P_DEFAULT);
    fn_h5_handle_drop(how);
    fn_h5_handle_drop(space);
    return set;
}

fn_status fn_h5_reserve(fn_h5 *h, const char *name, int64_t size, int64_t *offset)
{
    assert(size > 0);
    FN_TRY(make_groups(h, name));
    hid_t set = make_reserved(h, name, size);
    haddr_t at = set >= 0 ? H5Dget_offset(set) : HADDR_UNDEF;
    fn_status rc = at != HADDR_UNDEF ? FN_OK : fail_write(h, name);
    fn_h5_handle_drop(set);
    *offset = at != HADDR_UNDEF ? (int64_t)at : 0;
    return rc;
}

/* --- texts --- */

static hid_t text_type(size_t size)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    if (type >= 0 && H5Tset_size(type, size) >= 0 &&
        H5Tset_cset(type, H5T_CSET_UTF8) >= 0 && H5Tset_strpad(type, H5T_STR_NULLPAD) >= 0)
        return type;
    fn_h5_handle_drop(type);
    return H5I_INVALID_HID;
}

/* HDF5 has no text of no bytes: an empty one is a byte of padding. */
static fn_status write_part(const fn_h5 *h, const char *name, const char *text, size_t size)
{
    hid_t type = text_type(size ? size : 1), space = H5Screate(H5S_SCALAR);
    hid_t attribute = H5I_INVALID_HID;
    if (type >= 0 && space >= 0)
        attribute = H5Acreate2(h->file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    bool ok = attribute >= 0 && H5Awrite(attribute, type, text) >= 0;
    fn_status rc = ok ? FN_OK : fail_write(h, name);
    fn_h5_handle_drop(attribute);
    fn_h5_handle_drop(space);
    fn_h5_handle_drop(type);
    return rc;
}

fn_status fn_h5_write_text(fn_h5 *h, const char *name, const char *text)
{
    size_t size = strlen(text);
    char part[NAME];
    if (size > LONGEST)
        return fn_fail(FN_EINVAL, "%s: text '%s' has %zu bytes; at most %d are taken",
                       fn_h5_handle_path(h), name, size, LONGEST);
    FN_TRY(write_part(h, name, text, size < PART ? size : PART));
    for (size_t i = 1; i * PART < size; i++) {
        size_t left = size - i * PART;
        snprintf(part, sizeof part, "%s.%zu", name, i);
        FN_TRY(write_part(h, part, text + i * PART, left < PART ? left : PART));
    }
    return FN_OK;
}

/* --- the end --- */

fn_status fn_h5_save(fn_h5 *h, const char *path)
{
    ssize_t size = -1;
    if (H5Fflush(h->file, H5F_SCOPE_GLOBAL) >= 0)
        size = H5Fget_file_image(h->file, NULL, 0);
    if (size < 0 || H5Fclose(h->file) < 0)
        return fn_context(fail_write(h, "/"), "%s", path);
    h->file = H5I_INVALID_HID;
    return fn_file_replace(path, h->image, (size_t)size);
}

fn_status fn_h5_finish(fn_h5 *h)
{
    errno = 0;
    bool ok = H5Fflush(h->file, H5F_SCOPE_GLOBAL) >= 0;
    int e = errno;
    ok = H5Fclose(h->file) >= 0 && ok;
    h->file = H5I_INVALID_HID;
    return ok ? FN_OK
              : fn_fail(FN_EIO, "%s: HDF5 cannot finish the file: %s: is the disk full?",
                        fn_h5_handle_path(h), strerror(e ? e : EIO));
}
