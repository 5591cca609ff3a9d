/* folder.h -- a tree of images: every folder below the root that holds images is a person, named
 * by its path from the root ("person", or "team/person"), in strcmp order. Images are files that
 * end in .jpg, .jpeg, .png, .pgm, .ppm or .pnm. */
#ifndef FN_DATA_FOLDER_H
#define FN_DATA_FOLDER_H

#include "data/pack.h"

typedef struct fn_folder_person {
    char *name;
    char **image; /* names of files */
    int n;
} fn_folder_person;

typedef struct fn_folder {
    fn_folder_person *person; /* also folders that hold nothing at all: n is 0 */
    int people, room;
    int64_t images;
} fn_folder;

/* Lists; opens no image. What is neither a folder nor an image is told (o->tell) and passed
 * over, and so is a link to a folder that it lies in. Errors: FN_ENOENT, FN_EPERM, FN_ENOMEM. */
fn_status fn_folder_open(fn_folder **out, const char *path,
                         const fn_pack_options *o) FN_CHECKED;
void fn_folder_close(fn_folder *f);

#endif
