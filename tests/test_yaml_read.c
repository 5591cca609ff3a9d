/* test_yaml_read.c -- a mapping into a struct, and what is said of every mistake in it. */
#include "core/mem.h"
#include "core/yaml.h"
#include "tests/test.h"

#include <float.h>

static fn_yaml *parse(const char *text)
{
    fn_yaml *y = NULL;
    CHECK_OK(fn_yaml_parse(&y, "t.yaml", text, strlen(text)));
    return y;
}

typedef struct config {
    int count, flip;
    float rate, decay;
    char name[FN_TEXT_BYTES];
} config;

#define AT(member) offsetof(config, member)
static const fn_field table[] = {
    {"count", FN_INT, AT(count), NAN, 1, 100, NULL, NULL, "How many."},
    {"name", FN_TEXT, AT(name), 0, 0, 0, NULL, "none", NULL},
    {"train.rate", FN_REAL, AT(rate), 0.05, (double)FLT_MIN, 10, NULL, NULL, NULL},
    {"train.optim.decay", FN_REAL, AT(decay), 0, 0, 1, NULL, NULL, NULL},
    {"train.flip", FN_BOOL, AT(flip), 1, 0, 1, NULL, NULL, NULL},
    {0},
};

static fn_status read_into(config *c, const char *text, const char *const *also,
                           bool partial)
{
    fn_yaml *y = parse(text);
    fn_field_defaults(table, c);
    fn_status rc = fn_yaml_read(y, fn_yaml_root(y), table, c, also, partial);
    fn_yaml_close(y);
    return rc;
}

TEST(a_mapping_fills_a_struct)
{
    config c;
    CHECK_OK(read_into(&c, "count: 7\ntrain:\n  rate: 0.5\n  optim: {decay: 0.25}\n", NULL,
                       false));
    CHECK_INT(c.count, 7);
    CHECK_INT(c.flip, 1);
    CHECK_NEAR(c.rate, 0.5, 0);
    CHECK_NEAR(c.decay, 0.25, 0);
    CHECK_TEXT(c.name, "none");
    CHECK_OK(read_into(&c,
                       "{train.rate: 2, train: {optim.decay: 1, flip: false}, count: 1, "
                       "name: \"\"}",
                       NULL, false));
    CHECK_NEAR(c.rate, 2, 0);
    CHECK_NEAR(c.decay, 1, 0);
    CHECK_INT(c.flip, 0);
    CHECK_TEXT(c.name, "");
}

static void refuse_config(const char *text, const char *part)
{
    config c;
    CHECK_FAILS(read_into(&c, text, NULL, false), FN_ECONFIG, part);
}

TEST(mistakes_are_said_with_their_place)
{
    refuse_config("count: 1\ntrain:\n  rat: 1\n",
                  "t.yaml:3:3: unknown key 'train.rat'; did you mean 'train.rate'?");
    refuse_config("coutn: 1\n", "t.yaml:1:1: unknown key 'coutn'; did you mean 'count'?");
    refuse_config("trian: {rate: 1}\n", "unknown key 'trian'; did you mean 'train'?");
    refuse_config("train: {optm: {decay: 1}}\n", "did you mean 'train.optim'?");
    refuse_config("banana: 1\n", "t.yaml:1:1: unknown key 'banana'");
    refuse_config("count: 1\ntrain: {rate: 0.05x}\n",
                  "t.yaml:2:15: train.rate: expected a number in (0, 10], got '0.05x'");
    refuse_config("count: [1]\n", "t.yaml:1:8: count: expected one value, got a list");
    refuse_config("count: {a: 1}\n", "count: expected one value, got a mapping");
    refuse_config("train: 5\n", "t.yaml:1:8: train: expected keys below it");
    refuse_config("train: [rate]\n", "train: expected keys below it");
    refuse_config("count:\n", "count: has no value: write one, or remove");
    refuse_config("count: 1\nname:\n", "name: has no value: write one (\"\" for no text)");
    refuse_config("count: 1\nname: ~\n", "t.yaml:2:7: name: has no value");
    refuse_config("train.rate: 1\ntrain: {rate: 2}\ncount: 1\n",
                  "t.yaml:2:15: train.rate: is given twice");
    refuse_config("name: x\n", "t.yaml:1:1: missing key 'count': How many.");
    refuse_config("[1, 2]\n", "t.yaml:1:1: expected keys and values");
    refuse_config("word\n", "expected keys and values");
}

/* "train" is a group of the table, "trai" is a mere beginning of one. */
TEST(a_group_is_a_whole_word)
{
    refuse_config("trai: {n.rate: 1}\n", "unknown key 'trai'");
    refuse_config("train: {optim.decay.x: 1}\n", "unknown key 'train.optim.decay.x'");
}

TEST(a_very_long_key_is_cut_and_refused)
{
    char text[1000];
    memset(text, 'k', sizeof text);
    strcpy(text + sizeof text - 5, ": 1\n");
    refuse_config(text, "unknown key 'kkk");
}

TEST(other_keys_may_be_somebody_elses)
{
    static const char *const also[] = {"rows", NULL};
    config c;
    CHECK_OK(read_into(&c, "count: 1\nrows: [1, {a: 2}]\n", also, false));
    CHECK_OK(read_into(&c, "count: 1\nrows.each: 2\n", also, false));
    CHECK_FAILS(read_into(&c, "count: 1\nrows2.each: 2\n", also, false), FN_ECONFIG,
                "rows2.each");
    CHECK_FAILS(read_into(&c, "count: 1\nrow: []\n", also, false), FN_ECONFIG,
                "unknown key 'row'; did you mean 'rows'?");
    CHECK_FAILS(read_into(&c, "count: 1\ntrain: {rows: 1}\n", also, false), FN_ECONFIG,
                "unknown key 'train.rows'");
}

TEST(a_partial_file_may_lack_what_is_required)
{
    config c;
    CHECK_OK(read_into(&c, "name: x\n", NULL, true));
    CHECK_TEXT(c.name, "x");
    CHECK_FAILS(read_into(&c, "nam: x\n", NULL, true), FN_ECONFIG, "did you mean 'name'?");
}

TEST(reading_without_memory_is_reported)
{
    fn_yaml *y = parse("count: 1");
    config c;
    fn_fail_alloc(1);
    CHECK_FAILS(fn_yaml_read(y, fn_yaml_root(y), table, &c, NULL, false), FN_ENOMEM,
                "t.yaml");
    fn_fail_alloc(0);
    fn_yaml_close(y);
}

TEST(no_table_takes_no_key)
{
    fn_yaml *y = parse("{}");
    CHECK_OK(fn_yaml_read(y, fn_yaml_root(y), NULL, NULL, NULL, false));
    fn_yaml_close(y);
    y = parse("a: 1");
    CHECK_FAILS(fn_yaml_read(y, fn_yaml_root(y), NULL, NULL, NULL, false), FN_ECONFIG,
                "unknown key 'a'");
    fn_yaml_close(y);
}
