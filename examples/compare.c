/* compare.c -- do two photographs show the same person?
 *
 *   cc compare.c -o compare $(pkg-config --cflags --libs facenet)
 *   ./compare model.fnm a.jpg b.jpg
 *
 * The photographs are framed as those that the model was trained on. Exit code 0: the same,
 * 1: different, 2: neither, because something is wrong. Compiles as C and as C++. */
#include <stdio.h>
#include <stdlib.h>

#include <facenet.h>

static void check(fn_status s)
{
    if (s == FN_OK)
        return;
    fprintf(stderr, "compare: %s\n", fn_last_error());
    exit(2);
}

/* The embedding of the face in a photograph. */
static void embed(float *vec, fn_session *s, const fn_model *m, const char *path)
{
    fn_pixels photo, face;
    check(fn_image_read(&photo, path));
    fn_image whole = fn_pixels_view(&photo);
    check(fn_face_cut(&face, m, &whole, NULL));
    fn_image crop = fn_pixels_view(&face);
    check(fn_embed(s, &crop, 1, vec));
    fn_pixels_free(&face);
    fn_pixels_free(&photo);
}

int main(int argc, char **argv)
{
    fn_model *m;
    fn_session *s;
    if (argc != 4) {
        fprintf(stderr, "usage: compare MODEL.fnm A B\n");
        return 2;
    }
    check(fn_model_open(&m, argv[1]));
    check(fn_session_open(&s, m, NULL));

    int dim = fn_model_dim(m);
    float *vec = (float *)calloc(2 * (size_t)dim, sizeof *vec);
    if (!vec)
        return 2;
    embed(vec, s, m, argv[2]);
    embed(vec + dim, s, m, argv[3]);

    double distance = fn_distance(vec, vec + dim, dim), threshold = fn_model_threshold(m);
    int same = distance < threshold; /* a model without a threshold has NaN: never */
    printf("%s: squared distance %.4f, threshold %.4f\n",
           same ? "the same person" : "different people", distance, threshold);
    free(vec);
    fn_session_close(s);
    fn_model_close(m);
    return same ? 0 : 1;
}
