#include "data/folder.h"

#include "core/file.h"
#include "core/mem.h"

#include <string.h>

#include <strings.h>

static bool is_image(const char *name)
{
    const char *dot = strrchr(name, '.');
    if (!dot || name[0] == '.')
        return false;
    return strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0 ||
           strcasecmp(dot, ".png") == 0;
}

static fn_status pass_over(const fn_pack_options *o, const char *folder, const char *name,
                           const char *reason)
{
    char *path = fn_file_join(folder, name);
    if (!path)
        return fn_fail(FN_ENOMEM, "%s: no memory for a name", folder);
    if (o->tell)
        o->tell(o->ctx, path, reason, 0, 0);
    fn_free(path);
    return FN_OK;
}

/* Keeps the images of a listing and frees the other names. */
static fn_status keep_images(fn_folder_person *p, const char *folder,
                             const fn_pack_options *o)
{
    int names = p->n;
    fn_status rc = FN_OK;
    p->n = 0;
    for (int i = 0; i < names; i++) {
        if (is_image(p->image[i])) {
            p->image[p->n++] = p->image[i];
            continue;
        }
        if (rc == FN_OK)
            rc = pass_over(o, folder, p->image[i], "is not a .jpg, .jpeg or .png file");
        fn_free(p->image[i]);
    }
    return rc;
}

/* A folder that cannot be listed is a person without an image: the others still count. */
static fn_status list_person(fn_folder_person *p, const char *folder,
                             const fn_pack_options *o)
{
    fn_status rc = fn_file_names(&p->image, &p->n, folder);
    if (rc == FN_OK)
        return keep_images(p, folder, o);
    if (rc == FN_ENOMEM)
        return rc;
    if (o->tell)
        o->tell(o->ctx, folder, fn_last_error(), 0, 0);
    return FN_OK;
}

/* Takes `name` over when it is a person's folder; otherwise it stays the caller's. */
static fn_status add_entry(fn_folder *f, const char *path, char **name,
                           const fn_pack_options *o)
{
    if (**name == '.')
        return pass_over(o, path, *name, "is hidden");
    char *folder = fn_file_join(path, *name);
    if (!folder)
        return fn_fail(FN_ENOMEM, "%s: no memory for a name", path);
    fn_status rc;
    if (!fn_file_is_folder(folder)) {
        rc = pass_over(o, path, *name, "is not a person's folder");
    } else {
        fn_folder_person *p = &f->person[f->people++];
        p->name = *name;
        *name = NULL;
        rc = list_person(p, folder, o);
        f->images += p->n;
    }
    fn_free(folder);
    return rc;
}

static fn_status add_entries(fn_folder *f, const char *path, char **name, int n,
                             const fn_pack_options *o)
{
    f->person = fn_alloc((size_t)n, sizeof *f->person);
    if (!f->person)
        return fn_fail(FN_ENOMEM, "%s: no memory for %d people", path, n);
    for (int i = 0; i < n; i++)
        FN_TRY(add_entry(f, path, &name[i], o));
    return FN_OK;
}

static fn_status list_people(fn_folder *f, const char *path, const fn_pack_options *o)
{
    char **name;
    int n;
    FN_TRY(fn_file_names(&name, &n, path));
    fn_status rc = add_entries(f, path, name, n, o);
    fn_file_names_free(name, n);
    return rc;
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
    fn_status rc = list_people(f, path, o);
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
