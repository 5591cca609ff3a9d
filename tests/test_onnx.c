/* test_onnx.c -- what an export does when it cannot; and models and ops written out, beside
 * what we compute, for test_onnx.py, which runs them elsewhere.
 *
 * FN_ONNX_FOLDER  where to write; default: a folder that is removed again
 * FN_ONNX_NET     network or YAML file; default: the small one of tests/nets.h
 * FN_ONNX_PORTABLE  set: the portable profile; default: the native one
 * FN_ONNX_CROPS   how many crops to embed; default 6 */
#include "core/file.h"
#include "core/mem.h"
#include "export/message.h"
#include "export/onnx.h"
#include "export/onnx_ops.h"
#include "nn/plan.h"
#include "tests/exports.h"

static fn_status open_net(fn_net **net)
{
    const char *name = getenv("FN_ONNX_NET");
    return name ? fn_net_open(net, name, NULL)
                : fn_net_parse(net, "small.yaml", small, sizeof small - 1);
}

static void write_floats(scratch *s, const char *name, const char *end, const float *x,
                         int64_t n)
{
    char *path = file_in(s, name, end);
    CHECK_OK(fn_file_replace(path, x, (size_t)n * sizeof *x));
    fn_free(path);
}

static fn_onnx_profile profile_wanted(void)
{
    return getenv("FN_ONNX_PORTABLE") ? FN_ONNX_PORTABLE : FN_ONNX_NATIVE;
}

static int64_t crops_wanted(void)
{
    const char *n = getenv("FN_ONNX_CROPS");
    return n ? strtol(n, NULL, 10) : 6;
}

/* Crops of unlike light and contrast, so that their embeddings differ. */
static void fill_crop(float *x, int64_t n, uint32_t index)
{
    fn_rng r = fn_rng_at(3, FN_RNG_TEST, 3, index);
    double middle = fn_rng_range(&r, -0.5, 0.5), reach = fn_rng_range(&r, 0.1, 0.5);
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)fn_rng_range(&r, middle - reach, middle + reach);
}

/* Embeds crop by crop, so that any number will do. */
static fn_status embed(float *y, const float *x, int64_t n, const struct fn_model *m)
{
    fn_graph *g = NULL;
    fn_plan *plan = NULL;
    fn_status rc;
    FN_GO(fn_net_build(&g, m->net, 1, false));
    FN_GO(fn_plan_open(&plan, g, m->params, (fn_plan_options){.backend = FN_CPU}));
    FN_GO(fn_plan_load(plan));
    int64_t pixels = fn_numel(g->value[0].shape), dim = fn_model_dim(m);
    for (int64_t i = 0; i < n; i++) {
        FN_GO(fn_plan_forward(plan, x + i * pixels));
        memcpy(y + i * dim, fn_plan_output(plan, 0), (size_t)dim * sizeof *y);
    }
out:
    fn_plan_close(plan);
    fn_graph_close(g);
    return rc;
}

static void write_embeddings(scratch *s, const char *name, const struct fn_model *m)
{
    int64_t n = crops_wanted(), dim = fn_model_dim(m);
    int64_t pixels = 3 * (int64_t)fn_net_height(m->net) * fn_net_width(m->net);
    float *x = fn_alloc((size_t)(n * pixels), sizeof *x);
    float *y = fn_alloc((size_t)(n * dim), sizeof *y);
    for (int64_t i = 0; i < n; i++)
        fill_crop(x + i * pixels, pixels, (uint32_t)i);
    CHECK_OK(embed(y, x, n, m));
    write_floats(s, name, ".input.f32", x, n * pixels);
    write_floats(s, name, ".output.f32", y, n * dim);
    fn_free(x);
    fn_free(y);
}

static void write_digest(scratch *s, const char *name, const struct fn_model *m)
{
    char *path = file_in(s, name, ".sha256");
    CHECK_OK(fn_file_replace(path, m->digest, strlen(m->digest)));
    fn_free(path);
}

/* NAME.fnm, NAME.onnx, NAME.sha256, NAME.input.f32 [n,h,w,3], NAME.output.f32 [n,dim]. */
TEST(model)
{
    scratch s = scratch_open();
    fn_record record = record_of_test();
    fn_net *net = NULL;
    struct fn_model *m = NULL;
    CHECK_OK(open_net(&net));
    if (!net)
        return;
    const char *name = fn_net_name(net);
    char *fnm = file_in(&s, name, ".fnm"), *onnx = file_in(&s, name, ".onnx");
    CHECK_OK(save_model(fnm, net, &record));
    CHECK_OK(fn_model_open(&m, fnm));
    if (m) {
        double difference = 1;
        CHECK_OK(fn_onnx_write(onnx, m, profile_wanted()));
        CHECK_OK(fn_onnx_check(onnx, m, &difference));
        CHECK(difference < 1e-5);
        write_digest(&s, name, m);
        write_embeddings(&s, name, m);
    }
    fn_model_close(m);
    fn_free(fnm);
    fn_free(onnx);
    fn_net_close(net);
    scratch_close(&s);
}

/* --- ops --- */

/* A graph of one node, each of its inputs the graph's input. */
static fn_status one_node(fn_graph **g, const fn_op *op, const fn_sample *s)
{
    int x[FN_MAX_IN] = {0}, y[FN_MAX_OUT];
    FN_TRY(fn_graph_open(g, op->name, s->x[0], false));
    FN_TRY(fn_graph_add(*g, op, "node", op->attr_size ? s->attr : NULL, x, s->n_x, y));
    (*g)->n_output = 1;
    (*g)->output[0] = y[0];
    return FN_OK;
}

static void write_op_model(scratch *s, const char *name, const fn_graph *g,
                           const fn_params *p)
{
    fn_proto out = {0};
    fn_shape x = g->value[0].shape, y = g->value[g->output[0]].shape;
    fn_proto_int(&out, FN_MODEL_IR, 7);
    size_t graph = fn_proto_begin(&out, FN_MODEL_GRAPH);
    fn_proto_text(&out, FN_GRAPH_NAME, name);
    fn_message_value(&out, FN_GRAPH_INPUT, FN_ONNX_INPUT, x.rank, x.dim);
    fn_message_value(&out, FN_GRAPH_OUTPUT, FN_ONNX_OUTPUT, y.rank, y.dim);
    CHECK_OK(fn_onnx_ops_write(&out, g, p, profile_wanted()));
    fn_proto_end(&out, graph);
    fn_message_opset(&out, 13);
    CHECK_OK(fn_proto_status(&out));
    char *path = file_in(s, name, ".onnx");
    CHECK_OK(fn_file_replace(path, out.data, out.size));
    fn_free(path);
    fn_proto_close(&out);
}

static void write_op_values(scratch *s, const char *name, const fn_graph *g, fn_params *p)
{
    const fn_plan_options as_it_is = {.backend = FN_CPU, .no_fuse = true};
    fn_plan *plan = NULL;
    fn_shape shape = g->value[0].shape, given = g->value[g->output[0]].shape;
    float *x = fn_alloc((size_t)fn_numel(shape), sizeof *x);
    fn_test_fill(x, fn_numel(shape), 5);
    if (shape.rank == 2) /* the first row is all zeros: l2norm divides by nothing */
        memset(x, 0, (size_t)shape.dim[1] * sizeof *x);
    CHECK_OK(fn_plan_open(&plan, g, p, as_it_is));
    CHECK_OK(fn_plan_load(plan));
    CHECK_OK(fn_plan_forward(plan, x));
    write_floats(s, name, ".input.f32", x, fn_numel(shape));
    write_floats(s, name, ".output.f32", fn_plan_output(plan, 0), fn_numel(given));
    fn_plan_close(plan);
    fn_free(x);
}

static void write_op(scratch *s, const fn_op *op, const fn_sample *sample, int number)
{
    fn_graph *g = NULL;
    fn_params *p = NULL;
    char name[64];
    snprintf(name, sizeof name, "op-%s-%d", op->name, number);
    CHECK_OK(one_node(&g, op, sample));
    CHECK_OK(fn_params_open(&p, g, false));
    if (g && p) {
        fn_params_init(p, 12);
        for (int64_t k = 0; k < p->count; k++) /* no bias, no statistic is its default */
            p->value[k] += 0.01f * (float)(1 + k % 7);
        write_op_model(s, name, g, p);
        write_op_values(s, name, g, p);
    }
    fn_params_close(p);
    fn_graph_close(g);
}

/* op-NAME-NUMBER.{onnx,input.f32,output.f32} for every sample of every op a net can use. */
TEST(ops)
{
    scratch s = scratch_open();
    for (const fn_op *const *op = fn_ops; *op; op++)
        for (int i = 0; !(*op)->internal && (*op)->sample[i].attr; i++)
            write_op(&s, *op, &(*op)->sample[i], i);
    scratch_close(&s);
}

/* --- refusals --- */

TEST(a_folder_that_is_not_there)
{
    scratch s = {0};
    fn_record record = record_of_test();
    struct fn_model *m = open_model(&s, small, &record);
    char *path = file_in(&s, "no/such", ".onnx");
    CHECK_FAILS(fn_onnx_write(path, m, FN_ONNX_NATIVE), FN_ENOENT, "no/such.onnx");
    fn_free(path);
    fn_model_close(m);
    scratch_close(&s);
}

TEST(two_heads)
{
    static const char text[] = "name: two\n"
                               "input: 8x8x3\n"
                               "layers:\n"
                               "  - avgpool: {kernel: 0}\n"
                               "heads:\n"
                               "  embedding:\n"
                               "    - fc: {name: e, out: 4, act: none}\n"
                               "  other:\n"
                               "    - fc: {name: o, out: 4, act: none}\n";
    scratch s = {0};
    fn_record record = record_of_test();
    struct fn_model *m = open_model(&s, text, &record);
    char *path = file_in(&s, "two", ".onnx");
    CHECK_FAILS(fn_onnx_write(path, m, FN_ONNX_NATIVE), FN_EUNSUPPORTED, "has 2 heads");
    CHECK(!fn_file_exists(path));
    fn_free(path);
    fn_model_close(m);
    scratch_close(&s);
}

static bool holds(const char *data, size_t size, const char *text)
{
    for (size_t i = 0; i + strlen(text) <= size; i++)
        if (memcmp(data + i, text, strlen(text)) == 0)
            return true;
    return false;
}

TEST(what_was_never_measured_is_not_said)
{
    scratch s = {0};
    fn_record record = {.crop = "none", .view = 1, .threshold = NAN};
    struct fn_model *m = open_model(&s, small, &record);
    char *path = file_in(&s, "plain", ".onnx"), *data = NULL;
    size_t size = 0;
    CHECK_OK(fn_onnx_write(path, m, FN_ONNX_NATIVE));
    CHECK_OK(fn_file_read(&data, &size, path, 1 << 24));
    CHECK(holds(data, size, "weights_sha256"));
    CHECK(!holds(data, size, "threshold"));
    CHECK(!holds(data, size, "data_sha256"));
    fn_free(data);
    fn_free(path);
    fn_model_close(m);
    scratch_close(&s);
}

/* Whichever allocation fails, the file of before is still there, whole. */
TEST(memory_runs_out)
{
    scratch s = {0};
    fn_record record = record_of_test();
    struct fn_model *m = open_model(&s, small, &record);
    char *path = file_in(&s, "kept", ".onnx"), *data;
    fn_status rc = FN_ENOMEM;
    size_t size;
    long n = 0;
    CHECK_OK(fn_file_replace(path, "before", 6));
    while (rc == FN_ENOMEM && ++n < 10000) {
        fn_fail_alloc(n);
        rc = fn_onnx_write(path, m, FN_ONNX_NATIVE);
        fn_fail_alloc(0);
        CHECK_OK(fn_file_read(&data, &size, path, 1 << 24));
        CHECK((rc == FN_OK) == (size != 6));
        fn_free(data);
    }
    CHECK_OK(rc);
    CHECK(n > 20);
    fn_free(path);
    fn_model_close(m);
    scratch_close(&s);
}
