/* h5_read -- the half of h5.h that reads, and distrusts. */
#include "core/h5_handle.h"
#include "core/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { MOST_LINKS = 1 << 16, NAME = 256, PART = FN_H5_PART, MOST_PARTS = 64 };

/* --- opening --- */

static fn_status check_file(const char *path, int64_t *size)
{
    struct stat st;
    FILE *file = fopen(path, "rb");
    if (!file || fstat(fileno(file), &st) != 0) {
        fn_status rc = fn_fail_errno(path, "open");
        if (file)
            fclose(file);
        return rc;
    }
    fclose(file);
    if (S_ISDIR(st.st_mode))
        return fn_fail(FN_EINVAL, "%s: is a folder, not a file: name a file", path);
    *size = st.st_size;
    return FN_OK;
}

/* A soft or an external link could lead anywhere. */
static herr_t check_link(hid_t group, const char *name, const H5L_info_t *info, void *count)
{
    (void)group;
    (void)name;
    return info->type == H5L_TYPE_HARD && ++*(int *)count <= MOST_LINKS ? 0 : -1;
}

static fn_status walk(const fn_h5 *h)
{
    int count = 0;
    if (H5Lvisit(h->file, H5_INDEX_NAME, H5_ITER_NATIVE, check_link, &count) >= 0)
        return FN_OK;
    return fn_fail(FN_EDATA,
                   "%s: has links of a kind that we never write, or is damaged: make it "
                   "again with facenet",
                   h->path);
}

fn_status fn_h5_open(fn_h5 **out, const char *path)
{
    int64_t size = 0;
    *out = NULL;
    FN_TRY(check_file(path, &size));
    fn_h5 *h = fn_h5_handle_make(path);
    if (!h)
        return fn_fail(FN_ENOMEM, "%s: no memory to open it", path);
    h->size = size;
    hid_t access = fn_h5_handle_access();
    if (access >= 0)
        h->file = H5Fopen(path, H5F_ACC_RDONLY, access);
    fn_h5_handle_drop(access);
    fn_status rc = h->file >= 0
                       ? walk(h)
                       : fn_fail(FN_EDATA, "%s: is not an HDF5 file, or is damaged", path);
    if (rc == FN_OK)
        *out = h;
    else
        fn_h5_close(h);
    return rc;
}

/* H5Lexists wants every group on the way to be there. */
bool fn_h5_has(fn_h5 *h, const char *name)
{
    char part[NAME];
    if (strlen(name) >= sizeof part)
        return false;
    for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(part, sizeof part, "%.*s", (int)(slash - name), name);
        if (H5Lexists(h->file, part, H5P_DEFAULT) <= 0)
            return false;
    }
    return H5Lexists(h->file, name, H5P_DEFAULT) > 0;
}

/* --- datasets --- */

static bool filters_are_ours(hid_t how)
{
    int n = H5Pget_nfilters(how);
    unsigned flags, config;
    size_t none = 0;
    return n == 0 || (n == 1 && H5Pget_filter2(how, 0, &flags, &none, NULL, 0, NULL,
                                               &config) == H5Z_FILTER_FLETCHER32);
}

/* Why we do not touch the bytes of a dataset, or NULL. */
static const char *distrust(hid_t set, fn_h5_type want)
{
    hid_t how = H5Dget_create_plist(set), type = H5Dget_type(set);
    const char *why = NULL;
    if (how < 0 || type < 0)
        why = "cannot be read";
    else if (H5Tequal(type, fn_h5_handle_stored(want)) <= 0)
        why = "is of another type than we write";
    else if (H5Pget_layout(how) == H5D_VIRTUAL || H5Pget_external_count(how) != 0)
        why = "keeps its bytes in another file";
    else if (!filters_are_ours(how))
        why = "goes through a filter that we never use";
    fn_h5_handle_drop(type);
    fn_h5_handle_drop(how);
    return why;
}

static fn_status read_dims(hid_t set, int *rank, int64_t dim[FN_H5_RANK], int64_t *count)
{
    hsize_t size[FN_H5_RANK] = {0};
    hid_t space = H5Dget_space(set);
    int n = space >= 0 ? H5Sget_simple_extent_ndims(space) : -1;
    bool ok = n >= 0 && n <= FN_H5_RANK && H5Sget_simple_extent_type(space) != H5S_NULL &&
              H5Sget_simple_extent_dims(space, size, NULL) == n;
    fn_h5_handle_drop(space);
    *rank = n;
    *count = 1;
    for (int i = 0; i < FN_H5_RANK; i++) {
        dim[i] = i < n ? (int64_t)size[i] : 1;
        ok = ok && size[i] <= INT64_MAX && !__builtin_mul_overflow(*count, dim[i], count);
    }
    return ok ? FN_OK : FN_EDATA;
}

/* A small file may declare terabytes: without compression, every element declared must be
 * stored, and within the file. */
static bool is_stored(const fn_h5 *h, hid_t set, fn_h5_type type, int64_t count)
{
    hsize_t stored = H5Dget_storage_size(set);
    int64_t bytes;
    if (__builtin_mul_overflow(count, (int64_t)H5Tget_size(fn_h5_handle_stored(type)),
                               &bytes))
        return false;
    return stored >= (hsize_t)bytes && stored <= (hsize_t)h->size;
}

typedef struct dataset {
    hid_t id;
    int rank;
    int64_t dim[FN_H5_RANK], count;
} dataset;

static fn_status open_set(dataset *s, fn_h5 *h, const char *name, fn_h5_type type)
{
    *s = (dataset){.id = H5I_INVALID_HID};
    if (!fn_h5_has(h, name))
        return fn_fail(FN_EDATA, "%s: has no dataset '%s'", h->path, name);
    s->id = H5Dopen2(h->file, name, H5P_DEFAULT);
    if (s->id < 0)
        return fn_h5_handle_fail(h, FN_EDATA, "cannot open dataset", name);
    const char *why = distrust(s->id, type);
    if (!why && read_dims(s->id, &s->rank, s->dim, &s->count) != FN_OK)
        why = "has a shape that we never write";
    if (!why && !is_stored(h, s->id, type, s->count))
        why = "declares more than the file holds";
    if (!why)
        return FN_OK;
    fn_h5_handle_drop(s->id);
    return fn_fail(FN_EDATA, "%s: dataset '%s' %s: make the file again", h->path, name,
                   why);
}

fn_status fn_h5_shape(fn_h5 *h, const char *name, fn_h5_type type, int *rank,
                      int64_t dim[4])
{
    dataset s;
    FN_TRY(open_set(&s, h, name, type));
    *rank = s.rank;
    memcpy(dim, s.dim, sizeof s.dim);
    fn_h5_handle_drop(s.id);
    return FN_OK;
}

fn_status fn_h5_read(fn_h5 *h, const char *name, fn_h5_type type, int64_t count, void *data)
{
    dataset s;
    fn_status rc = FN_OK;
    FN_TRY(open_set(&s, h, name, type));
    if (s.count != count)
        rc = fn_fail(FN_EDATA,
                     "%s: dataset '%s' has %" PRId64 " elements, not the %" PRId64
                     " that belong there",
                     h->path, name, s.count, count);
    else if (count > 0 && H5Dread(s.id, fn_h5_handle_native(type), H5S_ALL, H5S_ALL,
                                  H5P_DEFAULT, data) < 0)
        rc = fn_h5_handle_fail(h, FN_EDATA, "is damaged: cannot read dataset", name);
    fn_h5_handle_drop(s.id);
    return rc;
}

/* A dataset in chunks has no offset; one without elements has none either, and needs none. */
fn_status fn_h5_offset(fn_h5 *h, const char *name, int64_t *offset)
{
    dataset s;
    fn_status rc = FN_OK;
    *offset = 0;
    FN_TRY(open_set(&s, h, name, FN_H5_U8));
    haddr_t at = H5Dget_offset(s.id);
    fn_h5_handle_drop(s.id);
    if (s.count > 0 && (at > (haddr_t)h->size || s.count > h->size - (int64_t)at))
        rc = fn_fail(FN_EDATA, "%s: dataset '%s' does not lie in one piece in the file",
                     h->path, name);
    else if (s.count > 0)
        *offset = (int64_t)at;
    return rc;
}

/* --- texts --- */

static fn_status check_text(hid_t type, hid_t space, size_t *size)
{
    if (type < 0 || space < 0 || H5Tget_class(type) != H5T_STRING ||
        H5Tis_variable_str(type) != 0 || H5Sget_simple_extent_npoints(space) != 1)
        return FN_EDATA;
    *size = H5Tget_size(type);
    return *size >= 1 && *size <= PART ? FN_OK : FN_EDATA;
}

/* Appends one attribute to the text; *part says how long it is. */
static fn_status add_part(const fn_h5 *h, const char *name, char **text, size_t *part)
{
    hid_t a = H5Aopen(h->file, name, H5P_DEFAULT);
    hid_t type = a >= 0 ? H5Aget_type(a) : a, space = a >= 0 ? H5Aget_space(a) : a;
    size_t before = *text ? strlen(*text) : 0;
    char *more = NULL;
    fn_status rc = check_text(type, space, part);
    if (rc != FN_OK) {
        fn_fail(rc, "%s: text '%s' is not of the kind that we write, or is damaged",
                h->path, name);
    } else if (!(more = fn_grow(*text, before + *part + 1, 1))) {
        rc = fn_fail(FN_ENOMEM, "%s: no memory for text '%s'", h->path, name);
    } else {
        *text = more;
        memset(more + before, 0, *part + 1);
        if (H5Aread(a, type, more + before) < 0)
            rc = fn_h5_handle_fail(h, FN_EDATA, "is damaged: cannot read text", name);
    }
    fn_h5_handle_drop(space);
    fn_h5_handle_drop(type);
    fn_h5_handle_drop(a);
    return rc;
}

bool fn_h5_has_text(fn_h5 *h, const char *name)
{
    return H5Aexists(h->file, name) > 0;
}

fn_status fn_h5_read_text(fn_h5 *h, const char *name, char **text)
{
    char part[NAME];
    size_t length = 0;
    *text = NULL;
    if (!fn_h5_has_text(h, name))
        return fn_fail(FN_EDATA, "%s: has no text '%s'", h->path, name);
    fn_status rc = add_part(h, name, text, &length);
    for (int i = 1; rc == FN_OK && length == PART && i < MOST_PARTS; i++) {
        snprintf(part, sizeof part, "%s.%d", name, i);
        if (H5Aexists(h->file, part) <= 0)
            break;
        rc = add_part(h, part, text, &length);
    }
    if (rc != FN_OK) {
        fn_free(*text);
        *text = NULL;
    }
    return rc;
}
