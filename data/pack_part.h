/* pack_part.h -- images on their way into a pack, in a file of records beside it, PATH.part. The
 * file outlives whoever wrote it, and packing goes on behind its last record.
 *
 *   record   head, key, body     the first is no image: it says what the others depend on
 *
 * A record carries a checksum over all of itself. The first one that is not what was written, and
 * all that lies behind it, does not count: a torn write, a lost sector and a flipped bit are one
 * case, and nothing has to reach the disk in any order. */
#ifndef FN_DATA_PACK_PART_H
#define FN_DATA_PACK_PART_H

#include "core/status.h"

#include <stdbool.h>

typedef struct fn_pack_part fn_pack_part;

typedef struct fn_pack_record {
    const char *key;  /* "person/name" */
    int64_t stamp[3]; /* of its file: bytes, times of its contents and of its inode in ns */
    bool refused;
    const void *body; /* the image as it is packed, or why it is not, closed by '\0' */
    size_t size;      /* of the body */
    int64_t at;       /* of the body in the file */
} fn_pack_record;

/* Opens PATH.part, or makes it, for this process alone. *anew: it was begun for another `identity`,
 * and is empty now. Errors: FN_EEXIST when somebody is at it, or when it is no such file; FN_EINVAL
 * when PATH cannot be replaced by a file. */
fn_status fn_pack_part_open(fn_pack_part **out, const char *path, const char *identity,
                            bool *anew) FN_CHECKED;
/* The same without a name and a past: a crash leaves nothing. */
fn_status fn_pack_part_scratch(fn_pack_part **out, const char *path) FN_CHECKED;
/* `done`: it is not needed any more and goes; so does one without an image. */
void fn_pack_part_close(fn_pack_part *p, bool done);

const char *fn_pack_part_path(const fn_pack_part *p);
/* Where the pack itself may be written before it gets its name. */
const char *fn_pack_part_draft(const fn_pack_part *p);

/* The record behind those that were taken; r->key is NULL when there is none. Its texts are valid
 * until the next call of any of these. */
fn_status fn_pack_part_read(fn_pack_part *p, fn_pack_record *r) FN_CHECKED;
/* What was read stays. */
void fn_pack_part_take(fn_pack_part *p);
/* What was not taken goes. */
fn_status fn_pack_part_cut(fn_pack_part *p) FN_CHECKED;
/* Adds a record and sets r->at. */
fn_status fn_pack_part_add(fn_pack_part *p, fn_pack_record *r) FN_CHECKED;

/* Bytes of the file. Errors: FN_EIO, also when there are fewer. */
fn_status fn_pack_part_bytes(const fn_pack_part *p, int64_t at, void *to,
                             size_t size) FN_CHECKED;

#endif
