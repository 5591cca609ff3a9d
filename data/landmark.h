/* landmark.h -- a file of five points per image (data/crop.h), sorted for look-up. */
#ifndef FN_DATA_LANDMARK_H
#define FN_DATA_LANDMARK_H

#include "core/status.h"

typedef struct fn_landmark {
    const char *path; /* in the file's own bytes */
    float side;       /* width of the image that the points refer to */
    float point[5][2];
} fn_landmark;

typedef struct fn_landmarks fn_landmarks;

/* Errors: FN_ENOENT; FN_EDATA with file:line:col. */
fn_status fn_landmark_open(fn_landmarks **out, const char *file) FN_CHECKED;
void fn_landmark_close(fn_landmarks *l);
const char *fn_landmark_file(const fn_landmarks *l);
/* NULL when there is none. Thread-safe. */
const fn_landmark *fn_landmark_find(const fn_landmarks *l, const char *path);

#endif
