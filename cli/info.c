/* info.c -- facenet info NET : the paper's table beside ours; --plan: how it would run; --rows:
 * what a network's file may say */
#include "cli/cli.h"
#include "core/mem.h"
#include "core/rng.h"
#include "kernels/precision.h"
#include "kernels/threads.h"
#include "nn/gauge.h"
#include "nn/net.h"
#include "nn/plan.h"
#include "nn/rows.h"
#include "nn/summary.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <argp.h>

enum { DIFFERS = 65 };

typedef struct arguments {
    const char *net;
    bool plan, rows, training, no_fuse;
    int batch;
    fn_precision precision;
} arguments;

static error_t parse(int key, char *value, struct argp_state *state)
{
    arguments *a = state->input;
    switch (key) {
    case 'p':
        a->plan = true;
        return 0;
    case 'r':
        a->rows = true;
        return 0;
    case 't':
        a->training = true;
        return 0;
    case 'n':
        a->no_fuse = true;
        return 0;
    case 'P':
        a->precision = fn_cli_precision(state, value);
        return 0;
    case 'b':
        a->batch = fn_cli_int(state, "--batch", value, 1, 1000000);
        return 0;
    case ARGP_KEY_ARG:
        if (a->net)
            argp_error(state, "one network at a time");
        a->net = value;
        return 0;
    case ARGP_KEY_END:
        if (!a->net && !a->rows)
            argp_error(state,
                       "a network is needed: nn1, nn2, nn3, nn4, nns1, nns2, a -bn one, "
                       "or a path");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"plan", 'p', NULL, 0, "print nodes, formats, implementations and memory instead", 0},
    {"rows", 'r', NULL, 0, "print what a network's file may say: docs/networks.md", 0},
    {"training", 't', NULL, 0, "the plan of training; default: of inference", 0},
    {"no-fuse", 'n', NULL, 0, "node by node, as the file says", 0},
    {"batch", 'b', "N", 0, "of the plan; default 1", 0},
    {"precision", 'P', "NUMBERS", 0, "of the plan: fp32 (default), bf16 or u8", 0},
    {0},
};
static const struct argp parser = {options,
                                   parse,
                                   "NET\n--rows",
                                   "Print a network's rows with outputs, parameters and "
                                   "multiply-adds beside the figures that "
                                   "the paper prints. Exit code 65: one differs.",
                                   NULL,
                                   NULL,
                                   NULL};

static void print_table(const fn_summary *s)
{
    printf("%-10s %-12s %-12s %12s %8s %14s %8s\n", "row", "output", "paper", "parameters",
           "paper", "multiply-adds", "paper");
    for (int i = 0; i < s->n; i++) {
        const fn_summary_row *r = &s->row[i];
        printf("%-10s %-12s %-12s %12" PRId64 " %8s %14" PRId64 " %8s%s\n", r->name,
               r->output, r->paper_output, r->params, r->paper_params, r->multiply_adds,
               r->paper_flops, r->differs ? "  DIFFERS" : "");
    }
    printf("%-10s %-12s %-12s %12" PRId64 " %8s %14" PRId64 "\n", "total", "", "",
           s->params, "", s->multiply_adds);
}

static fn_status table(const fn_graph *g, int *code)
{
    fn_summary *s;
    FN_TRY(fn_summary_open(&s, g));
    print_table(s);
    if (s->differs) {
        fprintf(stderr, "facenet info: %s differs from the figures in its file\n", g->name);
        *code = DIFFERS;
    }
    fn_summary_close(s);
    return FN_OK;
}

/* Returns how many nodes run on a reference implementation, the first of them in *slow. */
static int print_lines(const fn_plan *p, fn_plan_line *slow)
{
    int count = 0;
    printf("%-24s %-10s %-12s %-12s %12s %10s %12s  %s\n", "node", "op", "output", "format",
           "value", "notes", "scratch", "implementation");
    for (int i = 0; i < fn_plan_lines(p); i++) {
        fn_plan_line l;
        char shape[24], lies[32];
        fn_plan_line_at(p, i, &l);
        fn_graph_print_shape(shape, sizeof shape, l.shape);
        bool floats = strcmp(l.type, "f32") == 0;
        snprintf(lies, sizeof lies, "%s%s%s", l.format, floats ? "" : ":",
                 floats ? "" : l.type);
        printf("%-24s %-10s %-12s %-12s %12zu %10zu %12zu  %s\n", l.name, l.op, shape, lies,
               l.bytes, l.saved, l.workspace, l.kernel);
        if (l.slow && count++ == 0)
            *slow = l;
    }
    return count;
}

static fn_status print_plan(const fn_plan *p, const char *net)
{
    fn_plan_size size = fn_plan_size_of(p);
    fn_plan_line slow;
    int count = print_lines(p, &slow);
    printf("arena    %zu bytes (at least %zu, unplanned %zu), notes among them %zu\n",
           size.arena, size.lower_bound, size.naive, size.saved);
    printf("scratch  %zu bytes\n", size.workspace);
    printf("weights  %zu bytes\n", size.weights);
    if (count == 0)
        return FN_OK;
    return fn_fail(FN_EUNSUPPORTED,
                   "%s: %d of its nodes run on reference code, a hundred times slower, the "
                   "first is %s (%s): take another oneDNN or other sizes",
                   net, count, slow.name, slow.kernel);
}

/* Which values are bytes is a matter of their signs: those of random images and weights. */
static fn_status open_u8(fn_plan **p, const fn_graph *g, fn_params *params,
                         fn_plan_options o)
{
    int64_t count = fn_numel(g->value[0].shape);
    fn_rng r = fn_rng_at(1, FN_RNG_TEST, 0, 0);
    float *x = fn_alloc((size_t)count, sizeof *x);
    if (!x)
        return fn_fail(FN_ENOMEM, "no memory for a batch of images");
    for (int64_t i = 0; i < count; i++)
        x[i] = (float)fn_rng_range(&r, -1, 1);
    fn_params_init(params, 1);
    fn_status rc = fn_gauge_open_plan(p, g, params, o, x);
    fn_free(x);
    return rc;
}

static fn_status plan(const fn_graph *g, const arguments *a)
{
    fn_params *params;
    fn_plan *p = NULL;
    const fn_plan_options o = {
        .backend = FN_CPU, .no_fuse = a->no_fuse, .precision = a->precision};
    bool calibrates = a->precision == FN_PRECISION_U8 && !a->training;
    fn_threads_set(0);
    FN_TRY(fn_params_open(&params, g, a->training));
    fn_status rc = calibrates ? open_u8(&p, g, params, o) : fn_plan_open(&p, g, params, o);
    if (rc == FN_OK)
        rc = print_plan(p, g->name);
    fn_plan_close(p);
    fn_params_close(params);
    return rc;
}

static void print_attributes(const fn_field *table)
{
    _Alignas(16) char attr[FN_ATTR_BYTES] = {0};
    char value[FN_TEXT_BYTES], range[256];
    fn_field_defaults(table, attr);
    for (const fn_field *f = table; f->name; f++) {
        fn_field_print(value, sizeof value, f, attr);
        fn_field_describe(range, sizeof range, f);
        printf("  %-10s %-10s %s\n", f->name, fn_field_required(f) ? "(needed)" : value,
               range);
    }
}

static void print_rows(void)
{
    const fn_field *field;
    const char *word;
    for (int i = 0; (word = fn_rows_word(i, &field)); i++) {
        printf("%s\n", word);
        print_attributes(field);
    }
}

int fn_cli_info(int argc, char **argv)
{
    arguments a = {.batch = 1};
    fn_net *net = NULL;
    fn_graph *g = NULL;
    int code = 0;
    fn_status rc;
    fn_cli_parse(&parser, "info", argc, argv, &a);
    if (a.rows) {
        print_rows();
        return 0;
    }
    FN_GO(fn_net_open(&net, a.net, NULL));
    FN_GO(fn_net_build(&g, net, a.batch, a.training));
    rc = a.plan ? plan(g, &a) : table(g, &code);
out:
    fn_graph_close(g);
    fn_net_close(net);
    return rc == FN_OK ? code : fn_cli_fail(rc);
}
