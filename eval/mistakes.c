/* mistakes.c -- finds the worst mistakes and writes their pictures. */
#include "eval/mistakes.h"

#include "core/mem.h"
#include "data/view.h"
#include "eval/judged.h"

enum { SIDE = 112, QUALITY = 85 }; /* of a picture */

fn_status fn_mistakes_find(int worst[FN_MISTAKES], int *n, bool same, const fn_lfw *r)
{
    const fn_pairs *p = r->pairs;
    fn_judged *j;
    *n = 0;
    FN_TRY(fn_judged_sort(&j, p, r->distance));
    for (int i = 0; i < p->n && *n < FN_MISTAKES; i++) {
        const fn_judged *at = &j[same ? p->n - 1 - i : i];
        bool accept = (double)at->distance < r->verification->fold_threshold[at->fold];
        if (at->same == same && accept != same)
            worst[(*n)++] = at->pair;
    }
    fn_free(j);
    return FN_OK;
}

/* The network's view, at the picture's size. */
static fn_status render(fn_pixels *to, const fn_image *crop, double view)
{
    enum { VALUES = SIDE * SIDE * 3 };
    fn_view_scratch scratch = {.data = NULL};
    float *x = fn_alloc(VALUES, sizeof *x);
    fn_status rc = x ? FN_OK : fn_fail(FN_ENOMEM, "no memory for a picture");
    FN_GO(rc);
    FN_GO(fn_view_render(x, SIDE, SIDE, crop, fn_view_centre((float)view), &scratch));
    FN_GO(fn_pixels_make(to, SIDE, SIDE));
    for (int i = 0; i < VALUES; i++)
        to->rgb[i] = fn_view_byte(x[i]);
out:
    fn_free(scratch.data);
    fn_free(x);
    return rc;
}

static fn_status put_image(fn_text *t, const fn_lfw *r, const char *name)
{
    fn_pixels crop = {.rgb = NULL}, small = {.rgb = NULL};
    uint8_t *bytes = NULL;
    size_t size;
    fn_status rc;
    FN_GO(fn_crop_read(&crop, r->crop, r->report.images, name));
    fn_image image = fn_pixels_view(&crop);
    FN_GO(render(&small, &image, r->report.view));
    image = fn_pixels_view(&small);
    FN_GO(fn_encode_jpeg(&bytes, &size, &image, QUALITY));
    fn_text_put(t, "<img width=\"%d\" height=\"%d\" alt=\"", SIDE, SIDE);
    fn_text_escape(t, name);
    fn_text_put(t, "\" src=\"data:image/jpeg;base64,");
    fn_text_base64(t, bytes, size);
    fn_text_put(t, "\">");
out:
    fn_free(bytes);
    fn_pixels_free(&small);
    fn_pixels_free(&crop);
    return rc;
}

static fn_status put_pair(fn_text *t, const fn_lfw *r, int i)
{
    const fn_pair *pair = &r->pairs->pair[i];
    const char *a = r->pairs->path[pair->a], *b = r->pairs->path[pair->b];
    fn_text_put(t, "<figure>");
    FN_TRY(put_image(t, r, a));
    FN_TRY(put_image(t, r, b));
    fn_text_put(t, "<figcaption>");
    fn_text_escape(t, a);
    fn_text_put(t, "<br>");
    fn_text_escape(t, b);
    fn_text_put(t, "<br>distance <b>");
    fn_text_fixed(t, (double)r->distance[i], 4);
    fn_text_put(t, "</b>, threshold ");
    fn_text_fixed(t, r->verification->fold_threshold[pair->fold], 4);
    fn_text_put(t, " (fold %d)</figcaption></figure>\n", pair->fold + 1);
    return FN_OK;
}

fn_status fn_mistakes_draw(fn_text *t, bool same, const fn_lfw *r)
{
    int worst[FN_MISTAKES], n;
    FN_TRY(fn_mistakes_find(worst, &n, same, r));
    if (!n)
        fn_text_put(t, "<p>None.</p>\n");
    fn_text_put(t, "<div class=\"%s\">\n", same ? "rejects" : "accepts");
    for (int i = 0; i < n; i++)
        FN_TRY(put_pair(t, r, worst[i]));
    fn_text_put(t, "</div>\n");
    return FN_OK;
}
