/* face.c -- a face cut out of a photograph by a model's recipe: fn_face_* of facenet.h. */
#include "data/crop.h"
#include "nn/model.h"

#include <string.h>

enum { LANDMARKS = 5 };

int fn_face_landmarks(const fn_model *m)
{
    return fn_crop_by_landmarks(m->record.crop) ? LANDMARKS : 0;
}

/* The recipe names the landmarks of the training set, which say nothing about this face. */
static fn_status align(fn_pixels *out, const fn_model *m, const fn_image *photo,
                       const float *landmark)
{
    float point[LANDMARKS][2];
    if (!landmark)
        return fn_fail(FN_EINVAL,
                       "%s was trained on faces aligned by five landmarks: give those of "
                       "this face",
                       fn_net_name(m->net));
    memcpy(point, landmark, sizeof point);
    return fn_align_face(out, photo, (const float(*)[2])point, FN_ALIGN_SIDE);
}

static fn_status cut(fn_pixels *out, const fn_model *m, const fn_image *photo)
{
    fn_crop *crop;
    FN_TRY(fn_crop_open(&crop, m->record.crop));
    fn_status rc = fn_crop_apply(out, crop, photo, "the photograph");
    fn_crop_close(crop);
    return rc;
}

fn_status fn_face_cut(fn_pixels *out, const fn_model *m, const fn_image *photo,
                      const float *landmark)
{
    *out = (fn_pixels){NULL, 0, 0};
    if (fn_image_accept(photo) != FN_OK)
        return fn_context(FN_EINVAL, "the photograph");
    return fn_face_landmarks(m) ? align(out, m, photo, landmark) : cut(out, m, photo);
}
