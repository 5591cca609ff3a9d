/* test_text.c -- the text that evaluation writes its files with. */
#include "core/file.h"
#include "core/mem.h"
#include "core/text.h"
#include "tests/test.h"

#include <locale.h>

static void check(fn_text *t, const char *want)
{
    fn_text_put(t, "%c", '\0');
    CHECK(!t->failed);
    CHECK_TEXT(t->data, want);
    fn_free(t->data);
    *t = (fn_text){.data = NULL};
}

/* RFC 4648, section 10, and the last letters. */
TEST(base64)
{
    static const char *const want[] = {"",         "Zg==",     "Zm8=",    "Zm9v",
                                       "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    fn_text t = {.data = NULL};
    for (size_t n = 0; n < 7; n++) {
        fn_text_base64(&t, "foobar", n);
        check(&t, want[n]);
    }
    fn_text_base64(&t, "\xff\xff\xff\xfb\x00\x10", 6);
    check(&t, "////+wAQ");
}

TEST(escapes)
{
    fn_text t = {.data = NULL};
    fn_text_escape(&t, "<a href=\"x\">&\n\x7f'\xc3\xa9");
    check(&t, "&#60;a href=&#34;x&#34;&#62;&#38;  '\xc3\xa9");
}

/* Longer than the room that a text begins with. */
TEST(a_piece_may_be_of_any_length)
{
    char word[5001];
    fn_text t = {.data = NULL};
    memset(word, 'x', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    for (int i = 0; i < 2; i++)
        fn_text_put(&t, "<%s>%d\n", word, i);
    CHECK_INT(t.size, 2 * (sizeof word - 1 + 4));
    CHECK(memcmp(t.data + 1, word, sizeof word - 1) == 0);
    CHECK(memcmp(t.data + sizeof word, ">0\n<x", 5) == 0);
    CHECK(memcmp(t.data + t.size - 4, "x>1\n", 4) == 0);
    fn_free(t.data);
}

TEST(numbers_have_a_point_in_every_locale)
{
    static const char *const comma[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "ps_AF.UTF-8", "C"};
    fn_text t = {.data = NULL};
    for (int i = 0; i < 4; i++) {
        if (!setlocale(LC_NUMERIC, comma[i]))
            continue;
        fn_text_number(&t, 0.123456, 3);
        fn_text_put(&t, " ");
        fn_text_number(&t, -1.5e-7, 4);
        fn_text_put(&t, " ");
        fn_text_fixed(&t, 99.995001, 2);
        fn_text_put(&t, " ");
        fn_text_fixed(&t, 3, 4);
        check(&t, "0.123 -1.5e-07 100.00 3.0000");
    }
    setlocale(LC_NUMERIC, "C");
}

TEST(a_word_for_one_and_a_word_for_many)
{
    CHECK_TEXT(fn_text_plural(0, "image is", "images are"), "images are");
    CHECK_TEXT(fn_text_plural(1, "image is", "images are"), "image is");
    CHECK_TEXT(fn_text_plural(2, "image is", "images are"), "images are");
}

TEST(a_text_is_handed_over_closed)
{
    fn_text t = {.data = NULL};
    char *out;
    CHECK_OK(fn_text_take(&out, &t, "nothing"));
    CHECK_TEXT(out, "");
    fn_free(out);
    fn_text_put(&t, "%d of %s", 3, "a");
    CHECK_OK(fn_text_take(&out, &t, "a sentence"));
    CHECK_TEXT(out, "3 of a");
    CHECK(!t.data && !t.size);
    fn_free(out);
    fn_text_put(&t, "lost");
    fn_fail_alloc(1);
    for (int i = 0; i < 2000; i++)
        fn_text_put(&t, "lost");
    fn_fail_alloc(0);
    CHECK_FAILS(fn_text_take(&out, &t, "a letter"), FN_ENOMEM, "no memory for a letter");
    CHECK(!out && !t.data);
}

TEST(failure_is_remembered_until_the_end)
{
    fn_text t = {.data = NULL};
    fn_text_put(&t, "before");
    char *large = fn_alloc(1, 9000);
    fn_fail_alloc(1);
    fn_text_base64(&t, large, 9000);
    fn_fail_alloc(0);
    CHECK(t.failed);
    fn_text_put(&t, "after");
    CHECK_FAILS(fn_text_save(&t, "/tmp/never.txt"), FN_ENOMEM, "/tmp/never.txt");
    CHECK(!t.data && !t.size && !t.failed && !fn_file_exists("/tmp/never.txt"));
    fn_free(large);
}
