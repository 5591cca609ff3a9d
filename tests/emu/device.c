/* core/device.h on the CPU: the device's memory is malloc's, its queues are tests/emu/queue.c. */
#include "core/device.h"

#include "core/mem.h"
#include "tests/emu/emu.h"
#include "tests/emu/fault.h"
#include "tests/emu/queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fn_device {
    int allocations; /* neither freed nor unpinned yet */
};

struct fn_event {
    fn_queue queue;      /* of the last record */
    long recorded, done; /* how often it was; how often that place was passed */
};

unsigned fn_emu_schedule_seed;
static bool plugged_in;
static size_t memory = (size_t)1 << 30, used;
static int waits;
static long fuse; /* calls until it is lost; 0: it stays well, or is lost */
static bool lost, recording, spoilt;

void fn_emu_plug_in(bool yes)
{
    plugged_in = yes;
}

void fn_emu_schedule(unsigned seed)
{
    fn_emu_schedule_seed = seed;
}

size_t fn_emu_memory(size_t bytes)
{
    memory = bytes;
    return used;
}

int fn_emu_waits(void)
{
    int now = waits;
    waits = 0;
    return now;
}

void fn_emu_lose(long n)
{
    fuse = n;
    lost = false;
}

static bool is_lost(void)
{
    if (fuse > 0 && --fuse == 0)
        lost = true;
    return lost;
}

fn_status fn_device_check(int error, const char *doing)
{
    error = error ? error : fn_emu_state();
    return error || is_lost()
               ? fn_fail(FN_EDEVICE, "%s: the emulated GPU reports %d", doing, error)
               : FN_OK;
}

fn_status fn_device_open(fn_device **out, int number)
{
    *out = NULL;
    if (!plugged_in)
        return fn_fail(FN_ENODEVICE, "the emulated GPU is not plugged in");
    if (number != 0)
        return fn_fail(FN_EINVAL, "there is no GPU %d: they are 0 to 0", number);
    *out = fn_alloc(1, sizeof **out);
    return *out ? FN_OK : fn_fail(FN_ENOMEM, "no memory for a device");
}

/* What was not given back is reported by LeakSanitizer as well; here it is a mistake at once. */
void fn_device_close(fn_device *d)
{
    fn_emu_finish(FN_QUEUE_UPLOADS);
    fn_emu_finish(FN_QUEUE_WORK);
    if (d && d->allocations)
        fprintf(stderr, "emulated GPU: %d allocations are left\n", d->allocations);
    if (d && d->allocations)
        abort();
    fn_free(d);
}

fn_status fn_device_ask(const fn_device *d, fn_device_facts *facts)
{
    (void)d;
    *facts = (fn_device_facts){.name = "emulated", .architecture = 80, .processors = 1};
    facts->memory = memory;
    facts->free_memory = memory - used;
    return FN_OK;
}

void *fn_device_stream(const fn_device *d)
{
    (void)d;
    return NULL;
}

/* A recording does not survive it. */
static fn_status host_waits(const char *doing)
{
    waits++;
    spoilt = spoilt || recording;
    return recording ? fn_fail(FN_EDEVICE, "%s: the emulated GPU is recording", doing)
                     : fn_device_check(fn_emu_wait(), doing);
}

fn_status fn_device_wait(fn_device *d)
{
    (void)d;
    FN_TRY(host_waits("waiting"));
    fn_emu_finish(FN_QUEUE_WORK);
    return FN_OK;
}

/* What is claimed, and how large it is. */
typedef struct piece {
    const void *at;
    size_t bytes;
    bool pinned; /* the host's */
    struct piece *next;
} piece;

static piece *pieces;

static void note(const void *at, size_t bytes, bool pinned)
{
    piece *p = malloc(sizeof *p); /* not one that a test fails */
    if (!p)
        abort();
    *p = (piece){at, bytes, pinned, pieces};
    pieces = p;
    used += pinned ? 0 : bytes;
}

static void forget(const void *at)
{
    for (piece **p = &pieces, *gone; (gone = *p) != NULL; p = &gone->next)
        if (gone->at == at) {
            *p = gone->next;
            used -= gone->pinned ? 0 : gone->bytes;
            free(gone);
            return;
        }
}

static bool is_pinned(const void *at)
{
    const piece *p = pieces;
    uintptr_t where = (uintptr_t)at;
    while (p && (where < (uintptr_t)p->at || where >= (uintptr_t)p->at + p->bytes))
        p = p->next;
    return p && p->pinned;
}

/* Filled with NaN: the device's memory is not zeroed. */
static fn_status claim(fn_device *d, void **out, size_t bytes, size_t most, bool pinned)
{
    *out = NULL;
    FN_TRY(host_waits("asking for memory"));
    *out = bytes <= most ? fn_alloc_aligned(bytes) : NULL;
    if (!*out)
        return fn_fail(FN_ENOMEM, "%zu bytes of the %s memory are wanted, %zu are free",
                       bytes, pinned ? "host's" : "GPU's", most);
    note(*out, bytes, pinned);
    memset(*out, 0xff, bytes);
    d->allocations++;
    return FN_OK;
}

fn_status fn_device_alloc(fn_device *d, void **out, size_t bytes)
{
    return claim(d, out, bytes, memory - used, false);
}

void fn_device_free(fn_device *d, void *p)
{
    d->allocations -= p != NULL;
    waits++;
    spoilt = spoilt || recording;
    fn_emu_finish(FN_QUEUE_UPLOADS);
    fn_emu_finish(FN_QUEUE_WORK);
    forget(p);
    fn_free(p);
}

fn_status fn_device_pin(fn_device *d, void **out, size_t bytes)
{
    return claim(d, out, bytes, SIZE_MAX, true);
}

/* Waits for nothing: what a copy on its way reads, the caller may not give back. */
void fn_device_unpin(fn_device *d, void *p)
{
    d->allocations -= p != NULL;
    forget(p);
    fn_free(p);
}

/* --- copies --- */

typedef struct transfer {
    char *to;
    const char *from; /* NULL: zeros */
    size_t bytes;
    char own[];
} transfer;

static void run_transfer(void *ctx)
{
    transfer *t = ctx;
    if (t->from)
        memcpy(t->to, t->from, t->bytes);
    else
        memset(t->to, 0, t->bytes);
}

/* `keep`: what is copied is what is there now, as of memory that is not pinned. */
static fn_status queue_transfer(fn_queue q, void *to, const void *from, size_t bytes,
                                bool keep)
{
    transfer *t = malloc(sizeof *t + (keep ? bytes : 0)); /* not one that a test fails */
    if (!t)
        abort();
    t->to = to;
    t->from = keep ? t->own : from;
    t->bytes = bytes;
    if (keep)
        memcpy(t->own, from, bytes);
    spoilt = spoilt || (recording && keep);
    fn_emu_queue((int)q, run_transfer, free, t);
    return fn_device_check(0, "a copy");
}

fn_status fn_device_copy(fn_device *d, void *to, const void *from, size_t bytes)
{
    (void)d;
    return queue_transfer(FN_QUEUE_WORK, to, from, bytes, false);
}

fn_status fn_device_upload(fn_device *d, void *to, const void *from, size_t bytes)
{
    (void)d;
    return queue_transfer(FN_QUEUE_WORK, to, from, bytes, !is_pinned(from));
}

fn_status fn_device_upload_beside(fn_device *d, void *to, const void *from, size_t bytes)
{
    (void)d;
    return queue_transfer(FN_QUEUE_UPLOADS, to, from, bytes, false);
}

fn_status fn_device_download(fn_device *d, void *to, const void *from, size_t bytes)
{
    FN_TRY(host_waits("a copy to the host"));
    return fn_device_copy(d, to, from, bytes);
}

fn_status fn_device_zero(fn_device *d, void *to, size_t bytes)
{
    return fn_device_copy(d, to, NULL, bytes);
}

/* --- recordings --- */

struct fn_recording {
    fn_emu_list *list;
};

static int played;

int fn_emu_played(void)
{
    int now = played;
    played = 0;
    return now;
}

fn_status fn_device_record(fn_device *d)
{
    (void)d;
    recording = true;
    spoilt = false;
    fn_emu_record();
    return FN_OK;
}

fn_status fn_device_recorded(fn_device *d, fn_recording **out)
{
    fn_recording *r = *out = fn_alloc(1, sizeof *r);
    if (r && !spoilt) {
        r->list = fn_emu_recorded();
        recording = false;
        return FN_OK;
    }
    fn_device_forget(d);
    *out = NULL;
    fn_free(r);
    return spoilt ? fn_fail(FN_EDEVICE, "the emulated GPU's recording was spoilt")
                  : fn_fail(FN_ENOMEM, "no memory for a recording");
}

void fn_device_forget(fn_device *d)
{
    (void)d;
    recording = false;
    fn_emu_drop(fn_emu_recorded());
}

fn_status fn_recording_play(const fn_recording *r)
{
    played++;
    fn_emu_replay(r->list);
    return fn_device_check(fn_emu_work(), "what was recorded");
}

void fn_recording_close(fn_recording *r)
{
    if (r)
        fn_emu_drop(r->list);
    fn_free(r);
}

/* --- events --- */

fn_status fn_event_open(fn_event **out, fn_device *d)
{
    (void)d;
    *out = fn_alloc(1, sizeof **out);
    return *out ? FN_OK : fn_fail(FN_ENOMEM, "no memory for an event");
}

/* Where others wait for it, they do so by its numbers. */
void fn_event_close(fn_event *e)
{
    fn_emu_finish(FN_QUEUE_UPLOADS);
    fn_emu_finish(FN_QUEUE_WORK);
    fn_free(e);
}

fn_status fn_event_record(fn_event *e, fn_queue q)
{
    e->queue = q;
    fn_emu_mark((int)q, &e->done, ++e->recorded);
    return fn_device_check(0, "an event");
}

fn_status fn_event_follow(const fn_event *e, fn_queue q)
{
    fn_emu_follow((int)q, &e->done, e->recorded);
    return fn_device_check(0, "an event");
}

fn_status fn_event_wait(const fn_event *e)
{
    fn_emu_reach((int)e->queue, &e->done, e->recorded);
    return fn_device_check(fn_emu_wait(), "an event");
}
