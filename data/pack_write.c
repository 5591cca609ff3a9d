#include "data/pack_write.h"

#include "core/crc32c.h"
#include "core/file.h"
#include "core/h5.h"
#include "core/mem.h"
#include "core/text.h"
#include "data/pack_format.h"

#include <string.h>
#include <unistd.h>

#include <fcntl.h>

enum { PIECE = 1 << 20 };

struct fn_pack_write {
    char *path, *crop;
    int64_t bytes; /* of the images so far */
    int people, images;
    size_t last; /* where the last person's name begins in `person` */
    fn_text person, name, first, offset, crc;
    fn_text place; /* of each image in the part */
};

static fn_status append(fn_pack_write *w, fn_text *to, const void *data, size_t size)
{
    fn_text_bytes(to, data, size);
    if (!to->failed)
        return FN_OK;
    return fn_fail(FN_ENOMEM, "%s: no memory for the list of %d images", w->path,
                   w->images);
}

fn_status fn_pack_write_open(fn_pack_write **out, const char *path, const char *crop)
{
    fn_pack_write *w = fn_alloc(1, sizeof *w);
    fn_status rc;
    *out = NULL;
    if (!w)
        return fn_fail(FN_ENOMEM, "%s: no memory to write it", path);
    w->path = fn_strdup(path);
    w->crop = fn_strdup(crop);
    if (!w->path || !w->crop) {
        rc = fn_fail(FN_ENOMEM, "%s: no memory to write it", path);
        goto out;
    }
    FN_GO(append(w, &w->offset, &w->bytes, sizeof w->bytes));
    *out = w;
    return FN_OK;
out:
    fn_pack_write_close(w);
    return rc;
}

void fn_pack_write_close(fn_pack_write *w)
{
    if (!w)
        return;
    fn_free(w->person.data);
    fn_free(w->name.data);
    fn_free(w->first.data);
    fn_free(w->offset.data);
    fn_free(w->crc.data);
    fn_free(w->place.data);
    fn_free(w->path);
    fn_free(w->crop);
    fn_free(w);
}

void fn_pack_write_count(const fn_pack_write *w, fn_pack_report *r)
{
    *r = (fn_pack_report){.people = w->people, .images = w->images, .bytes = w->bytes};
}

static fn_status begin_person(fn_pack_write *w, const char *person)
{
    int32_t first = w->images;
    w->last = w->person.size;
    w->people++;
    FN_TRY(append(w, &w->first, &first, sizeof first));
    return append(w, &w->person, person, strlen(person) + 1);
}

fn_status fn_pack_write_image(fn_pack_write *w, const char *person, const char *name,
                              const fn_pack_record *r)
{
    if (w->images == INT32_MAX - 1)
        return fn_fail(FN_EDATA, "%s: a pack holds at most %d images", w->path, w->images);
    if (w->people == 0 || strcmp(w->person.data + w->last, person) != 0)
        FN_TRY(begin_person(w, person));
    int64_t crc = fn_crc32c(r->body, r->size);
    w->bytes += (int64_t)r->size;
    w->images++;
    FN_TRY(append(w, &w->name, name, strlen(name) + 1));
    FN_TRY(append(w, &w->crc, &crc, sizeof crc));
    FN_TRY(append(w, &w->place, &r->at, sizeof r->at));
    return append(w, &w->offset, &w->bytes, sizeof w->bytes);
}

/* --- saving --- */

static fn_status write_list(fn_h5 *h, const char *name, fn_h5_type type,
                            const fn_text *list, size_t element)
{
    int64_t n = (int64_t)(list->size / element);
    return fn_h5_write(h, name, type, 1, &n, list->data);
}

/* Everything but the images, for which `offset` says where they go. */
static fn_status write_index(fn_pack_write *w, const char *draft, int64_t *offset)
{
    fn_h5 *h;
    fn_status rc;
    FN_TRY(fn_h5_create_file(&h, draft));
    FN_GO(fn_h5_write_text(h, "format", FN_PACK_FORMAT));
    FN_GO(fn_h5_write_text(h, "crop", w->crop));
    FN_GO(write_list(h, FN_PACK_OFFSET, FN_H5_I64, &w->offset, sizeof(int64_t)));
    FN_GO(write_list(h, FN_PACK_CRC, FN_H5_I64, &w->crc, sizeof(int64_t)));
    FN_GO(write_list(h, FN_PACK_FIRST, FN_H5_I32, &w->first, sizeof(int32_t)));
    FN_GO(write_list(h, FN_PACK_PEOPLE, FN_H5_U8, &w->person, 1));
    FN_GO(write_list(h, FN_PACK_NAMES, FN_H5_U8, &w->name, 1));
    FN_GO(fn_h5_reserve(h, FN_PACK_BYTES, w->bytes, offset));
    rc = fn_h5_finish(h);
out:
    fn_h5_close(h);
    return rc;
}

static int64_t element(const fn_text *list, int i)
{
    int64_t v;
    memcpy(&v, list->data + (size_t)i * sizeof v, sizeof v);
    return v;
}

typedef struct copier {
    const fn_pack_part *part;
    int fd;
    const char *path;
    char *piece;
} copier;

static fn_status copy_image(const copier *c, int64_t from, int64_t to, int64_t size)
{
    for (int64_t n; size > 0; from += n, to += n, size -= n) {
        n = size < PIECE ? size : PIECE;
        FN_TRY(fn_pack_part_bytes(c->part, from, c->piece, (size_t)n));
        FN_TRY(fn_file_write(c->fd, to, c->piece, (size_t)n, c->path));
    }
    return FN_OK;
}

static fn_status copy_images(const fn_pack_write *w, const fn_pack_part *part, int fd,
                             int64_t base)
{
    copier c = {part, fd, w->path, fn_alloc_aligned(PIECE)};
    fn_status rc = c.piece ? FN_OK : fn_fail(FN_ENOMEM, "%s: no memory to copy", w->path);
    for (int i = 0; rc == FN_OK && i < w->images; i++) {
        int64_t at = element(&w->offset, i), end = element(&w->offset, i + 1);
        rc = copy_image(&c, element(&w->place, i), base + at, end - at);
    }
    fn_free(c.piece);
    return rc;
}

fn_status fn_pack_write_save(fn_pack_write *w, const fn_pack_part *part)
{
    const char *draft = fn_pack_part_draft(part);
    int32_t end = w->images;
    int64_t base;
    int fd = -1;
    fn_status rc;
    FN_TRY(append(w, &w->first, &end, sizeof end));
    FN_GO(write_index(w, draft, &base));
    fd = open(draft, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        rc = fn_fail_errno(draft, "open");
        goto out;
    }
    FN_GO(copy_images(w, part, fd, base));
    rc = fn_file_publish(fd, draft, w->path);
    fd = -1;
out:
    if (fd >= 0)
        close(fd);
    if (rc != FN_OK)
        unlink(draft);
    return rc;
}
