#include "train/journal.h"

#include "core/file.h"
#include "core/mem.h"
#include "kernels/threads.h"
#include "train/environment.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST = 1 << 30 }; /* bytes of a metrics file that can be cut on resuming */

struct fn_journal {
    char *run;
    FILE *log, *metrics;
    fn_board *board;
    fn_tell tell;
};

static const char header[] = "step,loss,active,d_ap,d_an,triplets,rate,gradient,"
                             "images_per_s,wait\n";

static fn_status write_descriptions(const fn_journal *j, const fn_config *c,
                                    const fn_net *net)
{
    char *text;
    FN_TRY(fn_config_print(&text, c));
    fn_status rc = fn_file_replace_in(j->run, "config.yaml", text, strlen(text));
    fn_free(text);
    FN_TRY(rc);
    const char *rows = fn_net_text(net);
    FN_TRY(fn_file_replace_in(j->run, "net.yaml", rows, strlen(rows)));
    FN_TRY(fn_environment_json(&text, fn_threads()));
    rc = fn_file_replace_in(j->run, "env.json", text, strlen(text));
    fn_free(text);
    return rc;
}

/* The lines of metrics.csv up to `step`; the rest belongs to steps that are run again. */
static size_t lines_until(const char *text, int64_t step)
{
    const char *at = strchr(text, '\n');
    while (at && at[1] && strchr(at + 1, '\n') && strtoll(at + 1, NULL, 10) <= step)
        at = strchr(at + 1, '\n');
    return at ? (size_t)(at - text) + 1 : 0;
}

static fn_status cut_metrics(const char *path, int64_t step)
{
    char *text;
    size_t size;
    if (!fn_file_exists(path))
        return fn_file_replace(path, header, sizeof header - 1);
    FN_TRY(fn_file_read(&text, &size, path, LARGEST));
    fn_status rc = fn_file_replace(path, text, lines_until(text, step));
    fn_free(text);
    return rc;
}

/* TensorBoard drops what is at or beyond the first step of a later file, so what a start says
 * of itself stands at that step: no step ever has it twice. */
static fn_status open_board(fn_journal *j, const fn_config *c, int64_t first)
{
    char *text, *fenced;
    FN_TRY(fn_board_open(&j->board, j->run, first));
    FN_TRY(fn_board_session_start(j->board, first, c));
    FN_TRY(fn_config_print(&text, c));
    size_t size = strlen(text) + 16;
    fenced = fn_alloc(size, 1);
    if (fenced)
        snprintf(fenced, size, "```\n%s```\n", text);
    fn_status rc = fenced ? fn_board_text(j->board, "config", first, fenced)
                          : fn_fail(FN_ENOMEM, "%s: no memory to show config.yaml", j->run);
    fn_free(fenced);
    fn_free(text);
    return rc == FN_OK ? fn_board_flush(j->board) : rc;
}

static fn_status open_logs(fn_journal *j, int64_t step)
{
    char *log = fn_file_join(j->run, "train.log");
    char *metrics = fn_file_join(j->run, "metrics.csv");
    fn_status rc = FN_OK;
    if (!log || !metrics) {
        rc = fn_fail(FN_ENOMEM, "%s: no memory to open its logs", j->run);
        goto out;
    }
    FN_GO(cut_metrics(metrics, step));
    if (!(j->log = fopen(log, "a")))
        rc = fn_fail_errno(log, "open");
    else if (!(j->metrics = fopen(metrics, "a")))
        rc = fn_fail_errno(metrics, "open");
out:
    fn_free(log);
    fn_free(metrics);
    return rc;
}

static fn_status refuse_other_run(const fn_journal *j)
{
    char *path = fn_file_join(j->run, "config.yaml");
    if (!path)
        return fn_fail(FN_ENOMEM, "%s: no memory to look into it", j->run);
    bool there = fn_file_exists(path);
    fn_free(path);
    if (!there)
        return FN_OK;
    return fn_fail(FN_EEXIST,
                   "%s: holds a run already; go on with it by --resume, or choose another "
                   "folder with run=FOLDER",
                   j->run);
}

fn_status fn_journal_open(fn_journal **out, const fn_config *c, const fn_net *net,
                          int64_t step, bool resume, fn_tell tell)
{
    fn_journal *j = fn_alloc(1, sizeof *j);
    fn_status rc;
    *out = NULL;
    if (!j)
        return fn_fail(FN_ENOMEM, "%s: no memory for the run's journal", c->run);
    j->tell = tell;
    if (!(j->run = fn_strdup(c->run))) {
        rc = fn_fail(FN_ENOMEM, "%s: no memory for the run's journal", c->run);
        goto out;
    }
    if (!resume)
        FN_GO(refuse_other_run(j));
    FN_GO(fn_file_mkdirs(j->run));
    FN_GO(write_descriptions(j, c, net));
    FN_GO(open_logs(j, step));
    FN_GO(open_board(j, c, step ? step + 1 : 0));
    *out = j;
    return FN_OK;
out:
    fn_journal_close(j);
    return rc;
}

void fn_journal_close(fn_journal *j)
{
    if (!j)
        return;
    if (j->log)
        fclose(j->log);
    if (j->metrics)
        fclose(j->metrics);
    fn_board_close(j->board);
    fn_free(j->run);
    fn_free(j);
}

void fn_journal_say(fn_journal *j, const char *fmt, ...)
{
    char line[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    fprintf(j->log, "%s\n", line);
    fflush(j->log);
    if (j->tell.line)
        j->tell.line(j->tell.ctx, line);
}

fn_board *fn_journal_board(fn_journal *j)
{
    return j->board;
}

static void print_left(char *text, size_t size, double seconds)
{
    long s = seconds < 359999 ? (long)(seconds + 0.5) : 359999;
    snprintf(text, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
}

static fn_status scalars(fn_journal *j, const fn_metrics *m)
{
    const struct {
        const char *tag;
        double value;
    } all[] = {
        {"train/loss", m->loss.loss},
        {"train/active", m->loss.active},
        {"train/d_ap", m->loss.d_ap},
        {"train/d_an", m->loss.d_an},
        {"train/triplets", (double)m->triplets},
        {"train/rate", m->rate},
        {"train/gradient", m->gradient},
        {"speed/images_per_s", m->images_per_s},
        {"speed/wait", m->wait},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        FN_TRY(fn_board_scalar(j->board, all[i].tag, m->step, all[i].value));
    return fn_board_flush(j->board);
}

fn_status fn_journal_metrics(fn_journal *j, const fn_metrics *m, int64_t steps, double left)
{
    char eta[32];
    print_left(eta, sizeof eta, left);
    fn_journal_say(j,
                   "step %" PRId64 "/%" PRId64 "  loss %.4f  active %4.1f%%  d(a,p) %.3f  "
                   "d(a,n) %.3f  %.1f images/s  wait %.1f%%  left %s",
                   m->step, steps, m->loss.loss, 100 * m->loss.active, m->loss.d_ap,
                   m->loss.d_an, m->images_per_s, 100 * m->wait, eta);
    if (fprintf(j->metrics,
                "%" PRId64 ",%.6g,%.6g,%.6g,%.6g,%" PRId64 ",%.6g,%.6g,%.5g,%.4g\n",
                m->step, m->loss.loss, m->loss.active, m->loss.d_ap, m->loss.d_an,
                m->triplets, m->rate, m->gradient, m->images_per_s, m->wait) < 0 ||
        fflush(j->metrics) != 0)
        return fn_fail_errno(j->run, "write metrics.csv");
    return scalars(j, m);
}

fn_status fn_journal_validation(fn_journal *j, int64_t step, double accuracy, double error,
                                double auc, double threshold)
{
    fn_journal_say(j,
                   "step %" PRId64 "  validation %.2f +- %.2f %%  AUC %.4f  threshold %.3f",
                   step, 100 * accuracy, 100 * error, auc, threshold);
    FN_TRY(fn_board_scalar(j->board, "val/accuracy", step, accuracy));
    FN_TRY(fn_board_scalar(j->board, "val/auc", step, auc));
    FN_TRY(fn_board_scalar(j->board, "val/threshold", step, threshold));
    return fn_board_flush(j->board);
}
