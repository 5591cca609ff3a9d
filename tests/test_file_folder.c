/* test_file_folder.c -- reading whole files; folders, names and trees. */
#include "tests/scratch.h"

#include <stdint.h>
#include <unistd.h>

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

/* --- reading --- */

TEST(a_file_is_read_whole)
{
    char *data;
    size_t size;
    fn_scratch_enter();
    CHECK_OK(fn_file_replace(fn_scratch("a"), "a\0b", 3));
    CHECK_OK(fn_file_read(&data, &size, fn_scratch("a"), 3));
    CHECK_INT(size, 3);
    CHECK(memcmp(data, "a\0b\0", 4) == 0); /* closed by a '\0' of our own */
    fn_free(data);
    CHECK_OK(fn_file_replace(fn_scratch("a"), "", 0));
    CHECK_OK(fn_file_read(&data, &size, fn_scratch("a"), 0));
    CHECK_INT(size, 0);
    CHECK_TEXT(data, "");
    fn_free(data);
    fn_scratch_leave();
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
    fn_scratch_enter();
    CHECK_FAILS(fn_file_read(&data, &size, fn_scratch("none"), 9), FN_ENOENT,
                "/none: open: No such file");
    CHECK(data == NULL && size == 0);
    CHECK_FAILS(fn_file_read(&data, &size, fn_scratch_root, 9), FN_EINVAL,
                "is a folder, not a file");
    CHECK_OK(fn_file_replace(fn_scratch("a"), "0123456789", 10));
    CHECK_FAILS(fn_file_read(&data, &size, fn_scratch("a"), 9), FN_EDATA,
                "/a: is larger than the 9 bytes allowed here");
    CHECK(data == NULL);
    CHECK_OK(fn_file_read(&data, &size, fn_scratch("a"), 10));
    fn_free(data);
    CHECK_OK(fn_file_read(&data, &size, fn_scratch("a"), SIZE_MAX));
    fn_free(data);
    fn_fail_alloc(1);
    CHECK_FAILS(fn_file_read(&data, &size, fn_scratch("a"), 10), FN_ENOMEM,
                "/a: no memory");
    fn_fail_alloc(0);
    fn_scratch_leave();
}

/* --- folders --- */

TEST(folders_are_made_all_the_way)
{
    fn_scratch_enter();
    CHECK_OK(fn_file_mkdirs(fn_scratch("a/b//c/")));
    CHECK(fn_file_is_folder(fn_scratch("a/b/c")));
    CHECK_OK(fn_file_mkdirs(fn_scratch("a/b/c")));
    CHECK_OK(fn_file_mkdirs("/"));
    CHECK_OK(fn_file_replace(fn_scratch("file"), "", 0));
    CHECK_FAILS(fn_file_mkdirs(fn_scratch("file")), FN_EEXIST,
                "/file: cannot be a folder: a file is in");
    CHECK_FAILS(fn_file_mkdirs(fn_scratch("file/x")), FN_EEXIST,
                "/file: cannot be a folder");
    CHECK_FAILS(fn_file_mkdirs(""), FN_ENOENT, "make the folder");
    fn_fail_alloc(1);
    CHECK_FAILS(fn_file_mkdirs(fn_scratch("z")), FN_ENOMEM, "no memory");
    fn_fail_alloc(0);
    CHECK(!fn_file_exists(fn_scratch("z")));
    fn_scratch_leave();
}

TEST(what_exists_is_seen)
{
    fn_scratch_enter();
    CHECK(symlink("nowhere", fn_scratch("dangling")) == 0);
    CHECK(symlink(fn_scratch_root, fn_scratch("loop")) == 0);
    CHECK(fn_file_exists(fn_scratch_root) && fn_file_is_folder(fn_scratch_root));
    CHECK(fn_file_exists(fn_scratch("dangling")) &&
          !fn_file_is_folder(fn_scratch("dangling")));
    CHECK(fn_file_is_folder(fn_scratch("loop")));
    CHECK(!fn_file_exists(fn_scratch("none")) && !fn_file_is_folder(fn_scratch("none")));
    fn_scratch_leave();
}

TEST(a_tree_is_removed_and_links_are_not_followed)
{
    fn_scratch_enter();
    CHECK_OK(fn_file_mkdirs(fn_scratch("kept")));
    CHECK_OK(fn_file_replace(fn_scratch("kept/file"), "x", 1));
    CHECK_OK(fn_file_mkdirs(fn_scratch("tree/a/b/c")));
    CHECK_OK(fn_file_replace(fn_scratch("tree/a/.hidden"), "x", 1));
    CHECK(symlink("../kept", fn_scratch("tree/link")) == 0);
    CHECK_OK(fn_file_remove_tree(fn_scratch("tree")));
    check_names("kept");
    check_file(fn_scratch("kept/file"), "x");
    CHECK_OK(fn_file_remove_tree(fn_scratch("kept/file")));
    CHECK_FAILS(fn_file_remove_tree(fn_scratch("none")), FN_ENOENT, "/none: remove");
    fn_scratch_leave();
}

TEST(names_come_sorted)
{
    char **name, each[16];
    int n;
    fn_scratch_enter();
    CHECK_OK(fn_file_names(&name, &n, fn_scratch_root));
    CHECK_INT(n, 0);
    fn_file_names_free(name, n);
    for (int i = 199; i >= 0; i--) { /* more than the first room for names */
        snprintf(each, sizeof each, "%c%03d", i % 2 ? 'B' : 'a', i);
        CHECK_OK(fn_file_replace(fn_scratch(each), "", 0));
    }
    CHECK_OK(fn_file_replace(fn_scratch(".b"), "", 0));
    CHECK_OK(fn_file_names(&name, &n, fn_scratch_root));
    CHECK_INT(n, 201);
    CHECK_TEXT(name[0], ".b");
    CHECK_TEXT(name[1], "B001");
    for (int i = 1; i < n; i++)
        CHECK(strcmp(name[i - 1], name[i]) < 0);
    fn_file_names_free(name, n);
    CHECK_FAILS(fn_file_names(&name, &n, fn_scratch("none")), FN_ENOENT,
                "/none: list: No such file");
    CHECK(name == NULL && n == 0);
    CHECK_FAILS(fn_file_names(&name, &n, fn_scratch(".b")), FN_ENOENT,
                "/.b: list: Not a directory");
    fn_scratch_leave();
}

TEST(names_without_memory_are_no_names)
{
    char **name;
    int n = 1, tried = 0;
    fn_status rc = FN_ENOMEM;
    fn_scratch_enter();
    CHECK_OK(fn_file_replace(fn_scratch("a"), "", 0));
    CHECK_OK(fn_file_replace(fn_scratch("b"), "", 0));
    while (rc == FN_ENOMEM && ++tried < 20) {
        fn_fail_alloc(tried);
        rc = fn_file_names(&name, &n, fn_scratch_root);
        CHECK(rc == FN_OK || (name == NULL && n == 0));
    }
    fn_fail_alloc(0);
    CHECK_OK(rc);
    CHECK_INT(tried, 4);
    fn_file_names_free(name, n);
    fn_scratch_leave();
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

/* The test runs as FOLDER/bin/test_file_folder. */
TEST(what_is_installed_lies_beside_the_program_s_bin)
{
    char program[4096], *path = NULL;
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    CHECK(n > 0);
    program[n > 0 ? n : 0] = '\0';
    CHECK_OK(fn_file_installed(&path, "bin/test_file_folder"));
    CHECK_TEXT(path, program);
    fn_free(path);
    fn_fail_alloc(1);
    CHECK_FAILS(fn_file_installed(&path, "share/a"), FN_ENOMEM, "share/a: no memory");
    CHECK(path == NULL);
    fn_fail_alloc(0);
}
