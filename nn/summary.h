/* summary.h -- the paper's table beside ours: output, parameters, multiply-adds, by row. */
#ifndef FN_NN_SUMMARY_H
#define FN_NN_SUMMARY_H

#include "nn/graph.h"

typedef struct fn_summary_row {
    const char *name;
    char output[24];
    const char *paper_output, *paper_params, *paper_flops; /* "" where the file is silent */
    int64_t params, multiply_adds; /* of one image; biases counted */
    bool differs;                  /* a printed figure is not ours; nn/figure.h */
} fn_summary_row;

typedef struct fn_summary {
    fn_summary_row *row;
    int n;
    int64_t params, multiply_adds; /* totals */
    bool differs;                  /* any row, or the totals of the file */
} fn_summary;

/* The graph outlives the summary. */
fn_status fn_summary_open(fn_summary **out, const fn_graph *g) FN_CHECKED;
void fn_summary_close(fn_summary *s);

#endif
