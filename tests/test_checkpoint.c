/* test_checkpoint.c -- checkpoints come back whole, older ones go, damage is seen, and a
 * damaged newest one is passed over. */
#include "core/file.h"
#include "core/mem.h"
#include "tests/nets.h"
#include "tests/test.h"
#include "train/checkpoint.h"

#include <unistd.h>

typedef struct state {
    fn_net *net;
    fn_params *params;
    fn_optim *optim;
} state;

static char run[64];

static void state_open(state *s, const char *text, uint64_t seed)
{
    fn_graph *g;
    CHECK_OK(fn_net_parse(&s->net, "test.yaml", text, strlen(text)));
    CHECK_OK(fn_net_build(&g, s->net, 2, true));
    CHECK_OK(fn_params_open(&s->params, g, true));
    fn_graph_close(g);
    fn_params_init(s->params, seed);
    CHECK_OK(fn_optim_open(
        &s->optim, s->params,
        (fn_optim_options){
            .kind = FN_ADAMW, .momentum = 0.9F, .beta2 = 0.99F, .eps = 1e-8F}));
    fn_test_fill(s->params->grad, s->params->count, 3);
    fn_optim_step(s->optim, 0.01F, 1);
}

static void state_close(state *s)
{
    fn_optim_close(s->optim);
    fn_params_close(s->params);
    fn_net_close(s->net);
}

static fn_checkpoint checkpoint(const state *s, int64_t step)
{
    return (fn_checkpoint){s->net,
                           s->params,
                           s->optim,
                           {.crop = "none", .view = 0.9F, .threshold = 1.1F, .step = step}};
}

static void begin(void)
{
    snprintf(run, sizeof run, "/tmp/fn_checkpoint_XXXXXX");
    CHECK(mkdtemp(run) != NULL);
}

static void end(void)
{
    char home[96];
    char **name;
    int n;
    snprintf(home, sizeof home, "%s/checkpoints", run);
    CHECK_OK(fn_file_names(&name, &n, home));
    for (int i = 0; i < n; i++) {
        char each[256];
        snprintf(each, sizeof each, "%s/%s", home, name[i]);
        CHECK_OK(fn_file_remove_tree(each));
    }
    fn_file_names_free(name, n);
    CHECK_OK(fn_file_remove_tree(run));
}

static int count(void)
{
    char home[96];
    char **name;
    int n;
    snprintf(home, sizeof home, "%s/checkpoints", run);
    CHECK_OK(fn_file_names(&name, &n, home));
    fn_file_names_free(name, n);
    return n;
}

/* Flips one byte in the middle of a file of a checkpoint. */
static void damage(int64_t step, const char *file)
{
    char path[160];
    snprintf(path, sizeof path, "%s/checkpoints/step_%09lld/%s", run, (long long)step,
             file);
    FILE *f = fopen(path, "r+b");
    CHECK(f != NULL);
    fseek(f, 0, SEEK_END);
    long middle = ftell(f) / 2;
    fseek(f, middle, SEEK_SET);
    int byte = fgetc(f);
    fseek(f, middle, SEEK_SET);
    fputc(byte ^ 0x10, f);
    fclose(f);
}

TEST(a_checkpoint_brings_everything_back)
{
    state a, b;
    char passed[256];
    begin();
    state_open(&a, FN_TEST_NET("batch"), 1);
    state_open(&b, FN_TEST_NET("batch"), 2);
    fn_optim_step(a.optim, 0.01F, 1);
    fn_checkpoint from = checkpoint(&a, 7), to = checkpoint(&b, 0);
    CHECK_OK(fn_checkpoint_save(run, &from, 2));
    CHECK_OK(fn_checkpoint_load(run, &to, passed, sizeof passed));
    size_t bytes = (size_t)a.params->count * sizeof(float);
    CHECK_INT(to.record.step, 7);
    CHECK_TEXT(passed, "");
    CHECK(memcmp(a.params->value, b.params->value, bytes) == 0);
    for (int i = 0; i < 2; i++)
        CHECK(memcmp(fn_optim_state(a.optim, i), fn_optim_state(b.optim, i), bytes) == 0);
    CHECK_INT(*fn_optim_steps(b.optim), *fn_optim_steps(a.optim));
    state_close(&a);
    state_close(&b);
    end();
}

TEST(the_newest_stay_and_the_same_step_can_be_saved_again)
{
    state s;
    begin();
    state_open(&s, FN_TEST_NET("none"), 1);
    for (int64_t step = 1; step <= 5; step++) {
        fn_checkpoint c = checkpoint(&s, step);
        CHECK_OK(fn_checkpoint_save(run, &c, 2));
        CHECK_OK(fn_checkpoint_save(run, &c, 2));
    }
    CHECK_INT(count(), 2);
    state_close(&s);
    end();
}

TEST(a_damaged_one_is_passed_over_and_said)
{
    const char *const file[] = {"model.fnm", "state.h5", "manifest.json"};
    state s;
    char passed[256];
    state_open(&s, FN_TEST_NET("none"), 1);
    for (int k = 0; k < 3; k++) {
        begin();
        fn_checkpoint c = checkpoint(&s, 1);
        CHECK_OK(fn_checkpoint_save(run, &c, 2));
        c.record.step = 2;
        CHECK_OK(fn_checkpoint_save(run, &c, 2));
        damage(2, file[k]);
        CHECK_OK(fn_checkpoint_load(run, &c, passed, sizeof passed));
        CHECK_INT(c.record.step, 1);
        CHECK(strstr(passed, "step_000000002") != NULL);
        damage(1, file[k]);
        CHECK(fn_checkpoint_load(run, &c, passed, sizeof passed) != FN_OK);
        end();
    }
    state_close(&s);
}

/* Even where an older one would fit: it is not what the run was about. */
TEST(another_network_is_refused)
{
    state a, b;
    char passed[256];
    begin();
    state_open(&a, FN_TEST_NET("none"), 1);
    state_open(&b, FN_TEST_NET("batch"), 1);
    fn_checkpoint c = checkpoint(&a, 2), d = checkpoint(&b, 1);
    CHECK_OK(fn_checkpoint_save(run, &d, 2));
    CHECK_OK(fn_checkpoint_save(run, &c, 2));
    CHECK_FAILS(fn_checkpoint_load(run, &d, passed, sizeof passed), FN_ECONFIG,
                "another network");
    state_close(&a);
    state_close(&b);
    end();
}

/* What an interrupted run has not finished is neither read nor counted. */
TEST(a_draft_is_no_checkpoint)
{
    char passed[256], from[120], to[160];
    state s;
    begin();
    state_open(&s, FN_TEST_NET("none"), 1);
    for (int64_t step = 1; step <= 3; step++) {
        fn_checkpoint c = checkpoint(&s, step);
        CHECK_OK(fn_checkpoint_save(run, &c, 2));
    }
    snprintf(from, sizeof from, "%s/checkpoints/step_000000003", run);
    snprintf(to, sizeof to, "%s.tmp", from);
    CHECK_INT(rename(from, to), 0);
    fn_checkpoint c = checkpoint(&s, 0);
    CHECK_OK(fn_checkpoint_load(run, &c, passed, sizeof passed));
    CHECK_INT(c.record.step, 2);
    CHECK_TEXT(passed, "");
    c.record.step = 4;
    CHECK_OK(fn_checkpoint_save(run, &c, 2));
    CHECK_INT(count(), 3); /* 2, 4 and the draft */
    state_close(&s);
    end();
}

TEST(no_checkpoint_is_said)
{
    state s;
    char passed[256];
    state_open(&s, FN_TEST_NET("none"), 1);
    fn_checkpoint c = checkpoint(&s, 1);
    CHECK_FAILS(fn_checkpoint_load("/tmp/no_such_run", &c, passed, sizeof passed),
                FN_ENOENT, "no checkpoint");
    state_close(&s);
}
