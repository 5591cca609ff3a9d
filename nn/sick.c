#include "nn/sick.h"

#include "core/mem.h"
#include "kernels/format.h"

#include <math.h>
#include <stdio.h>

enum { PIECE = 1 << 18 }; /* bytes that are looked at together */

typedef struct search {
    fn_plan *plan;
    char *text;
    size_t size;
    void *piece; /* [PIECE] */
    fn_status status;
} search;

static bool is_over(const search *s)
{
    return s->text[0] || s->status != FN_OK;
}

/* All bits of the exponent are set in what is infinite or no number. */
static bool all_finite(const void *piece, size_t bytes, fn_type type)
{
    const uint16_t *half = piece;
    const float *whole = piece;
    if (type == FN_BF16)
        for (size_t i = 0; i < bytes / sizeof *half; i++)
            if ((half[i] & 0x7f80) == 0x7f80)
                return false;
    if (type == FN_F32)
        for (size_t i = 0; i < bytes / sizeof *whole; i++)
            if (!isfinite(whole[i]))
                return false;
    return true;
}

/* `what` with the node's name in it, if t is not finite. */
static void look_at(search *s, fn_tensor t, const char *what, int node)
{
    size_t bytes = (size_t)fn_format_numel(t.shape, t.format) * fn_type_bytes(t.type);
    fn_plan_line line;
    for (size_t at = 0, n; t.data && at < bytes && !is_over(s); at += n) {
        n = bytes - at < PIECE ? bytes - at : PIECE;
        s->status = fn_plan_peek(s->plan, s->piece, (const char *)t.data + at, n);
        if (s->status != FN_OK || all_finite(s->piece, n, t.type))
            continue;
        fn_plan_line_at(s->plan, node, &line);
        snprintf(s->text, s->size, "%s %s", what, line.name);
    }
}

static void look(void *ctx, int node, bool backward)
{
    search *s = ctx;
    const fn_call *c = fn_plan_call(s->plan, node);
    if (is_over(s))
        return;
    for (int k = 0; k < c->n_w && !backward; k++)
        look_at(s, c->w[k], "the weights of", node);
    for (int k = 0; k < c->n_y && !backward; k++)
        look_at(s, c->y[k], "the output of", node);
    for (int k = 0; k < c->n_w && backward; k++)
        look_at(s, c->dw[k], "the gradient of the weights of", node);
    for (int k = 0; k < c->n_x && backward; k++)
        look_at(s, c->dx[k], "the gradient of the input of", node);
}

static fn_status search_all(search *s, const float *d_out)
{
    fn_shape out = fn_plan_call(s->plan, fn_plan_lines(s->plan) - 1)->y[0].shape;
    FN_TRY(fn_plan_run(s->plan));
    if (is_over(s) || !d_out)
        return s->status;
    if (!all_finite(d_out, (size_t)fn_numel(out) * sizeof *d_out, FN_F32)) {
        snprintf(s->text, s->size, "the gradient of the loss");
        return FN_OK;
    }
    FN_TRY(fn_plan_backward(s->plan, d_out));
    return s->status;
}

fn_status fn_sick_find(char *text, size_t size, fn_plan *p, const float *d_out)
{
    search s = {p, text, size, fn_alloc(PIECE, 1), FN_OK};
    text[0] = '\0';
    if (!s.piece)
        return fn_fail(FN_ENOMEM, "no memory to look for what is not finite");
    fn_plan_watch(p, look, &s);
    fn_status rc = search_all(&s, d_out);
    fn_plan_watch(p, NULL, NULL);
    fn_free(s.piece);
    return rc;
}
