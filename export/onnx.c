/* onnx.c -- a model as ONNX: the lowered graph, so batch norm is in the convolutions, and the
 * model's record as metadata. */
#include "export/onnx.h"

#include "core/file.h"
#include "export/message.h"
#include "export/metadata.h"
#include "nn/lower.h"

enum { IR_VERSION = 7, OPSET = 13 };

static fn_status put(void *ctx, const char *key, const char *value)
{
    fn_message_metadata(ctx, key, value);
    return FN_OK; /* a failure shows in fn_proto_status */
}

static fn_status write_graph(fn_proto *p, const struct fn_model *m, const fn_graph *g,
                             fn_onnx_profile profile)
{
    fn_shape x = g->value[0].shape, y = g->value[g->output[0]].shape;
    size_t graph = fn_proto_begin(p, FN_MODEL_GRAPH);
    fn_proto_text(p, FN_GRAPH_NAME, fn_net_name(m->net));
    fn_message_value(p, FN_GRAPH_INPUT, FN_ONNX_INPUT, x.rank, x.dim);
    fn_message_value(p, FN_GRAPH_OUTPUT, FN_ONNX_OUTPUT, y.rank, y.dim);
    FN_TRY(fn_onnx_ops_write(p, g, m->params, profile));
    fn_proto_end(p, graph);
    return FN_OK;
}

static fn_status write_model(fn_proto *p, const struct fn_model *m, const fn_graph *g,
                             fn_onnx_profile profile)
{
    if (g->n_output != 1)
        return fn_fail(FN_EUNSUPPORTED,
                       "%s has %d heads: ONNX export writes networks with the one head "
                       "`embedding`",
                       fn_net_name(m->net), g->n_output);
    fn_proto_int(p, FN_MODEL_IR, IR_VERSION);
    fn_proto_text(p, FN_MODEL_PRODUCER, "facenet");
    fn_proto_text(p, FN_MODEL_PRODUCER_VERSION, fn_version());
    FN_TRY(write_graph(p, m, g, profile));
    fn_message_opset(p, OPSET);
    FN_TRY(fn_metadata_each(m, put, p));
    return fn_proto_status(p);
}

fn_status fn_onnx_write(const char *path, const struct fn_model *m, fn_onnx_profile profile)
{
    fn_graph *g = NULL, *lowered = NULL;
    fn_proto p = {0};
    fn_status rc;
    FN_GO(fn_net_build(&g, m->net, 1, false));
    FN_GO(fn_lower(&lowered, g, FN_CPU));
    FN_GO(write_model(&p, m, lowered, profile));
    FN_GO(fn_file_replace(path, p.data, p.size));
out:
    fn_proto_close(&p);
    fn_graph_close(lowered);
    fn_graph_close(g);
    return rc;
}
