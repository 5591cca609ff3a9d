/* test_config.c -- the training configuration: what it takes, what it refuses, and that the
 * resolved file says the same again. */
#include "core/file.h"
#include "core/mem.h"
#include "tests/test.h"
#include "train/config.h"

#include <unistd.h>

static const char least[] = "net: nn4\nrun: runs/x\ndata: {train: a.h5}\n"
                            "train: {steps: 10, people: 4}\n";
static char path[64] = "/tmp/fn_config_XXXXXX";

static fn_status read_text(fn_config *c, const char *text, char *const *override, int n)
{
    static int made;
    if (!made)
        made = mkstemp(path);
    fn_status rc = fn_file_replace(path, text, strlen(text));
    return rc == FN_OK ? fn_config_read(c, path, override, n) : rc;
}

/* The least configuration with one more line. */
static fn_status read_with(fn_config *c, const char *line)
{
    char text[512];
    snprintf(text, sizeof text, "%s%s\n", least, line);
    return read_text(c, text, NULL, 0);
}

TEST(defaults_are_the_papers)
{
    fn_config c;
    CHECK_OK(read_text(&c, least, NULL, 0));
    CHECK_TEXT(c.net, "nn4");
    CHECK_INT(c.faces, 40);
    CHECK_NEAR(c.margin, 0.2, 1e-7);
    CHECK_INT(c.optim.kind, FN_ADAGRAD);
    CHECK_NEAR(c.schedule.rate, 0.05, 1e-7);
    CHECK_INT(c.schedule.steps, 10);
    CHECK_INT(c.fallback, FN_FALLBACK_SKIP);
}

TEST(overrides_win_and_the_last_one_most)
{
    fn_config c;
    char *const with[] = {(char *)"train.steps=20", (char *)"loss.margin=0.3",
                          (char *)"train.steps=30"};
    CHECK_OK(read_text(&c, least, with, 3));
    CHECK_INT(c.steps, 30);
    CHECK_INT(c.schedule.steps, 30);
    CHECK_NEAR(c.margin, 0.3, 1e-7);
}

TEST(an_override_can_give_what_the_file_lacks)
{
    fn_config c;
    char *const with[] = {(char *)"train.people=5"};
    const char *text = "net: nn4\nrun: r\ndata: {train: a.h5}\ntrain: {steps: 10}\n";
    CHECK_OK(read_text(&c, text, with, 1));
    CHECK_INT(c.people, 5);
    CHECK_FAILS(read_text(&c, text, NULL, 0), FN_ECONFIG, "missing key 'train.people'");
}

TEST(mistakes_name_their_place)
{
    fn_config c;
    char place[96];
    CHECK_FAILS(read_with(&c, "loss: {margn: 0.2}"), FN_ECONFIG, "did you mean");
    snprintf(place, sizeof place, "%s:5:8", path);
    CHECK_FAILS(read_with(&c, "loss: {margn: 0.2}"), FN_ECONFIG, place);
    CHECK_FAILS(read_with(&c, "optim: {rate: 0.05x}"), FN_ECONFIG, "0.05x");
    CHECK_FAILS(read_with(&c, "optim: {rate: 0}"), FN_ECONFIG, "(0, 100]");
    CHECK_FAILS(read_with(&c, "seed: 1_000"), FN_ECONFIG, "1_000");
    CHECK_FAILS(read_with(&c, "augment: {flip: yes}"), FN_ECONFIG, "yes");
    CHECK_FAILS(read_with(&c, "augment: {blur: 0.2}"), FN_ECONFIG, "[0, 0.1]");
    CHECK_FAILS(read_with(&c, "augment: {blur: -1}"), FN_ECONFIG, "augment.blur");
    CHECK_FAILS(read_with(&c, "augment: {jpeg: 96}"), FN_ECONFIG, "[0, 95]");
    CHECK_FAILS(read_with(&c, "augment: {flip: true, jpg: 30}"), FN_ECONFIG,
                "did you mean 'augment.jpeg'?");
    snprintf(place, sizeof place, "%s:5:23", path);
    CHECK_FAILS(read_with(&c, "augment: {flip: true, jpg: 30}"), FN_ECONFIG, place);
    CHECK_FAILS(read_with(&c, "augment: {degrade: 0}"), FN_ECONFIG, "(0, 1]");
    CHECK_FAILS(read_with(&c, "device: gpu"), FN_ECONFIG, "auto");
    char *const steps[] = {(char *)"train.steps=1000000000"}; /* ten digits */
    CHECK_FAILS(read_text(&c, least, steps, 1), FN_ECONFIG, "[0, 999999999]");
    CHECK_FAILS(read_with(&c, "net: nn2"), FN_ECONFIG, "net");
    CHECK_FAILS(read_text(&c, "", NULL, 0), FN_ECONFIG, path);
    CHECK_FAILS(fn_config_read(&c, "/tmp", NULL, 0), FN_EINVAL, "/tmp");
    CHECK_FAILS(fn_config_read(&c, "/tmp/no/such.yaml", NULL, 0), FN_ENOENT, "such.yaml");
}

TEST(a_fallback_without_semihard_mining_is_refused)
{
    fn_config c;
    CHECK_OK(read_with(&c, "loss: {fallback: hardest}"));
    CHECK_FAILS(read_with(&c, "loss: {fallback: hardest, mining: all}"), FN_ECONFIG,
                "only semihard falls back");
    CHECK_FAILS(read_with(&c, "loss: {fallback: hardest, mining: all}"), FN_ECONFIG,
                ":5:18: loss.fallback is hardest");
}

TEST(exact_in_a_lower_precision_is_refused)
{
    fn_config c;
    CHECK_OK(read_with(&c, "train.precision: bf16"));
    CHECK_INT(c.precision, FN_PRECISION_BF16);
    CHECK_OK(read_with(&c, "train.exact: true"));
    CHECK_INT(c.precision, FN_PRECISION_FP32);
    CHECK_FAILS(read_with(&c, "train.exact: true\ntrain.precision: bf16"), FN_ECONFIG,
                "train.precision is bf16");
    CHECK_FAILS(read_with(&c, "train.precision: fp16"), FN_ECONFIG,
                "fp32, tf32, bf16 or u8");
}

TEST(mistaken_arguments_are_quoted)
{
    fn_config c;
    char *const unknown[] = {(char *)"train.stepz=1"}, *const bare[] = {(char *)"fast"},
                *const bad[] = {(char *)"train.steps=1e3"};
    CHECK_FAILS(read_text(&c, least, unknown, 1), FN_ECONFIG,
                "did you mean 'train.steps'?");
    CHECK_FAILS(read_text(&c, least, bare, 1), FN_ECONFIG, "expected key=value");
    CHECK_FAILS(read_text(&c, least, bad, 1), FN_ECONFIG, "argument 'train.steps=1e3'");
}

TEST(the_resolved_file_reads_back_the_same)
{
    fn_config c, again;
    char *text;
    char *const with[] = {(char *)"run=a \"b\" \\c: d", (char *)"optim.rate=0.1",
                          (char *)"augment.flip=false", (char *)"optim.kind=adamw",
                          (char *)"seed=123456789012"};
    CHECK_OK(read_text(&c, least, with, 5));
    CHECK_OK(fn_config_print(&text, &c));
    CHECK_OK(read_text(&again, text, NULL, 0));
    CHECK_TEXT(again.run, c.run);
    CHECK(again.schedule.rate == c.schedule.rate);
    CHECK_INT(again.augment.flip, 0);
    CHECK_INT(again.seed, 123456789012);
    CHECK_OK(fn_config_same(&again, &c));
    fn_free(text);
}

TEST(faces_are_degraded_only_when_that_is_asked)
{
    fn_config c, other;
    CHECK_OK(read_text(&c, least, NULL, 0));
    CHECK(c.augment.blur == 0 && c.augment.jpeg == 0);
    other = c;
    CHECK_OK(read_with(&c, "augment: {blur: 0.01, jpeg: 30, degrade: 0.5}"));
    CHECK(c.augment.blur == 0.01F && c.augment.jpeg == 30 && c.augment.degrade == 0.5F);
    CHECK_FAILS(fn_config_same(&c, &other), FN_ECONFIG, "augment.blur is '0.01'");
}

TEST(a_resumed_run_may_change_its_length_but_not_its_rate)
{
    fn_config c, other;
    CHECK_OK(read_text(&c, least, NULL, 0));
    other = c;
    other.steps = 99;
    other.threads = 3;
    CHECK_OK(fn_config_same(&other, &c));
    other.precision = FN_PRECISION_BF16;
    CHECK_FAILS(fn_config_same(&other, &c), FN_ECONFIG, "train.precision is 'bf16'");
    other.precision = FN_PRECISION_FP32;
    other.schedule.rate = 0.1F;
    CHECK_FAILS(fn_config_same(&other, &c), FN_ECONFIG, "optim.rate is '0.1'");
    unlink(path);
}
