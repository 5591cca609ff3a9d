/* test_pairs.c -- the grammar of pairs.txt, and where images lie. */
#include "core/file.h"
#include "core/mem.h"
#include "eval/pairs.h"
#include "tests/test.h"

#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static const char *in(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text, size_t size)
{
    FILE *f = fopen(in(name), "wb");
    CHECK(f && fwrite(text, 1, size, f) == size);
    if (f)
        fclose(f);
}

static void begin(void)
{
    strcpy(folder, "/tmp/test_pairs.XXXXXX");
    CHECK(mkdtemp(folder));
}

static void end(void)
{
    CHECK_OK(fn_file_remove_tree(folder));
}

static fn_pairs *read_text(const char *text)
{
    fn_pairs *p;
    write_file("pairs.txt", text, strlen(text));
    CHECK_OK(fn_pairs_read(&p, in("pairs.txt")));
    return p;
}

static void refuse(const char *text, const char *part)
{
    fn_pairs *p = (fn_pairs *)&p;
    char place[512];
    write_file("pairs.txt", text, strlen(text));
    CHECK_FAILS(fn_pairs_read(&p, in("pairs.txt")), FN_EDATA, part);
    CHECK(!p);
    snprintf(place, sizeof place, "%s:", in("pairs.txt"));
    CHECK(strncmp(fn_last_error(), place, strlen(place)) == 0);
}

static void check_pair(const fn_pairs *p, int i, const char *a, const char *b, int fold,
                       bool same)
{
    CHECK_TEXT(p->path[p->pair[i].a], a);
    CHECK_TEXT(p->path[p->pair[i].b], b);
    CHECK_INT(p->pair[i].fold, fold);
    CHECK_INT(p->pair[i].same, same);
}

#define TWO_SETS                                 \
    "2\t2\n"                                     \
    "Ann_Lee\t1\t4\nBo\t2\t1\n"                  \
    "Ann_Lee\t4\tBo\t1\nCy_de_la_O\t12\tBo\t2\n" \
    "Cy_de_la_O\t12\t13\nDi-X\t1\t12345\n"       \
    "Di-X\t1\tAnn_Lee\t1\nAnn_Lee\t2\tBo\t9\n"

static void check_two_sets(const fn_pairs *p)
{
    CHECK_INT(p->n, 8);
    CHECK_INT(p->folds, 2);
    CHECK_INT(p->n_path, 10);
    check_pair(p, 0, "Ann_Lee/Ann_Lee_0001.jpg", "Ann_Lee/Ann_Lee_0004.jpg", 0, true);
    check_pair(p, 1, "Bo/Bo_0002.jpg", "Bo/Bo_0001.jpg", 0, true);
    check_pair(p, 2, "Ann_Lee/Ann_Lee_0004.jpg", "Bo/Bo_0001.jpg", 0, false);
    check_pair(p, 3, "Cy_de_la_O/Cy_de_la_O_0012.jpg", "Bo/Bo_0002.jpg", 0, false);
    check_pair(p, 5, "Di-X/Di-X_0001.jpg", "Di-X/Di-X_12345.jpg", 1, true);
    check_pair(p, 7, "Ann_Lee/Ann_Lee_0002.jpg", "Bo/Bo_0009.jpg", 1, false);
    CHECK_TEXT(p->path[0], "Ann_Lee/Ann_Lee_0001.jpg");
    CHECK_TEXT(p->path[2], "Bo/Bo_0002.jpg");
}

TEST(official_format_with_tabs)
{
    begin();
    fn_pairs *p = read_text(TWO_SETS);
    check_two_sets(p);
    CHECK_INT(strlen(p->digest), 64);
    fn_pairs_free(p);
    end();
}

TEST(digest_is_that_of_the_file)
{
    begin();
    fn_pairs *p = read_text("1\na 1 2\na 1 b 1\n");
    /* sha256sum of these bytes */
    CHECK_TEXT(p->digest,
               "681576bf80b8dbdf8202505e1c0b08eb53d781ac06c8544f42261cd82cd823ae");
    fn_pairs_free(p);
    end();
}

TEST(spaces_crlf_and_trailing_blank_lines)
{
    char text[512], crlf[512];
    size_t n = 0;
    begin();
    strcpy(text, TWO_SETS);
    for (char *c = text; *c; c++)
        if (*c == '\t')
            *c = ' ';
    fn_pairs *p = read_text(text);
    check_two_sets(p);
    fn_pairs_free(p);
    for (const char *c = TWO_SETS; *c; c++) {
        if (*c == '\n')
            crlf[n++] = '\r';
        crlf[n++] = *c;
    }
    strcpy(crlf + n, "\r\n\r\n\n");
    p = read_text(crlf);
    check_two_sets(p);
    fn_pairs_free(p);
    text[strlen(text) - 1] = '\0'; /* no newline at the end */
    p = read_text(text);
    check_two_sets(p);
    fn_pairs_free(p);
    p = read_text("1 \t 1\na  1\t\t2\na 1 b 1\n");
    check_pair(p, 0, "a/a_0001.jpg", "a/a_0002.jpg", 0, true);
    fn_pairs_free(p);
    end();
}

TEST(one_number_is_one_set)
{
    begin();
    fn_pairs *p = read_text("2\na 1 2\nb 1 2\na 1 b 1\na 2 b 2\n");
    CHECK_INT(p->n, 4);
    CHECK_INT(p->folds, 1);
    CHECK(p->pair[1].same && !p->pair[2].same && p->pair[3].fold == 0);
    fn_pairs_free(p);
    end();
}

TEST(wrong_counts)
{
    begin();
    refuse("1 2\na 1 2\nb 1 2\na 1 b 1\n", ":5:1: the file ends after 3 pairs of the 4");
    refuse("1 1\na 1 2\na 1 b 1\na 2 b 2\n", ":4:1: text after the 2 pairs");
    refuse("2 1\na 1 2\na 1 b 1\n", ":4:1: the file ends after 2 pairs of the 4");
    refuse("1 2\na 1 2\na 1 b 1\nb 1 2\na 1 b 2\n",
           ":3:1: expected 'name n1 n2' (pair 2 of one person in set 1), got 4 fields");
    refuse("2 1\na 1 2\na 1 b 1\nb 1 2\nb 1 2\n",
           ":5:1: expected 'name1 n1 name2 n2' (pair 1 of two people in set 2), got 3");
    refuse("10 300\na 1 2\na 1 b 1\n", ":3:1: expected");
    end();
}

TEST(bad_headers)
{
    begin();
    refuse("", ":1:1: the file is empty");
    refuse("\n\n", ":1:1: the file is empty");
    refuse("ten 300\na 1 2\n", ":1:1: expected a whole number from 1 to 100, got 'ten'");
    refuse("101 1\na 1 2\n", ":1:1: expected a whole number from 1 to 100, got '101'");
    refuse("0 1\na 1 2\n", ":1:1: expected a whole number");
    refuse("10\t-3\n", ":1:4: expected a whole number from 1 to 1000000, got '-3'");
    refuse("10 99999999999999999999\n", ":1:4: expected a whole number");
    refuse("1 2 3\n", ":1:1: expected 'sets n' or 'n', got 3 fields");
    refuse("1 1000000\n", ":2:1: the file ends after 0 pairs of the 2000000");
    refuse("\xef\xbb\xbf"
           "1 1\na 1 2\na 1 b 1\n",
           ":1:1: expected a whole number");
    end();
}

TEST(junk_lines)
{
    begin();
    refuse("1\na 1\na 1 b 1\n", ":2:1: expected 'name n1 n2'");
    refuse("1\nhello\na 1 b 1\n", "got 1 field");
    refuse("1\na 1 2\na 1 b 1 c 1 d\n", ":3:1: expected 'name1 n1 name2 n2'");
    refuse("1\na 1 2\na 1 b 1 c 1 d\n", "got 7 fields");
    refuse("1\n\na 1 2\na 1 b 1\n", ":2:1: expected 'name n1 n2'");
    refuse("1\na 1 x2\na 1 b 1\n",
           ":2:5: expected a whole number from 1 to 999999, got 'x2'");
    refuse("1\na 1 0\na 1 b 1\n", ":2:5: expected a whole number");
    refuse("1\na 01 2\na 1 b 1\n", ":2:3: expected a whole number");
    refuse("1\na 1 2.0\na 1 b 1\n", ":2:5: expected a whole number");
    refuse("1\na 1 2\na b 1 1\n", ":3:3: expected a whole number");
    refuse("1\n a 1 2\na 1 b 1\n", ":2:1: a blank at the start");
    refuse("1\na 1 2\t\na 1 b 1\n", ":2:6: a blank at the end");
    refuse("1\na 1 2\na 1 b 1\n \n", "text after the 2 pairs");
    refuse("1\r1\na 1 2\na 1 b 1\n", ":1:1: expected a whole number");
    end();
}

/* LFW's other lists, mistaken for pairs. */
TEST(lists_of_people_are_refused)
{
    begin();
    refuse("10\n601\nAngela_Merkel\t5\nBo\t1\n",
           ":2:1: expected 'name n1 n2' (pair 1 of one person in set 1), got 1 field");
    refuse("2\nAngela_Merkel\t5\nBo\t1\n", ":2:1: expected 'name n1 n2'");
    refuse("1\nJohn Smith 1 2\na 1 b 1\n", ":2:1: expected 'name n1 n2'");
    refuse("1,1\na,1,2\na,1,b,1\n", ":1:1: expected a whole number");
    end();
}

TEST(pairs_that_contradict_themselves)
{
    begin();
    refuse("1\na 2 2\na 1 b 1\n", ":2:5: the image is paired with itself");
    refuse("1\na 1 2\nab 1 ab 2\n", ":3:6: 'ab' is paired as two different people");
    end();
}

TEST(names_stay_inside_the_folder)
{
    char text[600], name[202];
    begin();
    refuse("1\n../a 1 2\na 1 b 1\n", ":2:1: byte 0x2e does not belong");
    refuse("1\na/b 1 2\na 1 b 1\n", ":2:2: byte 0x2f does not belong");
    refuse("1\na 1 2\na 1 b\x01"
           "c 1\n",
           ":3:6: byte 0x01 does not belong");
    memset(name, 'n', 201);
    name[201] = '\0';
    snprintf(text, sizeof text, "1\n%s 1 2\n%s 1 b 1\n", name, name);
    refuse(text, ":2:1: a name of 201 bytes; at most 200 are allowed");
    snprintf(text, sizeof text, "1\n%s 1 2\n%s 1 b 1\n", name + 1, name + 1);
    fn_pairs *p = read_text(text);
    CHECK_INT(strlen(p->path[0]), 2 * 200 + 10);
    fn_pairs_free(p);
    p = read_text("1\nJos\xc3\xa9_\xc3\x81 1 2\na 1 b 1\n");
    CHECK_TEXT(p->path[0], "Jos\xc3\xa9_\xc3\x81/Jos\xc3\xa9_\xc3\x81_0001.jpg");
    fn_pairs_free(p);
    write_file("pairs.txt", "1\na\0b 1 2\na 1 b 1\n", 19);
    CHECK_FAILS(fn_pairs_read(&p, in("pairs.txt")), FN_EDATA, ":2:2: byte 0x00");
    end();
}

TEST(no_file_or_a_folder)
{
    fn_pairs *p;
    begin();
    CHECK_FAILS(fn_pairs_read(&p, in("absent.txt")), FN_ENOENT, "absent.txt");
    CHECK(!p);
    CHECK(fn_pairs_read(&p, folder) != FN_OK && strstr(fn_last_error(), folder));
    CHECK(!p);
    end();
}

/* a_0001 as .jpg, a_0002 as .png, a_0003 as .jpeg, b_0001 missing, b_0002 only a folder */
TEST(locates_images_and_lists_the_missing)
{
    int *missing, n;
    begin();
    fn_pairs *p = read_text("2\na 1 2\na 2 3\na 3 b 1\na 1 b 2\n");
    CHECK_INT(mkdir(in("a"), 0700), 0);
    CHECK_INT(mkdir(in("b"), 0700), 0);
    write_file("a/a_0001.jpg", "x", 1);
    write_file("a/a_0001.png", "x", 1);
    write_file("a/a_0002.png", "x", 1);
    write_file("a/a_0003.jpeg", "x", 1);
    CHECK_INT(mkdir(in("b/b_0002.jpg"), 0700), 0);
    CHECK_OK(fn_pairs_locate(p, folder, &missing, &n));
    CHECK_INT(n, 2);
    CHECK_TEXT(p->path[0], "a/a_0001.jpg");
    CHECK_TEXT(p->path[1], "a/a_0002.png");
    CHECK_TEXT(p->path[2], "a/a_0003.jpeg");
    if (n == 2) {
        CHECK_TEXT(p->path[missing[0]], "b/b_0001.jpg");
        CHECK_TEXT(p->path[missing[1]], "b/b_0002.jpg");
    }
    fn_free(missing);
    CHECK_FAILS(fn_pairs_locate(p, in("absent"), &missing, &n), FN_ENOENT, "not a folder");
    CHECK(!missing);
    for (long k = 1;; k++) {
        fn_fail_alloc(k);
        fn_status rc = fn_pairs_locate(p, folder, &missing, &n);
        fn_fail_alloc(0);
        if (rc == FN_OK)
            break;
        CHECK_INT(rc, FN_ENOMEM);
        CHECK(!missing && k < 100);
    }
    CHECK_INT(n, 2);
    fn_free(missing);
    fn_pairs_free(p);
    CHECK_INT(rmdir(in("b/b_0002.jpg")), 0);
    end();
}

TEST(failed_allocations_while_reading)
{
    fn_pairs *p = NULL;
    long k = 1;
    begin();
    write_file("pairs.txt", TWO_SETS, strlen(TWO_SETS));
    for (;; k++) {
        fn_fail_alloc(k);
        fn_status rc = fn_pairs_read(&p, in("pairs.txt"));
        fn_fail_alloc(0);
        if (rc == FN_OK)
            break;
        CHECK_INT(rc, FN_ENOMEM);
        CHECK(!p && k < 100);
    }
    CHECK(k > 10);
    check_two_sets(p);
    fn_pairs_free(p);
    end();
}

static char *path_of(const char *text)
{
    char *copy = fn_strdup(text);
    CHECK(copy);
    return copy;
}

TEST(people_and_left_out_pairs)
{
    fn_pairs *p = fn_alloc(1, sizeof *p);
    int *person, people, missing[] = {1};
    *p = (fn_pairs){.n = 3, .folds = 1, .n_path = 4};
    p->pair = fn_alloc(3, sizeof *p->pair);
    p->path = fn_alloc(4, sizeof *p->path);
    p->path[0] = path_of("b/b_0001.jpg");
    p->path[1] = path_of("a/a_0001.jpg");
    p->path[2] = path_of("b/b_0002.jpg");
    p->path[3] = path_of("ba/ba_0001.jpg");
    p->pair[0] = (fn_pair){.a = 0, .b = 2, .same = true};
    p->pair[1] = (fn_pair){.a = 1, .b = 3};
    p->pair[2] = (fn_pair){.a = 2, .b = 0, .same = true};
    CHECK_OK(fn_pairs_people(&person, &people, p));
    CHECK_INT(people, 3);
    CHECK(person[0] == person[2] && person[1] != person[0] && person[3] != person[0]);
    fn_free(person);
    CHECK_OK(fn_pairs_drop(p, missing, 1));
    CHECK_INT(p->n, 2);
    CHECK_INT(p->dropped, 1);
    CHECK_INT(p->n_path, 2); /* nobody names ba any more */
    CHECK_INT(p->n_absent, 1);
    CHECK_TEXT(p->absent[0], "a/a_0001.jpg");
    CHECK_TEXT(p->path[p->pair[1].a], "b/b_0002.jpg");
    CHECK_TEXT(p->path[p->pair[1].b], "b/b_0001.jpg");
    fn_pairs_free(p);
}

TEST(lfw_itself)
{
    const char *home = "../shared/data/lfw";
    int *missing, n, same = 0, per_fold[10] = {0};
    fn_pairs *p;
    char file[64];
    snprintf(file, sizeof file, "%s/pairs.txt", home);
    if (!fn_file_exists(file))
        SKIP("no ../shared/data/lfw here");
    CHECK_OK(fn_pairs_read(&p, file));
    if (!p)
        return;
    CHECK_INT(p->n, 6000);
    CHECK_INT(p->folds, 10);
    CHECK_INT(p->n_path, 7701);
    for (int i = 0; i < p->n; i++) {
        same += p->pair[i].same;
        per_fold[p->pair[i].fold]++;
    }
    CHECK_INT(same, 3000);
    for (int f = 0; f < 10; f++)
        CHECK_INT(per_fold[f], 600);
    check_pair(p, 0, "Abel_Pacheco/Abel_Pacheco_0001.jpg",
               "Abel_Pacheco/Abel_Pacheco_0004.jpg", 0, true);
    check_pair(p, 5999, "Slobodan_Milosevic/Slobodan_Milosevic_0002.jpg",
               "Sok_An/Sok_An_0001.jpg", 9, false);
    CHECK_OK(fn_pairs_locate(p, home, &missing, &n));
    CHECK_INT(n, 0);
    fn_free(missing);
    fn_pairs_free(p);
}
