#include "train/optim_cuda.h"

#include "core/mem.h"

enum { PIECE = 4096, STATES = 2 };

_Static_assert(FN_UPDATE_ADAGRAD == (int)FN_ADAGRAD && FN_UPDATE_SGD == (int)FN_SGD &&
                   FN_UPDATE_ADAM == (int)FN_ADAM && FN_UPDATE_ADAMW == (int)FN_ADAMW,
               "one order of kinds");

struct fn_optim_cuda {
    fn_device *device;
    fn_optim *host;
    size_t bytes; /* of a state */
    fn_update_rule rule;
    fn_update update;
    fn_update_piece *piece; /* the device's, as the next */
    float *state[STATES];
    double *part;
    fn_update_state *taken;
};

/* --- pieces --- */

static int64_t pieces_of(const fn_param *q)
{
    return (q->count + PIECE - 1) / PIECE;
}

static int64_t count_pieces(const fn_params *p)
{
    int64_t n = 0;
    for (int i = 0; i < p->n; i++)
        n += pieces_of(&p->param[i]);
    return n;
}

static void cut(fn_update_piece *to, const fn_params *p)
{
    for (int i = 0; i < p->n; i++) {
        const fn_param *q = &p->param[i];
        for (int64_t at = 0; at < q->count; at += PIECE) {
            int64_t left = q->count - at;
            *to++ = (fn_update_piece){.at = q->offset + at,
                                      .count = (int32_t)(left < PIECE ? left : PIECE),
                                      .trained = q->trained,
                                      .decayed = q->shape.rank > 1};
        }
    }
}

static fn_status make_pieces(fn_optim_cuda *o, const fn_params *p)
{
    int64_t n = count_pieces(p);
    size_t bytes = (size_t)n * sizeof(fn_update_piece);
    fn_update_piece *piece = fn_alloc((size_t)n, sizeof *piece);
    fn_status rc;
    if (!piece)
        return fn_fail(FN_ENOMEM, "no memory for %lld pieces of weights", (long long)n);
    cut(piece, p);
    FN_GO(fn_device_alloc(o->device, (void **)&o->piece, bytes));
    FN_GO(fn_device_upload(o->device, o->piece, piece, bytes));
    o->update.piece = o->piece;
    o->update.pieces = n;
    rc = fn_device_alloc(o->device, (void **)&o->part, (size_t)n * sizeof(double));
    o->update.part = o->part;
out:
    fn_free(piece);
    return rc;
}

/* --- life --- */

static fn_status make_state(fn_optim_cuda *o)
{
    for (int i = 0; i < fn_optim_state_count(o->host); i++) {
        FN_TRY(fn_device_alloc(o->device, (void **)&o->state[i], o->bytes));
        o->update.state[i] = o->state[i];
    }
    FN_TRY(fn_device_alloc(o->device, (void **)&o->taken, sizeof *o->taken));
    o->update.taken = o->taken;
    return fn_optim_cuda_load(o);
}

fn_status fn_optim_cuda_load(fn_optim_cuda *o)
{
    fn_update_state taken = {.steps = *fn_optim_steps(o->host)};
    for (int i = 0; i < fn_optim_state_count(o->host); i++)
        FN_TRY(
            fn_device_upload(o->device, o->state[i], fn_optim_state(o->host, i), o->bytes));
    return fn_device_upload(o->device, o->taken, &taken, sizeof taken);
}

fn_status fn_optim_cuda_open(fn_optim_cuda **out, fn_device *d, const fn_params *p,
                             fn_optim *host, fn_optim_options options, float clip,
                             fn_optim_place place)
{
    fn_status rc;
    fn_optim_cuda *o = fn_alloc(1, sizeof *o);
    *out = NULL;
    if (!o)
        return fn_fail(FN_ENOMEM, "no memory for an optimizer");
    *o = (fn_optim_cuda){
        .device = d,
        .host = host,
        .bytes = (size_t)p->count * sizeof(float),
        .rule = {.kind = (int)options.kind,
                 .momentum = options.momentum,
                 .beta2 = options.beta2,
                 .eps = options.eps,
                 .decay = options.decay,
                 .keep = FN_STAT_KEEP,
                 .clip = clip,
                 .patience = FN_PATIENCE},
        .update = {.w = place.w, .g = place.g, .told = place.told, .loss = place.loss}};
    FN_GO(make_pieces(o, p));
    FN_GO(make_state(o));
    *out = o;
    return FN_OK;
out:
    fn_optim_cuda_close(o);
    return rc;
}

void fn_optim_cuda_close(fn_optim_cuda *o)
{
    if (!o)
        return;
    fn_device_free(o->device, o->piece);
    fn_device_free(o->device, o->part);
    fn_device_free(o->device, o->taken);
    for (int i = 0; i < STATES; i++)
        fn_device_free(o->device, o->state[i]);
    fn_free(o);
}

/* --- use --- */

fn_status fn_optim_cuda_step(fn_optim_cuda *o)
{
    return fn_device_check(
        fn_launch_update(&o->update, &o->rule, fn_device_stream(o->device)),
        "updating the weights");
}

fn_status fn_optim_cuda_add(fn_optim_cuda *o, float *sum, const float *g, float share)
{
    return fn_device_check(fn_launch_add_gradients(sum, g, o->piece, o->update.pieces,
                                                   share, fn_device_stream(o->device)),
                           "adding the gradients of a chunk");
}

fn_status fn_optim_cuda_ask(fn_optim_cuda *o, fn_update_state *taken)
{
    FN_TRY(fn_device_download(o->device, taken, o->taken, sizeof *taken));
    return fn_device_wait(o->device);
}

fn_status fn_optim_cuda_fetch(fn_optim_cuda *o)
{
    fn_update_state taken;
    for (int i = 0; i < fn_optim_state_count(o->host); i++)
        FN_TRY(fn_device_download(o->device, fn_optim_state(o->host, i), o->state[i],
                                  o->bytes));
    FN_TRY(fn_optim_cuda_ask(o, &taken));
    *fn_optim_steps(o->host) = taken.steps;
    return FN_OK;
}
