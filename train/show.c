#include "train/show.h"

#include "core/mem.h"
#include "train/hardest.h"
#include "train/sheet.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

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
    FN_TRY(fn_sheet_make(&s, n));
    for (int i = 0; i < 3 * n; i++) {
        const int row[] = {k[i / 3].anchor, k[i / 3].positive, k[i / 3].negative};
        fn_sheet_put(&s, i, t->batch.x + (size_t)row[i % 3] * (size_t)(h * w * 3), shrink);
    }
    fn_image image = fn_pixels_view(&s.pixels);
    fn_status rc = fn_board_image(b, "triplets/hardest", t->record.step, &image);
    fn_sheet_free(&s);
    return rc;
}

static void print_name(FILE *to, const fn_trainer *t, int row)
{
    fprintf(to, "| `%s` `%s` ", fn_pack_person(t->pack, t->batch.label[row]),
            fn_pack_name(t->pack, t->batch.image[row]));
}

static void print_names(FILE *to, const fn_trainer *t, const fn_triplet *k, int n)
{
    fprintf(to,
            "Step %" PRId64 ", from the top of triplets/hardest:\n\n"
            "| anchor | positive | negative | d(a,p) | d(a,n) |\n|---|---|---|---|---|\n",
            t->record.step);
    for (int i = 0; i < n; i++) {
        const float *row = t->distance + (int64_t)k[i].anchor * t->batch.size;
        print_name(to, t, k[i].anchor);
        print_name(to, t, k[i].positive);
        print_name(to, t, k[i].negative);
        fprintf(to, "| %.4f | %.4f |\n", (double)row[k[i].positive],
                (double)row[k[i].negative]);
    }
}

static fn_status show_names(fn_board *b, const fn_trainer *t, const fn_triplet *k, int n)
{
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    fn_status rc;
    if (to)
        print_names(to, t, k, n);
    if (!to || fclose(to) != 0)
        rc = fn_fail(FN_ENOMEM, "no memory for the names of %d triplets", n);
    else
        rc = fn_board_text(b, "triplets/names", t->record.step, text);
    free(text);
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
        if (t->batch.n == t->batch.size) /* of a batch in chunks only the last is here */
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
