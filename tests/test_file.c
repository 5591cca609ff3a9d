/* test_file.c -- replacing files. Every system call of a replacement
 * fails in turn: the test stands between core/file.c and the kernel. */
#include "core/file.h"
#include "core/mem.h"
#include "tests/scratch.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fcntl.h>

/* --- between us and the kernel --- */

typedef enum call { OPEN, PWRITE, FSYNC, RENAME, CALLS } call;

static struct {
    int at[CALLS];    /* this many calls from now one fails; 0: none */
    int error;        /* with this errno */
    bool interrupted; /* EINTR before every call that can say so */
    bool torn;        /* pwrite writes 7 bytes at most */
    char log[64];     /* first letters of the calls that passed: 'O' for folders */
} fault;

static bool now_interrupted;

static bool fails(call c)
{
    if (fault.interrupted && c != RENAME) {
        now_interrupted = !now_interrupted;
        if (now_interrupted) {
            errno = EINTR;
            return true;
        }
    }
    if (fault.at[c] > 0 && --fault.at[c] == 0) {
        errno = fault.error;
        return true;
    }
    return false;
}

static void note(char c)
{
    size_t n = strlen(fault.log);
    if (n + 1 < sizeof fault.log)
        fault.log[n] = c;
}

int open(const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    if (fails(OPEN))
        return -1;
    note(flags & O_DIRECTORY ? 'O' : 'o');
    return openat(AT_FDCWD, path, flags, mode);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off_t at);

ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
    if (fails(PWRITE))
        return -1;
    note('w');
    return pwrite64(fd, data, fault.torn && size > 7 ? 7 : size, at);
}

int fsync(int fd)
{
    if (fails(FSYNC))
        return -1;
    note('s');
    return fdatasync(fd);
}

int rename(const char *from, const char *to)
{
    if (fails(RENAME))
        return -1;
    note('r');
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

static void behave(void)
{
    memset(&fault, 0, sizeof fault);
    now_interrupted = false;
}

static void enter(void)
{
    fn_scratch_enter();
    behave();
}

static void leave(void)
{
    behave();
    fn_scratch_leave();
}

static void check_file(const char *path, const char *want)
{
    char *data = NULL;
    size_t size = 0;
    CHECK_OK(fn_file_read(&data, &size, path, 1 << 20));
    CHECK_INT(size, strlen(want));
    CHECK_TEXT(data ? data : "", want);
    fn_free(data);
}

/* The names in the folder, joined by spaces: drafts would show. */
static void check_names(const char *want)
{
    char **name, text[256] = "";
    int n;
    CHECK_OK(fn_file_names(&name, &n, fn_scratch_root));
    for (int i = 0; i < n; i++) {
        strcat(text, i ? " " : "");
        strcat(text, name[i]);
    }
    CHECK_TEXT(text, want);
    fn_file_names_free(name, n);
}

TEST(a_file_is_made_and_replaced)
{
    struct stat st;
    mode_t mask = umask(027);
    enter();
    CHECK_OK(fn_file_replace(fn_scratch("a"), "old", 3));
    check_file(fn_scratch("a"), "old");
    CHECK(stat(fn_scratch("a"), &st) == 0 && (st.st_mode & 0777) == 0640);
    CHECK_OK(fn_file_replace(fn_scratch("a"), "much newer", 10));
    check_file(fn_scratch("a"), "much newer");
    CHECK_OK(fn_file_replace(fn_scratch("a"), "x", 1));
    check_file(fn_scratch("a"), "x");
    check_names("a");
    leave();
    umask(mask);
}

/* The bytes are on the disk before the name is, and the name before we return. */
TEST(the_order_of_calls_is_the_durable_one)
{
    enter();
    CHECK_OK(fn_file_replace(fn_scratch("a"), "old", 3));
    CHECK_TEXT(fault.log, "owsrOs");
    leave();
}

TEST(relative_paths_work)
{
    char before[1024];
    enter();
    CHECK(getcwd(before, sizeof before) && chdir(fn_scratch_root) == 0);
    CHECK_OK(fn_file_replace("a", "here", 4));
    check_file("a", "here");
    CHECK(chdir(before) == 0);
    check_file(fn_scratch("a"), "here");
    leave();
}

TEST(interruptions_and_short_writes_do_no_harm)
{
    enter();
    fault.interrupted = fault.torn = true;
    CHECK_OK(fn_file_replace(fn_scratch("a"), "more than seven bytes, in four pieces", 37));
    CHECK_TEXT(fault.log, "owwwwwwsrOs");
    fault.torn = false;
    check_file(fn_scratch("a"), "more than seven bytes, in four pieces");
    leave();
}

/* Whichever call fails, the old file is as it was and no draft is left. */
static void fail_call(call c, int nth, int error, fn_status want)
{
    enter();
    CHECK_OK(fn_file_replace(fn_scratch("a"), "old", 3));
    fault.torn = true;
    fault.at[c] = nth;
    fault.error = error;
    CHECK_FAILS(fn_file_replace(fn_scratch("a"), "new and longer", 14), want, "/a");
    CHECK(strstr(fn_last_error(), strerror(error)) != NULL);
    CHECK_INT(fault.at[c], 0);
    behave();
    check_file(fn_scratch("a"), "old");
    check_names("a");
    leave();
}

TEST(every_call_may_fail_and_the_old_file_stays)
{
    fail_call(OPEN, 1, EACCES, FN_EPERM);
    fail_call(OPEN, 1, EMFILE, FN_EIO);
    fail_call(OPEN, 1, ENOSPC, FN_EIO);
    fail_call(PWRITE, 1, ENOSPC, FN_EIO);
    fail_call(PWRITE, 2, EIO, FN_EIO);
    fail_call(PWRITE, 2, EDQUOT, FN_EIO);
    fail_call(FSYNC, 1, EIO, FN_EIO);
    fail_call(FSYNC, 1, ENOSPC, FN_EIO);
    fail_call(RENAME, 1, EACCES, FN_EPERM);
    fail_call(RENAME, 1, EIO, FN_EIO);
}

/* After the rename the new file is there, but might not last: that is said. */
TEST(a_folder_that_cannot_be_synced_is_said)
{
    for (int second = 0; second < 2; second++) {
        enter();
        fault.at[second ? OPEN : FSYNC] = 2;
        fault.error = EIO;
        CHECK_FAILS(fn_file_replace(fn_scratch("a"), "new", 3), FN_EIO, "the folder");
        check_file(fn_scratch("a"), "new");
        leave();
    }
    enter();
    fault.at[FSYNC] = 2;
    fault.error = EINVAL; /* a file system on which folders need no fsync */
    CHECK_OK(fn_file_replace(fn_scratch("a"), "new", 3));
    leave();
}

TEST(every_failed_allocation_leaves_the_old_file)
{
    fn_status rc = FN_ENOMEM;
    int n = 0;
    enter();
    CHECK_OK(fn_file_replace(fn_scratch("a"), "old", 3));
    while (rc == FN_ENOMEM && ++n < 50) {
        fn_fail_alloc(n);
        rc = fn_file_replace(fn_scratch("a"), "new", 3);
        fn_fail_alloc(0);
        check_file(fn_scratch("a"), rc == FN_OK ? "new" : "old");
        check_names("a");
    }
    CHECK_OK(rc);
    CHECK(n > 2);
    leave();
}

/* A limit on the size of files is as good as a full disk: a short write, then an error. */
TEST(a_full_disk_is_said_with_the_bytes_wanted)
{
    struct rlimit before, limit;
    char *many = fn_alloc(100000, 1);
    enter();
    CHECK_OK(fn_file_replace(fn_scratch("a"), "old", 3));
    signal(SIGXFSZ, SIG_IGN);
    CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
    limit = before;
    limit.rlim_cur = 50000;
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    CHECK_FAILS(fn_file_replace(fn_scratch("a"), many, 100000), FN_EIO,
                "/a: cannot write 100000 bytes: File too large: make room");
    CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
    check_file(fn_scratch("a"), "old");
    check_names("a");
    leave();
    int fd = open("/dev/full", O_WRONLY);
    CHECK(fd >= 0);
    CHECK_FAILS(fn_file_write(fd, 0, many, 100000, "disk"), FN_EIO,
                "disk: cannot write 100000 bytes: No space left on device");
    close(fd);
    fn_free(many);
}

TEST(what_is_no_file_is_never_replaced)
{
    struct stat st;
    enter();
    CHECK_FAILS(fn_file_replace(fn_scratch_root, "x", 1), FN_EINVAL,
                "is a folder: name the file to write");
    /* A pipe of ours stands for a device: a bug here would destroy the machine's own. */
    CHECK(mkfifo(fn_scratch("pipe"), 0600) == 0);
    CHECK_FAILS(fn_file_replace(fn_scratch("pipe"), "x", 1), FN_EINVAL,
                "/pipe: is not a regular file");
    CHECK(lstat(fn_scratch("pipe"), &st) == 0 && S_ISFIFO(st.st_mode));
    CHECK(unlink(fn_scratch("pipe")) == 0);
    CHECK_FAILS(fn_file_replace(fn_scratch("no/a"), "x", 1), FN_ENOENT,
                "/no/a: cannot be created: there is no folder '");
    CHECK_FAILS(fn_file_replace("no-such-folder/a", "x", 1), FN_ENOENT,
                "there is no folder 'no-such-folder'");
    CHECK_FAILS(fn_file_replace("", "x", 1), FN_ENOENT, "");
    check_names("");
    leave();
}

TEST(a_link_is_replaced_and_its_target_kept)
{
    struct stat st;
    enter();
    CHECK_OK(fn_file_replace(fn_scratch("target"), "old", 3));
    CHECK(symlink("target", fn_scratch("link")) == 0);
    CHECK_OK(fn_file_replace(fn_scratch("link"), "new", 3));
    check_file(fn_scratch("target"), "old");
    CHECK(lstat(fn_scratch("link"), &st) == 0 && S_ISREG(st.st_mode));
    leave();
}

TEST(a_draft_that_somebody_left_is_no_obstacle)
{
    char *draft, name[64];
    int fd;
    enter();
    CHECK_OK(fn_file_draft(&fd, &draft, fn_scratch("a")));
    CHECK(close(fd) == 0 && unlink(draft) == 0);
    snprintf(name, sizeof name, "a.tmp.%ld", (long)getpid());
    CHECK_TEXT(draft, fn_scratch(name));
    CHECK_OK(fn_file_replace(fn_scratch("other"), "kept", 4));
    CHECK(symlink(fn_scratch("other"), draft) == 0);
    CHECK_OK(fn_file_replace(fn_scratch("a"), "x", 1));
    check_file(fn_scratch("a"), "x");
    check_file(fn_scratch("other"), "kept");
    check_names("a other");
    fn_free(draft);
    leave();
}

TEST(pieces_are_written_where_they_belong)
{
    char *draft;
    int fd;
    enter();
    CHECK_OK(fn_file_draft(&fd, &draft, fn_scratch("a")));
    CHECK_OK(fn_file_write(fd, 4, "5678", 4, "a"));
    CHECK_OK(fn_file_write(fd, 0, "1234", 4, "a"));
    CHECK(!fn_file_exists(fn_scratch("a")));
    CHECK_OK(fn_file_finish(fd, draft, fn_scratch("a"), FN_OK));
    check_file(fn_scratch("a"), "12345678");
    check_names("a");
    CHECK_OK(fn_file_draft(&fd, &draft, fn_scratch("a")));
    CHECK_INT(fn_file_finish(fd, draft, fn_scratch("a"), FN_EDATA), FN_EDATA);
    check_file(fn_scratch("a"), "12345678");
    check_names("a");
    leave();
}
