/* queue.c -- queues of an emulated GPU. What is queued there is done in order, at a moment that
 * fn_emu_run has chosen: as early as events allow, or only when somebody waits for it. */
#include "tests/emu/queue.h"

#include "tests/emu/emu.h"

#include <stddef.h>
#include <stdlib.h>

enum { QUEUES = 2, WORK = 0, UPLOADS = 1 };

/* Something to run; or, without it, an event: its mark, or a wait for it. */
typedef struct item {
    void (*run)(void *ctx), (*drop)(void *ctx); /* drop: NULL where a list keeps ctx */
    void *ctx;
    long *mark;
    const long *wait;
    long number;
    struct item *next;
} item;

struct fn_emu_list {
    item *first;
};

static item *first[QUEUES];
static fn_emu_list *keeping; /* NULL: nothing is recorded */
static fn_emu_pace pace;

/* An event that is waited for was marked on the other queue earlier than the wait was queued, so
 * nothing there that is in front of it waits for this queue. */
static void do_one(int queue)
{
    item *i = first[queue];
    while (i->wait && *i->wait < i->number)
        do_one(1 - queue);
    first[queue] = i->next;
    if (i->run)
        i->run(i->ctx);
    if (i->drop)
        i->drop(i->ctx);
    if (i->mark)
        *i->mark = i->number;
    free(i);
}

void fn_emu_finish(int queue)
{
    while (first[queue])
        do_one(queue);
}

void fn_emu_run(fn_emu_pace p)
{
    fn_emu_finish(UPLOADS);
    fn_emu_finish(WORK);
    pace = p;
}

static void append(item **at, item what)
{
    item *i = malloc(sizeof *i);
    if (!i)
        abort();
    *i = what;
    while (*at)
        at = &(*at)->next;
    *at = i;
}

static void put(int queue, item what)
{
    if (queue == WORK && keeping) {
        append(&keeping->first, what);
        return;
    }
    append(&first[queue], what);
    if (pace == FN_EMU_AT_ONCE || pace == FN_EMU_WORK_EARLY)
        fn_emu_finish(WORK);
    if (pace == FN_EMU_AT_ONCE || pace == FN_EMU_UPLOADS_EARLY)
        fn_emu_finish(UPLOADS);
}

void fn_emu_queue(int queue, void (*run)(void *ctx), void (*drop)(void *ctx), void *ctx)
{
    put(queue, (item){.run = run, .drop = drop, .ctx = ctx});
}

void fn_emu_mark(int queue, long *done, long number)
{
    put(queue, (item){.mark = done, .number = number});
}

void fn_emu_follow(int queue, const long *done, long number)
{
    put(queue, (item){.wait = done, .number = number});
}

void fn_emu_reach(int queue, const long *done, long number)
{
    while (*done < number)
        do_one(queue);
}

/* --- recording --- */

void fn_emu_record(void)
{
    keeping = calloc(1, sizeof *keeping);
    if (!keeping)
        abort();
}

fn_emu_list *fn_emu_recorded(void)
{
    fn_emu_list *l = keeping;
    keeping = NULL;
    return l;
}

void fn_emu_replay(const fn_emu_list *l)
{
    for (const item *i = l->first; i; i = i->next)
        put(WORK, (item){.run = i->run, .ctx = i->ctx});
}

void fn_emu_drop(fn_emu_list *l)
{
    item *next;
    fn_emu_finish(WORK);
    for (item *i = l ? l->first : NULL; i; i = next) {
        next = i->next;
        if (i->drop)
            i->drop(i->ctx);
        free(i);
    }
    free(l);
}
