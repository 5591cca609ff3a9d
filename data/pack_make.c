/* pack_make.c -- from a folder of images to a pack. Images are read, decoded and cropped by
 * all cores, a chunk at a time, and written in order: the file is the same for any number. */
#include "core/file.h"
#include "core/mem.h"
#include "data/crew.h"
#include "data/crop.h"
#include "data/folder.h"
#include "data/pack_write.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum {
    CHUNK = 256,
    QUALITY = 95,
    REASON = 512,
    MAX_FILE = 512 * 1024 * 1024,
};

typedef struct job {
    int person;      /* of the folder */
    char *path;      /* FOLDER/person/name */
    const char *key; /* the end of it: person/name */
    const char *name;
    uint8_t *bytes; /* as they go into the pack */
    size_t size;
    fn_status status;
    char reason[REASON]; /* without the path */
} job;

typedef struct chunk {
    const fn_crop *crop;
    job job[CHUNK];
    int n;
    atomic_int next;
} chunk;

typedef struct maker {
    const char *path; /* of the folder */
    const fn_pack_options *o;
    fn_folder *folder;
    int *kept; /* [folder->people], images that are in the pack */
    fn_crop *crop;
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

/* Sentences begin with the path or the end of it; whoever is told has the path already. */
static const char *without_path(const char *sentence, const char *path)
{
    const char *colon = strstr(sentence, ": ");
    size_t n = colon ? (size_t)(colon - sentence) : 0, all = strlen(path);
    bool is_path = n > 0 && n <= all && memcmp(sentence, path + all - n, n) == 0;
    return is_path ? colon + 2 : sentence;
}

static void *work(void *arg)
{
    chunk *c = arg;
    for (int i; (i = atomic_fetch_add(&c->next, 1)) < c->n;) {
        job *j = &c->job[i];
        j->status = prepare(j, c->crop);
        if (j->status != FN_OK)
            snprintf(j->reason, sizeof j->reason, "%s",
                     without_path(fn_last_error(), j->path));
    }
    return NULL;
}

/* --- in order --- */

static void tell(const maker *m, const char *path, const char *reason)
{
    if (m->o->tell)
        m->o->tell(m->o->ctx, path, reason, m->done, m->folder->images);
}

static fn_status take(maker *m, const job *j)
{
    m->done++;
    if (j->status == FN_ENOMEM || j->status == FN_EINTERNAL)
        return fn_fail(j->status, "%s: %s", j->path, j->reason);
    if (j->status != FN_OK) {
        m->left_out++;
        tell(m, j->path, j->reason);
        return FN_OK;
    }
    m->kept[j->person]++;
    return fn_pack_write_image(m->w, m->folder->person[j->person].name, j->name, j->bytes,
                               j->size);
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
    atomic_store(&m->chunk->next, 0);
    fn_crew_run(work, m->chunk);
    for (int i = 0; i < m->chunk->n; i++)
        FN_TRY(take(m, &m->chunk->job[i]));
    discard(m->chunk);
    tell(m, m->path, NULL);
    return FN_OK;
}

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
    c->job[c->n++] = (job){person, path, path + key, name, .status = FN_OK};
    return c->n == CHUNK ? flush(m) : FN_OK;
}

static fn_status add_all(maker *m)
{
    const fn_folder *f = m->folder;
    for (int i = 0; i < f->people; i++)
        for (int k = 0; k < f->person[i].n; k++)
            FN_TRY(add(m, i, f->person[i].image[k]));
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
        return fn_pack_write_save(m->w);
    return fn_fail(FN_EDATA,
                   "%s: has readable images of %d people; two or more are needed, as "
                   "FOLDER/person/image.jpg",
                   m->path, (int)report->people);
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
    FN_GO(fn_pack_write_open(&m.w, path, crop));
    FN_GO(add_all(&m));
    rc = finish(&m, report);
out:
    fn_pack_write_close(m.w);
    if (m.chunk)
        discard(m.chunk);
    fn_free(m.chunk);
    fn_free(m.kept);
    fn_folder_close(m.folder);
    fn_crop_close(m.crop);
    return rc;
}
