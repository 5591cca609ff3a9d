/* pack_make.c -- from a folder of images to a pack. Images are read, decoded and cropped by
 * all cores, a chunk at a time, and written in order: the file is the same for any number.
 *
 * What is finished goes into a part (data/pack_part.h). When the folder is packed again after a
 * kill, the part's records are recalled one for one with the folder's images, as long as both
 * agree; from the first that does not, images are read again. */
#include "core/digest.h"
#include "core/file.h"
#include "core/mem.h"
#include "core/text.h"
#include "data/crew.h"
#include "data/crop.h"
#include "data/folder.h"
#include "data/pack_write.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
    CHUNK = 256,
    QUALITY = 95,
    REASON = 512,
    SENTENCE = 1024,
    MAX_FILE = 512 * 1024 * 1024,
};

typedef struct job {
    int person;      /* of the folder */
    char *path;      /* FOLDER/person/name */
    const char *key; /* the end of it: person/name */
    const char *name;
    int64_t stamp[3]; /* fn_pack_record */
    uint8_t *bytes;   /* as they go into the pack */
    size_t size;
    fn_status status;
    char reason[REASON]; /* without the path */
} job;

typedef struct chunk {
    const fn_crop *crop;
    job job[CHUNK];
    int n;
} chunk;

typedef struct maker {
    const char *path; /* of the folder */
    const fn_pack_options *o;
    fn_folder *folder;
    int *kept; /* [folder->people], images that are in the pack */
    fn_crop *crop;
    fn_pack_part *part;
    bool recalling;
    fn_pack_write *w;
    chunk *chunk;
    int64_t done, left_out;
} maker;

/* --- one image, on any thread --- */

static fn_status store_crop(job *j, const fn_crop *crop, const fn_pixels *whole)
{
    fn_pixels face;
    fn_image image = fn_pixels_view(whole);
    FN_TRY(fn_crop_apply(&face, crop, &image, j->key));
    image = fn_pixels_view(&face);
    fn_status rc = fn_encode_jpeg(&j->bytes, &j->size, &image, QUALITY);
    fn_pixels_free(&face);
    return rc;
}

static fn_status prepare(job *j, const fn_crop *crop)
{
    fn_pixels whole = {NULL, 0, 0};
    char *bytes = NULL;
    size_t size;
    fn_status rc;
    FN_GO(fn_file_read(&bytes, &size, j->path, MAX_FILE));
    FN_GO(fn_decode(&whole, bytes, size, j->path));
    if (fn_crop_kind_of(crop) == FN_CROP_NONE) {
        j->bytes = (uint8_t *)bytes;
        j->size = size;
        bytes = NULL;
    } else {
        rc = store_crop(j, crop, &whole);
    }
out:
    fn_pixels_free(&whole);
    fn_free(bytes);
    return rc;
}

static int64_t nanoseconds(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* The inode's time shows a change that hides behind an old time of the contents, and a change of
 * permissions. */
static void stamp_file(int64_t stamp[3], const char *path)
{
    struct stat st;
    bool there = stat(path, &st) == 0;
    stamp[0] = there ? st.st_size : -1;
    stamp[1] = there ? nanoseconds(st.st_mtim) : 0;
    stamp[2] = there ? nanoseconds(st.st_ctim) : 0;
}

/* A pipe is not opened: that would wait for its writer. */
static fn_status check_kind(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0 || S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
        return FN_OK;
    return fn_fail(FN_EDATA, "%s: is a pipe, a socket or a device, not a file", path);
}

static void work(void *ctx, int i)
{
    chunk *c = ctx;
    job *j = &c->job[i];
    stamp_file(j->stamp, j->path); /* before it is read, so that no change is missed */
    j->status = check_kind(j->path);
    if (j->status == FN_OK)
        j->status = prepare(j, c->crop);
    if (j->status != FN_OK) /* whoever is told has the path already */
        snprintf(j->reason, sizeof j->reason, "%s",
                 fn_text_behind(fn_last_error(), j->key));
}

/* --- in order --- */

static void tell(const maker *m, const char *path, const char *reason)
{
    if (m->o->tell)
        m->o->tell(m->o->ctx, path, reason, m->done, m->folder->images);
}

static fn_status enter(maker *m, const job *j, const fn_pack_record *r)
{
    m->done++;
    if (r->refused) {
        m->left_out++;
        tell(m, j->path, r->body);
        return FN_OK;
    }
    m->kept[j->person]++;
    return fn_pack_write_image(m->w, m->folder->person[j->person].name, j->name, r);
}

static fn_status take(maker *m, const job *j)
{
    bool refused = j->status != FN_OK;
    fn_pack_record r = {.key = j->key,
                        .refused = refused,
                        .body = refused ? (const void *)j->reason : j->bytes,
                        .size = refused ? strlen(j->reason) + 1 : j->size};
    if (j->status == FN_ENOMEM || j->status == FN_EINTERNAL)
        return fn_fail(j->status, "%s: %s", j->path, j->reason);
    memcpy(r.stamp, j->stamp, sizeof r.stamp);
    FN_TRY(fn_pack_part_add(m->part, &r));
    return enter(m, j, &r);
}

static void discard(chunk *c)
{
    for (; c->n > 0; c->n--) {
        fn_free(c->job[c->n - 1].path);
        fn_free(c->job[c->n - 1].bytes);
    }
}

static fn_status flush(maker *m)
{
    fn_crew_run(work, m->chunk, m->chunk->n);
    for (int i = 0; i < m->chunk->n; i++)
        FN_TRY(take(m, &m->chunk->job[i]));
    discard(m->chunk);
    tell(m, m->path, NULL);
    return FN_OK;
}

/* --- what an earlier attempt has finished --- */

static void __attribute__((format(printf, 2, 3))) say(const maker *m, const char *fmt, ...)
{
    char sentence[SENTENCE];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(sentence, sizeof sentence, fmt, ap);
    va_end(ap);
    if (m->o->say)
        m->o->say(m->o->ctx, sentence);
}

/* `key` is the image with which folder and records part; NULL: the records end. */
static fn_status stop_recalling(maker *m, const char *key)
{
    const char *path = fn_pack_part_path(m->part);
    m->recalling = false;
    if (key)
        say(m, "%s: goes on behind %lld images; from %s on the folder has changed", path,
            (long long)m->done, key);
    else if (m->done > 0)
        say(m, "%s: goes on behind %lld images", path, (long long)m->done);
    return fn_pack_part_cut(m->part);
}

static fn_status recall(maker *m, const job *j, bool *known)
{
    fn_pack_record r;
    int64_t stamp[3];
    FN_TRY(fn_pack_part_read(m->part, &r));
    stamp_file(stamp, j->path);
    *known = r.key && strcmp(r.key, j->key) == 0 &&
             memcmp(r.stamp, stamp, sizeof stamp) == 0;
    if (!*known)
        return stop_recalling(m, r.key ? j->key : NULL);
    fn_pack_part_take(m->part);
    FN_TRY(enter(m, j, &r));
    if (m->done % CHUNK == 0 && m->done < m->folder->images)
        tell(m, m->path, NULL);
    return FN_OK;
}

/* --- all of them --- */

static fn_status add(maker *m, int person, const char *name)
{
    chunk *c = m->chunk;
    const char *who = m->folder->person[person].name;
    char *folder = fn_file_join(m->path, who);
    char *path = folder ? fn_file_join(folder, name) : NULL;
    size_t key = folder ? strlen(folder) - strlen(who) : 0;
    fn_free(folder);
    if (!path)
        return fn_fail(FN_ENOMEM, "%s: no memory for a name", m->path);
    job j = {person, path, path + key, name, .status = FN_OK};
    bool known = false;
    fn_status rc = m->recalling ? recall(m, &j, &known) : FN_OK;
    if (rc != FN_OK || known) {
        fn_free(path);
        return rc;
    }
    c->job[c->n++] = j;
    return c->n == CHUNK ? flush(m) : FN_OK;
}

static fn_status add_all(maker *m)
{
    const fn_folder *f = m->folder;
    for (int i = 0; i < f->people; i++)
        for (int k = 0; k < f->person[i].n; k++)
            FN_TRY(add(m, i, f->person[i].image[k]));
    if (m->recalling) {
        FN_TRY(stop_recalling(m, NULL));
        tell(m, m->path, NULL);
    }
    return m->chunk->n > 0 ? flush(m) : FN_OK;
}

static fn_status tell_of_people_left_out(const maker *m)
{
    for (int i = 0; i < m->folder->people; i++) {
        if (m->kept[i])
            continue;
        char *path = fn_file_join(m->path, m->folder->person[i].name);
        if (!path)
            return fn_fail(FN_ENOMEM, "%s: no memory for a name", m->path);
        tell(m, path, "has no readable image");
        fn_free(path);
    }
    return FN_OK;
}

static fn_status finish(maker *m, fn_pack_report *report)
{
    FN_TRY(tell_of_people_left_out(m));
    fn_pack_write_count(m->w, report);
    report->left_out = m->left_out;
    if (report->people >= 2)
        return fn_pack_write_save(m->w, m->part);
    return fn_fail(FN_EDATA,
                   "%s: has readable images of %d %s; two or more are needed, as "
                   "FOLDER/person/image.jpg",
                   m->path, (int)report->people,
                   fn_text_plural(report->people, "person", "people"));
}

/* Everything that the bytes of a pack depend on beside the images. */
static fn_status open_part(maker *m, const char *path, const char *crop)
{
    char digest[FN_DIGEST_BYTES] = "none";
    bool anew;
    const char *file = fn_crop_file(m->crop);
    if (file)
        FN_TRY(fn_digest_file(digest, file));
    size_t room = strlen(m->path) + strlen(crop) + sizeof digest + 256;
    char *identity = fn_alloc(room, 1);
    if (!identity)
        return fn_fail(FN_ENOMEM, "%s: no memory to write it", path);
    snprintf(identity, room, "facenet %s\nfolder %s\ncrop %s\nlandmarks %s\nquality %d\n",
             fn_version(), m->path, crop, digest, QUALITY);
    fn_status rc = fn_pack_part_open(&m->part, path, identity, &anew);
    fn_free(identity);
    m->recalling = true;
    if (rc == FN_OK && anew)
        say(m,
            "%s: starts anew: it was begun with another folder, crop, landmarks or version "
            "of facenet",
            fn_pack_part_path(m->part));
    return rc;
}

fn_status fn_pack_make(const char *path, const char *folder, const fn_pack_options *o,
                       fn_pack_report *report)
{
    const char *crop = o->crop ? o->crop : "none";
    maker m = {.path = folder, .o = o};
    fn_status rc;
    *report = (fn_pack_report){.people = 0};
    FN_GO(fn_crop_open(&m.crop, crop));
    FN_GO(fn_folder_open(&m.folder, folder, o));
    m.kept = fn_alloc((size_t)m.folder->people, sizeof *m.kept);
    m.chunk = fn_alloc(1, sizeof *m.chunk);
    if (!m.kept || !m.chunk) {
        rc = fn_fail(FN_ENOMEM, "%s: no memory to read images", folder);
        goto out;
    }
    m.chunk->crop = m.crop;
    FN_GO(open_part(&m, path, crop));
    FN_GO(fn_pack_write_open(&m.w, path, crop));
    FN_GO(add_all(&m));
    rc = finish(&m, report);
out:
    fn_pack_write_close(m.w);
    fn_pack_part_close(m.part, rc == FN_OK || rc == FN_EDATA);
    if (m.chunk)
        discard(m.chunk);
    fn_free(m.chunk);
    fn_free(m.kept);
    fn_folder_close(m.folder);
    fn_crop_close(m.crop);
    return rc;
}
