#include "train/show.h"

#include "core/mem.h"
#include "core/text.h"
#include "train/hardest.h"
#include "train/sheet.h"

#include <inttypes.h>

enum { TILE = 96, GAP = 4 }; /* largest side of a face in the picture, pixels between two */

fn_status fn_show_distances(fn_board *b, const fn_trainer *t)
{
    fn_histogram ap = {0}, an = {0};
    for (int64_t i = 0; i < t->triplets.n; i++) {
        fn_triplet k = t->triplets.triplet[i];
        const float *row = t->distance + (int64_t)k.anchor * t->batch.size;
        fn_histogram_add(&ap, row[k.positive]);
        fn_histogram_add(&an, row[k.negative]);
    }
    FN_TRY(fn_board_histogram(b, "distance/anchor_positive", t->record.step, &ap));
    FN_TRY(fn_board_histogram(b, "distance/anchor_negative", t->record.step, &an));
    return fn_board_flush(b);
}

/* --- hardest triplets --- */

static fn_status show_faces(fn_board *b, const fn_trainer *t, const fn_triplet *k, int n)
{
    int h = fn_net_height(t->net), w = fn_net_width(t->net), longest = h > w ? h : w;
    int shrink = (longest + TILE - 1) / TILE;
    fn_sheet s = {.columns = 3, .width = w / shrink, .height = h / shrink, .gap = GAP};
    float *x = fn_alloc((size_t)h * (size_t)w * 3, sizeof *x);
    fn_status rc = x ? fn_sheet_make(&s, n) : fn_fail(FN_ENOMEM, "no memory for a face");
    for (int i = 0; rc == FN_OK && i < 3 * n; i++) {
        const int row[] = {k[i / 3].anchor, k[i / 3].positive, k[i / 3].negative};
        rc = fn_trainer_crop(t, x, row[i % 3]);
        if (rc == FN_OK)
            fn_sheet_put(&s, i, x, shrink);
    }
    fn_image image = fn_pixels_view(&s.pixels);
    if (rc == FN_OK)
        rc = fn_board_image(b, "triplets/hardest", t->record.step, &image);
    fn_sheet_free(&s);
    fn_free(x);
    return rc;
}

static void put_name(fn_text *t, const fn_trainer *of, int row)
{
    fn_text_put(t, "| `%s` `%s` ", fn_pack_person(of->pack, of->batch.label[row]),
                fn_pack_name(of->pack, of->batch.image[row]));
}

static void put_distance(fn_text *t, float d)
{
    fn_text_put(t, "| ");
    fn_text_fixed(t, (double)d, 4);
    fn_text_put(t, " ");
}

static void put_names(fn_text *t, const fn_trainer *of, const fn_triplet *k, int n)
{
    fn_text_put(
        t,
        "Step %" PRId64 ", from the top of triplets/hardest:\n\n"
        "| anchor | positive | negative | d(a,p) | d(a,n) |\n|---|---|---|---|---|\n",
        of->record.step);
    for (int i = 0; i < n; i++) {
        const float *row = of->distance + (int64_t)k[i].anchor * of->batch.size;
        put_name(t, of, k[i].anchor);
        put_name(t, of, k[i].positive);
        put_name(t, of, k[i].negative);
        put_distance(t, row[k[i].positive]);
        put_distance(t, row[k[i].negative]);
        fn_text_put(t, "|\n");
    }
}

static fn_status show_names(fn_board *b, const fn_trainer *t, const fn_triplet *k, int n)
{
    fn_text names = {.data = NULL};
    char *text;
    put_names(&names, t, k, n);
    FN_TRY(fn_text_take(&text, &names, "the names of the hardest triplets"));
    fn_status rc = fn_board_text(b, "triplets/names", t->record.step, text);
    fn_free(text);
    return rc;
}

fn_status fn_show_hardest(fn_board *b, const fn_trainer *t)
{
    const fn_config *c = &t->config;
    fn_triplet *k = fn_alloc((size_t)c->log_images, sizeof *k);
    fn_status rc = FN_OK;
    if (!k)
        return fn_fail(FN_ENOMEM, "no memory for %d triplets", c->log_images);
    int n = fn_hardest_triplets(k, c->log_images, &t->triplets, t->distance, t->batch.label,
                                t->batch.size, c->margin);
    if (n > 0) {
        FN_GO(show_faces(b, t, k, n));
        FN_GO(show_names(b, t, k, n));
        rc = fn_board_flush(b);
    }
out:
    fn_free(k);
    return rc;
}

/* --- validation --- */

fn_status fn_show_validation(fn_board *b, int64_t step, const fn_validation *v)
{
    fn_histogram of[2] = {{0}, {0}};
    fn_curve *c = fn_alloc(1, sizeof *c);
    fn_status rc;
    if (!c)
        return fn_fail(FN_ENOMEM, "no memory for a precision-recall curve");
    fn_curve_make(c, v->pairs, v->distance);
    for (int i = 0; i < v->pairs->n; i++)
        fn_histogram_add(&of[v->pairs->pair[i].same], v->distance[i]);
    FN_GO(fn_board_histogram(b, "distance/val_same", step, &of[1]));
    FN_GO(fn_board_histogram(b, "distance/val_different", step, &of[0]));
    FN_GO(fn_board_curve(b, "val/pairs", step, c));
    rc = fn_board_flush(b);
out:
    fn_free(c);
    return rc;
}
