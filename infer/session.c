/* session.c -- opening a session, and embedding images that are in memory. */
#include "infer/session.h"

#include "core/mem.h"
#include "core/text.h"
#include "infer/pass.h"
#include "kernels/precision.h"

#include <stdio.h>
#include <string.h>

/* In NN2 on one core of a Zen 5, 16 images at a time embed as fast as 32, to 2 %, in fp32, bf16 and
 * u8: values have outgrown the caches either way. One at a time is 5 % slower. */
enum { DEFAULT_BATCH = 32, MOST_BYTES = 4096 };

/* A caller of an older facenet passes a shorter struct: what it lacks is 0. One of a newer
 * facenet passes a longer struct: what we do not know has to be 0. */
static fn_status copy_options(fn_session_options *all, const fn_session_options *o)
{
    const unsigned char *byte = (const unsigned char *)o;
    if (o->size < sizeof o->size || o->size > MOST_BYTES)
        return fn_fail(FN_EINVAL,
                       "fn_session_options.size is %zu: set it to the size of the struct",
                       o->size);
    for (size_t i = sizeof *all; i < o->size; i++)
        if (byte[i])
            return fn_fail(FN_EUNSUPPORTED,
                           "fn_session_options sets an option that facenet %s does not "
                           "know: leave it 0 or use a newer library",
                           fn_version());
    memcpy(all, o, o->size < sizeof *all ? o->size : sizeof *all);
    return FN_OK;
}

static fn_status accept(const fn_session *s, fn_backend b)
{
    if (b == FN_CUDA && s->exact)
        return fn_fail(FN_EUNSUPPORTED,
                       "exact is for CPUs: on a GPU the order of a sum is its library's "
                       "affair. Take the CPU, or do without exact");
    return fn_precision_accept(s->precision, b, s->exact);
}

/* What a GPU never does is refused before one is looked for, and `auto` does not look. */
static fn_status take_device(fn_session *s, fn_device_choice choice, fn_gpu *lent)
{
    bool cpus = s->exact || s->precision == FN_PRECISION_U8;
    s->gpu = lent;
    s->lent = lent != NULL;
    if (choice == FN_DEVICE_CUDA || lent)
        FN_TRY(accept(s, FN_CUDA));
    if (!lent && !(cpus && choice == FN_DEVICE_AUTO))
        FN_TRY(fn_gpu_choose(&s->gpu, choice));
    return accept(s, s->gpu ? FN_CUDA : FN_CPU);
}

static fn_status read_options(fn_session *s, const fn_session_options *o, fn_gpu *lent)
{
    fn_session_options all = {.size = 0};
    if (o)
        FN_TRY(copy_options(&all, o));
    if (all.threads < 0 || all.max_batch < 0)
        return fn_fail(FN_EINVAL,
                       "a session of %d threads and batches of %d: neither can be negative",
                       all.threads, all.max_batch);
    s->threads = all.threads;
    s->max_batch = all.max_batch ? all.max_batch : DEFAULT_BATCH;
    s->exact = all.exact != 0;
    s->precision = all.precision;
    return take_device(s, all.device, lent);
}

fn_status fn_session_on(fn_session **out, fn_gpu *gpu, const fn_net *net, fn_params *params,
                        float view, const fn_session_options *o)
{
    fn_status rc;
    *out = NULL;
    if (!(view > 0 && view <= 1))
        return fn_fail(FN_EINVAL, "%s: a view of %g of the crop's side; it lies in (0, 1]",
                       fn_net_name(net), (double)view);
    fn_session *s = fn_alloc(1, sizeof *s);
    if (!s)
        return fn_fail(FN_ENOMEM, "%s: no memory for a session", fn_net_name(net));
    s->net = net;
    s->params = params;
    s->view = view;
    FN_GO(read_options(s, o, gpu));
    FN_GO(fn_pass_open(s));
    s->x = fn_alloc((size_t)s->max_batch * fn_pass_floats(s), sizeof *s->x);
    if (!s->x) {
        rc = fn_fail(FN_ENOMEM, "%s: no memory for %d views; use a smaller batch",
                     fn_net_name(net), s->max_batch);
        goto out;
    }
    *out = s;
    return FN_OK;
out:
    fn_session_close(s);
    return rc;
}

fn_status fn_session_over(fn_session **out, const fn_net *net, fn_params *params,
                          float view, const fn_session_options *o)
{
    return fn_session_on(out, NULL, net, params, view, o);
}

fn_status fn_session_open(fn_session **out, const fn_model *m, const fn_session_options *o)
{
    return fn_session_over(out, m->net, m->params, m->record.view, o);
}

void fn_session_close(fn_session *s)
{
    if (!s)
        return;
    fn_pass_close(s);
    if (!s->lent)
        fn_gpu_close(s->gpu);
    fn_free(s->x);
    fn_free(s->range);
    fn_free(s->scratch.data);
    fn_free(s);
}

void fn_session_describe(const fn_session *s, char *text, size_t size)
{
    if (s->gpu)
        fn_gpu_describe(s->gpu, text, size);
    else
        snprintf(text, size, "cpu, %d %s", s->threads,
                 fn_text_plural(s->threads, "thread", "threads"));
}

fn_status fn_session_reload(fn_session *s)
{
    return fn_pass_reload(s);
}

fn_status fn_embed(fn_session *s, const fn_image *face, int n, float *out)
{
    if (n < 0)
        return fn_fail(FN_EINVAL, "%d images to embed: not a count", n);
    for (int i = 0; i < n; i++)
        if (fn_image_accept(&face[i]) != FN_OK)
            return fn_context(FN_EINVAL, "image %d", i);
    for (int done = 0, batch; done < n; done += batch) {
        batch = n - done < s->max_batch ? n - done : s->max_batch;
        for (int i = 0; i < batch; i++)
            FN_TRY(fn_view_render(s->x + (size_t)i * fn_pass_floats(s), s->height, s->width,
                                  &face[done + i], fn_view_centre(s->view), &s->scratch));
        FN_TRY(fn_pass_run(s, s->x, batch, out + (size_t)done * (size_t)s->dim));
    }
    return FN_OK;
}
