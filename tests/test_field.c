/* test_field.c -- a struct as a table: defaults, strict scalars, printing and parsing back,
 * did-you-mean. */
#include "core/field.h"
#include "core/rng.h"
#include "tests/test.h"

#include <float.h>
#include <limits.h>

#include <locale.h>

typedef struct config {
    int count, deep, flip, mode;
    int64_t steps;
    float rate, share;
    char name[FN_TEXT_BYTES], note[FN_TEXT_BYTES];
} config;

static const char *const modes[] = {"semihard", "hard", "all", NULL};

#define AT(member) offsetof(config, member)
static const fn_field table[] = {
    {"count", FN_INT, AT(count), 3, 1, 100, NULL, NULL, "how many"},
    {"deep", FN_INT, AT(deep), -1, -INFINITY, INFINITY, NULL, NULL, "any int"},
    {"flip", FN_BOOL, AT(flip), 1, 0, 1, NULL, NULL, "mirror"},
    {"mode", FN_CHOICE, AT(mode), 2, 0, 2, modes, NULL, "which"},
    {"steps", FN_LONG, AT(steps), NAN, 0, 9.1e15, NULL, NULL, "long"},
    {"train.rate", FN_REAL, AT(rate), 0.05, (double)FLT_MIN, 10, NULL, NULL, "step size"},
    {"share", FN_REAL, AT(share), NAN, -1, 1, NULL, NULL, "part"},
    {"name", FN_TEXT, AT(name), 0, 0, 0, NULL, NULL, "its name"},
    {"note", FN_TEXT, AT(note), 0, 0, 0, NULL, "none", "a note"},
    {0},
};

static fn_status set(config *c, const char *name, const char *text)
{
    const fn_field *f = fn_field_find(table, name);
    return f ? fn_field_parse(f, c, text) : fn_fail(FN_EINTERNAL, "no field %s", name);
}

TEST(defaults_are_written_and_required_fields_left_alone)
{
    config c;
    memset(&c, 0x55, sizeof c);
    config before = c;
    fn_field_defaults(table, &c);
    CHECK_INT(c.count, 3);
    CHECK_INT(c.deep, -1);
    CHECK_INT(c.flip, 1);
    CHECK_INT(c.mode, 2);
    CHECK_NEAR(c.rate, 0.05f, 0);
    CHECK_TEXT(c.note, "none");
    CHECK_INT(c.steps, before.steps);
    CHECK(memcmp(&c.share, &before.share, sizeof c.share) == 0);
    CHECK(memcmp(c.name, before.name, sizeof c.name) == 0);
}

TEST(required_means_without_default)
{
    int n = 0;
    for (const fn_field *f = table; f->name; f++)
        n += fn_field_required(f);
    CHECK_INT(n, 3);
    CHECK(fn_field_required(fn_field_find(table, "steps")));
    CHECK(fn_field_required(fn_field_find(table, "share")));
    CHECK(fn_field_required(fn_field_find(table, "name")));
}

TEST(good_values_are_taken)
{
    config c = {0};
    CHECK_OK(set(&c, "count", "1"));
    CHECK_INT(c.count, 1);
    CHECK_OK(set(&c, "count", "+100"));
    CHECK_INT(c.count, 100);
    CHECK_OK(set(&c, "deep", "-2147483648"));
    CHECK_INT(c.deep, INT_MIN);
    CHECK_OK(set(&c, "steps", "9007199254740993")); /* no detour through double */
    CHECK_INT(c.steps, INT64_C(9007199254740993));
    CHECK_OK(set(&c, "flip", "true"));
    CHECK_INT(c.flip, 1);
    CHECK_OK(set(&c, "flip", "false"));
    CHECK_INT(c.flip, 0);
    CHECK_OK(set(&c, "mode", "hard"));
    CHECK_INT(c.mode, 1);
    CHECK_OK(set(&c, "train.rate", "1e-3"));
    CHECK_NEAR(c.rate, 1e-3f, 0);
    CHECK_OK(set(&c, "train.rate", "10"));
    CHECK_OK(set(&c, "share", "-.5"));
    CHECK_NEAR(c.share, -0.5, 0);
    CHECK_OK(set(&c, "share", "0"));
    CHECK_OK(set(&c, "name", "a b: c"));
    CHECK_TEXT(c.name, "a b: c");
    CHECK_OK(set(&c, "note", ""));
    CHECK_TEXT(c.note, "");
}

/* The traps of YAML 1.1, of C's own number readers, and the limits. */
static const char *const bad[][2] = {
    {"count", ""},
    {"count", "0"},
    {"count", "101"},
    {"count", "1e1"},
    {"count", "1_0"},
    {"count", "010"},
    {"count", "0x10"},
    {"count", "1.0"},
    {"count", "12x"},
    {"count", " 12"},
    {"count", "12 "},
    {"count", "1:30"},
    {"count", "--1"},
    {"count", "+-1"},
    {"count", "ten"},
    {"count", "4294967297"},
    {"count", "2001-01-01"},
    {"count", "~"},
    {"count", "true"},
    {"deep", "2147483648"},
    {"deep", "-2147483649"},
    {"deep", "99999999999999999999"},
    {"steps", "-1"},
    {"steps", "9100000000000003"},
    {"flip", "yes"},
    {"flip", "no"},
    {"flip", "on"},
    {"flip", "off"},
    {"flip", "y"},
    {"flip", "maybe"},
    {"flip", "0"},
    {"flip", "True"},
    {"flip", "1"},
    {"flip", ""},
    {"mode", "Hard"},
    {"mode", ""},
    {"mode", "har"},
    {"mode", "1"},
    {"train.rate", "0"},
    {"train.rate", "-1"},
    {"train.rate", "10.001"},
    {"train.rate", "nan"},
    {"train.rate", "inf"},
    {"train.rate", ".inf"},
    {"train.rate", "1e999"},
    {"train.rate", "0.05x"},
    {"train.rate", "1_0.0"},
    {"train.rate", "0x1p-3"},
    {"train.rate", "."},
    {"train.rate", "1e"},
    {"train.rate", "0,5"},
    {"train.rate", "1.5.2"},
    {"train.rate", ".5."},
    {"train.rate", "1:30"},
    {"train.rate", "12:30:45"},
    {"train.rate", "2001-01-01"},
    {"train.rate", "1_800"},
    {"train.rate", "-.inf"},
    {"train.rate", ".NaN"},
    {"train.rate", "00.5"},
    {"share", "-1.01"},
    {"share", "1.01"},
    {"share", "1 2"},
    {"name", ""},
};

TEST(bad_values_are_refused_and_change_nothing)
{
    config c, before;
    memset(&c, 0x33, sizeof c);
    before = c;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_FAILS(set(&c, bad[i][0], bad[i][1]), FN_ECONFIG, bad[i][0]);
        CHECK(strstr(fn_last_error(), bad[i][1]) != NULL);
        CHECK(memcmp(&c, &before, sizeof c) == 0);
    }
}

TEST(the_sentence_says_what_is_expected)
{
    config c;
    CHECK_FAILS(set(&c, "train.rate", "0.05x"), FN_ECONFIG,
                "train.rate: expected a number in (0, 10], got '0.05x'");
    CHECK_FAILS(set(&c, "share", "2"), FN_ECONFIG,
                "share: expected a number in [-1, 1], got");
    CHECK_FAILS(set(&c, "count", "x"), FN_ECONFIG,
                "expected an integer in [1, 100], got 'x'");
    CHECK_FAILS(set(&c, "deep", "x"), FN_ECONFIG, "expected an integer, got 'x'");
    CHECK_FAILS(set(&c, "flip", "on"), FN_ECONFIG,
                "flip: expected true or false, got 'on'");
    CHECK_FAILS(set(&c, "mode", "semi-hard"), FN_ECONFIG,
                "mode: expected semihard, hard or all, got 'semi-hard'; did you mean "
                "'semihard'?");
}

TEST(a_text_fits_or_is_refused)
{
    config c = {0};
    char text[FN_TEXT_BYTES + 1];
    memset(text, 'a', sizeof text);
    text[FN_TEXT_BYTES] = '\0';
    CHECK_FAILS(set(&c, "name", text), FN_ECONFIG, "name: expected at most 511 bytes");
    text[FN_TEXT_BYTES - 1] = '\0';
    CHECK_OK(set(&c, "name", text));
    CHECK_TEXT(c.name, text);
}

/* --- printing --- */

static void check_printed(const char *name, const char *text, const char *want)
{
    char printed[FN_TEXT_BYTES];
    config c = {0};
    CHECK_OK(set(&c, name, text));
    fn_field_print(printed, sizeof printed, fn_field_find(table, name), &c);
    CHECK_TEXT(printed, want);
}

TEST(values_are_printed_as_short_as_they_can_be)
{
    check_printed("count", "+7", "7");
    check_printed("steps", "9007199254740993", "9007199254740993");
    check_printed("flip", "true", "true");
    check_printed("flip", "false", "false");
    check_printed("mode", "all", "all");
    check_printed("train.rate", "0.05", "0.05");
    check_printed("train.rate", "0.1000000", "0.1");
    check_printed("train.rate", "1e-5",
                  "1.0e-05"); /* a word, without the point, to PyYAML */
    check_printed("share", "-1", "-1");
    check_printed("name", "a: b", "a: b");
}

TEST(every_float_survives_printing)
{
    const fn_field f = {"x", FN_REAL, 0, 0, -INFINITY, INFINITY, NULL, NULL, NULL};
    fn_rng r = fn_rng_at(1, FN_RNG_TEST, 0, 0);
    char text[64];
    for (int i = 0; i < 20000; i++) {
        uint32_t bits = fn_rng_u32(&r);
        float v, back = 0;
        memcpy(&v, &bits, sizeof v);
        if (!isfinite(v))
            continue;
        fn_field_print(text, sizeof text, &f, &v);
        CHECK_OK(fn_field_parse(&f, &back, text));
        CHECK(memcmp(&v, &back, sizeof v) == 0);
    }
}

TEST(a_comma_locale_changes_nothing)
{
    if (!setlocale(LC_ALL, "de_DE.UTF-8") && !setlocale(LC_ALL, "fr_FR.UTF-8"))
        SKIP("no locale with a decimal comma is installed (locales: de_DE.UTF-8)");
    check_printed("train.rate", "0.05", "0.05");
    config c;
    CHECK_FAILS(set(&c, "train.rate", "0,05"), FN_ECONFIG, "expected a number");
    setlocale(LC_ALL, "C");
}

/* --- finding --- */

TEST(names_are_found_exactly)
{
    CHECK(fn_field_find(table, "count") == &table[0]);
    CHECK(fn_field_find(table, "note") == &table[8]);
    CHECK(fn_field_find(table, "coun") == NULL);
    CHECK(fn_field_find(table, "counts") == NULL);
    CHECK(fn_field_find(table, "") == NULL);
    CHECK(fn_field_find(NULL, "count") == NULL);
}

static void check_near(const char *wrong, const char *want)
{
    const char *got = fn_field_suggest(table, wrong);
    CHECK_TEXT(got ? got : "nothing", want);
}

TEST(the_nearest_name_is_suggested)
{
    char longest[400];
    check_near("cuont", "count");
    check_near("train.rat", "train.rate");
    check_near("trian.rate", "train.rate");
    check_near("stepz", "steps");
    check_near("nam", "name");
    check_near("nose", "note"); /* 1 away; "name" is 2 */
    check_near("banana", "nothing");
    check_near("xy", "nothing"); /* 2 letters share nothing with a name of 4 */
    check_near("", "nothing");
    memset(longest, 'c', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    check_near(longest, "nothing");
    CHECK_TEXT(fn_suggest(modes, "hrad"), "hard");
    CHECK_TEXT(fn_suggest(modes, "HARD"), "hard");
    CHECK(fn_suggest(modes, "nothing") == NULL);
    CHECK(fn_suggest(NULL, "hard") == NULL);
}

TEST(what_may_be_written_is_described)
{
    static const char *const of[][2] = {{"count", "an integer in [1, 100]"},
                                        {"flip", "true or false"},
                                        {"mode", "semihard, hard or all"},
                                        {"train.rate", "a number in (0, 10]"},
                                        {"note", "a text"}};
    char text[256];
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        fn_field_describe(text, sizeof text, fn_field_find(table, of[i][0]));
        CHECK_TEXT(text, of[i][1]);
    }
}
