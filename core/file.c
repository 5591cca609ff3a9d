#include "core/file.h"

#include "core/mem.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fcntl.h>

enum { FIRST_PIECE = 1 << 16 };

/* --- reading --- */

static int open_again(const char *path, int flags, mode_t mode)
{
    int fd;
    do {
        fd = open(path, flags | O_CLOEXEC, mode);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

static fn_status open_to_read(int *fd, size_t *guess, const char *path)
{
    struct stat st;
    *fd = open_again(path, O_RDONLY, 0);
    if (*fd < 0)
        return fn_fail_errno(path, "open");
    if (fstat(*fd, &st) != 0)
        return fn_fail_errno(path, "look at");
    if (S_ISDIR(st.st_mode))
        return fn_fail(FN_EINVAL, "%s: is a folder, not a file: name a file", path);
    *guess = S_ISREG(st.st_mode) ? (size_t)st.st_size + 1 : FIRST_PIECE;
    return FN_OK;
}

/* Room for more bytes, but never for more than one beyond `max` and the final '\0'. */
static fn_status make_room(char **data, size_t *room, size_t want, size_t max,
                           const char *path)
{
    want = max < SIZE_MAX - 2 && want > max + 2 ? max + 2 : want;
    char *more = fn_grow(*data, want, 1);
    if (!more)
        return fn_fail(FN_ENOMEM, "%s: no memory for %zu bytes", path, want);
    *data = more;
    *room = want;
    return FN_OK;
}

/* Reads to the end whatever fstat said: pipes and /proc have no size. */
static fn_status read_all(char **data, size_t *size, int fd, size_t guess, size_t max,
                          const char *path)
{
    size_t room = 0;
    FN_TRY(make_room(data, &room, guess + 1, max, path));
    for (*size = 0;;) {
        ssize_t n = read(fd, *data + *size, room - 1 - *size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fn_fail_errno(path, "read");
        *size += (size_t)n;
        if (*size > max)
            return fn_fail(FN_EDATA, "%s: is larger than the %zu bytes allowed here", path,
                           max);
        if (n == 0)
            break;
        if (*size == room - 1)
            FN_TRY(make_room(data, &room, 2 * room, max, path));
    }
    (*data)[*size] = '\0';
    return FN_OK;
}

fn_status fn_file_read(char **data, size_t *size, const char *path, size_t max)
{
    int fd = -1;
    size_t guess = 0;
    fn_status rc;
    *data = NULL;
    *size = 0;
    FN_GO(open_to_read(&fd, &guess, path));
    rc = read_all(data, size, fd, guess, max, path);
out:
    if (fd >= 0)
        close(fd);
    if (rc != FN_OK) {
        fn_free(*data);
        *data = NULL;
        *size = 0;
    }
    return rc;
}

fn_status fn_file_read_at(int fd, int64_t at, void *to, size_t size, const char *path)
{
    char *byte = to;
    for (size_t done = 0; done < size;) {
        ssize_t n = pread(fd, byte + done, size - done, (off_t)(at + (int64_t)done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fn_fail_errno(path, "read");
        if (n == 0)
            return fn_fail(FN_EIO,
                           "%s: has become shorter since it was opened: keep others from "
                           "writing to it",
                           path);
        done += (size_t)n;
    }
    return FN_OK;
}

/* --- replacing --- */

static fn_status fail_write(const char *path, size_t size)
{
    return fn_fail(FN_EIO,
                   "%s: cannot write %zu bytes: %s: make room or choose another place (no "
                   "file was changed)",
                   path, size, strerror(errno));
}

static fn_status check_folder(const char *path)
{
    struct stat st;
    fn_status rc = FN_OK;
    char *folder = fn_file_parent(path);
    if (!folder)
        return fn_fail(FN_ENOMEM, "%s: no memory for a name", path);
    bool known = stat(folder, &st) == 0;
    if (known ? !S_ISDIR(st.st_mode) : errno == ENOENT || errno == ENOTDIR)
        rc = fn_fail(FN_ENOENT, "%s: cannot be created: there is no folder '%s'", path,
                     folder);
    else if (!known || access(folder, W_OK | X_OK) != 0)
        rc = fn_fail_errno(path, "create");
    fn_free(folder);
    return rc;
}

/* A rename would put a plain file in the place of /dev/null. */
fn_status fn_file_check_target(const char *path)
{
    struct stat st;
    bool there = stat(path, &st) == 0;
    if (there && S_ISDIR(st.st_mode))
        return fn_fail(FN_EINVAL, "%s: is a folder: name the file to write", path);
    if (there && !S_ISREG(st.st_mode))
        return fn_fail(FN_EINVAL,
                       "%s: is not a regular file: name a file that can be "
                       "replaced",
                       path);
    return check_folder(path);
}

fn_status fn_file_write(int fd, int64_t at, const void *data, size_t size, const char *path)
{
    const char *byte = data;
    for (size_t done = 0; done < size;) {
        ssize_t n = pwrite(fd, byte + done, size - done, (off_t)(at + (int64_t)done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_write(path, size);
        done += (size_t)n;
    }
    return FN_OK;
}

static int sync_again(int fd)
{
    int failed;
    do {
        failed = fsync(fd);
    } while (failed && errno == EINTR);
    return failed;
}

/* Some network file systems cannot fsync a folder and say EINVAL: they need not. */
fn_status fn_file_sync_folder(const char *path)
{
    fn_status rc = FN_OK;
    int fd = open_again(path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return fn_fail_errno(path, "open the folder");
    if (sync_again(fd) != 0 && errno != EINVAL)
        rc = fn_fail_errno(path, "fsync the folder");
    close(fd);
    return rc;
}

/* Closing comes before renaming: some network file systems report a full disk only then. */
static fn_status settle(int fd, const char *path)
{
    struct stat st;
    size_t size = fstat(fd, &st) == 0 ? (size_t)st.st_size : 0;
    int e = sync_again(fd) == 0 ? 0 : errno;
    if (close(fd) != 0 && e == 0)
        e = errno;
    errno = e;
    return e ? fail_write(path, size) : FN_OK;
}

/* Memory is asked for before the rename: after it nothing may fail but the disk. */
fn_status fn_file_publish(int fd, const char *draft, const char *path)
{
    char *folder = fn_file_parent(path);
    fn_status rc = settle(fd, path);
    if (!folder)
        rc = fn_fail(FN_ENOMEM, "%s: no memory for a name", path);
    if (rc == FN_OK && rename(draft, path) != 0)
        rc = fn_fail_errno(path, "rename its draft to it");
    if (rc == FN_OK)
        rc = fn_file_sync_folder(folder);
    else
        unlink(draft);
    fn_free(folder);
    return rc;
}

fn_status fn_file_draft(int *fd, char **draft, const char *path)
{
    size_t room = strlen(path) + 32;
    *draft = NULL;
    FN_TRY(fn_file_check_target(path));
    char *name = fn_alloc(room, 1);
    if (!name)
        return fn_fail(FN_ENOMEM, "%s: no memory for a name", path);
    snprintf(name, room, "%s.tmp.%ld", path, (long)getpid());
    unlink(name); /* what a dead process with our number left */
    *fd = open_again(name, O_RDWR | O_CREAT | O_EXCL, 0666);
    if (*fd < 0) {
        fn_status rc = fn_fail_errno(path, "create");
        fn_free(name);
        return rc;
    }
    *draft = name;
    return FN_OK;
}

fn_status fn_file_finish(int fd, char *draft, const char *path, fn_status rc)
{
    if (rc == FN_OK) {
        rc = fn_file_publish(fd, draft, path);
    } else {
        close(fd);
        unlink(draft);
    }
    fn_free(draft);
    return rc;
}

fn_status fn_file_replace(const char *path, const void *data, size_t size)
{
    int fd;
    char *draft;
    FN_TRY(fn_file_draft(&fd, &draft, path));
    return fn_file_finish(fd, draft, path, fn_file_write(fd, 0, data, size, path));
}

fn_status fn_file_replace_in(const char *folder, const char *name, const void *data,
                             size_t size)
{
    char *path = fn_file_join(folder, name);
    if (!path)
        return fn_fail(FN_ENOMEM, "%s: no memory to write %s", folder, name);
    fn_status rc = fn_file_replace(path, data, size);
    fn_free(path);
    return rc;
}
