/* onnx.c -- a model as ONNX: the lowered graph, so batch norm is in the convolutions, and the
 * model's record as metadata. */
#include "export/onnx.h"

#include "core/field.h"
#include "core/file.h"
#include "export/message.h"
#include "export/onnx_ops.h"
#include "nn/lower.h"

#include <math.h>
#include <stdio.h>

enum { IR_VERSION = 7, OPSET = 13 };

static void metadata_int(fn_proto *p, const char *key, int64_t v)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)v);
    fn_message_metadata(p, key, text);
}

static void metadata_real(fn_proto *p, const char *key, float v)
{
    const fn_field real = {.kind = FN_REAL};
    char text[64];
    fn_field_print(text, sizeof text, &real, &v);
    fn_message_metadata(p, key, text);
}

/* What a stranger needs to feed the network and to judge a distance. */
static void write_metadata(fn_proto *p, const struct fn_model *m)
{
    const fn_record *r = &m->record;
    fn_message_metadata(p, "network", fn_net_name(m->net));
    metadata_int(p, "height", fn_net_height(m->net));
    metadata_int(p, "width", fn_net_width(m->net));
    fn_message_metadata(p, "colour", "RGB");
    fn_message_metadata(p, "scaling", "(v - 127.5) / 128");
    fn_message_metadata(p, "crop", r->crop);
    metadata_real(p, "view", r->view);
    metadata_int(p, "embedding", fn_model_dim(m));
    if (!isnan(r->threshold)) {
        metadata_real(p, "threshold", r->threshold);
        fn_message_metadata(p, "threshold_from", r->threshold_from);
    }
    metadata_int(p, "step", r->step);
    if (r->data[0])
        fn_message_metadata(p, "data_sha256", r->data);
    fn_message_metadata(p, "weights_sha256", m->digest);
}

static fn_status write_graph(fn_proto *p, const struct fn_model *m, const fn_graph *g)
{
    fn_shape x = g->value[0].shape, y = g->value[g->output[0]].shape;
    size_t graph = fn_proto_begin(p, FN_MODEL_GRAPH);
    fn_proto_text(p, FN_GRAPH_NAME, fn_net_name(m->net));
    fn_message_value(p, FN_GRAPH_INPUT, FN_ONNX_INPUT, x.rank, x.dim);
    fn_message_value(p, FN_GRAPH_OUTPUT, FN_ONNX_OUTPUT, y.rank, y.dim);
    FN_TRY(fn_onnx_ops_write(p, g, m->params));
    fn_proto_end(p, graph);
    return FN_OK;
}

static fn_status write_model(fn_proto *p, const struct fn_model *m, const fn_graph *g)
{
    if (g->n_output != 1)
        return fn_fail(FN_EUNSUPPORTED,
                       "%s has %d heads: ONNX export writes networks with the one head "
                       "`embedding`",
                       fn_net_name(m->net), g->n_output);
    fn_proto_int(p, FN_MODEL_IR, IR_VERSION);
    fn_proto_text(p, FN_MODEL_PRODUCER, "facenet");
    fn_proto_text(p, FN_MODEL_PRODUCER_VERSION, fn_version());
    FN_TRY(write_graph(p, m, g));
    fn_message_opset(p, OPSET);
    write_metadata(p, m);
    return fn_proto_status(p);
}

fn_status fn_export_onnx(const char *path, const struct fn_model *m)
{
    fn_graph *g = NULL, *lowered = NULL;
    fn_proto p = {0};
    fn_status rc;
    FN_GO(fn_net_build(&g, m->net, 1, false));
    FN_GO(fn_lower(&lowered, g));
    FN_GO(write_model(&p, m, lowered));
    FN_GO(fn_file_replace(path, p.data, p.size));
out:
    fn_proto_close(&p);
    fn_graph_close(lowered);
    fn_graph_close(g);
    return rc;
}
