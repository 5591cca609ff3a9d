/* test_cudnn_plans.c -- every convolution of every net has a plan on a GPU, without a GPU: each
 * pass that training needs, at the batches of docs/cuda.md, in each precision. A plan takes no
 * engine whose bits vary, and no more workspace than it may, but for those listed below.
 *
 * The convolutions are read from configs/nets, not typed. Each is tried in a process of its own:
 * a description that cuDNN does not expect may crash it. */
#include "core/file.h"
#include "core/mem.h"
#include "kernels/conv.h"
#include "kernels/convs.h"
#include "kernels/cudnn.h"
#include "kernels/stem.h"
#include "nn/lower.h"
#include "nn/net.h"
#include "tests/scratch.h"
#include "tests/test.h"

#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* --- the convolutions --- */

enum { MOST = 8192 };

typedef struct list {
    fn_cudnn_conv conv[MOST];
    int n, shapes;
    bool only_bf16;
} list;

static bool same_shape(const fn_cudnn_conv *a, const fn_cudnn_conv *b)
{
    return a->n == b->n && a->h == b->h && a->w == b->w && a->c == b->c && a->k == b->k &&
           a->kernel == b->kernel && a->stride == b->stride && a->pad == b->pad;
}

static void add(list *l, fn_cudnn_conv a)
{
    bool known = false;
    for (int i = 0; i < l->n; i++) {
        if (!same_shape(&l->conv[i], &a))
            continue;
        known = true;
        if (l->conv[i].pass == a.pass && l->conv[i].precision == a.precision)
            return;
    }
    l->shapes += !known;
    CHECK(l->n < MOST);
    if (l->n < MOST)
        l->conv[l->n++] = a;
}

static void add_passes(list *l, fn_cudnn_conv a, const fn_conv *attr)
{
    fn_precision coarsest = FN_PRECISION_BF16;
    for (a.precision = l->only_bf16 ? coarsest : 0; a.precision <= coarsest;
         a.precision++) {
        a.pass = attr->relu && attr->bias ? FN_CUDNN_FORWARD_BIAS_RELU
                 : attr->bias             ? FN_CUDNN_FORWARD_BIAS
                                          : FN_CUDNN_FORWARD;
        add(l, a);
        a.pass = FN_CUDNN_WGRAD;
        add(l, a);
        a.pass = FN_CUDNN_DGRAD;
        add(l, a);
    }
}

static fn_cudnn_conv conv_of(const fn_node *n)
{
    const fn_conv *a = (const fn_conv *)n->attr;
    const int64_t *x = n->call.x[0].shape.dim;
    return (fn_cudnn_conv){.n = x[0],
                           .c = x[1],
                           .h = x[2],
                           .w = x[3],
                           .k = a->out,
                           .kernel = a->kernel,
                           .stride = a->stride,
                           .pad = fn_window_pad(a->kernel, a->pad)};
}

/* The first convolution sees images as blocks of pixels. */
static fn_cudnn_conv stem_of(fn_cudnn_conv a)
{
    fn_stem s = fn_stem_of(a.h, a.w, a.c, a.kernel, a.stride, a.pad);
    a.h = s.rows;
    a.w = s.columns;
    a.c = s.block;
    a.kernel = (int)s.taps;
    a.stride = 1;
    a.pad = 0;
    return a;
}

static bool is(const fn_node *n, const char *op)
{
    return strcmp(n->op->name, op) == 0;
}

/* 1x1 convolutions that read one value, made one. */
static void add_convs(list *l, const fn_node *n)
{
    const fn_convs *a = (const fn_convs *)n->attr;
    const int64_t *x = n->call.x[0].shape.dim;
    fn_cudnn_conv one = {
        .n = x[0], .c = x[1], .h = x[2], .w = x[3], .kernel = 1, .stride = 1};
    for (int i = 0; i < a->n; i++)
        one.k += a->out[i];
    add_passes(l, one, &(const fn_conv){.bias = a->bias, .relu = a->relu});
}

static void add_graph(list *l, const fn_graph *g)
{
    for (int i = 0; i < g->n_node; i++) {
        const fn_node *n = &g->node[i];
        if (is(n, "conv"))
            add_passes(l, n->x[0] == 0 ? stem_of(conv_of(n)) : conv_of(n),
                       (const fn_conv *)n->attr);
        if (is(n, "convs"))
            add_convs(l, n);
    }
}

/* As a GPU runs them, in training and to embed, and node by node. */
static void add_net(list *l, const char *name, int batch)
{
    fn_net *net;
    CHECK_OK(fn_net_open(&net, name, "configs/nets"));
    for (int training = 0; training < 2; training++) {
        fn_graph *g = NULL, *lowered = NULL;
        CHECK_OK(fn_net_build(&g, net, batch, training));
        CHECK_OK(fn_lower(&lowered, g, FN_CUDA));
        add_graph(l, lowered);
        add_graph(l, g);
        fn_graph_close(lowered);
        fn_graph_close(g);
    }
    fn_net_close(net);
}

static list *all_convolutions(bool only_bf16)
{
    static const int batch[] = {256, 1800};
    char **file;
    int n;
    list *l = fn_alloc(1, sizeof *l);
    l->only_bf16 = only_bf16;
    CHECK_OK(fn_file_names(&file, &n, "configs/nets"));
    for (int i = 0; i < n; i++) {
        *strchr(file[i], '.') = '\0';
        for (size_t k = 0; k < sizeof batch / sizeof *batch; k++)
            add_net(l, file[i], batch[k]);
    }
    CHECK(n >= 12);
    fn_file_names_free(file, n);
    return l;
}

/* --- their plans --- */

typedef struct answer {
    fn_status status;
    size_t workspace;
    fn_engine engine;
    char error[1024];
} answer;

static answer ask(fn_cudnn *c, const fn_cudnn_conv *what)
{
    fn_cudnn_plan *p;
    answer a = {.status = fn_cudnn_plan_open(&p, c, what)};
    if (a.status != FN_OK) {
        snprintf(a.error, sizeof a.error, "%s", fn_last_error());
        return a;
    }
    a.workspace = fn_cudnn_plan_workspace(p);
    a.engine = *fn_cudnn_plan_engine(p);
    fn_cudnn_plan_close(p);
    return a;
}

/* Reads answers until the writer ends; returns how many came whole. */
static int receive(answer *out, int from, int most)
{
    int n = 0;
    for (; n < most; n++) {
        char *at = (char *)&out[n];
        size_t have = 0;
        ssize_t more = 1;
        while (have < sizeof *out && more > 0) {
            more = read(from, at + have, sizeof *out - have);
            have += more > 0 ? (size_t)more : 0;
        }
        if (have < sizeof *out)
            break;
    }
    return n;
}

/* Asks one after the other in a process of their own; returns how many answers came before it
 * ended. */
static int ask_apart(answer *out, fn_cudnn *c, const fn_cudnn_conv *what, int n)
{
    int end[2];
    CHECK(pipe(end) == 0);
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < n; i++) {
            answer a = ask(c, &what[i]);
            if (write(end[1], &a, sizeof a) != (ssize_t)sizeof a)
                _exit(1);
        }
        _exit(0);
    }
    CHECK(child > 0);
    close(end[1]);
    int got = child > 0 ? receive(out, end[0], n) : 0;
    close(end[0]);
    CHECK_INT(waitpid(child, NULL, 0), child);
    return got;
}

/* Whichever ends the process has crashed it; the next goes on in another. */
static answer *ask_all(fn_cudnn *c, const list *l)
{
    answer *out = fn_alloc((size_t)l->n, sizeof *out);
    for (int i = 0; i < l->n; i++) {
        i += ask_apart(out + i, c, l->conv + i, l->n - i);
        if (i < l->n) {
            out[i].status = FN_EINTERNAL;
            snprintf(out[i].error, sizeof out[i].error, "cuDNN crashes");
        }
    }
    return out;
}

static fn_cudnn *described(const char *path)
{
    char *json;
    size_t size;
    fn_cudnn *c = NULL;
    CHECK_OK(fn_file_read(&json, &size, path, 1 << 16));
    CHECK_OK(fn_cudnn_open_described(&c, json));
    fn_free(json);
    return c;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void check_answer(const fn_cudnn_conv *what, const answer *a)
{
    char text[FN_CUDNN_TEXT];
    fn_cudnn_text(text, what);
    if (a->status != FN_OK)
        FN_TEST_FAIL("%s: %s", text, a->error);
    else if (a->workspace > FN_CUDNN_WORKSPACE)
        FN_TEST_FAIL("%s wants %zu bytes of workspace: is a tensor copied?", text,
                     a->workspace);
}

static void check_all(const char *path, bool only_bf16)
{
    list *l = all_convolutions(only_bf16);
    fn_cudnn *c = described(path);
    double began = seconds();
    answer *got = ask_all(c, l);
    for (int i = 0; i < l->n; i++)
        check_answer(&l->conv[i], &got[i]);
    printf("# %s: %d plans of %d shapes, %.1f s\n", fn_cudnn_where(c), l->n, l->shapes,
           seconds() - began);
    fn_cudnn_close(c);
    fn_free(got);
    fn_free(l);
}

TEST(every_convolution_on_an_h200)
{
    check_all("tests/data/devices/h200.json", false);
}

TEST(every_convolution_on_an_h100)
{
    check_all("tests/data/devices/h100.json", true);
}

/* --- engines that are written down --- */

static fn_engines *write_down(const list *l, const answer *a, const char *where)
{
    fn_engines *e;
    fn_scratch_enter();
    CHECK_OK(fn_engines_open(&e, fn_scratch("engines")));
    for (int i = 0; i < l->n; i++) {
        char text[FN_CUDNN_TEXT];
        fn_cudnn_text(text, &l->conv[i]);
        CHECK_OK(fn_engines_put(e, text, where, &a[i].engine));
    }
    CHECK_OK(fn_engines_save(e, fn_scratch("engines")));
    fn_engines_close(e);
    CHECK_OK(fn_engines_open(&e, fn_scratch("engines")));
    fn_scratch_leave();
    CHECK_INT(fn_engines_count(e), l->n);
    return e;
}

static void check_same(const fn_cudnn_conv *what, const answer *was, const answer *now)
{
    char text[FN_CUDNN_TEXT], a[2048], b[2048];
    fn_cudnn_text(text, what);
    fn_engine_text(a, sizeof a, &was->engine);
    fn_engine_text(b, sizeof b, &now->engine);
    if (now->status != FN_OK || strcmp(a, b) != 0 || was->workspace != now->workspace)
        FN_TEST_FAIL("%s: engine %s, %zu bytes, became %s, %zu bytes; %s", text, a,
                     was->workspace, b, now->workspace, now->error);
}

/* Each plan again, by the engine and the knobs in a file alone. */
TEST(engines_from_a_file)
{
    list *l = all_convolutions(true);
    fn_cudnn *c = described("tests/data/devices/h200.json");
    answer *was = ask_all(c, l);
    fn_engines *chosen = write_down(l, was, fn_cudnn_where(c));
    fn_cudnn_choose_from(c, chosen);
    answer *now = ask_all(c, l);
    for (int i = 0; i < l->n; i++)
        check_same(&l->conv[i], &was[i], &now[i]);
    fn_cudnn_close(c);
    fn_engines_close(chosen);
    fn_free(was);
    fn_free(now);
    fn_free(l);
}
