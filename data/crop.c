/* crop.c -- parses a crop recipe and applies it. */
#include "data/crop.h"

#include "core/file.h"
#include "core/mem.h"
#include "data/landmark.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct fn_crop {
    fn_crop_kind kind;
    int side, x, y; /* centre */
    fn_landmarks *landmarks;
};

/* Reads a decimal of at most FN_MAX_SIDE, then `after`. */
static bool read_int(int *out, const char **p, char after)
{
    int v = 0;
    if (!isdigit((unsigned char)**p))
        return false;
    for (; isdigit((unsigned char)**p) && v <= FN_MAX_SIDE; ++*p)
        v = 10 * v + (**p - '0');
    *out = v;
    return v <= FN_MAX_SIDE && *(*p)++ == after;
}

static fn_status parse_centre(fn_crop *c, const char *recipe, const char *p)
{
    if (read_int(&c->side, &p, '@') && read_int(&c->x, &p, ',') &&
        read_int(&c->y, &p, '\0') && c->side > 0)
        return FN_OK;
    return fn_fail(FN_ECONFIG,
                   "crop '%s': expected 'centre: SIDE@X,Y' in pixels up to %d, like "
                   "'centre: 137@125,135'",
                   recipe, FN_MAX_SIDE);
}

static fn_status parse_landmarks(fn_crop *c, const char *recipe, const char *file)
{
    if (!*file)
        return fn_fail(FN_ECONFIG, "crop '%s': name the file, like 'landmarks: faces.tsv'",
                       recipe);
    return fn_landmark_open(&c->landmarks, file);
}

/* The rest of `recipe` behind "word:" and blanks, or NULL. */
static const char *after_word(const char *recipe, const char *word)
{
    size_t n = strlen(word);
    if (strncmp(recipe, word, n) != 0 || recipe[n] != ':')
        return NULL;
    return recipe + n + 1 + strspn(recipe + n + 1, " ");
}

bool fn_crop_by_landmarks(const char *recipe)
{
    return after_word(recipe, "landmarks") != NULL;
}

static fn_status parse(fn_crop *c, const char *recipe)
{
    const char *centre = after_word(recipe, "centre");
    const char *landmarks = after_word(recipe, "landmarks");
    c->kind = centre ? FN_CROP_CENTRE : landmarks ? FN_CROP_LANDMARKS : FN_CROP_NONE;
    if (centre)
        return parse_centre(c, recipe, centre);
    if (landmarks)
        return parse_landmarks(c, recipe, landmarks);
    if (strcmp(recipe, "none") == 0)
        return FN_OK;
    return fn_fail(FN_ECONFIG,
                   "crop '%s': expected 'none', 'centre: SIDE@X,Y' or "
                   "'landmarks: FILE.tsv'",
                   recipe);
}

fn_status fn_crop_open(fn_crop **out, const char *recipe)
{
    *out = NULL;
    fn_crop *c = fn_alloc(1, sizeof *c);
    if (!c)
        return fn_fail(FN_ENOMEM, "crop '%s': no memory", recipe);
    fn_status rc = parse(c, recipe);
    if (rc == FN_OK)
        *out = c;
    else
        fn_crop_close(c);
    return rc;
}

void fn_crop_close(fn_crop *c)
{
    if (!c)
        return;
    fn_landmark_close(c->landmarks);
    fn_free(c);
}

fn_crop_kind fn_crop_kind_of(const fn_crop *c)
{
    return c->kind;
}

const char *fn_crop_file(const fn_crop *c)
{
    return c->landmarks ? fn_landmark_file(c->landmarks) : NULL;
}

static int clamp(int v, int size)
{
    return v < 0 ? 0 : v >= size ? size - 1 : v;
}

/* Copies the part of `image` at left, top that has the size of `out`. */
static void copy_part(fn_pixels *out, const fn_image *image, int left, int top)
{
    uint8_t *to = out->rgb;
    for (int y = 0; y < out->height; y++) {
        const uint8_t *row = image->rgb +
                             (size_t)clamp(top + y, image->height) * image->stride;
        for (int x = 0; x < out->width; x++, to += 3)
            memcpy(to, row + 3 * (size_t)clamp(left + x, image->width), 3);
    }
}

static fn_status apply_landmarks(fn_pixels *out, const fn_crop *c, const fn_image *image,
                                 const char *path)
{
    const fn_landmark *face = fn_landmark_find(c->landmarks, path);
    float point[5][2];
    if (!face)
        return fn_fail(FN_ENOENT, "%s: no landmarks in %s; add a line or leave it out",
                       path, fn_landmark_file(c->landmarks));
    float scale = (float)image->width / face->side;
    for (int i = 0; i < 5; i++) {
        point[i][0] = face->point[i][0] * scale;
        point[i][1] = face->point[i][1] * scale;
    }
    fn_status rc = fn_align_face(out, image, point, FN_ALIGN_SIDE);
    return rc == FN_OK ? FN_OK : fn_context(rc, "%s", path);
}

fn_status fn_crop_apply(fn_pixels *out, const fn_crop *c, const fn_image *image,
                        const char *path)
{
    *out = (fn_pixels){NULL, 0, 0};
    if (c->kind == FN_CROP_LANDMARKS)
        return apply_landmarks(out, c, image, path);
    bool centre = c->kind == FN_CROP_CENTRE;
    FN_TRY(fn_pixels_make(out, centre ? c->side : image->width,
                          centre ? c->side : image->height));
    copy_part(out, image, centre ? c->x - c->side / 2 : 0, centre ? c->y - c->side / 2 : 0);
    return FN_OK;
}

fn_status fn_crop_read(fn_pixels *out, const fn_crop *c, const char *folder,
                       const char *path)
{
    fn_pixels whole;
    *out = (fn_pixels){NULL, 0, 0};
    char *full = folder ? fn_file_join(folder, path) : fn_strdup(path);
    if (!full)
        return fn_fail(FN_ENOMEM, "%s: no memory to read it", path);
    fn_status rc = fn_image_read(&whole, full);
    fn_free(full);
    FN_TRY(rc);
    fn_image image = fn_pixels_view(&whole);
    rc = fn_crop_apply(out, c, &image, path);
    fn_pixels_free(&whole);
    return rc;
}
