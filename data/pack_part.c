#include "data/pack_part.h"

#include "core/crc32c.h"
#include "core/file.h"
#include "core/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fcntl.h>

/* A power cut costs the work since the last flush, of SYNC images. */
enum { SYNC = 4096, MAX_KEY = 1 << 16, MAX_BODY = 512 * 1024 * 1024 };

static const char format[] = "facenet pack part 1"; /* the key of the first record */

typedef struct head {
    uint32_t crc; /* of the record behind this number */
    uint32_t refused;
    int64_t stamp[3];
    int64_t key, body; /* bytes */
} head;

_Static_assert(sizeof(head) == 48, "a head is written as it lies in memory");

struct fn_pack_part {
    char *pack, *path, *draft;
    bool named;
    int fd;
    int64_t size;     /* of the file when it was opened */
    int64_t first;    /* behind the record that is no image */
    int64_t at, next; /* behind the last record taken, or written; behind the one read */
    int added;
    uint8_t *record; /* read last, or being written */
    size_t room;
};

/* --- records --- */

static fn_status make_room(fn_pack_part *p, size_t size)
{
    if (size <= p->room)
        return FN_OK;
    uint8_t *grown = fn_grow(p->record, size, 1);
    if (!grown)
        return fn_fail(FN_ENOMEM, "%s: no memory for %zu bytes", p->path, size);
    p->record = grown;
    p->room = size;
    return FN_OK;
}

fn_status fn_pack_part_bytes(const fn_pack_part *p, int64_t at, void *to, size_t size)
{
    return fn_file_read_at(p->fd, at, to, size, p->path);
}

/* Can the file hold what the head says? */
static bool is_plausible(const head *h, int64_t left)
{
    return h->key > 1 && h->key <= MAX_KEY && h->key <= left && h->body > 0 &&
           h->body <= MAX_BODY && h->body <= left - h->key;
}

static bool is_sound(const uint8_t *record, const head *h)
{
    size_t key = sizeof *h + (size_t)h->key, all = key + (size_t)h->body;
    return fn_crc32c(record + sizeof h->crc, all - sizeof h->crc) == h->crc &&
           record[key - 1] == '\0' && (!h->refused || record[all - 1] == '\0');
}

fn_status fn_pack_part_read(fn_pack_part *p, fn_pack_record *r)
{
    head h;
    int64_t left = p->size - p->at - (int64_t)sizeof h;
    *r = (fn_pack_record){.key = NULL};
    p->next = p->at;
    if (left < 0)
        return FN_OK;
    FN_TRY(fn_pack_part_bytes(p, p->at, &h, sizeof h));
    if (!is_plausible(&h, left))
        return FN_OK;
    size_t all = sizeof h + (size_t)h.key + (size_t)h.body;
    FN_TRY(make_room(p, all));
    FN_TRY(fn_pack_part_bytes(p, p->at, p->record, all));
    if (!is_sound(p->record, &h))
        return FN_OK;
    p->next = p->at + (int64_t)all;
    *r = (fn_pack_record){.key = (const char *)p->record + sizeof h,
                          .refused = h.refused,
                          .body = p->record + sizeof h + h.key,
                          .size = (size_t)h.body,
                          .at = p->next - h.body};
    memcpy(r->stamp, h.stamp, sizeof r->stamp);
    return FN_OK;
}

void fn_pack_part_take(fn_pack_part *p)
{
    p->at = p->next;
}

fn_status fn_pack_part_cut(fn_pack_part *p)
{
    p->size = p->next = p->at;
    return ftruncate(p->fd, (off_t)p->at) == 0 ? FN_OK : fn_fail_errno(p->path, "shorten");
}

static fn_status flush(const fn_pack_part *p)
{
    return fdatasync(p->fd) == 0 ? FN_OK : fn_fail_errno(p->path, "flush");
}

fn_status fn_pack_part_add(fn_pack_part *p, fn_pack_record *r)
{
    size_t key = strlen(r->key) + 1, all = sizeof(head) + key + r->size;
    head h = {.refused = r->refused, .key = (int64_t)key, .body = (int64_t)r->size};
    FN_TRY(make_room(p, all));
    memcpy(h.stamp, r->stamp, sizeof h.stamp);
    memcpy(p->record, &h, sizeof h);
    memcpy(p->record + sizeof h, r->key, key);
    memcpy(p->record + sizeof h + key, r->body, r->size);
    h.crc = fn_crc32c(p->record + sizeof h.crc, all - sizeof h.crc);
    memcpy(p->record, &h.crc, sizeof h.crc);
    FN_TRY(fn_file_write(p->fd, p->at, p->record, all, p->path));
    p->at += (int64_t)all;
    r->at = p->at - (int64_t)r->size;
    return p->named && ++p->added % SYNC == 0 ? flush(p) : FN_OK;
}

/* --- opening --- */

static char *append(const char *path, const char *end)
{
    size_t room = strlen(path) + strlen(end) + 1;
    char *text = fn_alloc(room, 1);
    if (text)
        snprintf(text, room, "%s%s", path, end);
    return text;
}

/* Whoever had the lock may have removed the file after we opened it: then it is opened again.
 * Where the file system has no locks, nobody is kept out. */
static fn_status open_alone(fn_pack_part *p)
{
    struct stat ours, there;
    for (;;) {
        p->fd = open(p->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (p->fd < 0)
            return fn_fail_errno(p->path, "create");
        if (flock(p->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
            return fn_fail(FN_EEXIST,
                           "%s: somebody else is making this pack; wait, or write to "
                           "another file",
                           p->pack);
        if (fstat(p->fd, &ours) != 0)
            return fn_fail_errno(p->path, "look at");
        p->size = ours.st_size;
        if (stat(p->path, &there) == 0 && ours.st_ino == there.st_ino &&
            ours.st_dev == there.st_dev)
            return FN_OK;
        close(p->fd);
    }
}

/* A file that happens to have the name is the user's, and stays. */
static fn_status check_ours(const fn_pack_part *p)
{
    char key[sizeof format] = "";
    if (p->size == 0)
        return FN_OK;
    if (p->size >= (int64_t)(sizeof(head) + sizeof key))
        FN_TRY(fn_pack_part_bytes(p, sizeof(head), key, sizeof key));
    if (memcmp(key, format, sizeof key) == 0)
        return FN_OK;
    return fn_fail(FN_EEXIST, "%s: is not the beginning of a pack; move it out of the way",
                   p->path);
}

/* From here on the file is ours, and is removed while it holds no image. */
static fn_status begin_anew(fn_pack_part *p, const char *identity)
{
    fn_pack_record r = {.key = format, .body = identity, .size = strlen(identity) + 1};
    p->named = true;
    FN_TRY(fn_pack_part_cut(p));
    FN_TRY(fn_pack_part_add(p, &r));
    p->first = p->at;
    return flush(p); /* a power cut leaves no file that is not seen to be ours */
}

static fn_status begin(fn_pack_part *p, const char *identity, bool *anew)
{
    fn_pack_record first;
    size_t size = strlen(identity) + 1;
    FN_TRY(check_ours(p));
    FN_TRY(fn_pack_part_read(p, &first));
    if (!first.key || first.size != size || memcmp(first.body, identity, size) != 0) {
        *anew = p->size > 0;
        return begin_anew(p, identity);
    }
    fn_pack_part_take(p);
    p->first = p->at;
    p->named = true;
    return FN_OK;
}

static fn_pack_part *make(const char *path, const char *end)
{
    fn_pack_part *p = fn_alloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->fd = -1;
    p->pack = fn_strdup(path);
    p->path = append(path, end);
    p->draft = append(path, ".part.tmp");
    if (p->pack && p->path && p->draft)
        return p;
    fn_pack_part_close(p, false);
    return NULL;
}

fn_status fn_pack_part_open(fn_pack_part **out, const char *path, const char *identity,
                            bool *anew)
{
    *out = NULL;
    *anew = false;
    FN_TRY(fn_file_check_target(path));
    fn_pack_part *p = make(path, ".part");
    if (!p)
        return fn_fail(FN_ENOMEM, "%s: no memory to write it", path);
    fn_status rc;
    FN_GO(open_alone(p));
    FN_GO(begin(p, identity, anew));
    unlink(p->draft); /* of whoever was killed while it wrote the pack */
    *out = p;
    return FN_OK;
out:
    fn_pack_part_close(p, false);
    return rc;
}

fn_status fn_pack_part_scratch(fn_pack_part **out, const char *path)
{
    *out = NULL;
    fn_pack_part *p = make(path, "");
    if (!p)
        return fn_fail(FN_ENOMEM, "%s: no memory to write it", path);
    fn_status rc;
    fn_free(p->draft);
    p->draft = NULL;
    FN_GO(fn_file_draft(&p->fd, &p->draft, path));
    if (unlink(p->draft) != 0)
        rc = fn_fail_errno(p->draft, "remove");
    if (rc == FN_OK) {
        *out = p;
        return FN_OK;
    }
out:
    fn_pack_part_close(p, false);
    return rc;
}

/* The name goes before the lock, so that nobody else can have begun in the file. */
void fn_pack_part_close(fn_pack_part *p, bool done)
{
    if (!p)
        return;
    if (p->named && (done || p->at == p->first))
        unlink(p->path);
    if (p->fd >= 0)
        close(p->fd);
    fn_free(p->record);
    fn_free(p->draft);
    fn_free(p->path);
    fn_free(p->pack);
    fn_free(p);
}

const char *fn_pack_part_path(const fn_pack_part *p)
{
    return p->path;
}

const char *fn_pack_part_draft(const fn_pack_part *p)
{
    return p->draft;
}
