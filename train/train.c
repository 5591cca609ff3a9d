#include "train/train.h"

#include "core/clock.h"
#include "core/file.h"
#include "core/mem.h"
#include "core/text.h"
#include "kernels/threads.h"
#include "train/projector.h"
#include "train/show.h"
#include "train/trainer.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct run {
    fn_trainer trainer;
    fn_validator *validator; /* NULL: none */
    fn_projector *projector; /* NULL: none */
    fn_journal *journal;
    const fn_train_options *options;
    double since, waited,
        first;           /* seconds: of the last line, waiting since, of the first step */
    int64_t last, began; /* steps at the last line, at the first */
} run;

static bool due(int64_t step, int64_t every, int64_t steps)
{
    return step % every == 0 || step == steps;
}

static fn_status show_validation(run *r)
{
    fn_validation v = fn_validator_last(r->validator);
    FN_TRY(fn_show_validation(fn_journal_board(r->journal), r->trainer.record.step, &v));
    return r->projector ? fn_projector_write(r->projector, v.embedding, v.dim) : FN_OK;
}

static fn_status validate(run *r)
{
    fn_trainer *t = &r->trainer;
    fn_verification *v;
    if (!r->validator)
        return FN_OK;
    FN_TRY(fn_validator_run(r->validator, &v));
    t->record.threshold = (float)v->threshold;
    snprintf(t->record.threshold_from, sizeof t->record.threshold_from, "%s",
             fn_validator_name(r->validator));
    fn_status rc = fn_journal_validation(r->journal, t->record.step, v->accuracy, v->error,
                                         v->auc, v->threshold);
    fn_verification_free(v);
    return rc == FN_OK ? show_validation(r) : rc;
}

static fn_status save_checkpoint(run *r)
{
    const fn_trainer *t = &r->trainer;
    fn_checkpoint c = {t->net, t->params, t->optim, t->record};
    return fn_checkpoint_save(t->config.run, &c, t->config.save_keep);
}

static fn_status save_model(run *r)
{
    const fn_trainer *t = &r->trainer;
    char *path = fn_file_join(t->config.run, "model.fnm");
    if (!path)
        return fn_fail(FN_ENOMEM, "%s: no memory to save the model", t->config.run);
    fn_status rc = fn_model_save(path, t->net, t->params, &t->record);
    if (rc == FN_OK)
        fn_journal_say(r->journal, "model: %s", path);
    fn_free(path);
    return rc;
}

/* The end is a step of its own: a run that is made longer begins there, and voids it. */
static fn_status finish_board(run *r)
{
    fn_board *b = fn_journal_board(r->journal);
    FN_TRY(fn_board_session_end(b, r->trainer.record.step + 1));
    return fn_board_flush(b);
}

static fn_status report(run *r)
{
    const fn_trainer *t = &r->trainer;
    int64_t step = t->record.step, done = step - r->last, left = t->config.steps - step;
    double now = fn_clock(), spent = now - r->since;
    fn_metrics m = {
        .step = step,
        .loss = t->loss,
        .triplets = t->triplets.count,
        .rate = (double)fn_schedule_rate(&t->config.schedule, step - 1),
        .gradient = t->gradient,
        .images_per_s = (double)(done * fn_sampler_size(t->sampler)) / spent,
        .wait = r->waited / spent,
    };
    if (*t->remark)
        fn_journal_say(r->journal, "warning: %s", t->remark);
    r->trainer.remark[0] = '\0';
    if (t->skipped)
        fn_journal_say(r->journal, "step %" PRId64 ": not finite, passed over", step);
    FN_TRY(fn_journal_metrics(r->journal, &m, t->config.steps,
                              (now - r->first) / (double)(step - r->began) * (double)left));
    FN_TRY(fn_show_distances(fn_journal_board(r->journal), t));
    r->last = step;
    r->since = fn_clock();
    r->waited = 0;
    return FN_OK;
}

/* What has to be done after a step, apart from learning. */
static fn_status after_step(run *r)
{
    const fn_trainer *t = &r->trainer;
    const fn_config *c = &t->config;
    int64_t step = t->record.step;
    bool stop = r->options->stop && *r->options->stop;
    bool log = due(step, c->log_every, c->steps), val = due(step, c->val_every, c->steps);
    bool save = due(step, c->save_every, c->steps) || stop;
    r->waited += t->waited;
    if (log || val || save)
        FN_TRY(fn_trainer_look(&r->trainer));
    if (log)
        FN_TRY(report(r));
    double before = fn_clock();
    if (val || save)
        FN_TRY(fn_trainer_fetch(&r->trainer));
    if (val && c->log_images)
        FN_TRY(fn_show_hardest(fn_journal_board(r->journal), t));
    if (val && !stop)
        FN_TRY(validate(r));
    if (save && !t->skipped)
        FN_TRY(save_checkpoint(r));
    r->since += fn_clock() - before;
    if (!stop)
        return FN_OK;
    return fn_fail(FN_ESTOPPED,
                   "stopped at step %" PRId64 " of %" PRId64
                   " as told; go on with --resume",
                   step, c->steps);
}

/* --- opening --- */

static void tell(fn_tell t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void tell(fn_tell t, const char *fmt, ...)
{
    char line[1024];
    va_list ap;
    if (!t.line)
        return;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    t.line(t.ctx, line);
}

static void say_what(const fn_trainer *t, fn_tell to)
{
    fn_trainer_size size = fn_trainer_size_of(t);
    int n = fn_sampler_size(t->sampler);
    char device[160], pinned[64];
    snprintf(device, sizeof device, "cpu, %d %s", fn_threads(),
             fn_text_plural(fn_threads(), "thread", "threads"));
    if (t->gpu)
        fn_gpu_describe(t->gpu, device, sizeof device);
    tell(to, "device: %s", device);
    tell(to, "network: %s, %" PRId64 " weights; a batch of %d faces in %s of %d",
         fn_net_name(t->net), fn_params_trained(t->params), n,
         t->cut ? "two passes, chunks" : "one pass", t->chunk);
    snprintf(pinned, sizeof pinned, "; %zu MB of the host's, pinned", size.pinned >> 20);
    tell(to,
         "memory%s: %zu MB: %zu for the network's values, %zu images, %zu weights, "
         "%zu pairs%s",
         t->gpu ? " of the GPU" : "",
         (size.values + size.images + size.weights + size.pairs) >> 20, size.values >> 20,
         size.images >> 20, size.weights >> 20, size.pairs >> 20, t->gpu ? pinned : "");
    tell(to, "data: %s, %d faces of %d people", fn_pack_path(t->pack),
         fn_pack_images(t->pack), fn_pack_people(t->pack));
}

/* The run that is gone on with allows it; how it cut its batches is kept, if it was left to it. */
static fn_status join(fn_config *c)
{
    fn_config then;
    char *path = fn_file_join(c->run, "config.yaml");
    if (!path)
        return fn_fail(FN_ENOMEM, "%s: no memory to resume", c->run);
    fn_status rc = fn_file_exists(path)
                       ? fn_config_read(&then, path, NULL, 0)
                       : fn_fail(FN_ENOENT,
                                 "%s: there is no run to go on with; begin one without "
                                 "--resume",
                                 c->run);
    fn_free(path);
    FN_TRY(rc);
    if (c->chunk == 0)
        c->chunk = then.chunk;
    return fn_config_same(c, &then);
}

static fn_status resume(fn_trainer *t, char *passed, size_t size)
{
    fn_checkpoint c = {t->net, t->params, t->optim, t->record};
    FN_TRY(fn_checkpoint_load(t->config.run, &c, passed, size));
    if (strcmp(c.record.data, t->record.data) != 0)
        return fn_fail(FN_ECONFIG, "%s: is not the pack that this run began with",
                       t->config.train_pack);
    t->record = c.record;
    return FN_OK;
}

static void journal_line(void *ctx, const char *text)
{
    fn_journal_say(ctx, "%s", text);
}

static void say_beginning(run *r, const char *passed)
{
    const fn_trainer *t = &r->trainer;
    say_what(t, (fn_tell){journal_line, r->journal});
    if (*passed)
        fn_journal_say(r->journal, "warning: passed over a checkpoint: %s", passed);
    if (t->record.step)
        fn_journal_say(r->journal, "resumed at step %" PRId64, t->record.step);
}

static fn_status open_projector(run *r)
{
    const fn_config *c = &r->trainer.config;
    fn_projector_options o = {c->run, c->log_projector, c->augment.view};
    fn_validation v = fn_validator_last(r->validator);
    return fn_projector_open(&r->projector, v.pack, v.image, v.images, o);
}

static fn_status run_open(run *r, const fn_config *c, const fn_train_options *o)
{
    fn_trainer *t = &r->trainer;
    char passed[1024] = "";
    fn_config ours = *c;
    *r = (run){.options = o};
    if (o->resume)
        FN_TRY(join(&ours));
    FN_TRY(fn_trainer_open(t, &ours));
    if (o->resume)
        FN_TRY(resume(t, passed, sizeof passed));
    if (*c->val_pack)
        FN_TRY(fn_validator_open(&r->validator, c, t->net, t->params, t->pack, t->gpu));
    if (r->validator && c->log_projector)
        FN_TRY(open_projector(r));
    FN_TRY(fn_journal_open(&r->journal, &t->config, t->net, t->record.step, o->resume,
                           o->tell));
    say_beginning(r, passed);
    FN_TRY(fn_trainer_start(t));
    r->last = r->began = t->record.step;
    r->since = r->first = fn_clock();
    return FN_OK;
}

static void run_close(run *r)
{
    fn_projector_close(r->projector);
    fn_validator_close(r->validator);
    fn_journal_close(r->journal);
    fn_trainer_close(&r->trainer);
}

fn_status fn_train(const fn_config *c, const fn_train_options *o)
{
    run r;
    fn_status rc;
    FN_GO(run_open(&r, c, o));
    while (r.trainer.record.step < c->steps) {
        FN_GO(fn_trainer_step(&r.trainer));
        FN_GO(after_step(&r));
    }
    if (c->steps == 0) { /* an untrained network, to compare with */
        FN_GO(validate(&r));
        FN_GO(save_checkpoint(&r));
    }
    FN_GO(save_model(&r));
    FN_GO(finish_board(&r));
out:
    run_close(&r);
    return rc;
}

/* --- dry run --- */

static fn_status try_step(fn_trainer *t, fn_tell to)
{
    FN_TRY(fn_trainer_start(t));
    double before = fn_clock();
    FN_TRY(fn_trainer_step(t));
    FN_TRY(fn_trainer_look(t));
    double spent = fn_clock() - before;
    tell(to,
         "one step: %.2f s (%.1f images/s), loss %.4f, %" PRId64 " triplets of %" PRId64
         " pairs; the whole run: about %.1f hours",
         spent, fn_sampler_size(t->sampler) / spent, t->loss.loss, t->triplets.count,
         t->triplets.pairs, spent * (double)t->config.steps / 3600);
    return FN_OK;
}

fn_status fn_train_dry(const fn_config *c, fn_tell to)
{
    fn_trainer t;
    fn_validator *v = NULL;
    fn_status rc;
    FN_TRY(fn_trainer_open(&t, c));
    if (*c->val_pack)
        FN_GO(fn_validator_open(&v, c, t.net, t.params, t.pack, t.gpu));
    say_what(&t, to);
    FN_GO(try_step(&t, to));
    tell(to, "nothing was written: this was a dry run");
out:
    fn_validator_close(v);
    fn_trainer_close(&t);
    return rc;
}
