#include "data/folder.h"

#include "core/file.h"
#include "core/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <strings.h>

enum { MAX_DEPTH = 32 };

/* A folder on the way down from the root. */
typedef struct place {
    const struct place *up; /* NULL: this is the root */
    const char *path, *name;
    int depth;
    dev_t device;
    ino_t inode;
} place;

typedef struct walk {
    fn_folder *folder;
    const fn_pack_options *o;
} walk;

static bool is_image(const char *name)
{
    static const char *const end[] = {".jpg", ".jpeg", ".png", ".pgm", ".ppm", ".pnm"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && name[0] != '.' && i < sizeof end / sizeof *end; i++)
        if (strcasecmp(dot, end[i]) == 0)
            return true;
    return false;
}

static void tell(const walk *w, const char *path, const char *reason)
{
    if (w->o->tell)
        w->o->tell(w->o->ctx, path, reason, 0, 0);
}

static fn_status add_person(fn_folder *f, const char *name, char **image, int n)
{
    if (f->people == f->room) {
        int room = 2 * f->room + 64;
        fn_folder_person *grown = fn_grow(f->person, (size_t)room, sizeof *grown);
        if (!grown)
            return fn_fail(FN_ENOMEM, "%s: no memory for %d people", name, room);
        f->person = grown;
        f->room = room;
    }
    char *copy = fn_strdup(name);
    if (!copy)
        return fn_fail(FN_ENOMEM, "%s: no memory for a name", name);
    f->person[f->people++] = (fn_folder_person){copy, image, n};
    f->images += n;
    return FN_OK;
}

static fn_status visit(const walk *w, place at);

/* Is the folder one of those above it, come upon again through a link? */
static bool is_above(const place *at)
{
    for (const place *up = at->up; up; up = up->up)
        if (up->device == at->device && up->inode == at->inode)
            return true;
    return false;
}

static fn_status visit_below(const walk *w, const place *up, const char *path,
                             const char *entry)
{
    struct stat st;
    char *name = *up->name ? fn_file_join(up->name, entry) : fn_strdup(entry);
    if (!name)
        return fn_fail(FN_ENOMEM, "%s: no memory for a name", path);
    place at = {up, path, name, up->depth + 1, 0, 0};
    fn_status rc = FN_OK;
    if (stat(path, &st) == 0) {
        at.device = st.st_dev;
        at.inode = st.st_ino;
    }
    if (at.depth > MAX_DEPTH)
        tell(w, path, "lies more than 32 folders deep");
    else if (is_above(&at))
        tell(w, path, "is a link to a folder that it lies in");
    else
        rc = visit(w, at);
    fn_free(name);
    return rc;
}

/* What is not an image of `at`: a folder, or nothing of ours. */
static fn_status pass_entry(const walk *w, const place *at, const char *entry,
                            bool *is_folder)
{
    char *path = fn_file_join(at->path, entry);
    if (!path)
        return fn_fail(FN_ENOMEM, "%s: no memory for a name", at->path);
    fn_status rc = FN_OK;
    bool folder = fn_file_is_folder(path);
    if (*entry == '.' && (folder || !at->up))
        tell(w, path, "is hidden");
    else if (folder)
        rc = visit_below(w, at, path, entry);
    else if (at->up)
        tell(w, path, "is not a .jpg, .jpeg, .png, .pgm or .ppm file");
    else
        tell(w, path, "is not a person's folder");
    *is_folder = *is_folder || (folder && *entry != '.');
    fn_free(path);
    return rc;
}

/* Keeps the images of a listing and frees the other names. */
static fn_status keep_images(const walk *w, const place *at, char **name, int *n,
                             bool *folders)
{
    int names = *n;
    fn_status rc = FN_OK;
    *n = 0;
    for (int i = 0; i < names; i++) {
        if (at->up && is_image(name[i])) {
            name[(*n)++] = name[i];
            continue;
        }
        if (rc == FN_OK)
            rc = pass_entry(w, at, name[i], folders);
        fn_free(name[i]);
    }
    return rc;
}

/* A folder that cannot be listed is a person without an image: the others still count. A folder
 * of nothing but folders is no person. */
static fn_status visit(const walk *w, place at)
{
    char **name;
    int n;
    bool folders = false;
    fn_status rc = fn_file_names(&name, &n, at.path);
    if (rc == FN_ENOMEM || (rc != FN_OK && !at.up))
        return rc;
    if (rc != FN_OK) {
        tell(w, at.path, fn_last_error());
        return add_person(w->folder, at.name, NULL, 0);
    }
    rc = keep_images(w, &at, name, &n, &folders);
    if (rc == FN_OK && at.up && (n > 0 || !folders)) {
        rc = add_person(w->folder, at.name, name, n);
        if (rc == FN_OK)
            return FN_OK;
    }
    fn_file_names_free(name, n);
    return rc;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const fn_folder_person *)a)->name, ((const fn_folder_person *)b)->name);
}

static fn_status walk_root(fn_folder *f, const char *path, const fn_pack_options *o)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return fn_fail_errno(path, "look at");
    walk w = {f, o};
    FN_TRY(visit(&w, (place){NULL, path, "", 0, st.st_dev, st.st_ino}));
    /* "a b" lies before "a/x" but after "a": the walk's order is not that of whole names. */
    if (f->people > 0)
        qsort(f->person, (size_t)f->people, sizeof *f->person, by_name);
    return FN_OK;
}

fn_status fn_folder_open(fn_folder **out, const char *path, const fn_pack_options *o)
{
    *out = NULL;
    if (!fn_file_is_folder(path))
        return fn_fail(FN_ENOENT,
                       fn_file_exists(path) ? "%s: is not a folder; name one that holds a "
                                              "folder of images for each person"
                                            : "%s: there is no such folder",
                       path);
    fn_folder *f = fn_alloc(1, sizeof *f);
    if (!f)
        return fn_fail(FN_ENOMEM, "%s: no memory to list it", path);
    fn_status rc = walk_root(f, path, o);
    if (rc == FN_OK)
        *out = f;
    else
        fn_folder_close(f);
    return rc;
}

void fn_folder_close(fn_folder *f)
{
    if (!f)
        return;
    for (int i = 0; i < f->people; i++) {
        fn_free(f->person[i].name);
        fn_file_names_free(f->person[i].image, f->person[i].n);
    }
    fn_free(f->person);
    fn_free(f);
}
