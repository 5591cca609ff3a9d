/* The n-th allocation of the process fails, for every n, on each whole path: packing, training
 * with validation and checkpoints, resuming, evaluation, export. Every failure is FN_ENOMEM with a
 * sentence, leaks nothing (AddressSanitizer looks) and leaves no file that is half written. */
#include "core/file.h"
#include "eval/lfw.h"
#include "export/onnx.h"
#include "export/weights.h"
#include "nn/model.h"
#include "tests/nets.h"
#include "tests/people.h"
#include "train/train.h"

enum { PEOPLE = 32, FACES = 3 }; /* ten folds need twenty people to validate on */

static const char pairs[] = "1\t3\n"
                            "p000 1 2\np001 1 3\np002 2 3\n"
                            "p000 1 p001 1\np002 2 p003 2\np004 1 p005 3\n";

static void put_text(const char *name, const char *text)
{
    fn_test_put(name, text, strlen(text));
}

static void enter(void)
{
    int count[PEOPLE];
    fn_pack_report report;
    char text[2048];
    for (int i = 0; i < PEOPLE; i++)
        count[i] = FACES;
    fn_test_scratch();
    fn_test_put_people(count, PEOPLE);
    put_text("pairs.txt", pairs);
    put_text("net.yaml", FN_TEST_NET("batch"));
    CHECK_OK(fn_pack_make(fn_test_path("all.h5"), fn_test_path("people"),
                          &(fn_pack_options){0}, &report));
    CHECK_OK(fn_pack_split(fn_test_path("all.h5"), fn_test_path("kept.h5"),
                           fn_test_path("held.h5"), 0.8, 3));
    snprintf(text, sizeof text,
             "net: %s\nrun: %s\nthreads: 1\n"
             "data: {train: %s, val: %s}\n"
             "train: {steps: 2, people: 3, faces: 3}\n"
             "val: {every: 1, pairs: 20}\nsave: {every: 1}\nlog: {every: 1}\n",
             fn_test_path("net.yaml"), fn_test_path("run"), fn_test_path("kept.h5"),
             fn_test_path("held.h5"));
    put_text("train.yaml", text);
}

/* A file that is there is whole. */
static void check_model(const char *path)
{
    fn_model *m;
    if (fn_file_exists(path))
        CHECK_OK(fn_model_open(&m, path));
    else
        return;
    fn_model_close(m);
}

/* Runs `path` with the n-th allocation failing, n = 1, 2, ... until none fails. */
static void torture(fn_status (*path)(void), void (*between)(void))
{
    fn_status rc = FN_ENOMEM;
    long n = 0;
    while (rc != FN_OK && n < 5000) {
        fn_fail_alloc(++n);
        rc = path();
        fn_fail_alloc(0);
        if (rc != FN_OK && (rc != FN_ENOMEM || !*fn_last_error())) {
            FN_TEST_FAIL("allocation %ld: status %d \"%s\"", n, rc, fn_last_error());
            break;
        }
        between();
    }
    CHECK(n > 10 && rc == FN_OK);
    printf("# %ld allocations\n", n - 1);
}

static void remove_pack(void)
{
    fn_pack *p;
    if (fn_file_exists(fn_test_path("new.h5"))) {
        CHECK_OK(fn_pack_open(&p, fn_test_path("new.h5")));
        fn_pack_close(p);
    }
    remove(fn_test_path("new.h5"));
    remove(fn_test_path("new.h5.part")); /* or the next attempt would do less */
}

static fn_status pack(void)
{
    fn_pack_report report;
    return fn_pack_make(fn_test_path("new.h5"), fn_test_path("people"),
                        &(fn_pack_options){.crop = "centre: 20@20,16"}, &report);
}

static fn_status train_with(bool resume)
{
    fn_config c;
    FN_TRY(fn_config_read(&c, fn_test_path("train.yaml"), NULL, 0));
    return fn_train(&c, &(fn_train_options){.resume = resume});
}

static fn_status train(void)
{
    return train_with(false);
}

static fn_status resume(void)
{
    return train_with(true);
}

static void remove_run(void)
{
    check_model(fn_test_path("run/model.fnm"));
    if (fn_file_exists(fn_test_path("run")))
        CHECK_OK(fn_file_remove_tree(fn_test_path("run")));
}

/* Every resume opens an event file of its own, whose name is an allocation of the next. */
static void remove_events(void)
{
    char **name, path[FN_TEST_PATH + 256];
    int n;
    CHECK_OK(fn_file_names(&name, &n, fn_test_path("run")));
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/%s", fn_test_path("run"), name[i]);
        if (strstr(name[i], "tfevents"))
            CHECK(remove(path) == 0);
    }
    fn_file_names_free(name, n);
}

/* The run goes back to its first step. */
static void forget_second_step(void)
{
    const char *second = fn_test_path("run/checkpoints/step_000000002");
    check_model(fn_test_path("run/model.fnm"));
    if (fn_file_exists(second))
        CHECK_OK(fn_file_remove_tree(second));
    remove_events();
}

static fn_status evaluate(void)
{
    fn_lfw *r;
    char model[FN_TEST_PATH];
    snprintf(model, sizeof model, "%s", fn_test_path("run/model.fnm"));
    FN_TRY(fn_lfw_run(&r, &(fn_lfw_options){.pairs = fn_test_path("pairs.txt"),
                                            .images = fn_test_path("people"),
                                            .model = model,
                                            .flip = true,
                                            .threads = 1}));
    fn_lfw_free(r);
    return FN_OK;
}

static fn_status export(void)
{
    double difference;
    fn_model *m;
    fn_status rc;
    FN_TRY(fn_model_open(&m, fn_test_path("run/model.fnm")));
    FN_GO(fn_onnx_write(fn_test_path("m.onnx"), m, FN_ONNX_PORTABLE));
    FN_GO(fn_onnx_check(fn_test_path("m.onnx"), m, &difference));
    FN_GO(fn_hdf5_write(fn_test_path("m.h5"), m));
    FN_GO(fn_hdf5_check(fn_test_path("m.h5"), m, &difference));
    FN_GO(fn_safetensors_write(fn_test_path("m.safetensors"), m));
    FN_GO(fn_safetensors_check(fn_test_path("m.safetensors"), m, &difference));
out:
    fn_model_close(m);
    return rc;
}

static void nothing(void)
{
}

TEST(packing)
{
    enter();
    torture(pack, remove_pack);
    fn_test_sweep();
}

TEST(training)
{
    enter();
    torture(train, remove_run);
    fn_test_sweep();
}

TEST(resuming_evaluating_exporting)
{
    enter();
    CHECK_OK(train());
    forget_second_step();
    torture(resume, forget_second_step);
    torture(evaluate, nothing);
    torture(export, nothing);
    fn_test_sweep();
}
