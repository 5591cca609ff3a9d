/* graph.h -- a network as data: values (edges) and nodes (uses of ops), in the order they
 * run. Built once by nn/net.c, rewritten by nn/lower.c, then immutable. */
#ifndef FN_NN_GRAPH_H
#define FN_NN_GRAPH_H

#include "kernels/op.h"

enum { FN_NAME_BYTES = 64 };

typedef struct fn_node {
    const fn_op *op;
    /* "3a/3x3/conv": with the weight's name, a parameter's name */
    char name[FN_NAME_BYTES];
    _Alignas(16) char attr[FN_ATTR_BYTES];
    fn_call call; /* shapes and formats only; call.attr is set by binding */
    int x[FN_MAX_IN], y[FN_MAX_OUT]; /* indices into graph->value */
    int w[FN_MAX_WEIGHT];            /* indices of parameters, in order of creation */
    int fold[4];    /* lower.c: parameters of the batch norm folded into this convolution
                  * (FN_BN_* order); fold[0] = -1: none */
    float fold_eps; /* of that batch norm */
    int row;        /* index into graph->row; -1: none */
} fn_node;

typedef struct fn_value {
    fn_shape shape;
    fn_format format; /* FN_PLAIN until the plan chooses */
    fn_type type;     /* FN_F32 until then */
    float step;       /* of bytes */
    int maker;        /* node; -1: the network's input */
} fn_value;

/* One row of the YAML file, for the table of `facenet info`; "" where the file is silent. */
typedef struct fn_row {
    char name[FN_NAME_BYTES];
    char gives[24], params[16], flops[16]; /* as the paper prints them */
    int value;                             /* what the row gives */
} fn_row;

typedef struct fn_graph {
    char name[32];
    fn_node *node;
    fn_value *value; /* value[0] is the input, N,C,H,W */
    fn_row *row;
    int n_node, n_value, n_row, n_param;
    int n_output, output[FN_MAX_OUT];
    bool training;
    /* totals as the paper prints them, exact; 0 where the file is silent */
    int64_t total_params, total_flops;
} fn_graph;

/* An empty graph whose value 0 is the input. */
fn_status fn_graph_open(fn_graph **out, const char *name, fn_shape input,
                        bool training) FN_CHECKED;
void fn_graph_close(fn_graph *g);

/* Appends one use of `op`, inferring shapes at once; y receives the call's n_y new values
 * (room for FN_MAX_OUT, or NULL). `attr` is op->attr_size bytes, NULL where the op has
 * none. Fresh parameters are numbered from g->n_param; `row` starts at -1. */
fn_status fn_graph_add(fn_graph *g, const fn_op *op, const char *name, const void *attr,
                       const int *x, int n_x, int *y) FN_CHECKED;

/* "56x56x64"; "1x1x128" for rows of features. */
void fn_graph_print_shape(char *text, size_t size, fn_shape s);

#endif
