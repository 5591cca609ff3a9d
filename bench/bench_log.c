/* bench_log.c -- what writing a run's logs costs beside its steps: a line of numbers and
 * histograms, and what a validation shows, each timed, then weighed by how often the
 * configuration wants it. Forward passes of a validation are learning, not logging.
 *
 *   bench_log CONFIG FOLDER [KEY=VALUE...]        FOLDER must not exist; it holds a run then */
#include "core/clock.h"
#include "core/file.h"
#include "train/journal.h"
#include "train/projector.h"
#include "train/show.h"

#include <stdio.h>
#include <stdlib.h>

enum { STEPS = 3, ROUNDS = 20, KEYS = 30 };

typedef struct bench {
    fn_trainer trainer;
    fn_validator *validator;
    fn_projector *projector;
    fn_journal *journal;
} bench;

static fn_status open_all(bench *b, const fn_config *c)
{
    fn_trainer *t = &b->trainer;
    FN_TRY(fn_trainer_open(t, c));
    FN_TRY(fn_validator_open(&b->validator, c, t->net, t->params, t->pack, t->gpu));
    fn_projector_options o = {c->run, c->log_projector, c->augment.view};
    fn_validation v = fn_validator_last(b->validator);
    FN_TRY(fn_projector_open(&b->projector, v.pack, v.image, v.images, o));
    FN_TRY(fn_journal_open(&b->journal, c, t->net, 0, false, (fn_tell){NULL, NULL}));
    return fn_trainer_start(t);
}

static void close_all(bench *b)
{
    fn_journal_close(b->journal);
    fn_projector_close(b->projector);
    fn_validator_close(b->validator);
    fn_trainer_close(&b->trainer);
}

static fn_status one_line(bench *b)
{
    const fn_trainer *t = &b->trainer;
    fn_metrics m = {.step = t->record.step, .loss = t->loss, .triplets = t->triplets.count};
    FN_TRY(fn_journal_metrics(b->journal, &m, t->config.steps, 0));
    return fn_show_distances(fn_journal_board(b->journal), t);
}

static fn_status one_picture(bench *b)
{
    return fn_show_hardest(fn_journal_board(b->journal), &b->trainer);
}

static fn_status one_curve(bench *b)
{
    fn_validation v = fn_validator_last(b->validator);
    FN_TRY(fn_journal_validation(b->journal, b->trainer.record.step, 0.5, 0, 0.5, 1));
    return fn_show_validation(fn_journal_board(b->journal), b->trainer.record.step, &v);
}

static fn_status one_projector(bench *b)
{
    fn_validation v = fn_validator_last(b->validator);
    return fn_projector_write(b->projector, v.embedding, v.dim);
}

/* Adds the seconds a step of something done every `every` steps. */
static fn_status weigh(double *share, bench *b, const char *what, fn_status (*log)(bench *),
                       int64_t every, int rounds)
{
    double before = fn_clock();
    for (int i = 0; i < rounds; i++)
        FN_TRY(log(b));
    double spent = (fn_clock() - before) / rounds;
    printf("%-22s %9.3f ms, every %lld steps: %8.4f ms a step\n", what, 1000 * spent,
           (long long)every, 1000 * spent / (double)every);
    *share += spent / (double)every;
    return FN_OK;
}

static fn_status measure(bench *b, const fn_config *c)
{
    fn_verification *v;
    double before = 0, share = 0;
    for (int i = 0; i <= STEPS; i++) { /* the first one warms up */
        FN_TRY(fn_trainer_step(&b->trainer));
        before = i ? before : fn_clock();
    }
    FN_TRY(fn_trainer_look(&b->trainer));
    double step = (fn_clock() - before) / STEPS;
    FN_TRY(fn_trainer_fetch(&b->trainer));
    FN_TRY(fn_validator_run(b->validator, &v));
    fn_verification_free(v);
    FN_TRY(weigh(&share, b, "line and histograms", one_line, c->log_every, ROUNDS));
    FN_TRY(weigh(&share, b, "hardest triplets", one_picture, c->val_every, ROUNDS));
    FN_TRY(weigh(&share, b, "curve and histograms", one_curve, c->val_every, ROUNDS));
    FN_TRY(weigh(&share, b, "projector, first time", one_projector, c->steps, 1));
    FN_TRY(weigh(&share, b, "projector", one_projector, c->val_every, ROUNDS));
    printf("a step %.1f ms; logging %.4f ms a step, %.4f %%\n", 1000 * step, 1000 * share,
           100 * share / step);
    return FN_OK;
}

int main(int argc, char **argv)
{
    static bench b;
    fn_config c;
    char *key[KEYS];
    char run[FN_TEXT_BYTES];
    fn_status rc;
    if (argc < 3 || argc - 3 >= KEYS) {
        fprintf(stderr, "usage: bench_log CONFIG FOLDER [KEY=VALUE...]\n");
        return fn_exit_code(FN_EINVAL);
    }
    for (int i = 3; i < argc; i++)
        key[i - 3] = argv[i];
    snprintf(run, sizeof run, "run=%s", argv[2]);
    key[argc - 3] = run;
    FN_GO(fn_config_read(&c, argv[1], key, argc - 2));
    FN_GO(open_all(&b, &c));
    rc = measure(&b, &c);
out:
    close_all(&b);
    if (rc != FN_OK)
        fprintf(stderr, "bench_log: %s\n", fn_last_error());
    return fn_exit_code(rc);
}
