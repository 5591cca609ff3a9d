/* test_report.c -- results as JSON and SVG. What is inside is parsed by
 * tests/test_verification.py, which runs the test `exchange` here on distances of its own. */
#include "core/file.h"
#include "core/mem.h"
#include "eval/report.h"
#include "eval/roc.h"
#include "tests/test.h"

#include <sys/stat.h>

static char folder[64];

static const char *in(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void begin(void)
{
    strcpy(folder, "/tmp/test_report.XXXXXX");
    CHECK(mkdtemp(folder));
}

static void end(void)
{
    CHECK_OK(fn_file_remove_tree(folder));
}

static char *read_back(const char *name)
{
    char *text = NULL;
    size_t size;
    CHECK_OK(fn_file_read(&text, &size, in(name), 1 << 24));
    return text;
}

/* 2 folds, 8 pairs */
static fn_verification *small(void)
{
    static fn_pair pair[] = {{.fold = 0, .same = true},  {.fold = 0, .same = true},
                             {.fold = 0, .same = false}, {.fold = 0, .same = false},
                             {.fold = 1, .same = true},  {.fold = 1, .same = true},
                             {.fold = 1, .same = false}, {.fold = 1, .same = false}};
    static const float distance[] = {0.25F, 0.5F, 1, 1.25F, 0.25F, 1.125F, 1.5F, 2};
    fn_pairs p = {.pair = pair, .n = 8, .folds = 2};
    fn_verification *v = NULL;
    CHECK_OK(fn_verify_pairs(&v, &p, distance));
    return v;
}

static const fn_report report = {.protocol = "LFW: \"quoted\" & <plain>",
                                 .pairs_file = "pairs.txt",
                                 .pairs_digest = "00ff",
                                 .images = "lfw",
                                 .model = "m.fnm",
                                 .model_digest = "aa11",
                                 .net = "nn2",
                                 .precision = "bf16",
                                 .device = "cuda, H200",
                                 .crop = "centre: 137@125,135",
                                 .view = 0.875,
                                 .flip = true,
                                 .step = 12345678901};

TEST(json_names_everything)
{
    static const char *const part[] = {
        "\"protocol\": \"LFW: \\\"quoted\\\" & <plain>\"",
        "\"pairs_file\": \"pairs.txt\"",
        "\"pairs_digest\": \"00ff\"",
        "\"images\": \"lfw\"",
        "\"model\": \"m.fnm\"",
        "\"model_digest\": \"aa11\"",
        "\"net\": \"nn2\"",
        "\"precision\": \"bf16\"",
        "\"device\": \"cuda, H200\"",
        "\"crop\": \"centre: 137@125,135\"",
        "\"view\": 0.875",
        "\"flip\": true",
        "\"step\": 12345678901",
        "\"pairs\": 8",
        "\"same\": 4",
        "\"different\": 4",
        "\"accuracy\": 0.625",
        "\"standard_error\": 0.125",
        "\"deviation\": 0.17677",
        "\"auc\": 0.9375",
    };
    begin();
    fn_verification *v = small();
    CHECK_OK(fn_report_json(in("r.json"), v, &report));
    char *text = read_back("r.json");
    for (size_t i = 0; text && i < sizeof part / sizeof *part; i++)
        if (!strstr(text, part[i]))
            FN_TEST_FAIL("no %s in\n%s", part[i], text);
    fn_free(text);
    fn_verification_free(v);
    end();
}

TEST(json_leaves_out_what_is_not_there)
{
    static const fn_report pixels = {.pairs_file = "pairs.txt", .view = 1};
    begin();
    fn_verification *v = small();
    v->error = v->deviation = (double)NAN;
    CHECK_OK(fn_report_json(in("r.json"), v, &pixels));
    char *text = read_back("r.json");
    CHECK(strstr(text, "\"standard_error\": null") && strstr(text, "\"deviation\": null"));
    CHECK(!strstr(text, "\"model\"") && !strstr(text, "\"step\"") &&
          !strstr(text, "\"net\""));
    CHECK(!strstr(text, "nan") && strstr(text, "\"flip\": false"));
    fn_free(text);
    fn_verification_free(v);
    end();
}

TEST(results_replace_and_fail_with_a_place)
{
    static const fn_report latin = {.images = "caf\xe9"};
    const char *name = "a";
    begin();
    fn_verification *v = small();
    const fn_verification *list[] = {v};
    CHECK_OK(fn_report_json(in("r.json"), v, &report));
    CHECK_FAILS(fn_report_json(in("r.json"), v, &latin), FN_EDATA, "not UTF-8");
    char *text = read_back("r.json"); /* the old one stays */
    CHECK(text && strstr(text, "m.fnm"));
    fn_free(text);
    CHECK_FAILS(fn_report_json(in("no/r.json"), v, &report), FN_ENOENT, "no/r.json");
    CHECK_FAILS(fn_report_roc(in("no/r.svg"), list, &name, 1, "t"), FN_ENOENT, "no/r.svg");
    fn_verification_free(v);
    end();
}

TEST(picture_has_axes_legend_and_escaped_names)
{
    const char *name[] = {"nn2 & <co>", "pixels\x01"};
    begin();
    fn_verification *v = small();
    const fn_verification *list[] = {v, v};
    CHECK_OK(fn_report_roc(in("r.svg"), list, name, 2, "a \"title\""));
    char *text = read_back("r.svg");
    CHECK(strstr(text, "<title>a &#34;title&#34;</title>"));
    CHECK(strstr(text, "nn2 &#38; &#60;co&#62;: AUC 0.9375, accuracy 62.50 %"));
    CHECK(strstr(text, "pixels : AUC"));
    CHECK(strstr(text, "false accept rate") && strstr(text, "true accept rate"));
    CHECK(strstr(text, "role=\"img\"") && strstr(text, "fill=\"#ffffff\""));
    CHECK(!strstr(text, "nan") && !strstr(text, "inf"));
    fn_free(text);
    fn_verification_free(v);
    end();
}

/* The axis begins at 1/N: with 4 pairs of two people at 0.1 at most, with 10^4 at 10^-4. */
TEST(axis_goes_as_deep_as_the_pairs)
{
    fn_verification *v = small();
    const fn_verification *list[] = {v};
    const char *name = "a";
    begin();
    CHECK_OK(fn_report_roc(in("r.svg"), list, &name, 1, "t"));
    char *svg = read_back("r.svg");
    CHECK(strstr(svg, ">0.1<") && !strstr(svg, ">0.01<") && !strstr(svg, "<tspan"));
    fn_free(svg);
    v->different = 10000;
    CHECK_OK(fn_report_roc(in("r.svg"), list, &name, 1, "t"));
    svg = read_back("r.svg");
    CHECK(strstr(svg, ">0.01<") && strstr(svg, ">-3</tspan>") &&
          strstr(svg, ">-4</tspan>"));
    CHECK(!strstr(svg, ">-5</tspan>"));
    fn_free(svg);
    fn_verification_free(v);
    end();
}

TEST(corners_keep_the_shape)
{
    static fn_roc_point roc[] = {{0, 0, 0},     {0, 0, 0.25},   {0, 0, 0.5},
                                 {0, 0.5, 0.5}, {0, 0.75, 0.5}, {0, 0.75, 0.75},
                                 {0, 1, 1}};
    static const bool want[] = {true, false, true, false, true, true, true};
    fn_verification v = {.roc = roc, .n_roc = 7};
    for (int i = 0; i < 7; i++)
        CHECK_INT(fn_roc_corner(&v, i), want[i]);
}

TEST(failed_allocations_while_drawing)
{
    fn_verification *v = small();
    const fn_verification *list[] = {v};
    const char *name = "a";
    long k = 1;
    begin();
    for (;; k++) {
        fn_fail_alloc(k);
        fn_status rc = fn_report_roc(in("r.svg"), list, &name, 1, "t");
        fn_fail_alloc(0);
        if (rc == FN_OK)
            break;
        CHECK_INT(rc, FN_ENOMEM);
        CHECK(!fn_file_exists(in("r.svg")) && k < 100);
    }
    CHECK(k > 3);
    fn_verification_free(v);
    end();
}

static void report_all(const fn_verification *v, const fn_pairs *p, const float *distance,
                       fn_clusters *c)
{
    static const double far[] = {0.1, 0.01, 0.001};
    static const char *const name[] = {"first", "second"};
    const fn_verification *list[] = {v, v};
    fn_rate rate[3];
    fn_intervals intervals;
    fn_report r = report;
    r.rate = rate;
    r.intervals = &intervals;
    CHECK_OK(fn_interval_figures(&intervals, v, p, distance, c));
    for (; r.rates < 3; r.rates++)
        CHECK_OK(fn_rates_measure(&rate[r.rates], far[r.rates], v, p, distance, c));
    CHECK_OK(fn_report_json(in("result.json"), v, &r));
    CHECK_OK(fn_report_roc(in("roc.svg"), list, name, 2, "one & two"));
}

/* FN_TEST_FOLDER/distances.txt: "pairs folds people", then a line "fold same distance a b" a
 * pair, of two people's only images. Writes result.json and roc.svg beside it. */
static void judge_file(FILE *f)
{
    fn_verification *v = NULL;
    fn_clusters *c = NULL;
    fn_pairs p = {.n = 0};
    bool ok = fscanf(f, "%d %d %d", &p.n, &p.folds, &p.n_path) == 3;
    p.pair = fn_alloc((size_t)p.n, sizeof *p.pair);
    float *distance = fn_alloc((size_t)p.n, sizeof *distance);
    int *person = fn_alloc((size_t)p.n_path, sizeof *person);
    for (int i = 0; i < p.n && ok; i++) {
        fn_pair *to = &p.pair[i];
        int same;
        ok = fscanf(f, "%d %d %f %d %d", &to->fold, &same, &distance[i], &to->a, &to->b) ==
             5;
        to->same = same;
    }
    for (int i = 0; i < p.n_path; i++)
        person[i] = i;
    CHECK(ok);
    if (ok) {
        CHECK_OK(fn_verify_pairs(&v, &p, distance));
        CHECK_OK(fn_clusters_open(&c, &p, person, p.n_path));
        report_all(v, &p, distance, c);
    }
    fn_verification_free(v);
    fn_clusters_close(c);
    fn_free(person);
    fn_free(p.pair);
    fn_free(distance);
}

TEST(exchange)
{
    const char *given = getenv("FN_TEST_FOLDER");
    if (!given)
        SKIP("FN_TEST_FOLDER is not set; tests/test_verification.py sets it");
    snprintf(folder, sizeof folder, "%s", given);
    FILE *f = fopen(in("distances.txt"), "r");
    CHECK(f);
    if (!f)
        return;
    judge_file(f);
    fclose(f);
}
