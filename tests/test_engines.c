/* test_engines.c -- the file of chosen engines: what is written is read, what is not such a
 * file is told with its line. */
#include "core/file.h"
#include "kernels/engines.h"
#include "tests/scratch.h"
#include "tests/test.h"

#include <unistd.h>

static const fn_engine engine41 = {41, 3, {{2, 4}, {12, -1}, {INT64_MAX, INT64_MIN}}};
static const fn_engine engine0 = {0, 0, {{0, 0}}};

static bool same(const fn_engine *a, const fn_engine *b)
{
    bool equal = a && b && a->id == b->id && a->n_knob == b->n_knob;
    for (int i = 0; equal && i < a->n_knob; i++)
        equal = a->knob[i].type == b->knob[i].type && a->knob[i].value == b->knob[i].value;
    return equal;
}

TEST(what_is_written_is_read)
{
    fn_engines *e, *again;
    fn_scratch_enter();
    CHECK_OK(fn_engines_open(&e, fn_scratch("none")));
    CHECK_INT(fn_engines_count(e), 0);
    CHECK_OK(fn_engines_put(e, "a conv, forward", "cuDNN 9.19.0, one", &engine0));
    CHECK_OK(fn_engines_put(e, "a conv, forward", "cuDNN 9.19.0, two", &engine41));
    CHECK_OK(fn_engines_put(e, "a conv, dgrad", "cuDNN 9.19.0, one", &engine0));
    CHECK_OK(fn_engines_save(e, fn_scratch("engines")));
    CHECK_OK(fn_engines_open(&again, fn_scratch("engines")));
    CHECK_INT(fn_engines_count(again), 3);
    CHECK(same(fn_engines_find(again, "a conv, forward", "cuDNN 9.19.0, one"), &engine0));
    CHECK(same(fn_engines_find(again, "a conv, forward", "cuDNN 9.19.0, two"), &engine41));
    CHECK(fn_engines_find(again, "a conv, forward", "cuDNN 9.20.0, two") == NULL);
    CHECK(fn_engines_find(again, "a conv", "cuDNN 9.19.0, two") == NULL);
    fn_engines_close(e);
    fn_engines_close(again);
    fn_scratch_leave();
}

TEST(a_later_choice_replaces)
{
    fn_engines *e;
    fn_scratch_enter();
    CHECK_OK(fn_engines_open(&e, fn_scratch("none")));
    CHECK_OK(fn_engines_put(e, "a", "b", &engine0));
    CHECK_OK(fn_engines_put(e, "a", "b", &engine41));
    CHECK_INT(fn_engines_count(e), 1);
    CHECK(same(fn_engines_find(e, "a", "b"), &engine41));
    fn_engines_close(e);
    fn_scratch_leave();
}

static void write_file(const char *path, const char *text, size_t size)
{
    CHECK_OK(fn_file_replace(path, text, size));
}

TEST(files_of_another_kind_are_refused_with_their_line)
{
    static const char *const bad[] = {
        "what\n",          "what -> ; where\n",       "what -> x; where\n",
        "what -> 1\n",     "what -> 1; \n",           "what -> 1 2; where\n",
        "what -> 1 2=; w", "what -> 1 2=3 ; where\n", "what -> 1 =3; where\n",
        "what -> -1; w",   "what -> 1,2=3; where\n",  "what -> 99999999999999999999; w",
    };
    fn_engines *e;
    fn_scratch_enter();
    const char *path = fn_scratch("bad");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[256];
        int n = snprintf(text, sizeof text, "# one\n\ngood -> 1 2=3; w\n%s", bad[i]);
        write_file(path, text, (size_t)n);
        CHECK_FAILS(fn_engines_open(&e, path), FN_EDATA, "bad:4: expected \"WHAT");
        CHECK(e == NULL);
    }
    write_file(path, "a\0b", 3);
    CHECK_FAILS(fn_engines_open(&e, path), FN_EDATA, "zero byte");
    CHECK_FAILS(fn_engines_open(&e, fn_scratch_root), FN_EINVAL, "folder");
    fn_scratch_leave();
}

TEST(more_knobs_than_there_are_is_refused)
{
    char text[1024] = "what -> 1";
    fn_engines *e;
    fn_scratch_enter();
    for (int i = 0; i < FN_ENGINE_KNOBS; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), " %d=1", i);
    size_t whole = strlen(text);
    snprintf(text + whole, sizeof text - whole, "; where\n");
    write_file(fn_scratch("full"), text, strlen(text));
    CHECK_OK(fn_engines_open(&e, fn_scratch("full")));
    CHECK_INT(fn_engines_find(e, "what", "where")->n_knob, FN_ENGINE_KNOBS);
    fn_engines_close(e);
    snprintf(text + whole, sizeof text - whole, " 99=1; where\n");
    write_file(fn_scratch("more"), text, strlen(text));
    CHECK_FAILS(fn_engines_open(&e, fn_scratch("more")), FN_EDATA, "more:1:");
    fn_scratch_leave();
}

TEST(a_choice_has_its_place)
{
    fn_engines *e;
    char place[256];
    const char *what, *where;
    fn_scratch_enter();
    static const char text[] = "# one\na -> 1; b\n\nc -> 2 3=4; d\n";
    write_file(fn_scratch("two"), text, sizeof text - 1);
    CHECK_OK(fn_engines_open(&e, fn_scratch("two")));
    fn_engines_place(place, sizeof place, e, fn_engines_find(e, "c", "d"));
    CHECK(strstr(place, "/two:4"));
    CHECK_INT(fn_engines_at(e, 1, &what, &where)->id, 2);
    CHECK_TEXT(what, "c");
    CHECK_TEXT(where, "d");
    CHECK_OK(fn_engines_put(e, "c", "d", &engine0));
    fn_engines_place(place, sizeof place, e, fn_engines_find(e, "c", "d"));
    CHECK_TEXT(place, fn_scratch("two"));
    fn_engines_close(e);
    fn_scratch_leave();
}

TEST(a_device_has_its_file)
{
    char name[32];
    fn_engines_file(name, sizeof name, "NVIDIA H100 80GB HBM3");
    CHECK_TEXT(name, "nvidia-h100-80gb-hbm3.txt");
    fn_engines_file(name, sizeof name, " (Two) -- words/../x ");
    CHECK_TEXT(name, "two-words-x.txt");
    fn_engines_file(name, sizeof name, "");
    CHECK_TEXT(name, ".txt");
    fn_engines_file(name, 12, "NVIDIA H100");
    CHECK_TEXT(name, "nvidia.txt");
}

/* In the working folder, then installed, then nowhere. */
TEST(the_file_of_a_device)
{
    fn_engines *e;
    char *folder;
    fn_scratch_enter();
    CHECK_OK(fn_file_mkdirs(fn_scratch("configs/engines")));
    write_file(fn_scratch("configs/engines/my-gpu.txt"), "a -> 1; b\n", 10);
    char *here = getcwd(NULL, 0);
    CHECK(chdir(fn_scratch_root) == 0);
    CHECK_OK(fn_engines_open_for(&e, "My GPU"));
    CHECK_INT(fn_engines_count(e), 1);
    fn_engines_close(e);
    CHECK_OK(fn_engines_open_for(&e, "another GPU"));
    CHECK_INT(fn_engines_count(e), 0);
    fn_engines_close(e);
    write_file("configs/engines/my-gpu.txt", "a -> 1\n", 7);
    CHECK_FAILS(fn_engines_open_for(&e, "My GPU"), FN_EDATA,
                "configs/engines/my-gpu.txt:1: expected");
    CHECK(chdir(here) == 0);
    free(here);
    CHECK_OK(fn_file_installed(&folder, "share/facenet/engines"));
    CHECK(fn_file_is_folder(folder));
    fn_free(folder);
    fn_scratch_leave();
}

/* Fails every allocation in turn; nothing may be lost or freed twice. */
TEST(no_memory)
{
    fn_engines *e = NULL;
    fn_scratch_enter();
    write_file(fn_scratch("two"), "a -> 1; b\nc -> 2 3=4; d\n", 24);
    fn_status rc = FN_ENOMEM;
    int n = 0;
    while (rc == FN_ENOMEM && n < 100) {
        fn_fail_alloc(++n);
        rc = fn_engines_open(&e, fn_scratch("two"));
        fn_fail_alloc(0);
    }
    CHECK_OK(rc);
    CHECK(n > 6);
    fn_engines_close(e);
    fn_scratch_leave();
}
