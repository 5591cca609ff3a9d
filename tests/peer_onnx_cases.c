/* peer_onnx_cases.c -- ONNX's own cases of the operators that we share: by our kernels, and by
 * our reader of ONNX files. test_onnx_cases.py writes them down and starts this:
 *
 * FN_CASES     their folder; without it there is nothing to run
 * NAME.case    one op: a line with its name and attributes; a line for each tensor,
 *              `x|w|y|dw INDEX RANK D D D D`, in this order of roles; an empty line; then their
 *              floats, as our ops take and give them
 * NAME.onnx    one operator; NAME.values has tensors alone: x and y, as ONNX lays them
 *
 * Says `ran NAME`, `read NAME` or `refused NAME: why`, a line each. */
#include "core/file.h"
#include "export/onnx_run.h"
#include "tests/op_case.h"

enum { LINES = FN_MAX_IN + 2 * FN_MAX_WEIGHT + FN_MAX_OUT };

typedef struct line {
    int role, index;
    fn_shape shape;
} line;

typedef struct given {
    FILE *file;
    line line[LINES];
    int n;
} given;

static int64_t next_number(char **rest)
{
    const char *word = strtok_r(NULL, " \n", rest);
    return word ? strtoll(word, NULL, 10) : -1;
}

static int role_of(const char *word)
{
    int role = 0;
    while (role < ROLES && strcmp(role_name[role], word) != 0)
        role++;
    return role;
}

static bool read_lines(given *g)
{
    char text[128], *rest;
    while (fgets(text, sizeof text, g->file) && *text != '\n') {
        if (g->n == LINES)
            return false;
        line *l = &g->line[g->n++];
        l->role = role_of(strtok_r(text, " \n", &rest));
        l->index = (int)next_number(&rest);
        l->shape.rank = (int)next_number(&rest);
        for (int i = 0; i < 4; i++)
            l->shape.dim[i] = next_number(&rest);
        if (l->role == ROLES || l->index < 0 || fn_numel(l->shape) < 1)
            return false;
    }
    return g->n > 0;
}

static float *read_floats(given *g, fn_shape s)
{
    size_t n = (size_t)fn_numel(s);
    float *x = fn_alloc(n, sizeof *x);
    claim(fread(x, sizeof *x, n, g->file) == n, "its floats end too early");
    return x;
}

static bool open_given(given *g, const char *folder, const char *name)
{
    char *path = fn_file_join(folder, name);
    *g = (given){.file = fopen(path, "rb")};
    fn_free(path);
    claim(g->file, "cannot be opened");
    return g->file;
}

/* --- by our kernels --- */

/* "NAME FIELD=VALUE ..." */
static bool read_op(given *g, const fn_op **op, void *attr)
{
    char text[256], *rest, *word;
    if (!fgets(text, sizeof text, g->file))
        return false;
    *op = fn_op_find(strtok_r(text, " \n", &rest));
    if (!*op)
        return false;
    fn_field_defaults((*op)->field, attr);
    while ((word = strtok_r(NULL, " \n", &rest))) {
        char *equals = strchr(word, '=');
        *equals = '\0';
        const fn_field *f = fn_field_find((*op)->field, word);
        if (!f)
            return false;
        CHECK_OK(fn_field_parse(f, attr, equals + 1));
    }
    return true;
}

static fn_tensor *tensor_of(subject *s, const line *l)
{
    int n;
    fn_tensor *t = tensors(&s->oracle, l->role, &n);
    bool fits = l->index < n;
    for (int i = 0; i < 4 && fits; i++)
        fits = t[l->index].shape.dim[i] == l->shape.dim[i];
    claim(fits, "a tensor is not of the shape that the op infers");
    return fits ? &t[l->index] : NULL;
}

static void take(given *g, subject *s, const line *l)
{
    float *x = read_floats(g, l->shape);
    fn_tensor *t = tensor_of(s, l);
    for (int64_t i = 0; t && i < fn_numel(l->shape); i++)
        put(*t, FN_REF, i, (double)x[i]);
    fn_free(x);
}

static void judge(given *g, subject *s, const line *l)
{
    float *want = read_floats(g, l->shape);
    fn_tensor *t = tensor_of(s, l);
    double worst = 0, scale = 0;
    for (int64_t i = 0; t && i < fn_numel(l->shape); i++) {
        double e = fabs(get(*t, FN_REF, i) - (double)want[i]);
        worst = e > worst || isnan(e) ? e : worst;
        scale = fmax(scale, fabs((double)want[i]));
    }
    if (!(worst <= 1e-5 * scale))
        FN_TEST_FAIL("%s: %s is off by %.3g of %.3g", where, role_name[l->role], worst,
                     scale);
    fn_free(want);
}

/* The reference against what is expected; then our CPU kernel against the reference. */
static void judge_kernels(given *g, subject *s)
{
    int i = 0;
    for (; i < g->n && (g->line[i].role == X || g->line[i].role == W); i++)
        take(g, s, &g->line[i]);
    CHECK_OK(ask_oracle(s));
    for (; i < g->n; i++)
        judge(g, s, &g->line[i]);
    for (int offer = 0; offer < OFFERS; offer++)
        try(s, (way){.backend = FN_CPU, .offer = offer});
    if (s->op->inplace)
        try(s, (way){.backend = FN_CPU, .inplace = true});
}

static void run_case(given *g, const char *folder, const char *name)
{
    _Alignas(8) char attr[FN_ATTR_BYTES] = {0};
    fn_sample sample = {.attr = attr};
    subject s = {.sample = &sample};
    bool training = false;
    (void)folder;
    if (!read_op(g, &s.op, attr) || !read_lines(g)) {
        claim(false, "is not written as this program reads it");
        return;
    }
    for (int i = 0; i < g->n; i++) {
        training |= g->line[i].role == DW;
        if (g->line[i].role == X)
            sample.x[sample.n_x++] = g->line[i].shape;
    }
    CHECK_OK(open_oracle(&s, training));
    judge_kernels(g, &s);
    fn_fence_close(0);
    printf("ran %s\n", name);
}

/* --- by our reader --- */

/* Image by image, where x and y have as many. */
static fn_status run_images(fn_onnx_file *f, const line *l, const float *x,
                            const float *want, double *worst)
{
    int64_t images = l[0].shape.dim[0] == l[1].shape.dim[0] ? l[0].shape.dim[0] : 1;
    int64_t in = fn_numel(l[0].shape) / images, out = fn_numel(l[1].shape) / images;
    fn_shape one = l[0].shape;
    one.dim[0] /= images;
    *worst = 0;
    for (int64_t n = 0; n < images; n++) {
        const fn_onnx_value *y;
        FN_TRY(fn_onnx_run(f, x + n * in, one, &y));
        if (fn_numel(y->shape) != out)
            *worst = INFINITY;
        for (int64_t i = 0; i < out && fn_numel(y->shape) == out; i++) {
            double e = fabs((double)y->data[i] - (double)want[n * out + i]);
            e /= fmax(1, fabs((double)want[n * out + i]));
            *worst = e > *worst || isnan(e) ? e : *worst;
        }
    }
    return FN_OK;
}

/* What our reader takes it must get right; it may refuse. */
static void read_model(given *g, const char *folder, const char *name)
{
    char file[256], *path;
    fn_onnx_file f;
    double worst = 0;
    if (!read_lines(g) || g->n != 2) {
        claim(false, "is not written as this program reads it");
        return;
    }
    float *x = read_floats(g, g->line[0].shape), *want = read_floats(g, g->line[1].shape);
    snprintf(file, sizeof file, "%s.onnx", name);
    path = fn_file_join(folder, file);
    fn_status rc = fn_onnx_read(&f, path);
    if (rc == FN_OK) {
        rc = run_images(&f, g->line, x, want, &worst);
        fn_onnx_read_close(&f);
    }
    claim(rc == FN_OK || rc == FN_EDATA || rc == FN_EUNSUPPORTED, "fails badly");
    if (!(worst <= 1e-5))
        FN_TEST_FAIL("%s: our reader is off by %.3g", where, worst);
    if (rc == FN_OK)
        printf("read %s\n", name);
    else
        printf("refused %s: %s\n", name, fn_last_error());
    fn_free(path);
    fn_free(x);
    fn_free(want);
}

/* --- the folder --- */

/* Runs the files that end so. */
static void each_file(const char *ending,
                      void (*visit)(given *g, const char *folder, const char *name))
{
    const char *folder = getenv("FN_CASES");
    char **file = NULL;
    int n = 0, visited = 0;
    if (!folder)
        SKIP("test_onnx_cases.py runs this");
    CHECK_OK(fn_file_names(&file, &n, folder));
    for (int i = 0; i < n; i++) {
        char *dot = strrchr(file[i], '.');
        given g;
        if (!dot || strcmp(dot, ending) != 0)
            continue;
        snprintf(where, sizeof where, "%.99s", file[i]);
        if (!open_given(&g, folder, file[i]))
            continue;
        *dot = '\0';
        visit(&g, folder, file[i]);
        fclose(g.file);
        visited++;
    }
    CHECK(visited > 0);
    fn_file_names_free(file, n);
}

TEST(our_kernels_give_what_onnx_expects)
{
    each_file(".case", run_case);
}

TEST(our_reader_gives_what_onnx_expects)
{
    each_file(".values", read_model);
}
