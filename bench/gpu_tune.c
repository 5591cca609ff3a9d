/* gpu_tune.c -- times every engine that may compute a network's convolutions and writes the
 * fastest into the GPU's file of engines (kernels/engines.h).
 *
 *     gpu_tune FOLDER SECONDS PRECISION NET:BATCH...
 *
 * FOLDER/DEVICE.txt is written after every convolution; what else it says stays. Those that cost
 * most come first; when the seconds are over, the others keep cuDNN's order. The convolutions are
 * those whose plans a network really opens, in training and in inference. */
#include "bench/bench.h"
#include "core/clock.h"
#include "core/file.h"
#include "kernels/cudnn.h"

enum { MOST = 4096, EACH = 1 }; /* seconds of a convolution, or one engine more */

typedef struct use {
    fn_cudnn_conv conv;
    int times; /* that the networks use it */
    double cost;
} use;

typedef struct list {
    use use[MOST];
    int n;
    bool full;
} list;

/* --- the convolutions of the networks --- */

/* Seconds of a GPU as they come; only their order matters. */
static double guess(const fn_cudnn_conv *a)
{
    int64_t pad = 2 * (int64_t)a->pad;
    int64_t rows = (a->h + pad - a->kernel) / a->stride + 1;
    int64_t columns = (a->w + pad - a->kernel) / a->stride + 1;
    double in = (double)(a->n * a->h * a->w * a->c);
    double out = (double)(a->n * rows * columns * a->k);
    double products = out * (double)a->c * a->kernel * a->kernel;
    return 2 * products / 600e12 + 2 * (in + out) / 3e12;
}

static bool same(const fn_cudnn_conv *a, const fn_cudnn_conv *b)
{
    return a->pass == b->pass && a->precision == b->precision && a->n == b->n &&
           a->h == b->h && a->w == b->w && a->c == b->c && a->k == b->k &&
           a->kernel == b->kernel && a->stride == b->stride && a->pad == b->pad;
}

static void see(void *ctx, const fn_cudnn_conv *what)
{
    list *l = ctx;
    for (int i = 0; i < l->n; i++)
        if (same(&l->use[i].conv, what)) {
            l->use[i].times++;
            return;
        }
    l->full = l->n == MOST;
    if (!l->full)
        l->use[l->n++] = (use){*what, 1, guess(what)};
}

/* A plan asks for its engines before it asks for memory: that there may be too little of. */
static fn_status open_plan(const fn_net *net, int batch, bool training, fn_plan_options o)
{
    fn_graph *g = NULL;
    fn_params *p = NULL;
    fn_plan *plan = NULL;
    fn_status rc;
    FN_GO(fn_net_build(&g, net, batch, training));
    FN_GO(fn_params_open(&p, g, training));
    rc = fn_plan_open(&plan, g, p, o);
    if (rc == FN_ENOMEM)
        rc = FN_OK;
out:
    fn_plan_close(plan);
    fn_params_close(p);
    fn_graph_close(g);
    return rc;
}

/* "nn2:1800" */
static fn_status add_net(list *l, const char *word, fn_plan_options o)
{
    char name[64];
    fn_net *net;
    const char *colon = strchr(word, ':');
    long batch = colon ? strtol(colon + 1, NULL, 10) : 0;
    if (batch < 1 || batch > 1 << 20 || colon - word >= (int)sizeof name)
        return fn_fail(FN_EINVAL, "'%s': expected NET:BATCH, nn2:1800", word);
    snprintf(name, sizeof name, "%.*s", (int)(colon - word), word);
    FN_TRY(fn_net_open(&net, name, NULL));
    fn_cudnn_listen(o.gpu->cudnn, see, l);
    fn_status rc = open_plan(net, (int)batch, true, o);
    if (rc == FN_OK)
        rc = open_plan(net, (int)batch, false, o);
    fn_cudnn_listen(o.gpu->cudnn, NULL, NULL);
    fn_net_close(net);
    return rc;
}

static int dearest(const void *a, const void *b)
{
    double x = ((const use *)a)->cost * ((const use *)a)->times;
    double y = ((const use *)b)->cost * ((const use *)b)->times;
    return (x < y) - (x > y);
}

/* --- their engines --- */

typedef struct sum {
    int convolutions, engines, failed, refused;
    double first_ms, ms; /* of all the networks' uses, before and after */
} sum;

static fn_status write_down(const fn_cudnn_tuned *t, const char *text, const char *where,
                            const char *path)
{
    fn_engines *e;
    FN_TRY(fn_engines_open(&e, path));
    fn_status rc = fn_engines_put(e, text, where, &t->fastest);
    if (rc == FN_OK)
        rc = fn_engines_save(e, path);
    fn_engines_close(e);
    return rc;
}

/* One that no engine computes in the usual workspace, or that leaves no room to be timed, keeps
 * what it has. */
static fn_status tune_one(sum *s, const use *u, fn_cudnn *c, const char *path)
{
    char text[FN_CUDNN_TEXT];
    fn_cudnn_tuned t;
    fn_cudnn_text(text, &u->conv);
    fn_status rc = fn_cudnn_tune(&t, c, &u->conv, FN_CUDNN_WORKSPACE, EACH);
    if (rc == FN_EUNSUPPORTED || rc == FN_ENOMEM) {
        printf("%s\n", fn_last_error());
        s->refused++;
        return FN_OK;
    }
    FN_TRY(rc);
    printf("%s: %.4f ms, was %.4f, engine %lld of %d, %d times\n", text, (double)t.ms,
           (double)t.first_ms, (long long)t.fastest.id, t.timed, u->times);
    if (t.failed)
        printf("%d engines failed, the last: %s\n", t.failed, t.failure);
    s->convolutions++;
    s->engines += t.timed;
    s->failed += t.failed;
    s->ms += (double)t.ms * u->times;
    s->first_ms += (double)t.first_ms * u->times;
    return write_down(&t, text, fn_cudnn_where(c), path);
}

static fn_status tune_all(const list *l, fn_cudnn *c, const char *path, double seconds)
{
    sum s = {0};
    double began = fn_clock();
    int i = 0;
    for (; i < l->n && fn_clock() - began < seconds; i++)
        FN_TRY(tune_one(&s, &l->use[i], c, path));
    printf("{\"convolutions\": %d, \"tuned\": %d, \"refused\": %d, \"no_time\": %d, "
           "\"engines_timed\": %d, \"engines_failed\": %d, \"first_ms\": %.3f, \"ms\": "
           "%.3f, \"seconds\": %.1f}\n",
           l->n, s.convolutions, s.refused, l->n - i, s.engines, s.failed, s.first_ms, s.ms,
           fn_clock() - began);
    return FN_OK;
}

/* --- all of it --- */

static fn_status find_path(char **path, const fn_gpu *gpu, const char *folder)
{
    fn_device_facts f;
    char name[100];
    FN_TRY(fn_device_ask(gpu->device, &f));
    FN_TRY(fn_file_mkdirs(folder));
    fn_engines_file(name, sizeof name, f.name);
    *path = fn_file_join(folder, name);
    return *path ? FN_OK : fn_fail(FN_ENOMEM, "%s: no memory for its path", name);
}

int main(int argc, char **argv)
{
    static list l;
    char *path = NULL;
    int precision = argc > 3 ? fn_precision_find(argv[3]) : -1;
    double seconds = argc > 2 ? strtod(argv[2], NULL) : 0;
    fn_plan_options o = {.backend = FN_CUDA, .precision = (fn_precision)precision};
    fn_status rc;
    if (argc < 5 || precision < 0 || !(seconds > 0)) {
        fprintf(stderr, "usage: gpu_tune FOLDER SECONDS PRECISION NET:BATCH...\n");
        return 64;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    FN_GO(fn_gpu_open(&o.gpu, 0));
    fn_cudnn_choose_from(o.gpu->cudnn, NULL); /* what was chosen before is timed again */
    FN_GO(find_path(&path, o.gpu, argv[1]));
    for (int i = 4; i < argc; i++)
        FN_GO(add_net(&l, argv[i], o));
    if (l.full)
        FN_GO(fn_fail(FN_EINVAL, "more than %d convolutions", MOST));
    qsort(l.use, (size_t)l.n, sizeof *l.use, dearest);
    rc = tune_all(&l, o.gpu->cudnn, path, seconds);
out:
    if (rc != FN_OK)
        fprintf(stderr, "gpu_tune: %s\n", fn_last_error());
    fn_free(path);
    fn_gpu_close(o.gpu);
    return fn_exit_code(rc);
}
