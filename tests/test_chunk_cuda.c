/* test_chunk_cuda.c -- how a batch is cut for the memory of a device: left to the trainer, asked
 * for, and on going on with a run. */
#include "tests/train_rig.h"
#include "train/feed_cuda.h"
#include "train/train.h"

enum { FACES = 12 };
static const size_t plenty = (size_t)1 << 30;

/* Faces come with the first steps, and take what was said of them, within what is there. */
static void check_faces(fn_trainer *t, size_t memory, size_t said)
{
    size_t views = fn_feed_size_of(t->chunk, 0).device, before = fn_emu_memory(memory);
    for (int step = 0; step < 2; step++) {
        CHECK_OK(fn_trainer_step(t));
        CHECK_OK(fn_trainer_look(t));
        CHECK(t->loss.loss > 0);
    }
    CHECK_INT(fn_emu_memory(memory) - before, said - views);
}

/* Opens and closes a trainer on a device of so much memory; what it took of it, 0: FN_ENOMEM. */
static size_t try(size_t memory, int chunk, int *chosen)
{
    fn_trainer t;
    char key[32];
    snprintf(key, sizeof key, "train.chunk=%d", chunk);
    fn_emu_memory(memory);
    fn_status rc = open_trainer(&t, "cuda", key, "seed=1");
    size_t taken = fn_emu_memory(memory);
    CHECK(rc == FN_OK || rc == FN_ENOMEM);
    if (rc != FN_OK)
        return 0;
    *chosen = t.config.chunk;
    CHECK(t.chunk == t.config.chunk || t.config.chunk > FACES);
    fn_trainer_size size = fn_trainer_size_of(&t);
    size_t said = size.values + size.images + size.weights + size.pairs - size.faces;
    CHECK(said <= taken && (double)said > 0.7 * (double)taken);
    CHECK_OK(fn_trainer_start(&t));
    check_faces(&t, memory, size.faces);
    fn_trainer_close(&t);
    return taken + size.faces;
}

TEST(a_batch_is_cut_for_the_memory_that_there_is)
{
    int chunk = 0, before = FACES;
    enter();
    size_t whole = try(plenty, 0, &chunk);
    CHECK_INT(chunk, FACES);
    CHECK(try(whole * 16 / 15 + whole / 100, 0, &chunk) > 0); /* a 16th stays free */
    CHECK_INT(chunk, FACES);
    for (size_t memory = whole * 16 / 15 - whole / 100; memory > whole / 4;
         memory -= whole / 9) {
        size_t taken = try(memory, 0, &chunk);
        if (!taken)
            break;
        CHECK(taken <= memory && chunk < FACES && chunk <= before);
        before = chunk;
    }
    CHECK(before < FACES / 3);
    CHECK_INT(try(whole / 8, 0, &chunk), 0);
    CHECK(strstr(fn_last_error(), "are wanted"));
    fn_emu_memory(plenty);
    leave();
}

/* What numbers of the host's are rounded through is not claimed: nothing of a step comes so. */
TEST(a_step_in_bf16_takes_no_memory_for_floats)
{
    fn_trainer t;
    enter();
    CHECK_OK(open_trainer(&t, "cuda", "train.precision=bf16", "seed=1"));
    CHECK_OK(fn_trainer_start(&t));
    CHECK_OK(fn_trainer_step(&t));
    CHECK_OK(fn_trainer_look(&t));
    CHECK(t.loss.loss > 0 && !t.gpu->floats);
    fn_trainer_close(&t);
    leave();
}

TEST(a_chunk_that_does_not_fit_is_told_one_that_does)
{
    fn_trainer t;
    int chunk = 0, fits = 0;
    enter();
    size_t whole = try(plenty, FACES, &chunk);
    fn_emu_memory(whole * 3 / 4);
    CHECK_FAILS(open_trainer(&t, "cuda", "train.chunk=12", "seed=1"), FN_ENOMEM,
                "and is what 0 chooses: small at batch 12 wants");
    CHECK(sscanf(strstr(fn_last_error(), "train.chunk="), "train.chunk=%d", &fits) == 1);
    CHECK(try(whole * 3 / 4, fits, &chunk) > 0);
    CHECK(try(whole * 3 / 4, 0, &chunk) > 0);
    CHECK_INT(chunk, fits);
    fn_emu_memory(whole / 8);
    CHECK_FAILS(open_trainer(&t, "cuda", "train.chunk=12", "seed=1"), FN_ENOMEM,
                "not even one face at a time has room: small at batch 12 wants");
    fn_emu_memory(plenty);
    leave();
}

static fn_status train(int steps, bool resume, int chunk)
{
    char many[32], cut[32];
    fn_config c;
    snprintf(many, sizeof many, "train.steps=%d", steps);
    snprintf(cut, sizeof cut, "train.chunk=%d", chunk);
    FN_TRY(read_config(&c, "cuda", many, cut));
    return fn_train(&c, &(fn_train_options){.resume = resume});
}

TEST(a_run_goes_on_with_the_chunk_that_it_began_with)
{
    int chunk = 0;
    fn_config c;
    enter();
    size_t whole = try(plenty, 0, &chunk);
    fn_emu_memory(whole * 3 / 4);
    CHECK_OK(train(1, false, 0));
    fn_emu_memory(plenty);
    CHECK_OK(train(2, true, 0));
    CHECK_OK(fn_config_read(&c, fn_test_path("run/config.yaml"), NULL, 0));
    CHECK(c.chunk > 0 && c.chunk < FACES);
    CHECK_FAILS(train(3, true, FACES), FN_ECONFIG,
                "train.chunk is '12', but this run began");
    CHECK_OK(train(3, true, c.chunk));
    leave();
}
