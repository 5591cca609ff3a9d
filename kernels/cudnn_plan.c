/* Plans: the search for an engine, and its run. */
#include "core/mem.h"
#include "kernels/cudnn.h"
#include "kernels/cudnn_backend.h"

#include <stdio.h>
#include <string.h>

/* --- search --- */

/* The best plan so far, in a plan's bag. */
typedef struct search {
    fn_cudnn_part plan, config;
    int64_t workspace;
    char reasons[FN_CUDNN_REASONS]; /* of the first that was refused */
} search;

/* A plan of one configuration; NULL, and the bag is as before, where it is refused. */
static fn_cudnn_part plan_of(fn_cudnn_bag *b, const fn_cudnn *c, fn_cudnn_part config,
                             int64_t *workspace, search *s)
{
    int before = b->n;
    fn_cudnn_part plan = fn_cudnn_add(b, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    fn_cudnn_link(b, plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
    fn_cudnn_link(b, plan, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, c->device);
    fn_cudnn_finish(b, plan);
    fn_cudnn_get(b, plan, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1,
                 workspace);
    if (!b->bad)
        return plan;
    if (!*s->reasons)
        memcpy(s->reasons, b->reason, sizeof s->reasons);
    b->bad = CUDNN_STATUS_SUCCESS;
    fn_cudnn_drop(b, before, NULL, 0);
    return NULL;
}

static void find_best(search *s, fn_cudnn_bag *b, const fn_cudnn *c,
                      const fn_cudnn_configs *found)
{
    for (int i = 0; i < found->n; i++) {
        int64_t workspace = 0;
        fn_cudnn_part plan = plan_of(b, c, found->config[i], &workspace, s);
        if (!plan || (s->plan && s->workspace <= workspace))
            continue;
        s->plan = plan;
        s->config = found->config[i];
        s->workspace = workspace;
        if (workspace <= FN_CUDNN_WORKSPACE)
            return;
    }
}

static fn_status nothing_found(const fn_cudnn_configs *found, const search *s)
{
    char reasons[FN_CUDNN_REASONS];
    fn_cudnn_reasons(reasons, sizeof reasons);
    if (*s->reasons)
        memcpy(reasons, s->reasons, sizeof reasons);
    if (found->passed_over)
        return fn_fail(
            FN_EUNSUPPORTED,
            "cuDNN has no engine for it but %d of another precision, or that give "
            "other bits in every run (%s)",
            found->passed_over, reasons);
    return fn_fail(FN_EUNSUPPORTED, "cuDNN has no engine for it on this device (%s)",
                   reasons);
}

static fn_status choose(fn_cudnn_plan *p, const fn_engine *choice)
{
    fn_cudnn_bag *b = &p->bag;
    fn_cudnn_configs found;
    search s = {.plan = NULL};
    int before = b->n;
    if (choice)
        fn_cudnn_take(&found, b, p->c, p->graph, p->what.precision, choice);
    else
        fn_cudnn_find(&found, b, p->c, p->graph, p->what.precision);
    FN_TRY(fn_cudnn_status(b, choice ? "its engine" : "cuDNN's list of engines"));
    find_best(&s, b, p->c, &found);
    if (!s.plan)
        return nothing_found(&found, &s);
    fn_cudnn_read_engine(&p->engine, b, s.config);
    fn_cudnn_drop(b, before, (fn_cudnn_part[]){s.config, s.plan}, 2);
    p->plan = s.plan;
    p->workspace = (size_t)s.workspace;
    return fn_cudnn_status(b, "its engine");
}

/* --- life --- */

static fn_status make(fn_cudnn_plan *p, const fn_engine *choice)
{
    FN_TRY(fn_cudnn_check(&p->what));
    fn_cudnn_forget_reasons();
    p->graph = fn_cudnn_graph(&p->bag, &p->what);
    FN_TRY(fn_cudnn_status(&p->bag, "its operation graph"));
    FN_TRY(choose(p, choice));
    fn_cudnn_forget_reasons(); /* those of engines that were passed over */
    return FN_OK;
}

fn_status fn_cudnn_plan_open_on(fn_cudnn_plan **out, fn_cudnn *c, const fn_cudnn_conv *what,
                                const fn_engine *choice)
{
    char text[FN_CUDNN_TEXT];
    fn_cudnn_plan *p = fn_alloc(1, sizeof *p);
    *out = NULL;
    if (!p)
        return fn_fail(FN_ENOMEM, "no memory for a convolution's plan");
    p->c = c;
    p->what = *what;
    fn_status rc = make(p, choice);
    if (rc == FN_OK) {
        *out = p;
        return FN_OK;
    }
    fn_cudnn_plan_close(p);
    fn_cudnn_text(text, what);
    return fn_context(rc, "%s", text);
}

fn_status fn_cudnn_plan_open(fn_cudnn_plan **out, fn_cudnn *c, const fn_cudnn_conv *what)
{
    char text[FN_CUDNN_TEXT];
    if (c->seen)
        c->seen(c->seen_ctx, what);
    fn_cudnn_text(text, what);
    const fn_engine *choice = c->chosen ? fn_engines_find(c->chosen, text, c->where) : NULL;
    fn_status rc = fn_cudnn_plan_open_on(out, c, what, choice);
    if (rc == FN_OK || !choice)
        return rc;
    char place[256];
    fn_engines_place(place, sizeof place, c->chosen, choice);
    return fn_context(rc, "%s: engine %lld is refused, delete its line", place,
                      (long long)choice->id);
}

void fn_cudnn_plan_close(fn_cudnn_plan *p)
{
    if (p)
        fn_cudnn_drop(&p->bag, 0, NULL, 0);
    fn_free(p);
}

size_t fn_cudnn_plan_workspace(const fn_cudnn_plan *p)
{
    return p->workspace;
}

const fn_engine *fn_cudnn_plan_engine(const fn_cudnn_plan *p)
{
    return &p->engine;
}

/* --- run --- */

/* Of the tensors that there are, names and pointers for cuDNN; returns how many. */
static int list_tensors(int64_t *id, void **to, const fn_cudnn_data *d)
{
    void *const all[] = {d->x, d->dx, d->w, d->b, d->y};
    static const int64_t name[] = {FN_CUDNN_X, FN_CUDNN_DX, FN_CUDNN_W, FN_CUDNN_B,
                                   FN_CUDNN_Y};
    int n = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i]) {
            to[n] = all[i];
            id[n++] = name[i];
        }
    return n;
}

/* The pack is the last part of the bag. */
static fn_status bind(fn_cudnn_plan *p, const fn_cudnn_data *d)
{
    fn_cudnn_bag *b = &p->bag;
    void *to[FN_CUDNN_INSIDE];
    int64_t id[FN_CUDNN_INSIDE];
    int before = b->n - (p->pack != NULL), n = list_tensors(id, to, d);
    fn_cudnn_drop(b, before, NULL, 0);
    p->pack = fn_cudnn_add(b, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    fn_cudnn_set(b, p->pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, n, id);
    fn_cudnn_set(b, p->pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, n,
                 to);
    fn_cudnn_set(b, p->pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1,
                 &d->workspace);
    fn_cudnn_finish(b, p->pack);
    p->bound = *d;
    fn_status rc = fn_cudnn_status(b, "a convolution's pointers");
    if (rc != FN_OK) {
        b->bad = CUDNN_STATUS_SUCCESS;
        fn_cudnn_drop(b, before, NULL, 0);
        p->pack = NULL;
    }
    return rc;
}

static fn_status did_not_run(const fn_cudnn_plan *p, cudnnStatus_t s)
{
    char text[FN_CUDNN_TEXT], engine[FN_CUDNN_TEXT], reasons[FN_CUDNN_REASONS];
    fn_cudnn_text(text, &p->what);
    fn_engine_text(engine, sizeof engine, &p->engine);
    fn_cudnn_reasons(reasons, sizeof reasons);
    return fn_fail(FN_EDEVICE, "%s: engine %s with %zu bytes of workspace: %s (%s)", text,
                   engine, p->workspace, cudnnGetErrorString(s), reasons);
}

fn_status fn_cudnn_plan_run(fn_cudnn_plan *p, const fn_cudnn_data *data)
{
    if (!p->pack || memcmp(&p->bound, data, sizeof *data) != 0)
        FN_TRY(bind(p, data));
    if (!p->c->handle)
        return fn_fail(FN_EUNSUPPORTED, "%s is only described: a plan for it does not run",
                       p->c->where);
    cudnnStatus_t s = cudnnBackendExecute(p->c->handle, p->plan, p->pack);
    if (s == CUDNN_STATUS_SUCCESS)
        return FN_OK;
    return did_not_run(p, s);
}
