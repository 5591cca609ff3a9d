/* bench_bytes.c -- bytes that a training step moves through a GPU's memory at least, MB an image,
 * by op: nn/traffic.h. No GPU is needed, but a build with CUDA.
 *
 *     bench_bytes NET [PRECISION [BATCH]] */
#include "bench/bench.h"
#include "nn/lower.h"
#include "nn/traffic.h"

static fn_status lowered(fn_graph **out, const char *name, fn_precision precision,
                         int batch)
{
    fn_net *net = NULL;
    fn_graph *g = NULL, *fused = NULL;
    fn_status rc;
    *out = NULL;
    FN_GO(fn_net_open(&net, name, NULL));
    FN_GO(fn_net_build(&g, net, batch, true));
    FN_GO(fn_lower(&fused, g, FN_CUDA));
    FN_GO(fn_lower_formats(out, fused, FN_CUDA, precision, NULL));
out:
    fn_graph_close(fused);
    fn_graph_close(g);
    fn_net_close(net);
    return rc;
}

static void print(const char *what, fn_traffic t, int nodes, int batch)
{
    double mb = 1e6 * batch;
    printf("%-10s %5d %9.2f %9.2f %9.2f\n", what, nodes, (double)t.forward / mb,
           (double)t.backward / mb, (double)(t.forward + t.backward) / mb);
}

static void print_op(const fn_graph *g, const fn_op *op, int batch)
{
    fn_traffic sum = {0, 0};
    int nodes = 0;
    for (int i = 0; i < g->n_node; i++) {
        fn_traffic t = fn_traffic_of_node(g, i);
        if (g->node[i].op != op)
            continue;
        sum.forward += t.forward;
        sum.backward += t.backward;
        nodes++;
    }
    if (nodes)
        print(op->name, sum, nodes, batch);
}

static int64_t weights(const fn_graph *g)
{
    int64_t count = 0;
    for (int i = 0; i < g->n_node; i++)
        for (int k = 0; k < g->node[i].call.n_w; k++)
            count += fn_numel(g->node[i].call.w[k].shape);
    return count;
}

int main(int argc, char **argv)
{
    fn_graph *g;
    int precision = argc > 2 ? fn_precision_find(argv[2]) : FN_PRECISION_BF16;
    long batch = argc > 3 ? strtol(argv[3], NULL, 10) : 1800;
    if (argc < 2 || precision < 0 || precision == FN_PRECISION_U8 || batch < 1 ||
        batch > 1 << 20) {
        fprintf(stderr, "usage: bench_bytes NET [PRECISION [BATCH]]\n");
        return 64;
    }
    fn_status rc = lowered(&g, argv[1], (fn_precision)precision, (int)batch);
    if (rc != FN_OK) {
        fprintf(stderr, "bench_bytes: %s\n", fn_last_error());
        return fn_exit_code(rc);
    }
    printf("%s, batch %ld, %s: MB an image\n%-10s %5s %9s %9s %9s\n", g->name, batch,
           fn_precision_names[precision], "op", "nodes", "forward", "backward", "both");
    for (const fn_op *const *op = fn_ops; *op; op++)
        print_op(g, *op, (int)batch);
    print("all", fn_traffic_of(g), g->n_node, (int)batch);
    printf("%-10s %5s %9s %9s %9.2f\n", "update", "", "", "",
           (double)fn_traffic_of_update(weights(g)) / 1e6 / (double)batch);
    fn_graph_close(g);
    return 0;
}
