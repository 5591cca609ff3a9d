/* test_cudnn_engines.c -- the files of configs/engines, on the devices that tests/data/devices
 * describes: cuDNN still makes the plan of every line. */
#include "core/file.h"
#include "core/mem.h"
#include "kernels/cudnn.h"
#include "tests/scratch.h"
#include "tests/test.h"

static fn_cudnn *described(const char *name)
{
    char *json, path[128];
    size_t size;
    fn_cudnn *c = NULL;
    snprintf(path, sizeof path, "tests/data/devices/%s", name);
    CHECK_OK(fn_file_read(&json, &size, path, 1 << 16));
    MUST(fn_cudnn_open_described(&c, json));
    fn_free(json);
    return c;
}

/* What a line's WHAT says. */
static bool parse(fn_cudnn_conv *a, const char *what)
{
    long long n, h, w, c, k;
    int kernel, stride, pad;
    char text[FN_CUDNN_TEXT];
    if (sscanf(what, "[%lld,%lld,%lld,%lld] %dx%*d/%d pad %d to %lld", &n, &h, &w, &c,
               &kernel, &stride, &pad, &k) != 8)
        return false;
    *a = (fn_cudnn_conv){0, 0, n, h, w, c, k, kernel, stride, pad};
    for (int i = 0; i < FN_CUDNN_PASSES * (FN_PRECISION_BF16 + 1); i++) {
        a->pass = (fn_cudnn_pass)(i % FN_CUDNN_PASSES);
        a->precision = (fn_precision)(i / FN_CUDNN_PASSES);
        fn_cudnn_text(text, a);
        if (strcmp(text, what) == 0)
            return true;
    }
    return false;
}

/* Lines whose plan was made; for another place; whose engine is compiled at run time, which
 * wants a driver; and those that no longer fit. */
typedef struct tally {
    int made, elsewhere, uncompiled, bad;
} tally;

static bool fits(fn_cudnn *c, const char *what, const fn_engine *chosen)
{
    fn_cudnn_conv a;
    fn_cudnn_plan *p;
    bool known = parse(&a, what);
    fn_status rc = known ? fn_cudnn_plan_open(&p, c, &a)
                         : fn_fail(FN_EDATA, "'%s' is no convolution", what);
    if (rc != FN_OK)
        return false;
    bool same = fn_cudnn_plan_engine(p)->id == chosen->id;
    fn_cudnn_plan_close(p);
    return same;
}

static tally make_all(fn_cudnn *c, const fn_engines *e)
{
    tally t = {0};
    fn_cudnn_choose_from(c, e);
    for (int i = 0; i < fn_engines_count(e); i++) {
        const char *what, *where;
        const fn_engine *chosen = fn_engines_at(e, i, &what, &where);
        if (strcmp(where, fn_cudnn_where(c)) != 0) {
            t.elsewhere++;
        } else if (fits(c, what, chosen)) {
            t.made++;
        } else if (strstr(fn_last_error(), "libcuda")) {
            t.uncompiled++;
        } else {
            printf("# %s\n", fn_last_error());
            t.bad++;
        }
    }
    fn_cudnn_choose_from(c, NULL);
    return t;
}

/* --- what is committed --- */

static void check_committed(const char *device)
{
    char path[256], file[100], name[FN_CUDNN_TEXT];
    fn_engines *e;
    fn_cudnn *c = described(device);
    snprintf(name, sizeof name, "%s", strstr(fn_cudnn_where(c), ", ") + 2);
    *strstr(name, ", ") = '\0';
    fn_engines_file(file, sizeof file, name);
    snprintf(path, sizeof path, "configs/engines/%s", file);
    CHECK_OK(fn_engines_open(&e, path));
    tally t = make_all(c, e);
    if (fn_file_exists(path))
        printf("# %s: %d plans, %d lines for another place, %d that want a driver\n", path,
               t.made, t.elsewhere, t.uncompiled);
    else
        printf("# %s: no engines file is committed\n", path);
    CHECK_INT(t.bad, 0);
    fn_engines_close(e);
    fn_cudnn_close(c);
}

static int count(const char *folder, const char *ending, void (*visit)(const char *name))
{
    char **name;
    int n, found = 0;
    CHECK_OK(fn_file_names(&name, &n, folder));
    for (int i = 0; i < n; i++) {
        if (!strstr(name[i], ending))
            continue;
        found++;
        if (visit)
            visit(name[i]);
    }
    fn_file_names_free(name, n);
    return found;
}

/* A file for a device that is not described would be checked nowhere. */
TEST(committed_engines_still_fit)
{
    int devices = count("tests/data/devices", ".json", check_committed);
    CHECK(devices >= 2);
    CHECK(count("configs/engines", ".txt", NULL) <= devices);
}

/* --- that a file which does not fit is seen --- */

static void put(fn_engines *e, fn_cudnn *c, fn_cudnn_pass pass, fn_precision precision,
                int64_t id)
{
    fn_cudnn_conv a = {pass, precision, 64, 28, 28, 192, 96, 3, 1, 1};
    char text[FN_CUDNN_TEXT];
    fn_cudnn_plan *p;
    fn_engine chosen = {.id = id};
    fn_cudnn_text(text, &a);
    if (id < 0) { /* the one that cuDNN would take */
        CHECK_OK(fn_cudnn_plan_open(&p, c, &a));
        chosen = *fn_cudnn_plan_engine(p);
        fn_cudnn_plan_close(p);
    }
    CHECK_OK(fn_engines_put(e, text, fn_cudnn_where(c), &chosen));
}

TEST(a_line_that_does_not_fit_is_seen)
{
    fn_cudnn *c = described("h100.json");
    fn_engines *e;
    fn_scratch_enter();
    CHECK_OK(fn_engines_open(&e, fn_scratch("engines")));
    for (fn_precision p = FN_PRECISION_FP32; p <= FN_PRECISION_BF16; p++) {
        put(e, c, FN_CUDNN_FORWARD_BIAS_RELU, p, -1);
        put(e, c, FN_CUDNN_DGRAD, p, -1);
        put(e, c, FN_CUDNN_WGRAD, p, -1);
    }
    put(e, c, FN_CUDNN_FORWARD, FN_PRECISION_BF16, 9999);
    CHECK_OK(fn_engines_put(e, "a convolution", fn_cudnn_where(c), &(fn_engine){.id = 1}));
    CHECK_OK(fn_engines_put(e, "a convolution", "elsewhere", &(fn_engine){.id = 1}));
    CHECK_OK(fn_engines_save(e, fn_scratch("engines")));
    fn_engines_close(e);
    CHECK_OK(fn_engines_open(&e, fn_scratch("engines")));
    tally t = make_all(c, e);
    CHECK_INT(t.made, 9);
    CHECK_INT(t.bad, 2);
    CHECK_INT(t.elsewhere, 1);
    CHECK_INT(t.uncompiled, 0);
    fn_engines_close(e);
    fn_cudnn_close(c);
    fn_scratch_leave();
}
