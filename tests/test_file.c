/* test_file.c -- reading whole files and replacing them. Every system call of a replacement
 * fails in turn: the test stands between core/file.c and the kernel. */
#include "core/file.h"
#include "core/mem.h"
#include "tests/test.h"

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

/* --- a folder to work in --- */

static char root[] = "/tmp/fn_file_XXXXXX";

static const char *at(const char *name)
{
    static char path[4][sizeof root + 64];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof *path, "%s/%s", root, name);
    return path[turn];
}

static void enter(void)
{
    strcpy(root + sizeof root - 7, "XXXXXX");
    CHECK(mkdtemp(root) != NULL);
    behave();
}

static void leave(void)
{
    behave();
    CHECK_OK(fn_file_remove_tree(root));
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
    CHECK_OK(fn_file_names(&name, &n, root));
    for (int i = 0; i < n; i++) {
        strcat(text, i ? " " : "");
        strcat(text, name[i]);
    }
    CHECK_TEXT(text, want);
    fn_file_names_free(name, n);
}

/* --- reading --- */

TEST(a_file_is_read_whole)
{
    char *data;
    size_t size;
    enter();
    CHECK_OK(fn_file_replace(at("a"), "a\0b", 3));
    CHECK_OK(fn_file_read(&data, &size, at("a"), 3));
    CHECK_INT(size, 3);
    CHECK(memcmp(data, "a\0b\0", 4) == 0); /* closed by a '\0' of our own */
    fn_free(data);
    CHECK_OK(fn_file_replace(at("a"), "", 0));
    CHECK_OK(fn_file_read(&data, &size, at("a"), 0));
    CHECK_INT(size, 0);
    CHECK_TEXT(data, "");
    fn_free(data);
    leave();
}

/* Files under /proc say that they are empty, and are not. */
TEST(a_file_without_a_size_is_read)
{
    char *data = NULL;
    size_t size;
    CHECK_OK(fn_file_read(&data, &size, "/proc/self/status", 1 << 20));
    CHECK(size > 100 && strlen(data) == size && strstr(data, "Pid:"));
    fn_free(data);
    CHECK_FAILS(fn_file_read(&data, &size, "/proc/self/status", 99), FN_EDATA,
                "than the 99 bytes");
    CHECK(data == NULL && size == 0);
    CHECK_FAILS(fn_file_read(&data, &size, "/dev/zero", 100000), FN_EDATA,
                "/dev/zero: is larger");
}

TEST(what_cannot_be_read_is_said)
{
    char *data;
    size_t size;
    enter();
    CHECK_FAILS(fn_file_read(&data, &size, at("none"), 9), FN_ENOENT,
                "/none: open: No such file");
    CHECK(data == NULL && size == 0);
    CHECK_FAILS(fn_file_read(&data, &size, root, 9), FN_EINVAL, "is a folder, not a file");
    CHECK_OK(fn_file_replace(at("a"), "0123456789", 10));
    CHECK_FAILS(fn_file_read(&data, &size, at("a"), 9), FN_EDATA,
                "/a: is larger than the 9 bytes allowed here");
    CHECK(data == NULL);
    CHECK_OK(fn_file_read(&data, &size, at("a"), 10));
    fn_free(data);
    CHECK_OK(fn_file_read(&data, &size, at("a"), SIZE_MAX));
    fn_free(data);
    fn_fail_alloc(1);
    CHECK_FAILS(fn_file_read(&data, &size, at("a"), 10), FN_ENOMEM, "/a: no memory");
    fn_fail_alloc(0);
    leave();
}

/* --- replacing --- */

TEST(a_file_is_made_and_replaced)
{
    struct stat st;
    mode_t mask = umask(027);
    enter();
    CHECK_OK(fn_file_replace(at("a"), "old", 3));
    check_file(at("a"), "old");
    CHECK(stat(at("a"), &st) == 0 && (st.st_mode & 0777) == 0640);
    CHECK_OK(fn_file_replace(at("a"), "much newer", 10));
    check_file(at("a"), "much newer");
    CHECK_OK(fn_file_replace(at("a"), "x", 1));
    check_file(at("a"), "x");
    check_names("a");
    leave();
    umask(mask);
}

/* The bytes are on the disk before the name is, and the name before we return. */
TEST(the_order_of_calls_is_the_durable_one)
{
    enter();
    CHECK_OK(fn_file_replace(at("a"), "old", 3));
    CHECK_TEXT(fault.log, "owsrOs");
    leave();
}

TEST(relative_paths_work)
{
    char before[1024];
    enter();
    CHECK(getcwd(before, sizeof before) && chdir(root) == 0);
    CHECK_OK(fn_file_replace("a", "here", 4));
    check_file("a", "here");
    CHECK(chdir(before) == 0);
    check_file(at("a"), "here");
    leave();
}

TEST(interruptions_and_short_writes_do_no_harm)
{
    enter();
    fault.interrupted = fault.torn = true;
    CHECK_OK(fn_file_replace(at("a"), "more than seven bytes, in four pieces", 37));
    CHECK_TEXT(fault.log, "owwwwwwsrOs");
    fault.torn = false;
    check_file(at("a"), "more than seven bytes, in four pieces");
    leave();
}

/* Whichever call fails, the old file is as it was and no draft is left. */
static void fail_call(call c, int nth, int error, fn_status want)
{
    enter();
    CHECK_OK(fn_file_replace(at("a"), "old", 3));
    fault.torn = true;
    fault.at[c] = nth;
    fault.error = error;
    CHECK_FAILS(fn_file_replace(at("a"), "new and longer", 14), want, "/a");
    CHECK(strstr(fn_last_error(), strerror(error)) != NULL);
    CHECK_INT(fault.at[c], 0);
    behave();
    check_file(at("a"), "old");
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
        CHECK_FAILS(fn_file_replace(at("a"), "new", 3), FN_EIO, "the folder");
        check_file(at("a"), "new");
        leave();
    }
    enter();
    fault.at[FSYNC] = 2;
    fault.error = EINVAL; /* a file system on which folders need no fsync */
    CHECK_OK(fn_file_replace(at("a"), "new", 3));
    leave();
}

TEST(every_failed_allocation_leaves_the_old_file)
{
    fn_status rc = FN_ENOMEM;
    int n = 0;
    enter();
    CHECK_OK(fn_file_replace(at("a"), "old", 3));
    while (rc == FN_ENOMEM && ++n < 50) {
        fn_fail_alloc(n);
        rc = fn_file_replace(at("a"), "new", 3);
        fn_fail_alloc(0);
        check_file(at("a"), rc == FN_OK ? "new" : "old");
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
    CHECK_OK(fn_file_replace(at("a"), "old", 3));
    signal(SIGXFSZ, SIG_IGN);
    CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
    limit = before;
    limit.rlim_cur = 50000;
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    CHECK_FAILS(fn_file_replace(at("a"), many, 100000), FN_EIO,
                "/a: cannot write 100000 bytes: File too large: make room");
    CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
    check_file(at("a"), "old");
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
    CHECK_FAILS(fn_file_replace(root, "x", 1), FN_EINVAL,
                "is a folder: name the file to write");
    CHECK_FAILS(fn_file_replace("/dev/null", "x", 1), FN_EINVAL,
                "/dev/null: is not a regular file");
    CHECK(stat("/dev/null", &st) == 0 && S_ISCHR(st.st_mode));
    CHECK_FAILS(fn_file_replace(at("no/a"), "x", 1), FN_ENOENT,
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
    CHECK_OK(fn_file_replace(at("target"), "old", 3));
    CHECK(symlink("target", at("link")) == 0);
    CHECK_OK(fn_file_replace(at("link"), "new", 3));
    check_file(at("target"), "old");
    CHECK(lstat(at("link"), &st) == 0 && S_ISREG(st.st_mode));
    leave();
}

TEST(a_draft_that_somebody_left_is_no_obstacle)
{
    char *draft, name[64];
    enter();
    CHECK_OK(fn_file_draft(&draft, at("a")));
    snprintf(name, sizeof name, "a.tmp.%ld", (long)getpid());
    CHECK_TEXT(draft, at(name));
    CHECK(symlink("/dev/null", draft) == 0);
    CHECK_OK(fn_file_replace(at("a"), "x", 1));
    check_file(at("a"), "x");
    check_names("a");
    fn_free(draft);
    leave();
}

TEST(pieces_are_written_where_they_belong)
{
    char *draft;
    enter();
    CHECK_OK(fn_file_draft(&draft, at("a")));
    int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL, 0666);
    CHECK_OK(fn_file_write(fd, 4, "5678", 4, "a"));
    CHECK_OK(fn_file_write(fd, 0, "1234", 4, "a"));
    CHECK(!fn_file_exists(at("a")));
    CHECK_OK(fn_file_publish(fd, draft, at("a")));
    check_file(at("a"), "12345678");
    check_names("a");
    fn_free(draft);
    leave();
}

/* --- folders --- */

TEST(folders_are_made_all_the_way)
{
    enter();
    CHECK_OK(fn_file_mkdirs(at("a/b//c/")));
    CHECK(fn_file_is_folder(at("a/b/c")));
    CHECK_OK(fn_file_mkdirs(at("a/b/c")));
    CHECK_OK(fn_file_mkdirs("/"));
    CHECK_OK(fn_file_replace(at("file"), "", 0));
    CHECK_FAILS(fn_file_mkdirs(at("file")), FN_EEXIST,
                "/file: cannot be a folder: a file is in");
    CHECK_FAILS(fn_file_mkdirs(at("file/x")), FN_EEXIST, "/file: cannot be a folder");
    CHECK_FAILS(fn_file_mkdirs(""), FN_ENOENT, "make the folder");
    fn_fail_alloc(1);
    CHECK_FAILS(fn_file_mkdirs(at("z")), FN_ENOMEM, "no memory");
    fn_fail_alloc(0);
    CHECK(!fn_file_exists(at("z")));
    leave();
}

TEST(what_exists_is_seen)
{
    enter();
    CHECK(symlink("nowhere", at("dangling")) == 0);
    CHECK(symlink(root, at("loop")) == 0);
    CHECK(fn_file_exists(root) && fn_file_is_folder(root));
    CHECK(fn_file_exists(at("dangling")) && !fn_file_is_folder(at("dangling")));
    CHECK(fn_file_is_folder(at("loop")));
    CHECK(!fn_file_exists(at("none")) && !fn_file_is_folder(at("none")));
    leave();
}

TEST(a_tree_is_removed_and_links_are_not_followed)
{
    enter();
    CHECK_OK(fn_file_mkdirs(at("kept")));
    CHECK_OK(fn_file_replace(at("kept/file"), "x", 1));
    CHECK_OK(fn_file_mkdirs(at("tree/a/b/c")));
    CHECK_OK(fn_file_replace(at("tree/a/.hidden"), "x", 1));
    CHECK(symlink("../kept", at("tree/link")) == 0);
    CHECK_OK(fn_file_remove_tree(at("tree")));
    check_names("kept");
    check_file(at("kept/file"), "x");
    CHECK_OK(fn_file_remove_tree(at("kept/file")));
    CHECK_FAILS(fn_file_remove_tree(at("none")), FN_ENOENT, "/none: remove");
    leave();
}

TEST(names_come_sorted)
{
    char **name, each[16];
    int n;
    enter();
    CHECK_OK(fn_file_names(&name, &n, root));
    CHECK_INT(n, 0);
    fn_file_names_free(name, n);
    for (int i = 199; i >= 0; i--) { /* more than the first room for names */
        snprintf(each, sizeof each, "%c%03d", i % 2 ? 'B' : 'a', i);
        CHECK_OK(fn_file_replace(at(each), "", 0));
    }
    CHECK_OK(fn_file_replace(at(".b"), "", 0));
    CHECK_OK(fn_file_names(&name, &n, root));
    CHECK_INT(n, 201);
    CHECK_TEXT(name[0], ".b");
    CHECK_TEXT(name[1], "B001");
    for (int i = 1; i < n; i++)
        CHECK(strcmp(name[i - 1], name[i]) < 0);
    fn_file_names_free(name, n);
    CHECK_FAILS(fn_file_names(&name, &n, at("none")), FN_ENOENT,
                "/none: list: No such file");
    CHECK(name == NULL && n == 0);
    CHECK_FAILS(fn_file_names(&name, &n, at(".b")), FN_ENOENT,
                "/.b: list: Not a directory");
    leave();
}

TEST(names_without_memory_are_no_names)
{
    char **name;
    int n = 1, tried = 0;
    fn_status rc = FN_ENOMEM;
    enter();
    CHECK_OK(fn_file_replace(at("a"), "", 0));
    CHECK_OK(fn_file_replace(at("b"), "", 0));
    while (rc == FN_ENOMEM && ++tried < 20) {
        fn_fail_alloc(tried);
        rc = fn_file_names(&name, &n, root);
        CHECK(rc == FN_OK || (name == NULL && n == 0));
    }
    fn_fail_alloc(0);
    CHECK_OK(rc);
    CHECK_INT(tried, 4);
    fn_file_names_free(name, n);
    leave();
}

static void check_join(const char *folder, const char *name, const char *want)
{
    char *path = fn_file_join(folder, name);
    CHECK_TEXT(path, want);
    fn_free(path);
}

TEST(paths_are_joined)
{
    check_join("a", "b", "a/b");
    check_join("a/", "b", "a/b");
    check_join("/", "b", "/b");
    check_join("", "b", "b");
    check_join("a/b", "c/d", "a/b/c/d");
    fn_fail_alloc(1);
    CHECK(fn_file_join("a", "b") == NULL);
    fn_fail_alloc(0);
}
