/* source.c -- images named on the command line, embedded as the model's record says. */
#include "cli/cli.h"
#include "infer/session.h"

#include <stdio.h>

#include <argp.h>

/* Landmarks of the training set say nothing about other images. */
static fn_status choose_crop(fn_crop **out, const fn_model *m, const fn_cli_source *s)
{
    if (!s->crop && fn_crop_by_landmarks(m->record.crop))
        return fn_fail(
            FN_ECONFIG,
            "%s wants faces aligned by landmarks: name those of these images with "
            "--crop 'landmarks: FILE.tsv', or say --crop none if they are aligned",
            s->model);
    return fn_crop_open(out, s->crop ? s->crop : m->record.crop);
}

fn_status fn_cli_embed_images(float *e, const fn_model *m, const fn_cli_source *s,
                              char *const *image, int n, bool flip)
{
    fn_session_options o = {.size = sizeof o,
                            .threads = s->threads,
                            .max_batch = n < 32 ? n : 32,
                            .exact = s->exact,
                            .precision = s->precision,
                            .device = s->device};
    char where[160];
    fn_session *session = NULL;
    fn_crop *crop = NULL;
    fn_status rc;
    FN_GO(choose_crop(&crop, m, s));
    FN_GO(fn_session_open(&session, m, &o));
    fn_session_describe(session, where, sizeof where);
    fprintf(stderr, "device: %s\n", where);
    if (s->calibrate)
        FN_GO(fn_session_calibrate_pack(session, s->calibrate));
    fn_embed_paths paths = {crop, s->images, image};
    rc = fn_embed_many(session, fn_embed_files(&paths), n, flip, e, NULL, NULL);
out:
    fn_session_close(session);
    fn_crop_close(crop);
    return rc;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    fn_cli_source *s = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        s->device = FN_DEVICE_AUTO;
        return 0;
    case 'd':
        s->device = fn_cli_device(state, value);
        return 0;
    case 'm':
        s->model = value;
        return 0;
    case 'c':
        s->crop = value;
        return 0;
    case 'i':
        s->images = value;
        return 0;
    case 'j':
        s->threads = fn_cli_int(state, "--threads", value, 0, 1024);
        return 0;
    case ARGP_KEY_END:
        if (!s->model)
            argp_error(state, "--model is needed");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"model", 'm', "FILE", 0, "the model, .fnm", 0},
    {"crop", 'c', "RECIPE", 0,
     "none, 'centre: SIDE@X,Y' or 'landmarks: FILE.tsv'; default: the model's", 0},
    {"images", 'i', "DIR", 0, "folder that the images' names begin at; default: here", 0},
    {"device", 'd', "WHERE", 0,
     "auto (default: a GPU where one can be used), cpu or cuda: a GPU or an error", 0},
    {"threads", 'j', "N", 0, "default: every core", 0},
    {0},
};
const struct argp fn_cli_source_parser = {options, parse, NULL, NULL, NULL, NULL, NULL};
