#include "data/tray.h"

#include "core/mem.h"

#include <string.h>

fn_status fn_tray_open(fn_tray *t, int most, fn_tray_memory m)
{
    t->memory = m;
    t->most = most;
    t->face = fn_alloc((size_t)most, sizeof *t->face);
    t->waiting = fn_alloc((size_t)most, sizeof *t->waiting);
    if (t->face && t->waiting)
        return FN_OK;
    return fn_fail(FN_ENOMEM, "no memory for a list of %d faces", most);
}

void fn_tray_close(fn_tray *t)
{
    for (int i = 0; t->waiting && i < t->most; i++)
        fn_pixels_free(&t->waiting[i]);
    if (t->rgb)
        t->memory.give_back(t->memory.ctx, t->rgb);
    fn_free(t->face);
    fn_free(t->waiting);
    t->rgb = NULL;
    t->face = NULL;
    t->waiting = NULL;
}

void fn_tray_clear(fn_tray *t)
{
    atomic_store(&t->used, 0);
}

static size_t size_of(const fn_tray_face *f)
{
    return 3 * (size_t)f->width * (size_t)f->height;
}

/* Its place is its own whether or not the buffer reaches that far: it will. */
void fn_tray_put(fn_tray *t, int slot, fn_pixels *face, fn_view v)
{
    fn_tray_face *f = &t->face[slot];
    *f = (fn_tray_face){0, face->width, face->height, v};
    f->at = atomic_fetch_add(&t->used, size_of(f));
    if (f->at + size_of(f) > t->room) {
        t->waiting[slot] = *face;
        *face = (fn_pixels){NULL, 0, 0};
        return;
    }
    memcpy(t->rgb + f->at, face->rgb, size_of(f));
    fn_pixels_free(face);
}

static fn_status grow(fn_tray *t, int n)
{
    size_t used = atomic_load(&t->used), room = fn_tray_room(used);
    void *rgb;
    FN_TRY(t->memory.claim(t->memory.ctx, &rgb, room));
    for (int i = 0; i < n; i++)
        if (!t->waiting[i].rgb)
            memcpy((uint8_t *)rgb + t->face[i].at, t->rgb + t->face[i].at,
                   size_of(&t->face[i]));
    if (t->rgb)
        t->memory.give_back(t->memory.ctx, t->rgb);
    t->rgb = rgb;
    t->room = room;
    return FN_OK;
}

fn_status fn_tray_settle(fn_tray *t, int n)
{
    if (atomic_load(&t->used) > t->room)
        FN_TRY(grow(t, n));
    for (int i = 0; i < n; i++) {
        if (!t->waiting[i].rgb)
            continue;
        memcpy(t->rgb + t->face[i].at, t->waiting[i].rgb, size_of(&t->face[i]));
        fn_pixels_free(&t->waiting[i]);
    }
    return FN_OK;
}
