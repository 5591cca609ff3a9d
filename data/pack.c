/* pack.c -- reading a pack. Everything but the images is read and checked when it is opened;
 * after that nothing changes, so threads share it without a lock. */
#include "data/pack.h"

#include "core/crc32c.h"
#include "core/digest.h"
#include "core/file.h"
#include "core/h5.h"
#include "core/mem.h"
#include "data/pack_format.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fcntl.h>

enum { NAME = 1024 };

struct fn_pack {
    char *path, *crop;
    int fd;
    int64_t size;        /* of the file */
    int64_t base, bytes; /* where the images lie in the file, and how many bytes they are */
    int people, images;
    int *first;      /* [people + 1] */
    int64_t *offset; /* [images + 1], from base */
    int64_t *crc;    /* [images]; NULL: an older pack */
    int *person_of;  /* [images] */
    char *people_text, *names_text;
    const char **person, **name; /* [people], [images]: into the texts */
    char digest[FN_DIGEST_BYTES];
};

static fn_status fail_damaged(const fn_pack *p, const char *what)
{
    return fn_fail(FN_EDATA, "%s: %s: the pack is damaged; make it again", p->path, what);
}

static fn_status fail_memory(const fn_pack *p)
{
    return fn_fail(FN_ENOMEM, "%s: no memory for its lists", p->path);
}

/* --- opening --- */

static fn_status length_of(const fn_pack *p, fn_h5 *h, const char *name, fn_h5_type type,
                           int64_t *length)
{
    int rank;
    int64_t dim[4];
    FN_TRY(fn_h5_shape(h, name, type, &rank, dim));
    *length = dim[0];
    return rank == 1 && dim[0] > 0 ? FN_OK : fail_damaged(p, "a list is missing");
}

/* No list is longer than the file, so a damaged one cannot ask for absurd memory; images and
 * people are counted by ints. */
static fn_status read_list(fn_pack *p, fn_h5 *h, const char *name, fn_h5_type type,
                           int64_t *length, void **data)
{
    size_t size = type == FN_H5_I64 ? 8 : type == FN_H5_I32 ? 4 : 1;
    FN_TRY(length_of(p, h, name, type, length));
    if (*length > p->size / (int64_t)size || (size > 1 && *length > INT32_MAX))
        return fail_damaged(p, "a list is too long");
    *data = fn_alloc((size_t)*length, size);
    return *data ? fn_h5_read(h, name, type, *length, *data) : fail_memory(p);
}

static fn_status check_offsets(const fn_pack *p)
{
    if (p->offset[0] != 0 || p->offset[p->images] != p->bytes)
        return fail_damaged(p, "the offsets do not span the images");
    for (int i = 0; i < p->images; i++)
        if (p->offset[i] >= p->offset[i + 1])
            return fail_damaged(p, "the offsets do not grow");
    if (p->base < 0 || p->bytes > p->size || p->base > p->size - p->bytes)
        return fail_damaged(p, "images lie beyond the end of the file");
    return FN_OK;
}

static fn_status read_images(fn_pack *p, fn_h5 *h)
{
    int64_t length;
    FN_TRY(read_list(p, h, FN_PACK_OFFSET, FN_H5_I64, &length, (void **)&p->offset));
    p->images = (int)length - 1;
    FN_TRY(length_of(p, h, FN_PACK_BYTES, FN_H5_U8, &p->bytes));
    FN_TRY(fn_h5_offset(h, FN_PACK_BYTES, &p->base));
    FN_TRY(check_offsets(p));
    if (!fn_h5_has(h, FN_PACK_CRC))
        return FN_OK;
    FN_TRY(read_list(p, h, FN_PACK_CRC, FN_H5_I64, &length, (void **)&p->crc));
    return length == p->images ? FN_OK
                               : fail_damaged(p, "there is not one checksum an image");
}

static fn_status read_people(fn_pack *p, fn_h5 *h)
{
    int64_t length;
    FN_TRY(read_list(p, h, FN_PACK_FIRST, FN_H5_I32, &length, (void **)&p->first));
    p->people = (int)length - 1;
    if (p->people < 1 || p->first[0] != 0 || p->first[p->people] != p->images)
        return fail_damaged(p, "the people do not share out the images");
    for (int i = 0; i < p->people; i++)
        if (p->first[i] >= p->first[i + 1])
            return fail_damaged(p, "a person has no image");
    p->person_of = fn_alloc((size_t)p->images, sizeof *p->person_of);
    if (!p->person_of)
        return fail_memory(p);
    for (int i = 0; i < p->people; i++)
        for (int k = p->first[i]; k < p->first[i + 1]; k++)
            p->person_of[k] = i;
    return FN_OK;
}

/* Reads `n` texts, each closed by '\0', none empty. */
static fn_status read_names(fn_pack *p, fn_h5 *h, const char *what, int n, char **text,
                            const char ***name)
{
    int64_t length, at = 0;
    FN_TRY(read_list(p, h, what, FN_H5_U8, &length, (void **)text));
    *name = fn_alloc((size_t)n, sizeof **name);
    if (!*name)
        return fail_memory(p);
    if ((*text)[length - 1] != '\0')
        return fail_damaged(p, "the last name has no end");
    for (int i = 0; i < n; i++) {
        if (at == length || (*text)[at] == '\0')
            return fail_damaged(p, "a name is missing");
        (*name)[i] = *text + at;
        at += (int64_t)strlen(*text + at) + 1;
    }
    return at == length ? FN_OK : fail_damaged(p, "there are too many names");
}

static fn_status check_order(const fn_pack *p)
{
    for (int i = 1; i < p->people; i++)
        if (strcmp(p->person[i - 1], p->person[i]) >= 0)
            return fail_damaged(p, "the people are not in order");
    return FN_OK;
}

static fn_status check_format(const fn_pack *p, fn_h5 *h)
{
    char *format = NULL;
    fn_status rc = fn_h5_read_text(h, "format", &format);
    if (rc == FN_EDATA || (rc == FN_OK && strcmp(format, FN_PACK_FORMAT) != 0))
        rc = fn_fail(FN_EDATA,
                     "%s: is not a pack of faces that this version reads; make one with "
                     "facenet data pack",
                     p->path);
    fn_free(format);
    return rc;
}

/* What the digest covers, in the order of docs/formats.md. */
static fn_status make_digest(fn_pack *p, size_t people_size, size_t names_size)
{
    size_t first = ((size_t)p->people + 1) * sizeof *p->first;
    size_t offset = ((size_t)p->images + 1) * sizeof *p->offset;
    char *all = fn_alloc(people_size + names_size + first + offset, 1), *at = all;
    if (!all)
        return fail_memory(p);
    memcpy(at, p->people_text, people_size);
    memcpy(at += people_size, p->names_text, names_size);
    memcpy(at += names_size, p->first, first);
    memcpy(at + first, p->offset, offset);
    fn_status rc = fn_digest(p->digest, all, people_size + names_size + first + offset);
    fn_free(all);
    return rc;
}

static size_t texts_size(const char *const *name, int n)
{
    const char *last = name[n - 1];
    return (size_t)(last - name[0]) + strlen(last) + 1;
}

static fn_status read_all(fn_pack *p, fn_h5 *h)
{
    FN_TRY(check_format(p, h));
    FN_TRY(fn_h5_read_text(h, "crop", &p->crop));
    FN_TRY(read_images(p, h));
    FN_TRY(read_people(p, h));
    FN_TRY(read_names(p, h, FN_PACK_PEOPLE, p->people, &p->people_text, &p->person));
    FN_TRY(read_names(p, h, FN_PACK_NAMES, p->images, &p->names_text, &p->name));
    FN_TRY(check_order(p));
    return make_digest(p, texts_size(p->person, p->people), texts_size(p->name, p->images));
}

static fn_status open_file(fn_pack *p, const char *path)
{
    struct stat st;
    p->path = fn_strdup(path);
    if (!p->path)
        return fn_fail(FN_ENOMEM, "%s: no memory to open it", path);
    p->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (p->fd < 0 || fstat(p->fd, &st) != 0)
        return fn_fail_errno(path, "open");
    p->size = st.st_size;
    return FN_OK;
}

fn_status fn_pack_open(fn_pack **out, const char *path)
{
    fn_pack *p = fn_alloc(1, sizeof *p);
    fn_h5 *h = NULL;
    fn_status rc;
    *out = NULL;
    if (!p)
        return fn_fail(FN_ENOMEM, "%s: no memory to open it", path);
    p->fd = -1;
    FN_GO(open_file(p, path));
    FN_GO(fn_h5_open(&h, path));
    FN_GO(read_all(p, h));
    *out = p;
    p = NULL;
out:
    fn_h5_close(h);
    fn_pack_close(p);
    return rc;
}

void fn_pack_close(fn_pack *p)
{
    if (!p)
        return;
    if (p->fd >= 0)
        close(p->fd);
    fn_free(p->path);
    fn_free(p->crop);
    fn_free(p->first);
    fn_free(p->offset);
    fn_free(p->crc);
    fn_free(p->person_of);
    fn_free(p->people_text);
    fn_free(p->names_text);
    fn_free(p->person);
    fn_free(p->name);
    fn_free(p);
}

/* --- asking --- */

const char *fn_pack_path(const fn_pack *p)
{
    return p->path;
}

const char *fn_pack_crop(const fn_pack *p)
{
    return p->crop;
}

const char *fn_pack_digest(const fn_pack *p)
{
    return p->digest;
}

int fn_pack_people(const fn_pack *p)
{
    return p->people;
}

int fn_pack_images(const fn_pack *p)
{
    return p->images;
}

const char *fn_pack_person(const fn_pack *p, int person)
{
    return p->person[person];
}

int fn_pack_first(const fn_pack *p, int person)
{
    return p->first[person];
}

int fn_pack_count(const fn_pack *p, int person)
{
    return p->first[person + 1] - p->first[person];
}

int fn_pack_person_of(const fn_pack *p, int image)
{
    return p->person_of[image];
}

const char *fn_pack_name(const fn_pack *p, int image)
{
    return p->name[image];
}

bool fn_pack_has_checksums(const fn_pack *p)
{
    return p->crc != NULL;
}

fn_status fn_pack_bytes(const fn_pack *p, int image, uint8_t **bytes, size_t *size)
{
    *size = (size_t)(p->offset[image + 1] - p->offset[image]);
    *bytes = fn_alloc(*size, 1);
    if (!*bytes)
        return fn_fail(FN_ENOMEM, "%s: no memory for an image of %zu bytes", p->path,
                       *size);
    fn_status rc = fn_file_read_at(p->fd, p->base + p->offset[image], *bytes, *size,
                                   p->path);
    if (rc == FN_OK && p->crc && fn_crc32c(*bytes, *size) != p->crc[image])
        rc = fn_fail(FN_EDATA,
                     "%s: %s/%s: its bytes are not those that were packed; make the pack "
                     "again",
                     p->path, p->person[p->person_of[image]], p->name[image]);
    if (rc != FN_OK) {
        fn_free(*bytes);
        *bytes = NULL;
    }
    return rc;
}

fn_status fn_pack_image(const fn_pack *p, int image, fn_pixels *out)
{
    char name[NAME];
    uint8_t *bytes;
    size_t size;
    *out = (fn_pixels){NULL, 0, 0};
    FN_TRY(fn_pack_bytes(p, image, &bytes, &size));
    snprintf(name, sizeof name, "%s: %s/%s", p->path, p->person[p->person_of[image]],
             p->name[image]);
    fn_status rc = fn_decode(out, bytes, size, name);
    fn_free(bytes);
    return rc;
}

enum { LOOKED_AT = 64 };

size_t fn_pack_decoded_bytes(const fn_pack *p)
{
    int many = p->images < LOOKED_AT ? p->images : LOOKED_AT;
    size_t sum = 0, read = 0;
    for (int64_t i = 0; i < many; i++) {
        fn_pixels face;
        if (fn_pack_image(p, (int)(i * p->images / many), &face) != FN_OK)
            continue;
        sum += 3 * (size_t)face.width * (size_t)face.height;
        read++;
        fn_pixels_free(&face);
    }
    return read ? (sum + read - 1) / read : 0;
}
