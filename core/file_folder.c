/* file_folder -- the half of file.h that is about folders and names. */
#include "core/file.h"
#include "core/mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <dirent.h>

enum { PATH_BYTES = 4096 };

bool fn_file_exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

bool fn_file_is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

char *fn_file_join(const char *folder, const char *name)
{
    size_t n = strlen(folder), size = n + 1 + strlen(name) + 1;
    bool slash = n > 0 && folder[n - 1] != '/';
    char *path = fn_alloc(size, 1);
    if (path)
        snprintf(path, size, "%s%s%s", folder, slash ? "/" : "", name);
    return path;
}

char *fn_file_parent(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = fn_strdup(slash ? path : ".");
    if (folder && slash)
        folder[slash == path ? 1 : slash - path] = '\0';
    return folder;
}

fn_status fn_file_installed(char **path, const char *name)
{
    char program[PATH_BYTES];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    *path = NULL;
    for (int level = 0; level < 2; level++) /* off PROGRAM, off bin */
        for (n--; n >= 0 && program[n] != '/';)
            n--;
    if (n < 0)
        return FN_OK;
    program[n] = '\0';
    *path = fn_file_join(n > 0 ? program : "/", name);
    return *path ? FN_OK : fn_fail(FN_ENOMEM, "%s: no memory for its path", name);
}

static fn_status make_one(const char *path)
{
    if (mkdir(path, 0777) == 0 || fn_file_is_folder(path))
        return FN_OK;
    if (errno == EEXIST || errno == ENOTDIR)
        return fn_fail(FN_EEXIST, "%s: cannot be a folder: a file is in its place", path);
    return fn_fail_errno(path, "make the folder");
}

fn_status fn_file_mkdirs(const char *path)
{
    char *part = fn_strdup(path);
    fn_status rc = FN_OK;
    if (!part)
        return fn_fail(FN_ENOMEM, "%s: no memory for a name", path);
    for (char *p = part + 1; *part && *p; p++) {
        if (*p != '/' || p[-1] == '/')
            continue;
        *p = '\0';
        FN_GO(make_one(part));
        *p = '/';
    }
    rc = make_one(part);
out:
    fn_free(part);
    return rc;
}

/* --- names --- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static fn_status add_name(char ***name, int *n, int *room, const char *one)
{
    if (*n == *room) {
        int more = *room ? 2 * *room : 64;
        char **grown = fn_grow(*name, (size_t)more, sizeof *grown);
        if (!grown)
            return fn_fail(FN_ENOMEM, "no memory for %d names of files", more);
        *name = grown;
        *room = more;
    }
    (*name)[*n] = fn_strdup(one);
    if (!(*name)[*n])
        return fn_fail(FN_ENOMEM, "no memory for the name of a file");
    (*n)++;
    return FN_OK;
}

static fn_status collect(char ***name, int *n, DIR *d, const char *folder)
{
    int room = 0;
    for (;;) {
        errno = 0;
        struct dirent *e = readdir(d);
        if (!e)
            return errno ? fn_fail_errno(folder, "list") : FN_OK;
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            FN_TRY(add_name(name, n, &room, e->d_name));
    }
}

fn_status fn_file_names(char ***name, int *n, const char *folder)
{
    *name = NULL;
    *n = 0;
    DIR *d = opendir(folder);
    if (!d)
        return fn_fail_errno(folder, "list");
    fn_status rc = collect(name, n, d, folder);
    closedir(d);
    if (rc != FN_OK) {
        fn_file_names_free(*name, *n);
        *name = NULL;
        *n = 0;
    } else if (*n > 0) {
        qsort(*name, (size_t)*n, sizeof **name, by_name);
    }
    return rc;
}

void fn_file_names_free(char **name, int n)
{
    for (int i = 0; i < n; i++)
        fn_free(name[i]);
    fn_free(name);
}

/* --- removing --- */

static fn_status remove_names(const char *folder, char *const *name, int n)
{
    for (int i = 0; i < n; i++) {
        char *path = fn_file_join(folder, name[i]);
        if (!path)
            return fn_fail(FN_ENOMEM, "%s: no memory for a name", folder);
        fn_status rc = fn_file_remove_tree(path);
        fn_free(path);
        FN_TRY(rc);
    }
    return FN_OK;
}

fn_status fn_file_remove_tree(const char *path)
{
    struct stat st;
    char **name;
    int n;
    if (lstat(path, &st) != 0)
        return fn_fail_errno(path, "remove");
    if (!S_ISDIR(st.st_mode))
        return unlink(path) == 0 ? FN_OK : fn_fail_errno(path, "remove");
    FN_TRY(fn_file_names(&name, &n, path));
    fn_status rc = remove_names(path, name, n);
    fn_file_names_free(name, n);
    FN_TRY(rc);
    return rmdir(path) == 0 ? FN_OK : fn_fail_errno(path, "remove");
}
