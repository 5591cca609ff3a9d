/* tray.h -- the faces of a piece as they are decoded, end to end in one buffer that the caller
 * provides, each with the view that was drawn for it. A GPU makes the crops from them.
 *
 * Nobody knows how large a pack's images are before they are decoded. A face that finds no room
 * waits until the piece is complete, and then the buffer grows; where all images are of one size,
 * that happens once. */
#ifndef FN_DATA_TRAY_H
#define FN_DATA_TRAY_H

#include "data/image.h"
#include "data/view.h"

#include <stdatomic.h>

/* Where the buffer comes from. Called by fn_tray_settle and fn_tray_close alone. */
typedef struct fn_tray_memory {
    fn_status (*claim)(void *ctx, void **out, size_t bytes); /* need not be zeroed */
    void (*give_back)(void *ctx, void *p);
    void *ctx;
} fn_tray_memory;

/* Of a buffer for so many bytes: an eighth more, so that images of many sizes do not make it grow
 * every time. */
static inline size_t fn_tray_room(size_t bytes)
{
    return bytes + bytes / 8;
}

typedef struct fn_tray_face {
    size_t at; /* in the buffer: [height, width, 3], dense */
    int width, height;
    fn_view view;
} fn_tray_face;

typedef struct fn_tray {
    fn_tray_memory memory;
    int most;     /* faces */
    uint8_t *rgb; /* [room], of which `used` are taken */
    size_t room;
    atomic_size_t used;
    fn_tray_face *face; /* [most], in their slots; in the buffer in any order */
    fn_pixels *waiting; /* [most], without room */
} fn_tray;

/* Errors: FN_ENOMEM. Closing accepts what failed to open, and zeros. */
fn_status fn_tray_open(fn_tray *t, int most, fn_tray_memory m) FN_CHECKED;
void fn_tray_close(fn_tray *t);

/* All slots are free again. */
void fn_tray_clear(fn_tray *t);
/* From any thread, a slot each. Takes the face over. */
void fn_tray_put(fn_tray *t, int slot, fn_pixels *face, fn_view v);
/* Slots 0 .. n - 1 are filled: all faces are in the buffer. Errors: those of `claim`. */
fn_status fn_tray_settle(fn_tray *t, int n) FN_CHECKED;

#endif
