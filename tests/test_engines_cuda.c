/* test_engines_cuda.c -- a GPU that is opened reads its file of engines, and its convolutions run
 * on what that says. */
#include "kernels/cudnn.h"
#include "kernels/gpu.h"
#include "tests/emu/emu.h"
#include "tests/scratch.h"
#include "tests/test.h"

#include <unistd.h>

static char *enter(void)
{
    fn_scratch_enter();
    CHECK_OK(fn_file_mkdirs(fn_scratch("configs/engines")));
    char *here = getcwd(NULL, 0);
    CHECK(chdir(fn_scratch_root) == 0);
    return here;
}

static void leave(char *here)
{
    CHECK(chdir(here) == 0);
    free(here);
    fn_scratch_leave();
}

/* What the GPU here calls itself, and the file that this makes. */
static void ask(fn_device_facts *f, char *path, size_t size)
{
    fn_device *d;
    char name[100];
    fn_emu_plug_in(true);
    MUST(fn_device_open(&d, 0));
    CHECK_OK(fn_device_ask(d, f));
    fn_device_close(d);
    fn_engines_file(name, sizeof name, f->name);
    snprintf(path, size, "configs/engines/%s", name);
}

static void write_file(const char *path, const char *text)
{
    CHECK_OK(fn_file_replace(path, text, strlen(text)));
}

static const fn_cudnn_conv conv = {.precision = FN_PRECISION_BF16,
                                   .n = 8,
                                   .h = 8,
                                   .w = 8,
                                   .c = 8,
                                   .k = 8,
                                   .kernel = 1,
                                   .stride = 1};

/* The one that this GPU would take by itself: a choice that it does not refuse. */
static void write_choice(const char *path)
{
    fn_gpu *g;
    fn_engines *e;
    fn_cudnn_plan *p;
    char what[FN_CUDNN_TEXT];
    MUST(fn_gpu_open(&g, 0));
    CHECK_INT(fn_engines_count(g->engines), 0);
    MUST(fn_cudnn_plan_open(&p, g->cudnn, &conv));
    fn_engine choice = *fn_cudnn_plan_engine(p);
    fn_cudnn_plan_close(p);
    if (strcmp(fn_cudnn_where(g->cudnn), "emulated") == 0)
        choice.id = 77;
    fn_cudnn_text(what, &conv);
    CHECK_OK(fn_engines_open(&e, path));
    CHECK_OK(fn_engines_put(e, what, fn_cudnn_where(g->cudnn), &choice));
    CHECK_OK(fn_engines_save(e, path));
    fn_engines_close(e);
    fn_gpu_close(g);
}

static int64_t engine_of(fn_gpu *g)
{
    fn_cudnn_plan *p;
    MUST(fn_cudnn_plan_open(&p, g->cudnn, &conv));
    int64_t id = fn_cudnn_plan_engine(p)->id;
    fn_cudnn_plan_close(p);
    return id;
}

TEST(a_gpu_reads_its_file)
{
    fn_device_facts f;
    fn_gpu *g;
    char path[128];
    char *here = enter();
    ask(&f, path, sizeof path);
    write_choice(path);
    CHECK_OK(fn_gpu_open(&g, 0));
    CHECK_INT(fn_engines_count(g->engines), 1);
    int64_t id = engine_of(g);
    if (strcmp(f.name, "emulated") == 0)
        CHECK_INT(id, 77);
    fn_gpu_close(g);
    leave(here);
}

TEST(a_line_that_is_none_is_told)
{
    fn_device_facts f;
    fn_gpu *g;
    char path[128];
    char *here = enter();
    ask(&f, path, sizeof path);
    write_file(path, "\nany: 77\n");
    CHECK_FAILS(fn_gpu_open(&g, 0), FN_EDATA, ".txt:2: expected");
    CHECK(g == NULL);
    leave(here);
}
