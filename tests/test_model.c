/* test_model.c -- what is saved comes back; what is damaged or foreign is refused. */
#include "core/file.h"
#include "core/h5.h"
#include "core/mem.h"
#include "nn/model.h"
#include "nn/plan.h"
#include "tests/nets.h"
#include "tests/test.h"

#include <unistd.h>

static char folder[] = "/tmp/fn_model_XXXXXX";

static void open_folder(void)
{
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
}

static const char *in_folder(const char *name)
{
    static char path[4][128];
    static int i;
    i = (i + 1) % 4;
    snprintf(path[i], sizeof path[i], "%s/%s", folder, name);
    return path[i];
}

typedef struct made {
    fn_net *net;
    fn_graph *g;
    fn_params *p;
} made;

static made make(const char *text)
{
    made m = {NULL, NULL, NULL};
    CHECK_OK(fn_net_parse(&m.net, "test.yaml", text, strlen(text)));
    CHECK_OK(fn_test_net(&m.g, &m.p, text, 1, false));
    return m;
}

static void unmake(made m)
{
    fn_net_close(m.net);
    fn_graph_close(m.g);
    fn_params_close(m.p);
}

static const fn_record record = {.crop = "centre: 137@125,135",
                                 .view = 0.875f,
                                 .threshold = 1.1234567f,
                                 .threshold_from = "eval of pairs.txt, 6000 pairs",
                                 .step = 123456789012,
                                 .data = "0123456789abcdef0123456789abcdef"
                                         "0123456789abcdef0123456789abcdef"};

static void save(const char *path)
{
    made m = make(FN_TEST_NET("batch"));
    CHECK_OK(fn_model_save(path, m.net, m.p, &record));
    unmake(m);
}

TEST(a_model_comes_back)
{
    made a = make(FN_TEST_NET("batch"));
    fn_model *m = NULL;
    open_folder();
    CHECK_OK(fn_model_save(in_folder("a.fnm"), a.net, a.p, &record));
    CHECK_OK(fn_model_open(&m, in_folder("a.fnm")));
    CHECK_TEXT(fn_net_text(m->net), FN_TEST_NET("batch"));
    CHECK_TEXT(fn_net_name(m->net), "small");
    CHECK_INT(fn_model_dim(m), 8);
    CHECK_INT(m->params->count, a.p->count);
    CHECK(memcmp(m->params->value, a.p->value, (size_t)a.p->count * sizeof(float)) == 0);
    CHECK(m->params->grad == NULL);
    CHECK_TEXT(m->record.crop, record.crop);
    CHECK_TEXT(m->record.threshold_from, record.threshold_from);
    CHECK_TEXT(m->record.data, record.data);
    CHECK(m->record.view == record.view && m->record.threshold == record.threshold);
    CHECK_INT(m->record.step, record.step);
    char digest[FN_DIGEST_BYTES];
    CHECK_OK(fn_digest(digest, a.p->value, (size_t)a.p->count * sizeof(float)));
    CHECK_TEXT(m->digest, digest);
    CHECK_TEXT(fn_model_digest(m), digest);
    CHECK_TEXT(fn_model_name(m), "small");
    CHECK_INT(fn_model_width(m), 17);
    CHECK_INT(fn_model_height(m), 19);
    CHECK_TEXT(fn_model_crop(m), record.crop);
    CHECK(fn_model_threshold(m) == record.threshold);
    CHECK_TEXT(fn_model_threshold_from(m), record.threshold_from);
    fn_model_close(m);
    fn_model_close(NULL);
    unmake(a);
    CHECK_OK(fn_file_remove_tree(folder));
}

TEST(an_unknown_threshold_stays_unknown)
{
    made a = make(FN_TEST_NET("none"));
    fn_model *m = NULL;
    fn_record r = {.crop = "none", .view = 1, .threshold = NAN};
    open_folder();
    CHECK_OK(fn_model_save(in_folder("a.fnm"), a.net, a.p, &r));
    CHECK_OK(fn_model_open(&m, in_folder("a.fnm")));
    CHECK(isnan(m->record.threshold) && isnan(fn_model_threshold(m)));
    CHECK(m->record.view == 1);
    CHECK_TEXT(m->record.data, "");
    CHECK_TEXT(m->record.threshold_from, "");
    CHECK_INT(m->record.step, 0);
    fn_model_close(m);
    unmake(a);
    CHECK_OK(fn_file_remove_tree(folder));
}

TEST(a_record_that_could_not_be_read_is_not_written)
{
    made a = make(FN_TEST_NET("none"));
    fn_record r = {.crop = "none", .view = 0, .threshold = NAN};
    open_folder();
    CHECK_FAILS(fn_model_save(in_folder("a.fnm"), a.net, a.p, &r), FN_ECONFIG, "view");
    CHECK(!fn_file_exists(in_folder("a.fnm")));
    unmake(a);
    CHECK_OK(fn_file_remove_tree(folder));
}

/* Same weights, same file; other weights, other digest. */
TEST(the_digest_is_of_the_weights)
{
    made a = make(FN_TEST_NET("none"));
    fn_model *m = NULL, *n = NULL;
    open_folder();
    CHECK_OK(fn_model_save(in_folder("a.fnm"), a.net, a.p, &record));
    a.p->value[a.p->param[3].offset] += 1e-3f;
    CHECK_OK(fn_model_save(in_folder("b.fnm"), a.net, a.p, &record));
    CHECK_OK(fn_model_open(&m, in_folder("a.fnm")));
    CHECK_OK(fn_model_open(&n, in_folder("b.fnm")));
    CHECK_INT(strlen(m->digest), 64);
    CHECK(strcmp(m->digest, n->digest) != 0);
    fn_model_close(m);
    fn_model_close(n);
    unmake(a);
    CHECK_OK(fn_file_remove_tree(folder));
}

/* --- what is refused --- */

#define REFUSED(path, status, sentence)                          \
    do {                                                         \
        fn_model *m_ = NULL;                                     \
        CHECK_FAILS(fn_model_open(&m_, path), status, sentence); \
        CHECK(m_ == NULL);                                       \
    } while (0)

TEST(files_of_another_kind)
{
    fn_h5 *h;
    open_folder();
    REFUSED(in_folder("none.fnm"), FN_ENOENT, "none.fnm");
    CHECK_OK(fn_file_replace(in_folder("text.fnm"), "hello\n", 6));
    REFUSED(in_folder("text.fnm"), FN_EDATA, "text.fnm");
    CHECK_OK(fn_file_replace(in_folder("empty.fnm"), "", 0));
    REFUSED(in_folder("empty.fnm"), FN_EDATA, "empty.fnm");
    CHECK_OK(fn_h5_create(&h));
    CHECK_OK(fn_h5_write_text(h, "net", FN_TEST_NET("none")));
    CHECK_OK(fn_h5_save(h, in_folder("other.fnm")));
    fn_h5_close(h);
    REFUSED(in_folder("other.fnm"), FN_EDATA,
            "other.fnm: not a model of facenet: give the .fnm file that `train` wrote");
    CHECK_OK(fn_h5_create(&h));
    CHECK_OK(fn_h5_write_text(h, "format", "facenet pack 1"));
    CHECK_OK(fn_h5_save(h, in_folder("pack.fnm")));
    fn_h5_close(h);
    REFUSED(in_folder("pack.fnm"), FN_EDATA, "pack.fnm: not a model of facenet");
    CHECK_OK(fn_h5_create(&h));
    CHECK_OK(fn_h5_write_text(h, "format", "facenet model 2"));
    CHECK_OK(fn_h5_save(h, in_folder("new.fnm")));
    fn_h5_close(h);
    REFUSED(in_folder("new.fnm"), FN_EDATA, "'facenet model 2'");
    CHECK(strstr(fn_last_error(), "use a newer facenet"));
    CHECK_OK(fn_file_remove_tree(folder));
}

/* A model written by hand, with one thing wrong. */
typedef struct forgery {
    const char *net, *crop, *view, *threshold, *step, *digest;
    int skip, reshape; /* a parameter to leave out, or to give another shape; -1: none */
    enum { FLAT, SWAPPED, DEEPER } how;
} forgery;

/* Another shape of as many numbers. */
static void reshape(fn_shape *s, int how)
{
    int64_t first = s->dim[0];
    if (how == FLAT) {
        s->dim[0] = fn_numel(*s);
        s->rank = 1;
    } else if (how == SWAPPED) {
        CHECK(s->dim[0] != s->dim[1]);
        s->dim[0] = s->dim[1];
        s->dim[1] = first;
    } else {
        s->rank++;
    }
}

static void forge(const char *path, forgery f)
{
    made a = make(FN_TEST_NET("none"));
    fn_h5 *h;
    char digest[FN_DIGEST_BYTES];
    CHECK_OK(fn_digest(digest, a.p->value, (size_t)a.p->count * sizeof(float)));
    CHECK_OK(fn_h5_create(&h));
    CHECK_OK(fn_h5_write_text(h, "format", "facenet model 1"));
    CHECK_OK(fn_h5_write_text(h, "net", f.net ? f.net : FN_TEST_NET("none")));
    CHECK_OK(fn_h5_write_text(h, "crop", f.crop ? f.crop : "none"));
    CHECK_OK(fn_h5_write_text(h, "view", f.view ? f.view : "1"));
    CHECK_OK(fn_h5_write_text(h, "threshold", f.threshold ? f.threshold : "unknown"));
    CHECK_OK(fn_h5_write_text(h, "threshold_from", ""));
    CHECK_OK(fn_h5_write_text(h, "step", f.step ? f.step : "0"));
    CHECK_OK(fn_h5_write_text(h, "data", ""));
    CHECK_OK(fn_h5_write_text(h, "digest", f.digest ? f.digest : digest));
    for (int i = 0; i < a.p->n; i++) {
        fn_shape s = a.p->param[i].shape;
        char name[160];
        snprintf(name, sizeof name, "params/%s", a.p->param[i].name);
        if (i == f.reshape)
            reshape(&s, f.how);
        if (i != f.skip)
            CHECK_OK(fn_h5_write(h, name, FN_H5_F32, s.rank, s.dim,
                                 a.p->value + a.p->param[i].offset));
    }
    CHECK_OK(fn_h5_save(h, path));
    fn_h5_close(h);
    unmake(a);
}

static void check_forgery(forgery f, const char *sentence)
{
    open_folder();
    forge(in_folder("f.fnm"), f);
    REFUSED(in_folder("f.fnm"), FN_EDATA, sentence);
    CHECK(strstr(fn_last_error(), "f.fnm: the model is damaged, restore it from a copy: "));
    CHECK_OK(fn_file_remove_tree(folder));
}

TEST(a_forged_model)
{
    fn_model *m = NULL;
    char longer[FN_TEXT_BYTES + 1];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    open_folder();
    forge(in_folder("good.fnm"), (forgery){.skip = -1, .reshape = -1});
    CHECK_OK(fn_model_open(&m, in_folder("good.fnm")));
    fn_model_close(m);
    CHECK_OK(fn_file_remove_tree(folder));
    check_forgery((forgery){.skip = 4, .reshape = -1}, "params/");
    check_forgery((forgery){.skip = -1, .reshape = 2}, "has not the shape");
    check_forgery((forgery){.skip = -1, .reshape = 0, .how = SWAPPED}, "has not the shape");
    check_forgery((forgery){.skip = -1, .reshape = 1, .how = DEEPER}, "has not the shape");
    check_forgery((forgery){.skip = -1, .reshape = -1, .view = "2"}, "view");
    check_forgery((forgery){.skip = -1, .reshape = -1, .view = "unknown"}, "view");
    check_forgery((forgery){.skip = -1, .reshape = -1, .threshold = "nan"}, "threshold");
    check_forgery((forgery){.skip = -1, .reshape = -1, .step = "-1"}, "step");
    check_forgery((forgery){.skip = -1, .reshape = -1, .crop = longer},
                  "crop has 512 bytes, 511 fit");
    check_forgery((forgery){.skip = -1, .reshape = -1, .net = "name: x\n"}, "net:");
    check_forgery((forgery){.skip = -1, .reshape = -1, .net = ""}, "net");
    check_forgery((forgery){.skip = -1, .reshape = -1, .digest = "00"},
                  "its weights are not those that were saved");
}

/* The same weights under another net: names or shapes do not match. */
TEST(a_model_of_another_network)
{
    check_forgery((forgery){.skip = -1, .reshape = -1, .net = FN_TEST_NET("batch")},
                  "params/");
}

/* Every byte counts: damage is noticed wherever it is, or it changed nothing we read. */
TEST(damage_is_noticed)
{
    char *bytes;
    size_t size;
    int refused = 0, n = 0;
    fn_model *good = NULL;
    open_folder();
    save(in_folder("a.fnm"));
    CHECK_OK(fn_model_open(&good, in_folder("a.fnm")));
    CHECK_OK(fn_file_read(&bytes, &size, in_folder("a.fnm"), 1 << 24));
    for (size_t at = 5; at < size; at += size / 300 + 1, n++) {
        fn_model *m = NULL;
        bytes[at] = (char)(bytes[at] ^ 0x41);
        CHECK_OK(fn_file_replace(in_folder("b.fnm"), bytes, size));
        bytes[at] = (char)(bytes[at] ^ 0x41);
        fn_status rc = fn_model_open(&m, in_folder("b.fnm"));
        refused += rc == FN_EDATA;
        if (rc == FN_OK)
            CHECK_TEXT(m->digest, good->digest);
        else if (rc != FN_EDATA)
            FN_TEST_FAIL("byte %zu: status %d, %s", at, rc, fn_last_error());
        fn_model_close(m);
    }
    CHECK(refused > n / 3);
    for (size_t cut = 0; cut < size; cut += size / 20 + 1) {
        CHECK_OK(fn_file_replace(in_folder("b.fnm"), bytes, cut));
        fn_model *m = NULL;
        CHECK_FAILS(fn_model_open(&m, in_folder("b.fnm")), FN_EDATA, "b.fnm");
        CHECK(m == NULL);
    }
    fn_model_close(good);
    fn_free(bytes);
    CHECK_OK(fn_file_remove_tree(folder));
}

/* A lost sector that holds a whole chunk reads as zeros, whose fletcher32 is zero as well: the
 * digest is what notices. */
TEST(a_zeroed_chunk_is_noticed)
{
    made a = make(FN_TEST_NET("batch"));
    const fn_param *p = &a.p->param[0];
    size_t size, n = (size_t)p->count * sizeof(float), at = 0;
    char *bytes;
    open_folder();
    save(in_folder("a.fnm"));
    CHECK_OK(fn_file_read(&bytes, &size, in_folder("a.fnm"), 1 << 24));
    while (at + n + 4 < size && memcmp(bytes + at, a.p->value + p->offset, n) != 0)
        at++;
    CHECK(at + n + 4 < size);
    memset(bytes + at, 0, n + 4); /* the weights and their checksum */
    CHECK_OK(fn_file_replace(in_folder("b.fnm"), bytes, size));
    REFUSED(in_folder("b.fnm"), FN_EDATA, "its weights are not those that were saved");
    fn_free(bytes);
    unmake(a);
    CHECK_OK(fn_file_remove_tree(folder));
}

TEST(a_failed_save_never_leaves_half_a_model)
{
    made a = make(FN_TEST_NET("none"));
    fn_model *m = NULL;
    open_folder();
    CHECK_FAILS(fn_model_save(in_folder("no/such/a.fnm"), a.net, a.p, &record), FN_ENOENT,
                "no/such/a.fnm");
    save(in_folder("a.fnm"));
    fn_status rc = FN_ENOMEM;
    for (int n = 1; rc != FN_OK && n < 2000; n++) {
        fn_fail_alloc(n);
        rc = fn_model_save(in_folder("a.fnm"), a.net, a.p, &record);
        fn_fail_alloc(0);
        CHECK(rc == FN_OK || rc == FN_ENOMEM);
        CHECK_OK(fn_model_open(&m, in_folder("a.fnm")));
        if (rc == FN_OK)
            CHECK(strstr(fn_net_text(m->net), "none, act"));
        fn_model_close(m);
    }
    CHECK_INT(rc, FN_OK);
    unmake(a);
    CHECK_OK(fn_file_remove_tree(folder));
}

TEST(every_failed_allocation_is_reported)
{
    fn_status rc = FN_ENOMEM;
    int n = 0;
    open_folder();
    save(in_folder("a.fnm"));
    while (rc != FN_OK && n < 2000) {
        fn_model *m = NULL;
        fn_fail_alloc(++n);
        rc = fn_model_open(&m, in_folder("a.fnm"));
        fn_fail_alloc(0);
        if (rc != FN_OK && rc != FN_ENOMEM)
            FN_TEST_FAIL("allocation %d: %s", n, fn_last_error());
        CHECK((rc == FN_OK) == (m != NULL));
        fn_model_close(m);
    }
    CHECK_INT(rc, FN_OK);
    CHECK(n > 50);
    CHECK_OK(fn_file_remove_tree(folder));
}
