/* test_emu.c -- the emulation that tests our kernels: does it see mistakes? Kernels with one, and
 * their twins without, each in a process of its own, in four orders of a block's threads; and
 * queues with a wait that is missing. */
#include "core/device.h"
#include "tests/emu/emu.h"
#include "tests/emu/planted.h"
#include "tests/test.h"

#include <sys/wait.h>
#include <unistd.h>

enum { SCHEDULES = 4, WRONG = 42 };

typedef struct outcome {
    int status; /* of exit; 128 and the signal where one ended it */
    char said[1 << 14];
} outcome;

static void listen(outcome *o, int from)
{
    size_t have = 0;
    char rest[512];
    ssize_t n = 1;
    while (n > 0) {
        bool room = have + 1 < sizeof o->said;
        n = read(from, room ? o->said + have : rest,
                 room ? sizeof o->said - have - 1 : sizeof rest);
        have += room && n > 0 ? (size_t)n : 0;
    }
    o->said[have] = '\0';
}

static void try(outcome *o, int (*kernel)(bool), bool broken, unsigned schedule)
{
    int ends[2], status;
    if (pipe(ends) != 0)
        abort();
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        fn_emu_schedule(schedule);
        _exit(kernel(broken) ? WRONG : 0);
    }
    close(ends[1]);
    listen(o, ends[0]);
    close(ends[0]);
    if (child < 0 || waitpid(child, &status, 0) != child)
        abort();
    o->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static const struct {
    const char *what;
    int (*kernel)(bool broken);
    const char *complaint; /* NULL: the result is wrong, in some of the orders */
} planted[] = {
    {"a missing barrier", fn_planted_barrier, NULL},
    {"shared memory used again too early", fn_planted_reuse, NULL},
    {"a divergent barrier", fn_planted_divergence, "wait at different barriers"},
    {"a return before a barrier", fn_planted_return, "ended before a barrier"},
    {"a write past the end", fn_planted_overrun, "heap-buffer-overflow"},
    {"a read past the end of shared memory", fn_planted_shared_overrun, "out of bounds"},
    {"a vector that is not aligned", fn_planted_alignment, "misaligned address"},
    {"a lane that its mask does not name", fn_planted_mask, "its mask does not name"},
    {"a read of a lane outside the mask", fn_planted_source, "its mask does not name"},
    {"a lane that does not come", fn_planted_absence, "that never come"},
    {"dynamic shared memory that nobody wrote", fn_planted_start, NULL},
    {"a block that is too large", fn_planted_launch, "too many threads"},
};
enum { PLANTED = sizeof planted / sizeof *planted };

static bool is_found(const outcome *o, const char *complaint)
{
    return complaint ? o->status != 0 && o->status != WRONG && strstr(o->said, complaint)
                     : o->status == WRONG;
}

TEST(mistakes_are_found)
{
    for (int i = 0; i < PLANTED; i++) {
        int found = 0;
        static outcome o;
        for (unsigned s = 0; s < SCHEDULES; s++) {
            try(&o, planted[i].kernel, true, s);
            found += is_found(&o, planted[i].complaint);
        }
        printf("# %s: found in %d of %d orders\n", planted[i].what, found, SCHEDULES);
        if (found == 0 || (planted[i].complaint && found < SCHEDULES))
            FN_TEST_FAIL("%s: at last status %d, \"%s\"", planted[i].what, o.status,
                         o.said);
    }
}

TEST(one_order_is_not_enough)
{
    static outcome o;
    try(&o, fn_planted_barrier, true, 0);
    CHECK_INT(o.status, 0);
}

TEST(kernels_without_a_mistake_pass)
{
    for (int i = 0; i < PLANTED; i++)
        for (unsigned s = 0; s < SCHEDULES; s++) {
            static outcome o;
            try(&o, planted[i].kernel, false, s);
            if (o.status != 0 || o.said[0])
                FN_TEST_FAIL("without %s, order %u: status %d, \"%s\"", planted[i].what, s,
                             o.status, o.said);
        }
}

/* --- queues: numbers pass through one pinned place and one of the device's --- */

enum { NUMBERS = 5 };

typedef enum lack {
    NOTHING,
    FOR_UPLOAD, /* the work, before it reads what was uploaded */
    FOR_WORK,   /* the upload, before it overwrites what the work reads */
    FOR_PINNED, /* the host, before it overwrites what is being uploaded */
    FOR_END,    /* the host, before it reads what came back */
} lack;

typedef struct path {
    fn_device *device;
    fn_event *uploaded, *used;
    int *pinned, *place, *out; /* out [NUMBERS], on the device */
    fn_recording *recording;
} path;

static void open_path(path *p)
{
    MUST(fn_device_open(&p->device, 0));
    MUST(fn_event_open(&p->uploaded, p->device));
    MUST(fn_event_open(&p->used, p->device));
    MUST(fn_device_pin(p->device, (void **)&p->pinned, sizeof *p->pinned));
    MUST(fn_device_alloc(p->device, (void **)&p->place, sizeof *p->place));
    MUST(fn_device_alloc(p->device, (void **)&p->out, NUMBERS * sizeof *p->out));
}

static void close_path(path *p)
{
    fn_event_close(p->uploaded);
    fn_event_close(p->used);
    fn_device_unpin(p->device, p->pinned);
    fn_device_free(p->device, p->place);
    fn_device_free(p->device, p->out);
    fn_device_close(p->device);
}

static void pass(path *p, int i, lack missing)
{
    if (missing != FOR_PINNED)
        CHECK_OK(fn_event_wait(p->uploaded));
    *p->pinned = i + 1;
    if (missing != FOR_WORK)
        CHECK_OK(fn_event_follow(p->used, FN_QUEUE_UPLOADS));
    CHECK_OK(fn_device_upload_beside(p->device, p->place, p->pinned, sizeof *p->place));
    CHECK_OK(fn_event_record(p->uploaded, FN_QUEUE_UPLOADS));
    if (missing != FOR_UPLOAD)
        CHECK_OK(fn_event_follow(p->uploaded, FN_QUEUE_WORK));
    CHECK_OK(fn_device_copy(p->device, p->out + i, p->place, sizeof *p->out));
    CHECK_OK(fn_event_record(p->used, FN_QUEUE_WORK));
}

/* Numbers that arrive as they were sent. */
static int pass_all(fn_emu_pace pace, lack missing)
{
    path p;
    int got[NUMBERS] = {0}, right = 0;
    fn_emu_plug_in(true);
    fn_emu_run(pace);
    open_path(&p);
    for (int i = 0; i < NUMBERS; i++)
        pass(&p, i, missing);
    CHECK_OK(fn_device_download(p.device, got, p.out, sizeof got));
    if (missing != FOR_END)
        CHECK_OK(fn_device_wait(p.device));
    for (int i = 0; i < NUMBERS; i++)
        right += got[i] == i + 1;
    close_path(&p);
    fn_emu_run(FN_EMU_AT_ONCE);
    return right;
}

TEST(a_wait_that_is_missing_is_seen)
{
    for (int pace = FN_EMU_AT_ONCE; pace <= FN_EMU_UPLOADS_EARLY; pace++)
        CHECK_INT(pass_all((fn_emu_pace)pace, NOTHING), NUMBERS);
    CHECK(pass_all(FN_EMU_LATE, FOR_UPLOAD) < NUMBERS);
    CHECK(pass_all(FN_EMU_WORK_EARLY, FOR_UPLOAD) < NUMBERS);
    CHECK(pass_all(FN_EMU_LATE, FOR_PINNED) < NUMBERS);
    CHECK(pass_all(FN_EMU_UPLOADS_EARLY, FOR_WORK) < NUMBERS);
    CHECK(pass_all(FN_EMU_LATE, FOR_END) < NUMBERS);
}

/* --- recordings --- */

static void play(path *p, int number)
{
    int got = 0;
    *p->pinned = number;
    CHECK_OK(fn_device_upload_beside(p->device, p->place, p->pinned, sizeof *p->place));
    CHECK_OK(fn_event_record(p->uploaded, FN_QUEUE_UPLOADS));
    CHECK_OK(fn_event_follow(p->uploaded, FN_QUEUE_WORK));
    CHECK_OK(fn_recording_play(p->recording));
    CHECK_OK(fn_device_download(p->device, &got, p->out, sizeof got));
    CHECK_OK(fn_device_wait(p->device));
    CHECK_INT(got, number);
}

TEST(what_is_recorded_is_done_when_it_is_played)
{
    path p;
    int before = 0;
    fn_emu_plug_in(true);
    for (int pace = FN_EMU_AT_ONCE; pace <= FN_EMU_UPLOADS_EARLY; pace++) {
        fn_emu_run((fn_emu_pace)pace);
        open_path(&p);
        CHECK_OK(fn_device_record(p.device));
        CHECK_OK(fn_device_copy(p.device, p.out, p.place, sizeof *p.out));
        CHECK_OK(fn_device_zero(p.device, p.place, sizeof *p.place));
        CHECK_OK(fn_device_recorded(p.device, &p.recording));
        CHECK_OK(fn_device_download(p.device, &before, p.out, sizeof before));
        CHECK_OK(fn_device_wait(p.device));
        CHECK_INT(before, -1); /* as it was claimed */
        play(&p, 5);
        play(&p, 6);
        fn_recording_close(p.recording);
        close_path(&p);
    }
    fn_emu_run(FN_EMU_AT_ONCE);
}

TEST(a_recording_does_not_survive_a_wait)
{
    path p;
    fn_recording *r;
    fn_emu_plug_in(true);
    open_path(&p);
    CHECK_OK(fn_device_record(p.device));
    CHECK_FAILS(fn_device_wait(p.device), FN_EDEVICE, "is recording");
    CHECK_FAILS(fn_device_recorded(p.device, &r), FN_EDEVICE, "spoilt");
    CHECK(r == NULL);
    CHECK_OK(fn_device_record(p.device));
    CHECK_OK(fn_device_zero(p.device, p.place, sizeof *p.place));
    fn_device_forget(p.device);
    CHECK_OK(fn_device_wait(p.device));
    close_path(&p);
}
