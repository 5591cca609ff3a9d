/* pack_write.h -- the file of a pack, written front to back. Images first go into a scratch
 * file beside PATH (their sum is not known before the last), then with the rest into a draft
 * that replaces PATH when it is whole and safely on the disk. */
#ifndef FN_DATA_PACK_WRITE_H
#define FN_DATA_PACK_WRITE_H

#include "data/pack.h"

typedef struct fn_pack_write fn_pack_write;

fn_status fn_pack_write_open(fn_pack_write **out, const char *path,
                             const char *crop) FN_CHECKED;
/* People come in strcmp order, the images of one after another. size > 0. */
fn_status fn_pack_write_image(fn_pack_write *w, const char *person, const char *name,
                              const void *bytes, size_t size) FN_CHECKED;
/* What is there so far. */
void fn_pack_write_count(const fn_pack_write *w, fn_pack_report *r);
/* Replaces PATH, or leaves it as it was. */
fn_status fn_pack_write_save(fn_pack_write *w) FN_CHECKED;
void fn_pack_write_close(fn_pack_write *w);

#endif
