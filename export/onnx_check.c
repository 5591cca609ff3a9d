/* onnx_check.c -- an export read back and run beside the model. */
#include "core/mem.h"
#include "core/rng.h"
#include "export/onnx.h"
#include "export/onnx_run.h"
#include "nn/plan.h"

#include <math.h>

enum { IMAGES = 2 };

/* One image of noise, as our plan takes it and as ONNX does. */
static void draw(float *ours, float *theirs, fn_shape s, uint32_t number)
{
    int64_t channels = s.dim[1], plane = s.dim[2] * s.dim[3];
    fn_rng r = fn_rng_at(1, FN_RNG_TEST, 0, number);
    for (int64_t i = 0; i < plane * channels; i++) {
        ours[i] = (float)fn_rng_range(&r, -1, 1);
        theirs[i % channels * plane + i / channels] = ours[i];
    }
}

static fn_status compare(fn_onnx_file *f, fn_plan *plan, fn_shape s, int dim, double *most)
{
    float *ours = fn_alloc((size_t)fn_numel(s), sizeof *ours);
    float *theirs = fn_alloc((size_t)fn_numel(s), sizeof *theirs);
    const fn_onnx_value *y;
    fn_status rc = FN_OK;
    if (!ours || !theirs)
        FN_GO(fn_fail(FN_ENOMEM, "no memory for an image to check the export with"));
    for (uint32_t i = 0; i < IMAGES; i++) {
        draw(ours, theirs, s, i);
        FN_GO(fn_plan_forward(plan, ours));
        FN_GO(fn_onnx_run(f, theirs, s, &y));
        if (fn_numel(y->shape) != dim)
            FN_GO(fn_fail(FN_EDATA, "its embeddings are of another length"));
        for (int k = 0; k < dim; k++) {
            double d = fabs((double)y->data[k] - (double)fn_plan_output(plan, 0)[k]);
            *most = d <= *most ? *most : d; /* NAN stays */
        }
    }
out:
    fn_free(ours);
    fn_free(theirs);
    return rc;
}

fn_status fn_onnx_check(const char *path, struct fn_model *m, double *difference)
{
    fn_onnx_file f = {.bytes = NULL};
    fn_graph *g = NULL;
    fn_plan *plan = NULL;
    fn_status rc;
    *difference = 0;
    FN_GO(fn_onnx_read(&f, path));
    FN_GO(fn_net_build(&g, m->net, 1, false));
    FN_GO(fn_plan_open(&plan, g, m->params, (fn_plan_options){.backend = FN_CPU}));
    FN_GO(fn_plan_load(plan));
    rc = compare(&f, plan, g->value[0].shape, fn_model_dim(m), difference);
    if (rc != FN_OK)
        rc = fn_context(rc, "%s", path);
out:
    fn_plan_close(plan);
    fn_graph_close(g);
    fn_onnx_read_close(&f);
    return rc;
}
