#include "kernels/dnnl.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static dnnl_engine_t engine;
static dnnl_stream_t stream;
static dnnl_status_t started;

static void start(void)
{
    started = dnnl_engine_create(&engine, dnnl_cpu, 0);
    if (started == dnnl_success)
        started = dnnl_stream_create(&stream, engine, dnnl_stream_default_flags);
}

fn_status fn_dnnl_start(void)
{
    pthread_once(&once, start);
    return fn_dnnl_check(started, "opening the processor");
}

dnnl_engine_t fn_dnnl_engine(void)
{
    return engine;
}

/* The sets of instructions are sets of bits. */
static bool has(dnnl_cpu_isa_t isa)
{
    return ((unsigned)dnnl_get_effective_cpu_isa() & (unsigned)isa) == (unsigned)isa;
}

bool fn_dnnl_has_bf16(void)
{
    return has(dnnl_cpu_isa_avx512_core_bf16);
}

bool fn_dnnl_has_vnni(void)
{
    return has(dnnl_cpu_isa_avx512_core_vnni) || has(dnnl_cpu_isa_avx2_vnni);
}

fn_status fn_dnnl_check(dnnl_status_t s, const char *doing)
{
    switch (s) {
    case dnnl_success:
        return FN_OK;
    case dnnl_out_of_memory:
        return fn_fail(FN_ENOMEM, "oneDNN has no memory for %s", doing);
    case dnnl_unimplemented:
        return fn_fail(FN_EUNSUPPORTED, "oneDNN has no implementation of %s", doing);
    case dnnl_invalid_arguments:
        return fn_fail(FN_EINTERNAL, "oneDNN refuses the arguments of %s", doing);
    default:
        return fn_fail(FN_EDEVICE, "oneDNN failed in %s (its status %d)", doing, (int)s);
    }
}

/* --- ops --- */

/* Every argument that an op of ours may have. */
static const int ids[] = {
    DNNL_ARG_SRC,       DNNL_ARG_WEIGHTS,    DNNL_ARG_BIAS,         DNNL_ARG_DST,
    DNNL_ARG_MEAN,      DNNL_ARG_VARIANCE,   DNNL_ARG_SCALE,        DNNL_ARG_SHIFT,
    DNNL_ARG_WORKSPACE, DNNL_ARG_SCRATCHPAD, DNNL_ARG_DIFF_SRC,     DNNL_ARG_DIFF_DST,
    DNNL_ARG_DIFF_BIAS, DNNL_ARG_DIFF_SCALE, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_SHIFT,
};
enum { IDS = sizeof ids / sizeof *ids };

size_t fn_dnnl_bytes(const fn_dnnl_op *op, int id)
{
    if (!op->desc)
        return 0;
    return dnnl_memory_desc_get_size(
        dnnl_primitive_desc_query_md(op->desc, dnnl_query_exec_arg_md, id));
}

static fn_status add_argument(fn_dnnl_op *op, int id)
{
    dnnl_exec_arg_t *arg = &op->arg[op->n_arg];
    assert(op->n_arg < FN_DNNL_ARGS);
    arg->arg = id;
    dnnl_status_t s = id == fn_dnnl_make_scale_id()
                          ? fn_dnnl_make_scales(&arg->memory, op->scales)
                          : dnnl_memory_create(&arg->memory,
                                               dnnl_primitive_desc_query_md(
                                                   op->desc, dnnl_query_exec_arg_md, id),
                                               engine, DNNL_MEMORY_NONE);
    FN_TRY(fn_dnnl_check(s, "an argument"));
    op->n_arg++;
    return FN_OK;
}

fn_status fn_dnnl_compile(fn_dnnl_op *op)
{
    FN_TRY(
        fn_dnnl_check(dnnl_primitive_create(&op->primitive, op->desc), fn_dnnl_name(op)));
    for (int i = 0; i < IDS; i++)
        if (fn_dnnl_bytes(op, ids[i]) > 0)
            FN_TRY(add_argument(op, ids[i]));
    return op->scales ? add_argument(op, fn_dnnl_make_scale_id()) : FN_OK;
}

static void *data_of(const fn_dnnl_arg *arg, int id)
{
    while (arg->id && arg->id != id)
        arg++;
    return arg->data;
}

/* oneDNN itself complains of an argument that is missing. */
fn_status fn_dnnl_run(const fn_dnnl_op *op, const fn_dnnl_arg *arg)
{
    dnnl_exec_arg_t given[FN_DNNL_ARGS];
    int n = 0;
    for (int i = 0; i < op->n_arg; i++) {
        void *data = data_of(arg, op->arg[i].arg);
        if (!data)
            continue;
        given[n++] = op->arg[i];
        FN_TRY(fn_dnnl_check(dnnl_memory_set_data_handle(op->arg[i].memory, data),
                             "an argument"));
    }
    FN_TRY(fn_dnnl_check(dnnl_primitive_execute(op->primitive, stream, n, given),
                         fn_dnnl_name(op)));
    return fn_dnnl_check(dnnl_stream_wait(stream), fn_dnnl_name(op));
}

const char *fn_dnnl_name(const fn_dnnl_op *op)
{
    const char *name = NULL;
    if (!op->desc || dnnl_primitive_desc_query(op->desc, dnnl_query_impl_info_str, 0,
                                               &name) != dnnl_success)
        return "none";
    return name;
}

bool fn_dnnl_is_slow(const fn_dnnl_op *op)
{
    return strstr(fn_dnnl_name(op), "ref") != NULL;
}

void fn_dnnl_release(fn_dnnl_op *op)
{
    for (int i = 0; i < op->n_arg; i++)
        dnnl_memory_destroy(op->arg[i].memory);
    dnnl_primitive_destroy(op->primitive);
    dnnl_primitive_desc_destroy(op->desc);
    *op = (fn_dnnl_op){0};
}

/* --- ports --- */

fn_status fn_dnnl_bring(const fn_dnnl_port *p, void **data, void *base)
{
    if (!p->bytes)
        return FN_OK;
    void *from = *data;
    *data = (char *)base + p->at;
    return fn_dnnl_run(&p->move,
                       (fn_dnnl_arg[]){{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, *data}, {0}});
}

void *fn_dnnl_place(const fn_dnnl_port *p, void *data, void *base)
{
    return p->bytes ? (char *)base + p->at : data;
}

fn_status fn_dnnl_deliver(const fn_dnnl_port *p, void *data, void *base)
{
    if (!p->bytes)
        return FN_OK;
    void *from = (char *)base + p->at;
    return fn_dnnl_run(&p->move,
                       (fn_dnnl_arg[]){{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, data}, {0}});
}

size_t fn_dnnl_reserve(size_t *size, size_t bytes)
{
    size_t at = (*size + 63) / 64 * 64;
    *size = at + bytes;
    return at;
}
