/* synth.c -- draws one face: who, where and how, then the surfaces from front to back, then
 * glasses. */
#include "data/synth.h"

#include "core/mem.h"
#include "data/synth_draw.h"

#include <assert.h>

static void draw(fn_pixels *out, fn_synth_canvas *c, fn_synth_grid *g,
                 const fn_synth_sitting *s, fn_rng *r)
{
    fn_synth_photo_begin(c, r);
    fn_synth_mesh_draw(c, g, &fn_synth_head, s);
    fn_synth_mesh_draw(c, g, &fn_synth_hair, s);
    fn_synth_mesh_draw(c, g, &fn_synth_neck, s);
    fn_synth_mesh_draw(c, g, &fn_synth_torso, s);
    fn_synth_glasses_draw(c, s);
    fn_synth_photo_end(out, c, &s->scene, r);
}

fn_status fn_synth_face(fn_pixels *out, uint64_t seed, int person, int image)
{
    fn_synth_sitting s;
    fn_synth_grid *grid = NULL;
    fn_status rc = FN_OK;
    assert(person >= 0 && image >= 0);
    fn_rng r = fn_rng_at(seed, FN_RNG_SYNTH, (uint64_t)person, (uint32_t)image + 1);
    *out = (fn_pixels){NULL, 0, 0};
    fn_synth_canvas *canvas = fn_alloc(1, sizeof *canvas);
    if (!canvas) {
        rc = fn_fail(FN_ENOMEM, "no memory to draw a face");
        goto out;
    }
    FN_GO(fn_synth_mesh_make(&grid));
    FN_GO(fn_pixels_make(out, FN_SYNTH_SIDE, FN_SYNTH_SIDE));
    fn_synth_trait_draw(&s.trait, seed, person);
    fn_synth_scene_draw(&s.scene, &r);
    draw(out, canvas, grid, &s, &r);
out:
    fn_free(canvas);
    fn_free(grid);
    return rc;
}
