/* scratch.h -- a folder under /tmp to work in, for the tests of files. */
#ifndef FN_TESTS_SCRATCH_H
#define FN_TESTS_SCRATCH_H

#include "core/file.h"
#include "core/mem.h"
#include "tests/test.h"

static char fn_scratch_root[] = "/tmp/fn_scratch_XXXXXX";

static void fn_scratch_enter(void)
{
    strcpy(fn_scratch_root + sizeof fn_scratch_root - 7, "XXXXXX");
    CHECK(mkdtemp(fn_scratch_root) != NULL);
}

static void fn_scratch_leave(void)
{
    CHECK_OK(fn_file_remove_tree(fn_scratch_root));
}

/* ROOT/name; four results may be in use at once. */
static const char *fn_scratch(const char *name)
{
    static char path[4][512];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof *path, "%s/%s", fn_scratch_root, name);
    return path[turn];
}

#endif
