/* pack_write.h -- the file of a pack, written front to back. The images wait in a part
 * (data/pack_part.h), because their sum is not known before the last; then they go with the lists
 * into a draft that replaces PATH when it is whole and safely on the disk. */
#ifndef FN_DATA_PACK_WRITE_H
#define FN_DATA_PACK_WRITE_H

#include "data/pack.h"
#include "data/pack_part.h"

typedef struct fn_pack_write fn_pack_write;

fn_status fn_pack_write_open(fn_pack_write **out, const char *path,
                             const char *crop) FN_CHECKED;
/* Lists an image whose record is in the part. People come in strcmp order, the images of one after
 * another. */
fn_status fn_pack_write_image(fn_pack_write *w, const char *person, const char *name,
                              const fn_pack_record *r) FN_CHECKED;
/* What is there so far. */
void fn_pack_write_count(const fn_pack_write *w, fn_pack_report *r);
/* Replaces PATH, or leaves it as it was. */
fn_status fn_pack_write_save(fn_pack_write *w, const fn_pack_part *part) FN_CHECKED;
void fn_pack_write_close(fn_pack_write *w);

#endif
