/* test_digest.c -- SHA-256 against FIPS 180's examples, in memory and from files. */
#include "core/digest.h"
#include "core/file.h"
#include "core/mem.h"
#include "tests/test.h"

#include <unistd.h>

static const struct {
    const char *text, *hex;
} known[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

static char root[] = "/tmp/fn_digest_XXXXXX";
static char path[sizeof root + 16];

static void enter(void)
{
    strcpy(root + sizeof root - 7, "XXXXXX");
    CHECK(mkdtemp(root) != NULL);
    snprintf(path, sizeof path, "%s/file", root);
}

static void leave(void)
{
    CHECK_OK(fn_file_remove_tree(root));
}

TEST(known_answers)
{
    char hex[FN_DIGEST_BYTES];
    enter();
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t n = strlen(known[i].text);
        CHECK_OK(fn_digest(hex, known[i].text, n));
        CHECK_TEXT(hex, known[i].hex);
        memset(hex, '?', sizeof hex);
        CHECK_OK(fn_file_replace(path, known[i].text, n));
        CHECK_OK(fn_digest_file(hex, path));
        CHECK_TEXT(hex, known[i].hex);
    }
    leave();
}

/* A million 'a', and sizes about that of the pieces a file is read in. */
TEST(a_file_is_digested_to_its_end)
{
    static const size_t size[] = {65535, 65536, 65537, 131072, 1000000};
    char *text = fn_alloc_aligned(1000000), hex[FN_DIGEST_BYTES], file[FN_DIGEST_BYTES];
    memset(text, 'a', 1000000);
    enter();
    for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
        CHECK_OK(fn_digest(hex, text, size[i]));
        CHECK_OK(fn_file_replace(path, text, size[i]));
        CHECK_OK(fn_digest_file(file, path));
        CHECK_TEXT(file, hex);
    }
    CHECK_TEXT(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    leave();
    fn_free(text);
}

TEST(what_is_no_file_is_said)
{
    char hex[FN_DIGEST_BYTES];
    enter();
    CHECK_FAILS(fn_digest_file(hex, path), FN_ENOENT, "/file: open: No such file");
    CHECK_FAILS(fn_digest_file(hex, root), FN_EIO, "read: Is a directory");
    leave();
}
