/* test_excerpt.c -- the line of a complaint and its caret. */
#include "core/excerpt.h"
#include "tests/test.h"

static const char *excerpt(const char *text, int line, int column)
{
    static char out[448];
    fn_excerpt(out, sizeof out, text, strlen(text), line, column);
    return out;
}

TEST(the_line_is_shown_with_a_caret_under_the_column)
{
    const char *text = "net: nn2\n  rate: 0.05x\nlast";
    CHECK_TEXT(excerpt(text, 1, 1), "\n     1 | net: nn2\n       | ^");
    CHECK_TEXT(excerpt(text, 2, 9), "\n     2 |   rate: 0.05x\n       |         ^");
    CHECK_TEXT(excerpt(text, 3, 4), "\n     3 | last\n       |    ^");
    CHECK_TEXT(excerpt(text, 3, 9), "\n     3 | last\n       |     ^");
    CHECK_TEXT(excerpt(text, 4, 1), "");
    CHECK_TEXT(excerpt("a: [\n", 2, 1), "\n     2 | \n       | ^");
}

TEST(columns_are_characters)
{
    CHECK_TEXT(excerpt("\xc3\xa9\xe2\x82\xac: x", 1, 5),
               "\n     1 | \xc3\xa9\xe2\x82\xac: x\n       |     ^");
    CHECK_TEXT(excerpt("\xef\xbb\xbf"
                       "a: x",
                       1, 4),
               "\n     1 | a: x\n       |    ^");
}

/* What libyaml counts as a line's end, so that its marks find the line. */
TEST(breaks_are_those_of_yaml)
{
    CHECK_TEXT(excerpt("a\r\nb\rc\xc2\x85"
                       "d\xe2\x80\xa8"
                       "e\xe2\x80\xa9"
                       "f",
                       6, 1),
               "\n     6 | f\n       | ^");
}

TEST(what_a_terminal_obeys_is_a_blank)
{
    CHECK_TEXT(excerpt("a\t\x1b[31mb", 1, 8), "\n     1 | a  [31mb\n       |        ^");
}

TEST(a_long_line_is_cut_about_the_column)
{
    char text[1001], want[64];
    memset(text, 'x', 1000);
    text[1000] = '\0';
    text[499] = '!';
    const char *got = excerpt(text, 1, 500), *mark = strchr(got, '!');
    snprintf(want, sizeof want, "\n       | %*s^", (int)(mark - got) - 10, "");
    CHECK(strncmp(got, "\n     1 | ...x", 14) == 0);
    CHECK(strstr(got, "x...\n") != NULL);
    CHECK_TEXT(strchr(got + 1, '\n'), want);
    CHECK(strstr(excerpt(text, 1, 1), "| !") == NULL);
}

TEST(utf16_is_not_shown)
{
    char out[64] = "x";
    fn_excerpt(out, sizeof out,
               "\xff\xfe"
               "a\0:\0 \0\xe9",
               10, 1, 1);
    CHECK_TEXT(out, "");
}

TEST(a_small_room_is_not_left)
{
    char out[12] = "...........";
    fn_excerpt(out, 8, "abc: 1", 6, 1, 1);
    CHECK_TEXT(out, "\n     1");
    CHECK_INT(out[8], '.');
}
