/* test_emu.c -- the emulation that tests our kernels: does it see mistakes? Kernels with one, and
 * their twins without, each in a process of its own, in four orders of a block's threads. */
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
