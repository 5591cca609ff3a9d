/* pack.h -- a data set of faces in one HDF5 file: encoded images end to end in one
 * contiguous byte dataset, offsets, people and names beside it; images of a person are
 * neighbours. Offsets are read once; images are read with pread, outside HDF5's lock. The
 * layout is in docs/formats.md. */
#ifndef FN_DATA_PACK_H
#define FN_DATA_PACK_H

#include "data/image.h"

typedef struct fn_pack fn_pack;

/* Called for every image left out or found bad, and now and then for progress (reason NULL). */
typedef void fn_pack_tell(void *ctx, const char *path, const char *reason, int64_t done,
                          int64_t total);

/* Called once or twice, where an earlier attempt to make the pack has left images: says what
 * becomes of them. */
typedef void fn_pack_say(void *ctx, const char *sentence);

/* --- making --- */
typedef struct fn_pack_options {
    const char *crop; /* recipe of data/crop.h; NULL: none, bytes are stored as they are;
                       * otherwise crops are stored as JPEG of quality 95 */
    fn_pack_tell *tell;
    fn_pack_say *say;
    void *ctx;
} fn_pack_options;

typedef struct fn_pack_report {
    int64_t people, images, bytes, left_out;
} fn_pack_report;

/* Packs the images of a tree (data/folder.h), people and images in strcmp order. People without
 * a readable image are left out and told too. Fewer than 2 people left: FN_EDATA.
 *
 * What is finished waits in PATH.part. When that is there from an attempt that was killed or
 * failed, the same call goes on behind it, and the pack has the bytes that it would have had; a
 * changed folder counts from its first change, another recipe or program starts anew. FN_EEXIST
 * when another process makes the same pack. */
fn_status fn_pack_make(const char *path, const char *folder, const fn_pack_options *o,
                       fn_pack_report *report) FN_CHECKED;

/* Copies the people for which a draw from (seed, name) falls under `share` to `held`, the
 * others to `kept`: the same person always falls on the same side. */
fn_status fn_pack_split(const char *path, const char *kept, const char *held, double share,
                        uint64_t seed) FN_CHECKED;

/* --- reading; everything below is thread-safe after fn_pack_open --- */
fn_status fn_pack_open(fn_pack **out, const char *path) FN_CHECKED;
void fn_pack_close(fn_pack *p);
const char *fn_pack_path(const fn_pack *p);
const char *fn_pack_crop(const fn_pack *p); /* recipe it was made with */
/* SHA-256 over the names, offsets and byte count: names the set in a model's record. */
const char *fn_pack_digest(const fn_pack *p);

int fn_pack_people(const fn_pack *p);
int fn_pack_images(const fn_pack *p);
const char *fn_pack_person(const fn_pack *p, int person);
int fn_pack_first(const fn_pack *p, int person); /* its first image; others follow */
int fn_pack_count(const fn_pack *p, int person); /* >= 1 */
int fn_pack_person_of(const fn_pack *p, int image);
const char *fn_pack_name(const fn_pack *p, int image); /* "name_0001.jpg" */
/* Whether it holds a checksum of each image; the packs of the first versions do not. */
bool fn_pack_has_checksums(const fn_pack *p);
/* The image as it is stored; *bytes is the caller's (fn_free). FN_EDATA when its checksum is
 * another than that of when it was packed. */
fn_status fn_pack_bytes(const fn_pack *p, int image, uint8_t **bytes,
                        size_t *size) FN_CHECKED;
fn_status fn_pack_image(const fn_pack *p, int image, fn_pixels *out) FN_CHECKED;
/* Bytes of an image once it is decoded: the mean of 64 from end to end of the pack, exact where
 * all are of one size. Those that cannot be read are left out; 0: none can. */
size_t fn_pack_decoded_bytes(const fn_pack *p);
/* Reads and decodes every image. Each bad one is told as "person/name" with its reason, in order,
 * and one or more are FN_EDATA. */
fn_status fn_pack_verify(const fn_pack *p, fn_pack_tell *tell, void *ctx) FN_CHECKED;

#endif
