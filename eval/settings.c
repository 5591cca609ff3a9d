/* settings.c -- the table of the `eval` section. */
#include "eval/settings.h"

#include "core/yaml.h"
#include "kernels/gpu.h"

#include <stdio.h>

#define AT(member) offsetof(fn_settings, member)

/* clang-format off */
static const fn_field fields[] = {
    {"run", FN_TEXT, AT(run), 0, 0, 0, NULL, "", "a training run: its model.fnm is the model"},
    {"device", FN_CHOICE, AT(device), FN_DEVICE_AUTO, 0, 0, fn_device_names, NULL,
     "of the network"},
    {"eval.pairs", FN_TEXT, AT(pairs), 0, 0, 0, NULL, "", "in the grammar of LFW's pairs.txt"},
    {"eval.images", FN_TEXT, AT(images), 0, 0, 0, NULL, "",
     "their folder; empty: that of the pairs"},
    {"eval.model", FN_TEXT, AT(model), 0, 0, 0, NULL, "", "a .fnm file; empty: that of the run"},
    {"eval.crop", FN_TEXT, AT(crop), 0, 0, 0, NULL, "", "a recipe; empty: the model's"},
    {"eval.flip", FN_BOOL, AT(flip), 0, 0, 1, NULL, NULL, "average image and mirror image"},
    {"eval.pixels", FN_BOOL, AT(pixels), 0, 0, 1, NULL, NULL, "compare pixels, without a model"},
    {"eval.allow_missing", FN_BOOL, AT(allow_missing), 0, 0, 1, NULL, NULL,
     "leave out pairs whose images are missing"},
    {"eval.batch", FN_INT, AT(batch), 64, 1, 4096, NULL, NULL, "images of one pass"},
    {"eval.threads", FN_INT, AT(threads), 0, 0, 1024, NULL, NULL, "0: every core"},
    {0},
};
/* clang-format on */

static fn_status settle_model(fn_settings *s, const char *path)
{
    if (s->model[0] || !s->run[0])
        return FN_OK;
    int n = snprintf(s->model, sizeof s->model, "%s/model.fnm", s->run);
    if (n < (int)sizeof s->model)
        return FN_OK;
    return fn_fail(FN_ECONFIG, "%s: run: a path of %d bytes; at most %d are allowed", path,
                   n, FN_TEXT_BYTES - 1);
}

fn_status fn_settings_read(fn_settings *out, const char *path, const char *const *also)
{
    fn_yaml *y;
    *out = (fn_settings){.batch = 0};
    fn_field_defaults(fields, out);
    FN_TRY(fn_yaml_open(&y, path));
    fn_status rc = fn_yaml_read(y, fn_yaml_root(y), fields, out, also, false);
    fn_yaml_close(y);
    return rc == FN_OK ? settle_model(out, path) : rc;
}
