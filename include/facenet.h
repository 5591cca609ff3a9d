/* facenet.h -- embed faces and compare them.
 *
 *   fn_model *m;  fn_session *s;
 *   if (fn_model_open(&m, "nn4.fnm") != FN_OK || fn_session_open(&s, m, NULL) != FN_OK) {
 *       puts(fn_last_error());
 *       exit(1);
 *   }
 *   fn_embed(s, &image, 1, vec);             // fn_model_dim(m) floats, unit norm
 *   fn_session_close(s);  fn_model_close(m);
 *
 * examples/compare.c goes on from here: two photographs, one decision.
 *
 * Errors     Fallible functions return fn_status; FN_OK is 0, failures are negative.
 *            fn_last_error() gives this thread's last sentence. The library never prints,
 *            never exits and never aborts on bad input.
 * Ownership  *_open creates, *_close destroys and accepts NULL. Every other pointer stays
 *            the caller's. On failure *out is NULL and there is nothing to close.
 * Threads    A model is immutable after fn_model_open: share it freely. A session is a
 *            workspace: one thread at a time. Open one session per thread. What takes
 *            neither may be called from any thread.
 * ABI        Structs the caller fills start with `size` = sizeof the struct; fields are
 *            only ever appended. Zero always means "the default". fn_image and fn_pixels
 *            stay as they are. */
#ifndef FACENET_H
#define FACENET_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FN_API     __attribute__((visibility("default")))
#define FN_CHECKED __attribute__((warn_unused_result))

/* name, value, exit code of the program (docs/exit-codes.md), text */
#define FN_STATUS_MAP(X)                                            \
    X(OK, 0, 0, "success")                                          \
    X(EINVAL, -1, 64, "invalid argument")                           \
    X(EDATA, -2, 65, "bad data")                                    \
    X(ENOENT, -3, 66, "missing input")                              \
    X(EDEVICE, -4, 72, "a device or its driver failed")             \
    X(EUNSUPPORTED, -5, 69, "not supported here")                   \
    X(ENUMERIC, -6, 76, "non-finite number")                        \
    X(EINTERNAL, -7, 70, "a bug in facenet")                        \
    X(ENOMEM, -8, 71, "out of memory")                              \
    X(EEXIST, -9, 73, "cannot create: it exists")                   \
    X(EIO, -10, 74, "input/output error")                           \
    X(ESTOPPED, -11, 75, "stopped when told to, with a checkpoint") \
    X(EPERM, -12, 77, "permission denied")                          \
    X(ECONFIG, -13, 78, "error in a configuration")                 \
    X(ESHAPE, -14, 78, "shapes do not fit")                         \
    X(ENODEVICE, -15, 68, "no GPU that can be used")

typedef enum fn_status {
#define X(name, value, exit_code, text) FN_##name = (value),
    FN_STATUS_MAP(X)
#undef X
} fn_status;

/* Text for a status alone; never NULL, never freed. */
FN_API const char *fn_strerror(fn_status s);

/* The sentence behind the last failure on this thread; "" when none. */
FN_API const char *fn_last_error(void);

FN_API const char *fn_version(void); /* "0.1.0" */

/* --- images --- */

/* 8-bit RGB, rows top to bottom, `stride` bytes apart. Borrowed, never modified. */
typedef struct fn_image {
    const uint8_t *rgb;
    int width, height;
    size_t stride;
} fn_image;

/* An image of the library's making, the caller's to free. */
typedef struct fn_pixels {
    uint8_t *rgb; /* [height, width, 3], dense */
    int width, height;
} fn_pixels;

/* Reads a file of at most 512 MiB and decodes it. On failure *out is empty.
 * Errors: FN_ENOENT, FN_EPERM, FN_EIO, and those of fn_decode. */
FN_API FN_CHECKED fn_status fn_image_read(fn_pixels *out, const char *path);

/* Decodes JPEG, PNG or binary PGM/PPM by its first bytes, into 8-bit RGB: grey is repeated,
 * palettes are looked up, 16 bits are rounded to 8, alpha is composed over white, CMYK and YCCK
 * are taken as Adobe writes them (inverted), interlaced and progressive files are complete, and
 * the Exif orientation is applied. Colour profiles and gamma are passed over. Warnings of the
 * decoder and truncated files are errors, and so is what would cost more than an honest image:
 * over 16,384 pixels a side or 50 million in all, or in memory or scans. `name` stands in front
 * of the sentence. On failure *out is empty. Errors: FN_EDATA, FN_ENOMEM. */
FN_API FN_CHECKED fn_status fn_decode(fn_pixels *out, const void *bytes, size_t size,
                                      const char *name);

FN_API void fn_pixels_free(fn_pixels *p);           /* and leaves it empty */
FN_API fn_image fn_pixels_view(const fn_pixels *p); /* lives as long as the pixels */

/* --- models --- */

typedef struct fn_model fn_model;

/* Reads architecture, weights and crop recipe from one .fnm file.
 * Errors: FN_ENOENT, FN_EPERM, FN_EIO, FN_EINVAL (a folder), FN_EDATA (not a model, damaged),
 * FN_ENOMEM. */
FN_API FN_CHECKED fn_status fn_model_open(fn_model **out, const char *path);
FN_API void fn_model_close(fn_model *m);
FN_API int fn_model_dim(const fn_model *m); /* length of an embedding, e.g. 128 */

/* What the model says of itself. Texts live as long as the model. */
FN_API const char *fn_model_name(const fn_model *m); /* of its network: "nn4-bn" */
FN_API int fn_model_width(const fn_model *m);        /* of the network's input, pixels */
FN_API int fn_model_height(const fn_model *m);
/* How faces are cut (docs/formats.md): "none", "centre: 137@125,135", "landmarks: ...". */
FN_API const char *fn_model_crop(const fn_model *m);
/* SHA-256 of the weights, 64 hex digits. Embeddings of two models do not compare: keep this
 * beside those that are stored. */
FN_API const char *fn_model_digest(const fn_model *m);
/* The same person below this squared distance; NaN when none was measured. And on what it
 * was measured, "" when on nothing. Another camera, another crowd: measure your own. */
FN_API float fn_model_threshold(const fn_model *m);
FN_API const char *fn_model_threshold_from(const fn_model *m);

/* --- faces --- */

/* How many landmarks fn_face_cut needs with this model: 5, or 0 for none. */
FN_API int fn_face_landmarks(const fn_model *m);

/* Cuts a face out of a photograph by the model's recipe: as it is; the square about a fixed
 * point, in pixels, where faces lay in the photographs of its training; or aligned by five
 * landmarks. `landmark` [5, 2] has x, y of the eyes left and right in the picture, the nose
 * and the mouth's corners left and right, in pixels, the middle of the first at 0.5, 0.5. It
 * is not looked at (NULL will do) when the recipe has no use for it.
 * Errors: FN_EINVAL (not an image; no landmarks where they are needed), FN_EDATA (landmarks
 * that span no face), FN_ECONFIG (the model's recipe is none), FN_ENOMEM. */
FN_API FN_CHECKED fn_status fn_face_cut(fn_pixels *out, const fn_model *m,
                                        const fn_image *photo, const float *landmark);

/* --- embedding --- */

/* The numbers that convolutions multiply. What lies between them is 32-bit float, but bf16 where
 * they multiply bf16. tf32 is for GPUs alone. */
typedef enum fn_precision {
    FN_PRECISION_FP32,
    FN_PRECISION_TF32,
    FN_PRECISION_BF16,
    FN_PRECISION_U8
} fn_precision;

/* Where the network runs. FN_DEVICE_CUDA: on the first GPU, of sm_80 (A100) or later; never on the
 * CPU instead. FN_DEVICE_AUTO: there, if a GPU can be used and does what else is asked for. */
typedef enum fn_device_choice {
    FN_DEVICE_CPU,
    FN_DEVICE_CUDA,
    FN_DEVICE_AUTO
} fn_device_choice;

typedef struct fn_session fn_session;

/* With a session per core, and in an OpenMP region of the program's own, say threads = 1. */
typedef struct fn_session_options {
    size_t size;
    int threads;   /* of one pass; default: every core */
    int max_batch; /* images that one pass takes; default 32. Memory grows with it */
    /* 1: no fast convolutions, which cost a digit, and image by image: the bits of an embedding
     * depend on its image alone, not on the batch or on threads (docs/architecture.md). Slower */
    int exact;
    /* FN_PRECISION_BF16: faster, and embeddings move by about 1e-5 in cosine distance.
     * FN_PRECISION_U8: faster still, by about 1e-4; call fn_session_calibrate first. Both for
     * processors with instructions for it, and not with `exact` (docs/architecture.md) */
    fn_precision precision;
    /* default: the CPU. A GPU takes FN_PRECISION_FP32, _TF32 and _BF16, without `exact` */
    fn_device_choice device;
} fn_session_options;

/* `options` may be NULL. The model outlives the session.
 * Errors: FN_EINVAL, FN_EUNSUPPORTED (an option of a newer facenet, a precision that the
 * processor lacks), FN_ENODEVICE (FN_DEVICE_CUDA: no GPU can be used, and why), FN_ESHAPE (the
 * network takes no images), FN_ENOMEM (on a GPU with the batch that fits), FN_EDEVICE. */
FN_API FN_CHECKED fn_status fn_session_open(fn_session **out, const fn_model *m,
                                            const fn_session_options *options);
FN_API void fn_session_close(fn_session *s);

/* Makes a session of FN_PRECISION_U8 ready: n faces, as fn_embed takes them, pass through the
 * network in float, and the largest number that each convolution reads becomes 255. Larger ones
 * will be cut off, so take some hundred faces like those to come. Calling it again starts anew.
 * Errors: FN_EINVAL (another session; no faces; not an image), FN_ENUMERIC, FN_ENOMEM. */
FN_API FN_CHECKED fn_status fn_session_calibrate(fn_session *s, const fn_image *face,
                                                 int n);

/* Embeds n faces that are already cropped by the model's recipe (fn_face_cut); other sizes are
 * resized. `out` receives [n, fn_model_dim] floats, rows of unit norm. Any n >= 0.
 * Errors: FN_EINVAL (not an image, which one; a session of more threads than OpenMP gives here;
 * a session of FN_PRECISION_U8 that is not calibrated), FN_ENUMERIC (damaged weights), FN_ENOMEM,
 * FN_EDEVICE (the GPU failed: close the session). */
FN_API FN_CHECKED fn_status fn_embed(fn_session *s, const fn_image *face, int n,
                                     float *out);

/* Squared L2 distance, 0 (same) to 4 (opposite): Schroff et al. 2015, section 3.1. */
FN_API float fn_distance(const float *a, const float *b, int dim);

#ifdef __cplusplus
}
#endif

#endif
