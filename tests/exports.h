/* exports.h -- a small model with a full record, and a folder for its exports. */
#ifndef FN_TESTS_EXPORTS_H
#define FN_TESTS_EXPORTS_H

#include "core/file.h"
#include "core/mem.h"
#include "nn/model.h"
#include "tests/nets.h"
#include "tests/test.h"

#include <unistd.h>

static const char small[] = FN_TEST_NET("batch");

static inline fn_record record_of_test(void)
{
    fn_record r = {
        .view = 0.875f, .threshold = 1.242f, .margin = 0.25f, .step = 1234567890123};
    snprintf(r.crop, sizeof r.crop, "centre: 137@125,135");
    snprintf(r.threshold_from, sizeof r.threshold_from, "eval of pairs.txt, 6000 pairs");
    memset(r.data, 'd', sizeof r.data - 1);
    return r;
}

/* Weights at which no part of the network can be left out unnoticed: statistics and biases
 * that do something, and activations large enough for local response normalisation. */
static inline void stir(fn_params *p)
{
    fn_params_init(p, 11);
    fn_rng r = fn_rng_at(11, FN_RNG_TEST, 2, 0);
    for (int i = 0; i < p->n; i++) {
        const fn_param *q = &p->param[i];
        double low = q->init == FN_INIT_ONE ? 0.5 : -0.2;
        for (int64_t k = 0; q->shape.rank == 1 && k < q->count; k++)
            p->value[q->offset + k] = (float)(low + fn_rng_uniform(&r));
    }
    for (int64_t k = 0; k < p->param[0].count; k++)
        p->value[p->param[0].offset + k] *= 30;
}

static inline fn_status save_model(const char *path, const fn_net *net,
                                   const fn_record *record)
{
    fn_graph *g = NULL;
    fn_params *p = NULL;
    fn_status rc;
    FN_GO(fn_net_build(&g, net, 1, false));
    FN_GO(fn_params_open(&p, g, false));
    stir(p);
    FN_GO(fn_model_save(path, net, p, record));
out:
    fn_params_close(p);
    fn_graph_close(g);
    return rc;
}

/* --- a folder to write to --- */

typedef struct scratch {
    char own[32]; /* "" when the folder is somebody else's */
    const char *path;
} scratch;

static inline scratch scratch_open(void)
{
    scratch s = {"", getenv("FN_ONNX_FOLDER")};
    return s;
}

static inline const char *scratch_path(scratch *s)
{
    if (!s->path) {
        strcpy(s->own, "/tmp/fn-onnx-XXXXXX");
        s->path = mkdtemp(s->own);
    }
    return s->path;
}

static inline void scratch_close(scratch *s)
{
    if (s->own[0])
        CHECK_OK(fn_file_remove_tree(s->own));
}

static inline char *file_in(scratch *s, const char *name, const char *end)
{
    char file[128];
    snprintf(file, sizeof file, "%s%s", name, end);
    return fn_file_join(scratch_path(s), file);
}

static inline struct fn_model *open_model(scratch *s, const char *text,
                                          const fn_record *record)
{
    fn_net *net = NULL;
    struct fn_model *m = NULL;
    char *path = file_in(s, "refused", ".fnm");
    CHECK_OK(fn_net_parse(&net, "test.yaml", text, strlen(text)));
    CHECK_OK(save_model(path, net, record));
    CHECK_OK(fn_model_open(&m, path));
    fn_net_close(net);
    fn_free(path);
    if (!m)
        exit(1); /* there is nothing to refuse */
    return m;
}

#endif
