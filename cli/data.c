/* data.c -- facenet data pack|inspect|verify|split|synth */
#include "cli/cli.h"
#include "core/text.h"
#include "data/pack.h"
#include "data/synth.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <argp.h>

typedef struct arguments {
    const char *input, *output; /* the folder or pack given; -o */
    const char *crop, *kept, *held;
    double share;
    int people, images, first;
    long seed;
} arguments;

static error_t parse(int key, char *value, struct argp_state *state)
{
    arguments *a = state->input;
    switch (key) {
    case 'o':
        a->output = value;
        return 0;
    case 'c':
        a->crop = value;
        return 0;
    case 'k':
        a->kept = value;
        return 0;
    case 'h':
        a->held = value;
        return 0;
    case 's':
        a->share = fn_cli_real(state, "--share", value, 0.001, 0.999);
        return 0;
    case 'p':
        a->people = fn_cli_int(state, "--people", value, 2, 1000000);
        return 0;
    case 'i':
        a->images = fn_cli_int(state, "--images", value, 1, 1000000);
        return 0;
    case 'f':
        a->first = fn_cli_int(state, "--first", value, 1, 100000000);
        return 0;
    case 'r':
        a->seed = fn_cli_int(state, "--seed", value, 0, 2147483647);
        return 0;
    case ARGP_KEY_ARG:
        if (a->input)
            argp_error(state, "one input at a time");
        a->input = value;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* --- pack --- */

static void tell(void *ctx, const char *path, const char *reason, int64_t done,
                 int64_t total)
{
    (void)ctx;
    if (reason)
        fn_cli_say("left out: %s: %s", path, reason);
    else
        fn_cli_progress(done, total);
}

static void say(void *ctx, const char *sentence)
{
    (void)ctx;
    fn_cli_say("facenet: %s", sentence);
}

static fn_status pack(const arguments *a)
{
    fn_pack_options o = {.crop = a->crop, .tell = tell, .say = say};
    fn_pack_report r;
    FN_TRY(fn_pack_make(a->output, a->input, &o, &r));
    printf("%s: %" PRId64 " faces of %" PRId64 " people, %.1f MB, %" PRId64
           " %s left out\n",
           a->output, r.images, r.people, (double)r.bytes / 1e6, r.left_out,
           fn_text_plural(r.left_out, "image", "images"));
    return FN_OK;
}

/* --- inspect --- */

static void print_counts(const fn_pack *p)
{
    const int least[] = {1, 2, 5, 10, 20, 40};
    for (size_t k = 0; k < sizeof least / sizeof *least; k++) {
        int many = 0;
        for (int i = 0; i < fn_pack_people(p); i++)
            many += fn_pack_count(p, i) >= least[k];
        printf("people with %2d %s or more: %d\n", least[k],
               least[k] == 1 ? "face " : "faces", many);
    }
}

static fn_status inspect(const arguments *a)
{
    fn_pack *p;
    FN_TRY(fn_pack_open(&p, a->input));
    printf("%s: %d faces of %d people\n", a->input, fn_pack_images(p), fn_pack_people(p));
    printf("crop: %s\ndigest: %s\n", fn_pack_crop(p), fn_pack_digest(p));
    print_counts(p);
    fn_pack_close(p);
    return FN_OK;
}

/* --- verify --- */

static void tell_bad(void *ctx, const char *path, const char *reason, int64_t done,
                     int64_t total)
{
    (void)ctx;
    if (reason)
        printf("%s: %s\n", path, reason);
    else
        fn_cli_progress(done, total);
}

static fn_status verify(const arguments *a)
{
    fn_pack *p;
    FN_TRY(fn_pack_open(&p, a->input));
    fn_status rc = fn_pack_verify(p, tell_bad, NULL);
    if (rc == FN_OK)
        printf("%s: all %d faces of %d people are sound%s\n", a->input, fn_pack_images(p),
               fn_pack_people(p),
               fn_pack_has_checksums(p) ? ""
                                        : " (decoded only: the pack has no checksums)");
    fn_pack_close(p);
    return rc;
}

/* --- split --- */

static fn_status split(const arguments *a)
{
    arguments both[2] = {*a, *a};
    FN_TRY(fn_pack_split(a->input, a->kept, a->held, a->share, (uint64_t)a->seed));
    both[0].input = a->kept;
    both[1].input = a->held;
    FN_TRY(inspect(&both[0]));
    return inspect(&both[1]);
}

/* --- synth --- */

static fn_status synth(const arguments *a)
{
    fn_synth_options o = {.people = a->people,
                          .images = a->images,
                          .seed = (uint64_t)a->seed,
                          .first = a->first - 1};
    FN_TRY(fn_synth_folder(a->output, o));
    printf("%s: %lld drawn faces of %d drawn people; pairs.txt beside them\n", a->output,
           (long long)a->people * a->images, a->people);
    return FN_OK;
}

/* --- which of them --- */

#define OUTPUT                                  \
    {                                           \
        "output", 'o', "PATH", 0, "where to", 0 \
    }
#define SEED                                             \
    {                                                    \
        "seed", 'r', "N", 0, "of the draw; default 1", 0 \
    }

static const struct argp_option pack_options[] = {
    OUTPUT,
    {"crop", 'c', "RECIPE", 0,
     "none (default), 'centre: SIDE@X,Y' or 'landmarks: FILE.tsv': store crops", 0},
    {0}};
static const struct argp_option no_options[] = {{0}};
static const struct argp_option split_options[] = {
    {"kept", 'k', "FILE", 0, "pack of the people to train on", 0},
    {"held", 'h', "FILE", 0, "pack of the people to validate on", 0},
    {"share", 's', "SHARE", 0, "of the people to hold out; default 0.1", 0},
    SEED,
    {0}};
static const struct argp_option synth_options[] = {
    OUTPUT,
    {"people", 'p', "N", 0, "how many people", 0},
    {"images", 'i', "M", 0, "pictures of each", 0},
    {"first", 'f', "N", 0, "number of the first person; default 1", 0},
    SEED,
    {0}};

typedef struct verb {
    const char *name, *what;
    struct argp parser;
    fn_status (*run)(const arguments *a);
} verb;

static const verb verbs[] = {
    {"pack",
     "a folder of faces into one file",
     {pack_options, parse, "DIR",
      "Pack DIR/person/image.{jpg,jpeg,png,pgm,ppm} into one file; a folder of any depth "
      "that "
      "holds images is a person. What cannot be read is listed with its reason and left "
      "out. Stopped in whatever way, the same command goes on where it was.",
      NULL, NULL, NULL},
     pack},
    {"inspect",
     "how many faces and people, crop and digest",
     {no_options, parse, "FILE", "What is in a pack?", NULL, NULL, NULL},
     inspect},
    {"verify",
     "every checksum and every image of a pack",
     {no_options, parse, "FILE",
      "Read a whole pack: its lists, the checksum of every image, and every image decoded. "
      "Bad "
      "images are listed with their reason; one or more end in exit code 65.",
      NULL, NULL, NULL},
     verify},
    {"split",
     "hold some people out, to validate on",
     {split_options, parse, "FILE", "Split a pack in two by people.", NULL, NULL, NULL},
     split},
    {"synth",
     "draw faces of people who do not exist",
     {synth_options, parse, NULL,
      "Draw faces of people who do not exist, in LFW's layout with a pairs.txt: for trying "
      "things out, never for figures about people.",
      NULL, NULL, NULL},
     synth},
};

static const char *what_is_missing(const verb *v, const arguments *a)
{
    if (v->run == pack && (!a->input || !a->output))
        return "a folder and --output are needed";
    if ((v->run == inspect || v->run == verify) && !a->input)
        return "a pack is needed";
    if (v->run == split && (!a->input || !a->kept || !a->held))
        return "a pack, --kept and --held are needed";
    if (v->run == synth && (!a->people || !a->images || !a->output))
        return "--people, --images and --output are needed";
    return NULL;
}

static int run(const verb *v, int argc, char **argv)
{
    arguments a = {.share = 0.1, .seed = 1, .first = 1};
    char name[32];
    snprintf(name, sizeof name, "data %s", v->name);
    fn_cli_parse(&v->parser, name, argc, argv, &a);
    const char *missing = what_is_missing(v, &a);
    if (missing) {
        fprintf(stderr, "facenet %s: %s\ntry: facenet %s --help\n", name, missing, name);
        return fn_exit_code(FN_EINVAL);
    }
    fn_status rc = v->run(&a);
    return rc == FN_OK ? 0 : fn_cli_fail(rc);
}

static void list_verbs(FILE *to)
{
    fprintf(to, "usage: facenet data COMMAND [OPTION...]\n\n");
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        fprintf(to, "  %-8s %s\n", verbs[i].name, verbs[i].what);
    fprintf(to, "\n`facenet data COMMAND --help` explains one.\n");
}

int fn_cli_data(int argc, char **argv)
{
    size_t n = sizeof verbs / sizeof *verbs;
    for (size_t i = 0; argc > 1 && i < n; i++)
        if (strcmp(verbs[i].name, argv[1]) == 0)
            return run(&verbs[i], argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        list_verbs(stdout);
        return 0;
    }
    if (argc > 1)
        fprintf(stderr, "facenet data: no command '%s'\ntry: facenet data --help\n",
                argv[1]);
    else
        list_verbs(stderr);
    return fn_exit_code(FN_EINVAL);
}
