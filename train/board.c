/* board -- records of one TensorBoard event file:
 *   length u64 | masked CRC-32C of the length u32 | event | masked CRC-32C of the event u32
 * all little-endian. A reader forgives a torn last record but loses what is appended behind
 * it, so a file is never opened twice: every start makes a new one. Readers take the files of
 * a folder in the order of their names. */
#include "train/board.h"

#include "core/crc32c.h"
#include "core/file.h"
#include "core/mem.h"
#include "data/image.h"
#include "train/event.h"
#include "train/hparams.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PREFIX "events.out.tfevents."

struct fn_board {
    FILE *file;
    char *path;
};

/* --- records --- */

static void put_le(uint8_t *to, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        to[i] = (uint8_t)(v >> 8 * i);
}

static uint32_t masked(const void *data, size_t size)
{
    uint32_t c = fn_crc32c(data, size);
    return (c >> 15 | c << 17) + 0xA282EAD8;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static fn_status write_record(fn_board *b, const fn_proto *e)
{
    uint8_t head[12], tail[4];
    FN_TRY(fn_proto_status(e));
    put_le(head, e->size, 8);
    put_le(head + 8, masked(head, 8), 4);
    put_le(tail, masked(e->data, e->size), 4);
    bool ok = fwrite(head, sizeof head, 1, b->file) == 1 &&
              fwrite(e->data, e->size, 1, b->file) == 1 &&
              fwrite(tail, sizeof tail, 1, b->file) == 1;
    return ok ? FN_OK : fn_fail_errno(b->path, "write");
}

/* Writes the event if it could be made, and frees it. */
static fn_status write_event(fn_board *b, fn_proto *e)
{
    fn_status rc = write_record(b, e);
    fn_proto_close(e);
    return rc;
}

static fn_place here(int64_t step, const char *tag)
{
    return (fn_place){now(), step, tag};
}

fn_status fn_board_scalar(fn_board *b, const char *tag, int64_t step, double value)
{
    fn_proto e = {0};
    fn_event_scalar(&e, here(step, tag), (float)value);
    return write_event(b, &e);
}

fn_status fn_board_text(fn_board *b, const char *tag, int64_t step, const char *text)
{
    fn_proto e = {0};
    fn_event_text(&e, here(step, tag), text);
    return write_event(b, &e);
}

fn_status fn_board_histogram(fn_board *b, const char *tag, int64_t step,
                             const fn_histogram *h)
{
    fn_proto e = {0};
    if (h->n == 0)
        return FN_OK;
    fn_event_histogram(&e, here(step, tag), h);
    return write_event(b, &e);
}

fn_status fn_board_image(fn_board *b, const char *tag, int64_t step, const fn_image *image)
{
    fn_proto e = {0};
    uint8_t *bytes;
    size_t size;
    FN_TRY(fn_encode_png(&bytes, &size, image));
    fn_png png = {bytes, size, image->width, image->height};
    fn_event_image(&e, here(step, tag), &png);
    fn_status rc = write_event(b, &e);
    fn_free(bytes);
    return rc;
}

fn_status fn_board_curve(fn_board *b, const char *tag, int64_t step, const fn_curve *c)
{
    fn_proto e = {0};
    fn_event_curve(&e, here(step, tag), c);
    return write_event(b, &e);
}

fn_status fn_board_session_start(fn_board *b, int64_t step, const fn_config *c)
{
    fn_proto e = {0};
    fn_hparams_start(&e, now(), step, c);
    return write_event(b, &e);
}

fn_status fn_board_session_end(fn_board *b, int64_t step)
{
    fn_proto e = {0};
    fn_hparams_end(&e, now(), step);
    return write_event(b, &e);
}

fn_status fn_board_flush(fn_board *b)
{
    return fflush(b->file) == 0 ? FN_OK : fn_fail_errno(b->path, "write");
}

/* --- a new file --- */

/* The name that TensorBoard will read after `last`, the newest there ("": none). The clock may
 * have been set back, so time alone does not order the files. */
static fn_status choose_name(char *name, size_t size, const char *last)
{
    char host[65] = "";
    long long stamp = (long long)time(NULL), taken = 0;
    if (strncmp(last, PREFIX, strlen(PREFIX)) == 0)
        taken = strtoll(last + strlen(PREFIX), NULL, 10);
    if (gethostname(host, sizeof host - 1) != 0 || !*host)
        strcpy(host, "localhost");
    stamp = stamp > taken ? stamp : taken + 1;
    snprintf(name, size, PREFIX "%010lld.%s.%ld.0", stamp, host, (long)getpid());
    if (strcmp(name, last) > 0)
        return FN_OK;
    return fn_fail(FN_EEXIST,
                   "%s: no new event file could sort after it; move it out of the folder",
                   last);
}

static fn_status make_path(char **path, const char *folder)
{
    char name[160], **all = NULL;
    const char *last = "";
    int n = 0;
    fn_status rc;
    FN_TRY(fn_file_names(&all, &n, folder));
    for (int i = 0; i < n; i++)
        if (strstr(all[i], "tfevents"))
            last = all[i];
    FN_GO(choose_name(name, sizeof name, last));
    *path = fn_file_join(folder, name);
    if (!*path)
        rc = fn_fail(FN_ENOMEM, "%s: no memory for a name", folder);
out:
    fn_file_names_free(all, n);
    return rc;
}

static fn_status write_head(fn_board *b, int64_t first_step)
{
    fn_proto e = {0};
    fn_event_version(&e, now());
    FN_TRY(write_event(b, &e));
    fn_event_start(&e, now(), first_step);
    FN_TRY(write_event(b, &e));
    return fn_board_flush(b);
}

fn_status fn_board_open(fn_board **out, const char *folder, int64_t first_step)
{
    fn_status rc;
    *out = NULL;
    fn_board *b = fn_alloc(1, sizeof *b);
    if (!b)
        return fn_fail(FN_ENOMEM, "%s: no memory for an event file", folder);
    FN_GO(make_path(&b->path, folder));
    b->file = fopen(b->path, "wbx");
    if (!b->file) {
        rc = fn_fail_errno(b->path, "create");
        goto out;
    }
    FN_GO(write_head(b, first_step));
    *out = b;
    return FN_OK;
out:
    fn_board_close(b);
    return rc;
}

void fn_board_close(fn_board *b)
{
    if (!b)
        return;
    if (b->file)
        fclose(b->file);
    fn_free(b->path);
    fn_free(b);
}
