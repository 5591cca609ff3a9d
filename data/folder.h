/* folder.h -- FOLDER/person/image.{jpg,jpeg,png}: who is there, in strcmp order. */
#ifndef FN_DATA_FOLDER_H
#define FN_DATA_FOLDER_H

#include "data/pack.h"

typedef struct fn_folder_person {
    char *name;
    char **image; /* names of files */
    int n;
} fn_folder_person;

typedef struct fn_folder {
    fn_folder_person *person; /* also those without an image: n is 0 */
    int people;
    int64_t images;
} fn_folder;

/* Lists; opens no image. What is neither a person nor an image is told (o->tell) and passed
 * over. Errors: FN_ENOENT, FN_EPERM, FN_ENOMEM. */
fn_status fn_folder_open(fn_folder **out, const char *path,
                         const fn_pack_options *o) FN_CHECKED;
void fn_folder_close(fn_folder *f);

#endif
