/* test_yaml.c -- the strict subset of YAML as a tree, and places of complaints. */
#include "core/file.h"
#include "core/mem.h"
#include "core/yaml.h"
#include "tests/test.h"

static fn_yaml *parse(const char *text)
{
    fn_yaml *y = NULL;
    CHECK_OK(fn_yaml_parse(&y, "t.yaml", text, strlen(text)));
    return y;
}

static void refuse(const char *text, const char *part)
{
    fn_yaml *y = (fn_yaml *)(uintptr_t)1;
    CHECK_FAILS(fn_yaml_parse(&y, "t.yaml", text, strlen(text)), FN_ECONFIG, part);
    CHECK(y == NULL);
}

/* --- the tree --- */

TEST(a_document_is_a_tree)
{
    fn_yaml *y = parse("# a comment\n"
                       "net: nn2\n"
                       "rows:\n"
                       "  - {conv: 7, out: [64, \"1 2\"]}\n"
                       "  - pool\n"
                       "text: |\n"
                       "  two\n"
                       "  lines\n");
    fn_yaml_node root = fn_yaml_root(y), rows = fn_yaml_get(y, root, "rows");
    CHECK_INT(fn_yaml_kind_of(y, root), FN_YAML_MAP);
    CHECK_INT(fn_yaml_count(y, root), 3);
    CHECK_TEXT(fn_yaml_text(y, fn_yaml_key(y, root, 0)), "net");
    CHECK_TEXT(fn_yaml_text(y, fn_yaml_value(y, root, 0)), "nn2");
    CHECK_TEXT(fn_yaml_text(y, fn_yaml_key(y, root, 2)), "text");
    CHECK_TEXT(fn_yaml_text(y, fn_yaml_value(y, root, 2)), "two\nlines\n");
    CHECK_INT(fn_yaml_kind_of(y, rows), FN_YAML_LIST);
    CHECK_INT(fn_yaml_count(y, rows), 2);
    fn_yaml_node out = fn_yaml_get(y, fn_yaml_item(y, rows, 0), "out");
    CHECK_INT(fn_yaml_count(y, out), 2);
    CHECK_TEXT(fn_yaml_text(y, fn_yaml_item(y, out, 0)), "64");
    CHECK_TEXT(fn_yaml_text(y, fn_yaml_item(y, out, 1)), "1 2");
    CHECK_TEXT(fn_yaml_text(y, fn_yaml_item(y, rows, 1)), "pool");
    fn_yaml_close(y);
}

TEST(what_is_not_there_is_node_0)
{
    fn_yaml *y = parse("a: {b: 1}\nlist: [x]");
    fn_yaml_node root = fn_yaml_root(y), list = fn_yaml_get(y, root, "list");
    CHECK_INT(fn_yaml_get(y, root, "c"), 0);
    CHECK_INT(fn_yaml_get(y, list, "x"), 0);
    CHECK_INT(fn_yaml_get(y, 0, "x"), 0);
    CHECK_INT(fn_yaml_item(y, list, 1), 0);
    CHECK_INT(fn_yaml_item(y, root, 0), 0);
    CHECK_INT(fn_yaml_key(y, list, 0), 0);
    CHECK_INT(fn_yaml_value(y, root, 2), 0);
    CHECK_INT(fn_yaml_count(y, fn_yaml_item(y, list, 0)), 0);
    CHECK_TEXT(fn_yaml_text(y, root), "");
    CHECK_TEXT(fn_yaml_text(y, 0), "");
    fn_yaml_close(y);
}

/* A value is looked up among values: "b" here is one of a, not a key of the root. */
TEST(get_looks_at_keys_only)
{
    fn_yaml *y = parse("a: b\nb: c");
    CHECK_TEXT(fn_yaml_text(y, fn_yaml_get(y, fn_yaml_root(y), "b")), "c");
    CHECK_INT(fn_yaml_get(y, fn_yaml_root(y), "c"), 0);
    fn_yaml_close(y);
}

TEST(aliases_are_written_out)
{
    fn_yaml *y = parse("a: &x {k: [1, 2]}\nb: *x\nc: &x 3\nd: *x\n");
    fn_yaml_node root = fn_yaml_root(y), a = fn_yaml_get(y, root, "a"),
                 b = fn_yaml_get(y, root, "b");
    CHECK(a != b);
    CHECK_TEXT(fn_yaml_text(y, fn_yaml_item(y, fn_yaml_get(y, b, "k"), 1)), "2");
    CHECK_TEXT(fn_yaml_text(y, fn_yaml_get(y, root, "d")), "3");
    fn_yaml_close(y);
}

TEST(null_is_bare)
{
    fn_yaml *y = parse("[~, null, Null, NULL, \"\", \"~\", 'null', nul, 0]\n");
    for (int i = 0; i < 9; i++)
        CHECK_INT(fn_yaml_is_null(y, fn_yaml_item(y, fn_yaml_root(y), i)), i < 4);
    CHECK(!fn_yaml_is_null(y, fn_yaml_root(y)));
    fn_yaml_close(y);
    y = parse("a:\nb: &n\nc: *n\n");
    for (int i = 0; i < 3; i++)
        CHECK(fn_yaml_is_null(y, fn_yaml_value(y, fn_yaml_root(y), i)));
    fn_yaml_close(y);
}

TEST(line_ends_and_byte_order_mark_do_not_matter)
{
    fn_yaml *y = parse("\xef\xbb\xbf"
                       "a: 1\r\nb: \"\xc3\xa9\"\r\n");
    CHECK_TEXT(fn_yaml_text(y, fn_yaml_get(y, fn_yaml_root(y), "a")), "1");
    CHECK_TEXT(fn_yaml_text(y, fn_yaml_get(y, fn_yaml_root(y), "b")), "\xc3\xa9");
    fn_yaml_close(y);
    y = parse("---\na: 1\n...\n");
    CHECK_INT(fn_yaml_count(y, fn_yaml_root(y)), 1);
    fn_yaml_close(y);
}

/* --- refusals --- */

TEST(what_is_not_strict_is_refused_with_its_place)
{
    refuse("", "t.yaml: is empty");
    refuse("# nothing\n", "t.yaml: is empty");
    refuse("a: 1\nb: 2\na: 3\n", "t.yaml:3:1: key 'a' is here for the second time (line 1");
    refuse("x: {a: 1, \"a\": 2}", "t.yaml:1:11: key 'a'");
    refuse("a: 1\n---\nb: 2\n", "t.yaml:2:1: a second document");
    refuse("a: 1\n...\n---\n", "a second document");
    refuse("a: !!int 3\n", "t.yaml:1:4: a tag");
    refuse("a: ! 3\n", "t.yaml:1:4: a tag");
    refuse("a: !mine [1]\n", "t.yaml:1:4: a tag");
    refuse("--- !!map\na: 1\n", "a tag");
    refuse("b: &b {x: 1}\na:\n  <<: *b\n", "t.yaml:3:3: a merge key");
    refuse("? [a, b]\n: 1\n", "t.yaml:1:3: a key must be a word");
    refuse("a: *b\n", "t.yaml:1:4: an alias of nothing");
    refuse("a: \"x\\0y\"\n", "t.yaml:1:4: a text with a zero byte");
    refuse("a: [1, 2\nb: 3\n", "t.yaml:2:");
    refuse("a: 'x\n", "not YAML");
    refuse("a: b: c\n", "t.yaml:1:5: not YAML");
    refuse("a:\n\tb: 1\n", "t.yaml:2:1: a tab: indent with spaces");
    refuse("a: \xff\xfe\n", "t.yaml: byte 3 is not text: invalid");
}

/* Notepad's "Unicode", byte order mark and all. */
TEST(utf16_is_text_too)
{
    static const char utf16[] = "\xff\xfe"
                                "a\0:\0 \0\xe9";
    fn_yaml *y = NULL;
    CHECK_OK(fn_yaml_parse(&y, "t.yaml", utf16, sizeof utf16));
    CHECK_TEXT(fn_yaml_text(y, fn_yaml_value(y, fn_yaml_root(y), 0)), "\xc3\xa9");
    fn_yaml_close(y);
}

TEST(binary_is_no_text)
{
    fn_yaml *y;
    CHECK_FAILS(fn_yaml_parse(&y, "t.yaml", "a: \0", 4), FN_ECONFIG, "t.yaml: byte 3");
    CHECK_FAILS(fn_yaml_parse(&y, "t.yaml", "\x89HDF\r\n", 6), FN_ECONFIG,
                "t.yaml: byte 0");
}

TEST(a_cycle_is_refused)
{
    refuse("a: &a [*a]\n", "t.yaml:1:8: an alias inside what it stands for");
    refuse("&m {k: {l: *m}}\n", "an alias inside what it stands for");
}

/* 9 levels of 9: 387 million nodes out of 300 bytes. */
TEST(an_alias_bomb_is_refused)
{
    refuse("a: &a [x,x,x,x,x,x,x,x,x]\n"
           "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
           "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
           "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
           "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\n"
           "f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"
           "g: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\n"
           "h: &h [*g,*g,*g,*g,*g,*g,*g,*g,*g]\n"
           "i: &i [*h,*h,*h,*h,*h,*h,*h,*h,*h]\n",
           "more than 10000 values");
}

/* "[x,x,...]" of n items: n + 1 nodes. */
static char *list_of(int n)
{
    char *text = fn_alloc((size_t)n * 2 + 3, 1), *p = text;
    *p++ = '[';
    for (int i = 0; i < n; i++) {
        *p++ = 'x';
        *p++ = ',';
    }
    *p = ']';
    return text;
}

TEST(nodes_are_counted_exactly)
{
    char *most = list_of(9999), *more = list_of(10000);
    fn_yaml_close(parse(most));
    refuse(more, "t.yaml:1:20000: more than 10000 values");
    fn_free(most);
    fn_free(more);
}

TEST(depth_is_bounded)
{
    char text[128], want[32];
    for (int depth = 31; depth <= 33; depth++) { /* the last level is a scalar's */
        memset(text, '[', (size_t)depth - 1);
        memset(text + depth - 1, 'x', 1);
        memset(text + depth, ']', (size_t)depth - 1);
        text[2 * depth - 1] = '\0';
        snprintf(want, sizeof want, "t.yaml:1:%d: nested", depth);
        if (depth <= 32)
            fn_yaml_close(parse(text));
        else
            refuse(text, want);
    }
    refuse(
        "a: &a [[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]\nb: [[[[[[[[[[[[[[[[*a]]]]]]]]]]]]]]]]\n",
        "nested more than 32 deep");
}

TEST(a_megabyte_of_brackets_ends_at_once)
{
    size_t n = 1 << 20;
    fn_yaml *y;
    char *text = fn_alloc_aligned(n + 1);
    memset(text, '[', n + 1);
    CHECK_FAILS(fn_yaml_parse(&y, "t.yaml", text, n), FN_ECONFIG, "nested");
    memset(text, '#', n + 1);
    CHECK_FAILS(fn_yaml_parse(&y, "t.yaml", text, n), FN_ECONFIG, "empty");
    CHECK_FAILS(fn_yaml_parse(&y, "t.yaml", text, n + 1), FN_ECONFIG, "larger than 1 MiB");
    fn_free(text);
}

TEST(every_failed_allocation_is_reported)
{
    static const char text[] = "a: &x {k: [1, 2]}\nb: *x\nc: word\n";
    fn_yaml *y = NULL;
    fn_status rc = FN_ENOMEM;
    int n = 0;
    while (rc == FN_ENOMEM && ++n < 100) {
        fn_fail_alloc(n);
        rc = fn_yaml_parse(&y, "t.yaml", text, sizeof text - 1);
        CHECK((rc == FN_OK) == (y != NULL));
    }
    fn_fail_alloc(0);
    CHECK_OK(rc);
    CHECK(n > 8);
    fn_yaml_close(y);
    fn_yaml_close(NULL);
}

TEST(a_file_is_read_and_named)
{
    char root[] = "/tmp/fn_yaml_XXXXXX", path[64];
    fn_yaml *y;
    CHECK(mkdtemp(root) != NULL);
    snprintf(path, sizeof path, "%s/a.yaml", root);
    CHECK_FAILS(fn_yaml_open(&y, path), FN_ENOENT, "a.yaml: open: No such file");
    CHECK(y == NULL);
    CHECK_FAILS(fn_yaml_open(&y, root), FN_EINVAL, "is a folder");
    CHECK_OK(fn_file_replace(path, "a: [", 4));
    CHECK_FAILS(fn_yaml_open(&y, path), FN_ECONFIG, "a.yaml:2:1: not YAML");
    CHECK_OK(fn_file_replace(path, "a: 1", 4));
    CHECK_OK(fn_yaml_open(&y, path));
    CHECK_TEXT(fn_yaml_text(y, fn_yaml_get(y, fn_yaml_root(y), "a")), "1");
    fn_yaml_close(y);
    CHECK_OK(fn_file_remove_tree(root));
}

/* Not bad data: it is no configuration. */
TEST(a_file_of_more_than_a_megabyte_is_refused)
{
    char root[] = "/tmp/fn_yaml_XXXXXX", path[64];
    fn_yaml *y;
    CHECK(mkdtemp(root) != NULL);
    snprintf(path, sizeof path, "%s/a.yaml", root);
    for (int more = 0; more < 2; more++) {
        size_t n = (1 << 20) + (more ? 5000 : 1);
        char *text = fn_alloc(n, 1);
        memset(text, '#', n);
        CHECK_OK(fn_file_replace(path, text, n));
        CHECK_FAILS(fn_yaml_open(&y, path), FN_ECONFIG, "a.yaml: is larger than 1 MiB");
        CHECK(y == NULL);
        fn_free(text);
    }
    CHECK_OK(fn_file_remove_tree(root));
}

TEST(complaints_name_the_place)
{
    fn_yaml *y = parse("a: 1\nb:\n  - \"\xc3\xa9\"\n  - {k: v}\n");
    fn_yaml_node b = fn_yaml_get(y, fn_yaml_root(y), "b"), map = fn_yaml_item(y, b, 1);
    CHECK_FAILS(fn_yaml_fail(y, fn_yaml_get(y, map, "k"), "row %d", 7), FN_ECONFIG,
                "t.yaml:4:9: row 7");
    CHECK_FAILS(fn_yaml_context(y, map, fn_fail(FN_ESHAPE, "odd")), FN_ESHAPE,
                "t.yaml:4:5: odd");
    CHECK_FAILS(fn_yaml_fail(y, 0, "nothing there"), FN_ECONFIG, "t.yaml: nothing there");
    CHECK(strchr(fn_last_error(), '\n') == NULL);
    fn_yaml_close(y);
}

/* Complaints of the parser, of the strict rules and of readers: all show their line. */
TEST(complaints_show_the_line)
{
    refuse("a: 1\nb: c: d\n", "\n     2 | b: c: d\n       |     ^");
    refuse("a:\n\tb: 1\n", "\n     2 |  b: 1\n       | ^");
    refuse("a: 1\na: 2\n", "\n     2 | a: 2\n       | ^");
    refuse("a: [1, 2\n", "t.yaml:2:1: not YAML");
    fn_yaml *y = parse("a: &x [1, 2]\nb: *x\n");
    fn_yaml_node b = fn_yaml_get(y, fn_yaml_root(y), "b");
    CHECK_FAILS(fn_yaml_fail(y, fn_yaml_item(y, b, 1), "odd"), FN_ECONFIG,
                "t.yaml:1:11: odd\n     1 | a: &x [1, 2]\n       |           ^");
    fn_yaml_close(y);
}
