#include "train/checkpoint.h"

#include "core/file.h"
#include "core/h5.h"
#include "core/mem.h"
#include "train/manifest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const files[] = {"model.fnm", "state.h5", NULL};
static const char prefix[] = "step_";

typedef struct paths {
    char *home;   /* RUN/checkpoints */
    char *folder; /* of one checkpoint, under the name it is being written or read */
    char *model, *state;
} paths;

static void paths_free(paths *p)
{
    fn_free(p->home);
    fn_free(p->folder);
    fn_free(p->model);
    fn_free(p->state);
}

static fn_status paths_make(paths *p, const char *run, const char *name)
{
    *p = (paths){.home = fn_file_join(run, "checkpoints")};
    p->folder = p->home ? fn_file_join(p->home, name) : NULL;
    p->model = p->folder ? fn_file_join(p->folder, files[0]) : NULL;
    p->state = p->folder ? fn_file_join(p->folder, files[1]) : NULL;
    if (p->model && p->state)
        return FN_OK;
    paths_free(p);
    return fn_fail(FN_ENOMEM, "%s: no memory for the names of a checkpoint", run);
}

/* --- the optimizer's state --- */

static fn_status state_save(const char *path, const fn_checkpoint *c)
{
    fn_h5 *h = NULL;
    char name[32];
    int64_t steps = *fn_optim_steps(c->optim), one = 1;
    fn_status rc;
    FN_GO(fn_h5_create(&h));
    FN_GO(fn_h5_write(h, "optim/steps", FN_H5_I64, 1, &one, &steps));
    for (int i = 0; i < fn_optim_state_count(c->optim); i++) {
        snprintf(name, sizeof name, "optim/%d", i);
        FN_GO(fn_h5_write(h, name, FN_H5_F32, 1, &c->params->count,
                          fn_optim_state(c->optim, i)));
    }
    rc = fn_h5_save(h, path);
out:
    fn_h5_close(h);
    return rc;
}

static fn_status state_load(const char *path, fn_checkpoint *c)
{
    fn_h5 *h = NULL;
    char name[32];
    fn_status rc;
    FN_GO(fn_h5_open(&h, path));
    FN_GO(fn_h5_read(h, "optim/steps", FN_H5_I64, 1, fn_optim_steps(c->optim)));
    for (int i = 0; i < fn_optim_state_count(c->optim); i++) {
        snprintf(name, sizeof name, "optim/%d", i);
        FN_GO(
            fn_h5_read(h, name, FN_H5_F32, c->params->count, fn_optim_state(c->optim, i)));
    }
out:
    fn_h5_close(h);
    return rc;
}

/* --- the folder of checkpoints --- */

static bool is_checkpoint(const char *name)
{
    size_t digits = strspn(name + (strncmp(name, prefix, 5) == 0 ? 5 : 0), "0123456789");
    return strncmp(name, prefix, 5) == 0 && digits == 9 && strlen(name) == 14;
}

/* Finished checkpoints in order of their steps: nine digits sort as numbers do. */
static fn_status list(char ***name, int *n, const char *home)
{
    char **all;
    int many;
    *name = NULL;
    *n = 0;
    FN_TRY(fn_file_names(&all, &many, home));
    int kept = 0;
    for (int i = 0; i < many; i++) {
        char *each = all[i];
        all[i] = NULL;
        if (is_checkpoint(each))
            all[kept++] = each;
        else
            fn_free(each);
    }
    *name = all;
    *n = kept;
    return FN_OK;
}

static fn_status remove_old(const char *home, int keep)
{
    char **name;
    int n;
    FN_TRY(list(&name, &n, home));
    fn_status rc = FN_OK;
    for (int i = 0; i < n - keep && rc == FN_OK; i++) {
        char *path = fn_file_join(home, name[i]);
        rc = path ? fn_file_remove_tree(path) : fn_fail(FN_ENOMEM, "%s: no memory", home);
        fn_free(path);
    }
    fn_file_names_free(name, n);
    return rc;
}

/* --- saving --- */

/* A new folder lasts once RUN, which it is in, is on the disk. */
static fn_status make_home(const char *home)
{
    FN_TRY(fn_file_mkdirs(home));
    char *run = fn_file_parent(home);
    fn_status rc = run ? fn_file_sync_folder(run)
                       : fn_fail(FN_ENOMEM, "%s: no memory for a name", home);
    fn_free(run);
    return rc;
}

static fn_status write_into(const paths *p, const fn_checkpoint *c)
{
    if (!fn_file_exists(p->home))
        FN_TRY(make_home(p->home));
    if (fn_file_exists(p->folder)) /* what an earlier run could not finish */
        FN_TRY(fn_file_remove_tree(p->folder));
    FN_TRY(fn_file_mkdirs(p->folder));
    FN_TRY(fn_model_save(p->model, c->net, c->params, &c->record));
    FN_TRY(state_save(p->state, c));
    FN_TRY(fn_manifest_write(p->folder, files, c->record.step));
    return fn_file_sync_folder(p->folder);
}

/* The same step can have been saved before a resume: those bytes are as good as these. */
static fn_status publish(const paths *from, const paths *to)
{
    int64_t step;
    if (fn_file_exists(to->folder) && fn_manifest_verify(to->folder, files, &step) != FN_OK)
        FN_TRY(fn_file_remove_tree(to->folder));
    if (fn_file_exists(to->folder))
        return fn_file_remove_tree(from->folder);
    if (rename(from->folder, to->folder) != 0)
        return fn_fail_errno(to->folder, "rename");
    FN_TRY(fn_file_sync_folder(to->home));
    return fn_manifest_verify(to->folder, files, &step);
}

fn_status fn_checkpoint_save(const char *run, const fn_checkpoint *c, int keep)
{
    char name[64], draft[72];
    paths from, to;
    fn_status rc;
    snprintf(name, sizeof name, "%s%09" PRId64, prefix, c->record.step);
    snprintf(draft, sizeof draft, "%s.tmp", name);
    FN_TRY(paths_make(&from, run, draft));
    rc = paths_make(&to, run, name);
    if (rc != FN_OK) {
        paths_free(&from);
        return rc;
    }
    FN_GO(write_into(&from, c));
    FN_GO(publish(&from, &to));
    FN_GO(remove_old(to.home, keep));
out:
    paths_free(&from);
    paths_free(&to);
    return rc;
}

/* --- loading --- */

static fn_status take_model(const char *path, fn_checkpoint *c)
{
    fn_model *m;
    fn_status rc = FN_OK;
    FN_TRY(fn_model_open(&m, path));
    if (strcmp(fn_net_text(m->net), fn_net_text(c->net)) != 0)
        rc = fn_fail(
            FN_ECONFIG,
            "%s: a checkpoint of another network ('%s'; this is '%s'): resume with "
            "its configuration, or start another run",
            path, fn_net_name(m->net), fn_net_name(c->net));
    else {
        memcpy(c->params->value, m->params->value,
               (size_t)c->params->count * sizeof *c->params->value);
        c->record = m->record;
    }
    fn_model_close(m);
    return rc;
}

static fn_status load_one(const char *run, const char *name, fn_checkpoint *c)
{
    paths p;
    int64_t step;
    fn_status rc;
    FN_TRY(paths_make(&p, run, name));
    FN_GO(fn_manifest_verify(p.folder, files, &step));
    FN_GO(take_model(p.model, c));
    FN_GO(state_load(p.state, c));
out:
    paths_free(&p);
    return rc;
}

fn_status fn_checkpoint_load(const char *run, fn_checkpoint *c, char *passed, size_t size)
{
    char **name = NULL, *home = fn_file_join(run, "checkpoints");
    int n = 0;
    fn_status rc;
    passed[0] = '\0';
    if (!home)
        return fn_fail(FN_ENOMEM, "%s: no memory to look for checkpoints", run);
    if (fn_file_is_folder(home))
        FN_GO(list(&name, &n, home));
    rc = fn_fail(
        FN_ENOENT,
        "%s: there is no checkpoint to resume from; remove the folder to begin anew", run);
    for (int i = n - 1; i >= 0 && rc != FN_OK && rc != FN_ECONFIG && rc != FN_ENOMEM; i--) {
        rc = load_one(run, name[i], c);
        if (rc != FN_OK)
            snprintf(passed, size, "%s", fn_last_error());
    }
out:
    fn_file_names_free(name, n);
    fn_free(home);
    return rc;
}
