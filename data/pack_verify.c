/* pack_verify.c -- is every image of a pack what it was, and can it be decoded? All cores work a
 * chunk at a time; what is wrong is told in order. */
#include "core/mem.h"
#include "core/text.h"
#include "data/crew.h"
#include "data/pack.h"

#include <stdio.h>

enum { CHUNK = 256, PATH = 1024, REASON = 512 };

typedef struct result {
    fn_status status;
    char path[PATH], reason[REASON]; /* "person/name", and the sentence behind it */
} result;

typedef struct chunk {
    const fn_pack *pack;
    int first, n;
    result at[CHUNK];
} chunk;

static fn_status check(const fn_pack *p, int image, const char *path)
{
    uint8_t *bytes;
    size_t size;
    fn_pixels face;
    FN_TRY(fn_pack_bytes(p, image, &bytes, &size));
    fn_status rc = fn_decode(&face, bytes, size, path);
    fn_pixels_free(&face);
    fn_free(bytes);
    return rc;
}

static void work(void *ctx, int i)
{
    chunk *c = ctx;
    result *r = &c->at[i];
    int image = c->first + i;
    snprintf(r->path, sizeof r->path, "%s/%s",
             fn_pack_person(c->pack, fn_pack_person_of(c->pack, image)),
             fn_pack_name(c->pack, image));
    r->status = check(c->pack, image, r->path);
    if (r->status != FN_OK) /* the path is told beside the reason */
        snprintf(r->reason, sizeof r->reason, "%s",
                 fn_text_behind(fn_last_error(), r->path));
}

static fn_status verify(chunk *c, fn_pack_tell *tell, void *ctx, int *bad)
{
    int images = fn_pack_images(c->pack);
    for (; c->first < images; c->first += CHUNK) {
        c->n = images - c->first < CHUNK ? images - c->first : CHUNK;
        fn_crew_run(work, c, c->n);
        for (int i = 0; i < c->n; i++) {
            const result *r = &c->at[i];
            if (r->status == FN_ENOMEM)
                return fn_fail(r->status, "%s: %s", r->path, r->reason);
            if (r->status == FN_OK)
                continue;
            (*bad)++;
            tell(ctx, r->path, r->reason, c->first + i, images);
        }
        tell(ctx, fn_pack_path(c->pack), NULL, c->first + c->n, images);
    }
    return FN_OK;
}

fn_status fn_pack_verify(const fn_pack *p, fn_pack_tell *tell, void *ctx)
{
    int bad = 0;
    chunk *c = fn_alloc(1, sizeof *c);
    if (!c)
        return fn_fail(FN_ENOMEM, "%s: no memory to read its images", fn_pack_path(p));
    c->pack = p;
    fn_status rc = verify(c, tell, ctx, &bad);
    fn_free(c);
    if (rc != FN_OK || !bad)
        return rc;
    return fn_fail(FN_EDATA, "%s: %d of its %d images %s bad; make the pack again",
                   fn_pack_path(p), bad, fn_pack_images(p),
                   fn_text_plural(bad, "is", "are"));
}
