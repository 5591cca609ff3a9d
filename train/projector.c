#include "train/projector.h"

#include "core/file.h"
#include "core/mem.h"
#include "core/text.h"
#include "data/view.h"
#include "train/sheet.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 32, EACH = 20 }; /* of a small picture, in pixels; faces of a person */

struct fn_projector {
    const fn_pack *pack;
    const int *image;
    char *run, *folder;
    float view;
    int *face, n; /* places in `image` */
    bool described;
};

/* --- which faces --- */

typedef struct owner {
    int first, count; /* in `image` */
} owner;

static int by_count(const void *a, const void *b)
{
    const owner *x = a, *y = b;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return x->first < y->first ? -1 : 1;
}

static int person_at(const fn_projector *p, int place)
{
    return fn_pack_person_of(p->pack, p->image[place]);
}

/* The images of a person are neighbours. Returns how many people there are. */
static int count_people(owner *o, const fn_projector *p, int n)
{
    int people = 0;
    for (int i = 0; i < n; i++) {
        if (i == 0 || person_at(p, i) != person_at(p, i - 1))
            o[people++] = (owner){i, 0};
        o[people - 1].count++;
    }
    return people;
}

static fn_status choose(fn_projector *p, int n, int most)
{
    owner *o = fn_alloc((size_t)n, sizeof *o);
    p->face = fn_alloc((size_t)most, sizeof *p->face);
    if (!o || !p->face) {
        fn_free(o);
        return fn_fail(FN_ENOMEM, "%s: no memory to choose %d faces", p->run, most);
    }
    int people = count_people(o, p, n), each = most / people + 1;
    each = each > EACH ? each : EACH;
    qsort(o, (size_t)people, sizeof *o, by_count);
    for (int i = 0; i < people; i++)
        for (int k = 0; k < o[i].count && k < each && p->n < most; k++)
            p->face[p->n++] = o[i].first + k;
    fn_free(o);
    return FN_OK;
}

fn_status fn_projector_open(fn_projector **out, const fn_pack *pack, const int *image,
                            int n, fn_projector_options o)
{
    fn_projector *p = fn_alloc(1, sizeof *p);
    fn_status rc;
    *out = NULL;
    assert(n > 0);
    if (!p)
        return fn_fail(FN_ENOMEM, "%s: no memory for its projector", o.run);
    p->pack = pack;
    p->image = image;
    p->view = o.view;
    p->run = fn_strdup(o.run);
    p->folder = fn_file_join(o.run, "projector");
    if (!p->run || !p->folder) {
        rc = fn_fail(FN_ENOMEM, "%s: no memory for its projector", o.run);
        goto out;
    }
    FN_GO(choose(p, n, o.faces));
    *out = p;
    return FN_OK;
out:
    fn_projector_close(p);
    return rc;
}

void fn_projector_close(fn_projector *p)
{
    if (!p)
        return;
    fn_free(p->run);
    fn_free(p->folder);
    fn_free(p->face);
    fn_free(p);
}

/* --- files --- */

/* Frees the text. */
static fn_status replace_text(const fn_projector *p, const char *name, fn_text *t)
{
    fn_status rc = t->failed
                       ? fn_fail(FN_ENOMEM, "%s: no memory to write %s", p->folder, name)
                       : fn_file_replace_in(p->folder, name, t->data, t->size);
    fn_free(t->data);
    return rc;
}

static fn_status write_tensors(const fn_projector *p, const float *embedding, int dim)
{
    fn_text t = {NULL};
    for (int i = 0; i < p->n; i++) {
        const float *e = embedding + (size_t)p->face[i] * (size_t)dim;
        for (int k = 0; k < dim; k++)
            fn_text_put(&t, "%.5g%c", (double)e[k], k + 1 < dim ? '\t' : '\n');
    }
    return replace_text(p, "tensors.tsv", &t);
}

/* A file name may hold anything but '/': a TAB or a line break would shift all that follows. */
static void put_name(fn_text *t, const char *name)
{
    for (; *name; name++)
        fn_text_bytes(t, (unsigned char)*name < ' ' ? " " : name, 1);
}

static fn_status write_metadata(const fn_projector *p)
{
    fn_text t = {NULL};
    fn_text_put(&t, "person\timage\n");
    for (int i = 0; i < p->n; i++) {
        put_name(&t, fn_pack_person(p->pack, person_at(p, p->face[i])));
        fn_text_put(&t, "\t");
        put_name(&t, fn_pack_name(p->pack, p->image[p->face[i]]));
        fn_text_put(&t, "\n");
    }
    return replace_text(p, "metadata.tsv", &t);
}

static fn_status put_face(fn_sheet *s, const fn_projector *p, int i,
                          fn_view_scratch *scratch)
{
    float x[SIDE * SIDE * 3];
    fn_pixels crop;
    FN_TRY(fn_pack_image(p->pack, p->image[p->face[i]], &crop));
    fn_image image = fn_pixels_view(&crop);
    fn_status rc = fn_view_render(x, SIDE, SIDE, &image, fn_view_centre(p->view), scratch);
    if (rc == FN_OK)
        fn_sheet_put(s, i, x, 1);
    fn_pixels_free(&crop);
    return rc;
}

/* TensorBoard takes the sprite for a square: as many columns as rows, or one more. */
static fn_status write_sprite(const fn_projector *p)
{
    fn_sheet s = {.columns = 1, .width = SIDE, .height = SIDE};
    fn_view_scratch scratch = {NULL, 0};
    uint8_t *bytes = NULL;
    size_t size;
    fn_status rc;
    while (s.columns * s.columns < p->n)
        s.columns++;
    FN_GO(fn_sheet_make(&s, (p->n + s.columns - 1) / s.columns));
    for (int i = 0; i < p->n; i++)
        FN_GO(put_face(&s, p, i, &scratch));
    fn_image image = fn_pixels_view(&s.pixels);
    FN_GO(fn_encode_png(&bytes, &size, &image));
    rc = fn_file_replace_in(p->folder, "sprite.png", bytes, size);
out:
    fn_free(bytes);
    fn_free(scratch.data);
    fn_sheet_free(&s);
    return rc;
}

static fn_status write_config(const fn_projector *p, int dim)
{
    char text[512];
    int n = snprintf(text, sizeof text,
                     "embeddings {\n"
                     "  tensor_name: \"validation\"\n"
                     "  tensor_shape: %d\n"
                     "  tensor_shape: %d\n"
                     "  tensor_path: \"projector/tensors.tsv\"\n"
                     "  metadata_path: \"projector/metadata.tsv\"\n"
                     "  sprite {\n"
                     "    image_path: \"projector/sprite.png\"\n"
                     "    single_image_dim: %d\n"
                     "    single_image_dim: %d\n"
                     "  }\n"
                     "}\n",
                     p->n, dim, SIDE, SIDE);
    return fn_file_replace_in(p->run, "projector_config.pbtxt", text, (size_t)n);
}

/* The configuration is last, so that what it names is there. */
fn_status fn_projector_write(fn_projector *p, const float *embedding, int dim)
{
    FN_TRY(fn_file_mkdirs(p->folder));
    FN_TRY(write_tensors(p, embedding, dim));
    if (p->described)
        return FN_OK;
    FN_TRY(write_metadata(p));
    FN_TRY(write_sprite(p));
    FN_TRY(write_config(p, dim));
    p->described = true;
    return FN_OK;
}
