/* crop.h -- from a photograph to a crop of one face: the recipe is part of a model's record.
 *
 *   none                     the image is a crop already
 *   centre: 137@125,135      the square of that side (pixels) about x,y (the LFW crop)
 *   landmarks: FILE.tsv      similarity transform of five points onto the template below,
 *                            to a square of FN_ALIGN_SIDE pixels
 *
 * The landmark file has a header line and TAB-separated columns path, side, lex, ley, rex,
 * rey, nx, ny, lmx, lmy, rmx, rmy: pixels of the image at `path`, relative to the images'
 * folder; `side` is the width the points refer to (points scale with the image). */
#ifndef FN_DATA_CROP_H
#define FN_DATA_CROP_H

#include "core/status.h"
#include "data/image.h"

typedef enum fn_crop_kind { FN_CROP_NONE, FN_CROP_CENTRE, FN_CROP_LANDMARKS } fn_crop_kind;

typedef struct fn_crop fn_crop;

enum { FN_ALIGN_SIDE = 128 };

/* Parses a recipe and, for landmarks, reads the file (FN_ECONFIG, FN_ENOENT, FN_EDATA with
 * file:line:col). */
fn_status fn_crop_open(fn_crop **out, const char *recipe) FN_CHECKED;
void fn_crop_close(fn_crop *c);
/* Is it a recipe of landmarks? Their file, which need not be there, is not looked at. */
bool fn_crop_by_landmarks(const char *recipe);
fn_crop_kind fn_crop_kind_of(const fn_crop *c);
const char *fn_crop_file(const fn_crop *c); /* of the landmarks; NULL: it needs none */

/* Crops one image; `path` is the key in the landmark file ("name/name_0001.jpg"). A face
 * without landmarks is FN_ENOENT. Thread-safe. Borders are replicated. */
fn_status fn_crop_apply(fn_pixels *out, const fn_crop *c, const fn_image *image,
                        const char *path) FN_CHECKED;
/* The same of a file, FOLDER/path, or `path` alone where `folder` is NULL. Errors: those of
 * fn_image_read, too. */
fn_status fn_crop_read(fn_pixels *out, const fn_crop *c, const char *folder,
                       const char *path) FN_CHECKED;

/* The five template points (eyes left and right, nose, mouth left and right) in shares of the
 * square, and the alignment itself: Umeyama's least-squares similarity, then bilinear. */
extern const float fn_align_template[5][2];
fn_status fn_align_face(fn_pixels *out, const fn_image *image, const float point[5][2],
                        int side) FN_CHECKED;

#endif
