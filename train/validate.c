#include "train/validate.h"

#include "core/mem.h"
#include "data/pack.h"
#include "infer/session.h"

#include <stdio.h>
#include <string.h>

enum { FOLDS = 10, VAL_BATCH = 64 };

struct fn_validator {
    fn_pack *pack;
    int *image, images; /* fn_validation */
    fn_pairs *pairs;
    fn_session *session;
    float *embedding, *distance; /* [images, dim], [pairs] */
    int dim;
    char name[FN_TEXT_BYTES + 64];
};

static fn_status refuse_shared_people(const fn_pack *val, const fn_pack *train)
{
    int i = 0, k = 0; /* both are in strcmp order */
    while (i < fn_pack_people(val) && k < fn_pack_people(train)) {
        int order = strcmp(fn_pack_person(val, i), fn_pack_person(train, k));
        if (order == 0)
            return fn_fail(FN_EDATA,
                           "%s: '%s' is among the people of %s too; validate on others "
                           "(facenet data split)",
                           fn_pack_path(val), fn_pack_person(val, i), fn_pack_path(train));
        i += order < 0;
        k += order > 0;
    }
    return FN_OK;
}

static fn_status draw_pairs(fn_validator *v, const fn_config *c)
{
    int n = fn_pack_images(v->pack);
    int *label = fn_alloc((size_t)n, sizeof *label);
    if (!label)
        return fn_fail(FN_ENOMEM, "%s: no memory for %d labels", c->val_pack, n);
    for (int i = 0; i < n; i++)
        label[i] = fn_pack_person_of(v->pack, i);
    fn_status rc = fn_pairs_draw(&v->pairs, label, n, c->val_pairs, FOLDS,
                                 (uint64_t)c->seed);
    fn_free(label);
    return rc == FN_OK ? FN_OK : fn_context(rc, "data.val: %s", c->val_pack);
}

/* A pack may hold a hundred times as many images as the pairs name: only those are embedded. */
static fn_status choose_images(fn_validator *v, const fn_config *c)
{
    int all = fn_pack_images(v->pack);
    int *place = fn_alloc((size_t)all, sizeof *place);
    v->image = fn_alloc((size_t)all, sizeof *v->image);
    if (!place || !v->image) {
        fn_free(place);
        return fn_fail(FN_ENOMEM, "%s: no memory for a list of %d images", c->val_pack,
                       all);
    }
    for (int i = 0; i < v->pairs->n; i++)
        place[v->pairs->pair[i].a] = place[v->pairs->pair[i].b] = 1;
    for (int i = 0; i < all; i++)
        if (place[i]) {
            place[i] = v->images;
            v->image[v->images++] = i;
        }
    for (int i = 0; i < v->pairs->n; i++) {
        fn_pair *pair = &v->pairs->pair[i];
        pair->a = place[pair->a];
        pair->b = place[pair->b];
    }
    fn_free(place);
    return FN_OK;
}

static fn_status allocate(fn_validator *v, const fn_config *c, const fn_net *net)
{
    fn_graph *g;
    FN_TRY(fn_net_build(&g, net, 1, false));
    v->dim = (int)g->value[g->output[0]].shape.dim[1];
    fn_graph_close(g);
    v->embedding = fn_alloc((size_t)v->images * (size_t)v->dim, sizeof(float));
    v->distance = fn_alloc((size_t)v->pairs->n, sizeof(float));
    snprintf(v->name, sizeof v->name, "validation: %d pairs of %s", v->pairs->n,
             c->val_pack);
    if (v->embedding && v->distance)
        return FN_OK;
    return fn_fail(FN_ENOMEM, "%s: no memory for its embeddings", c->val_pack);
}

static fn_status open_session(fn_validator *v, const fn_config *c, const fn_net *net,
                              fn_params *params, fn_gpu *gpu)
{
    fn_session_options o = {
        .size = sizeof o, .threads = c->threads, .max_batch = VAL_BATCH};
    fn_status rc = fn_session_on(&v->session, gpu, net, params, c->augment.view, &o);
    if (rc == FN_ENOMEM)
        rc = fn_context(rc,
                        "to validate on %s beside the training, for which a smaller "
                        "train.chunk leaves memory",
                        c->val_pack);
    return rc;
}

fn_status fn_validator_open(fn_validator **out, const fn_config *c, const fn_net *net,
                            fn_params *params, const fn_pack *train, fn_gpu *gpu)
{
    fn_validator *v = fn_alloc(1, sizeof *v);
    fn_status rc;
    *out = NULL;
    if (!v)
        return fn_fail(FN_ENOMEM, "%s: no memory to validate", c->val_pack);
    rc = fn_pack_open(&v->pack, c->val_pack);
    if (rc != FN_OK)
        FN_GO(fn_context(rc, "data.val"));
    FN_GO(refuse_shared_people(v->pack, train));
    FN_GO(draw_pairs(v, c));
    FN_GO(choose_images(v, c));
    FN_GO(allocate(v, c, net));
    FN_GO(open_session(v, c, net, params, gpu));
    *out = v;
    return FN_OK;
out:
    fn_validator_close(v);
    return rc;
}

void fn_validator_close(fn_validator *v)
{
    if (!v)
        return;
    fn_session_close(v->session);
    fn_pairs_free(v->pairs);
    fn_pack_close(v->pack);
    fn_free(v->image);
    fn_free(v->embedding);
    fn_free(v->distance);
    fn_free(v);
}

static fn_status crop(void *ctx, int i, fn_pixels *out)
{
    const fn_validator *v = ctx;
    return fn_pack_image(v->pack, v->image[i], out);
}

fn_status fn_validator_run(fn_validator *v, fn_verification **out)
{
    fn_embed_source source = {crop, v};
    *out = NULL;
    FN_TRY(fn_session_reload(v->session));
    FN_TRY(fn_embed_many(v->session, source, v->images, false, v->embedding, NULL, NULL));
    fn_pairs_measure(v->distance, v->pairs, v->embedding, v->dim);
    return fn_verify_pairs(out, v->pairs, v->distance);
}

fn_validation fn_validator_last(const fn_validator *v)
{
    return (fn_validation){v->pack,     v->image,     v->images, v->pairs,
                           v->distance, v->embedding, v->dim};
}

const char *fn_validator_name(const fn_validator *v)
{
    return v->name;
}
