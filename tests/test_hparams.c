/* test_hparams.c -- a configuration as the HPARAMS tab reads it: every key once, of its kind, and
 * numbers as they were written. */
#include "core/mem.h"
#include "tests/proto_fields.h"
#include "train/hparams.h"

static fn_config config(void)
{
    fn_config c = {.device = 0};
    fn_field_defaults(fn_config_fields, &c);
    strcpy(c.net, "nn4-bn");
    strcpy(c.run, "runs/secret");
    strcpy(c.train_pack, "a.h5");
    c.steps = INT64_C(1) << 40;
    c.people = 45;
    c.margin = 0.2F;
    c.augment.flip = 1;
    return c;
}

/* What follows the plugin's name: version 0, one message. */
static fields content(const fn_proto *p, int64_t step, const char *tag)
{
    fields e = {.at = p->data, .size = p->size};
    CHECK_OK(fn_proto_status(p));
    fields value = fields_get(fields_get(e, 5), 1);
    CHECK_INT(fields_get(e, 2).value, step);
    CHECK(fields_is(fields_get(value, 1), tag));
    fields tensor = fields_get(value, 8); /* empty, of shape [0] */
    CHECK_INT(fields_get(tensor, 1).value, 1);
    CHECK_INT(fields_count(fields_get(tensor, 2), 2), 1);
    CHECK_INT(fields_get(fields_item(fields_get(tensor, 2), 2, 0), 1).value, 0);
    fields plugin = fields_get(fields_get(value, 9), 1);
    CHECK(fields_is(fields_get(plugin, 1), "hparams"));
    return fields_get(plugin, 2);
}

/* The google.protobuf.Value of a key. */
static fields entry(fields start, const char *key)
{
    for (int i = 0; i < fields_count(start, 1); i++) {
        fields e = fields_item(start, 1, i);
        if (fields_is(fields_get(e, 1), key))
            return fields_get(e, 2);
    }
    return (fields){.there = false};
}

TEST(every_key_but_run_is_there_once)
{
    fn_config c = config();
    fn_proto p = {0};
    int keys = 0;
    fn_hparams_start(&p, 99.5, 7, &c);
    fields start = fields_get(content(&p, 7, "_hparams_/session_start_info"), 3);
    for (const fn_field *f = fn_config_fields; f->name; f++) {
        CHECK(entry(start, f->name).there == (strcmp(f->name, "run") != 0));
        keys++;
    }
    CHECK_INT(fields_count(start, 1), keys - 1);
    CHECK_NEAR(fields_double(fields_get(start, 5), 0), 99.5, 0);
    fn_proto_close(&p);
}

TEST(values_are_of_their_kind)
{
    fn_config c = config();
    fn_proto p = {0};
    fn_hparams_start(&p, 0, 0, &c);
    fields start = fields_get(content(&p, 0, "_hparams_/session_start_info"), 3);
    /* 0.2 as it was written, not the float beside it. */
    CHECK_NEAR(fields_double(fields_get(entry(start, "loss.margin"), 2), 0), 0.2, 0);
    CHECK_NEAR(fields_double(fields_get(entry(start, "train.people"), 2), 0), 45, 0);
    CHECK_NEAR(fields_double(fields_get(entry(start, "train.steps"), 2), 0), 0x1p40, 0);
    CHECK(fields_is(fields_get(entry(start, "net"), 3), "nn4-bn"));
    CHECK(fields_is(fields_get(entry(start, "data.val"), 3), ""));
    CHECK(fields_is(fields_get(entry(start, "optim.kind"), 3), "adagrad"));
    CHECK_INT(fields_get(entry(start, "augment.flip"), 4).value, 1);
    CHECK(!fields_get(entry(start, "augment.flip"), 2).there);
    fn_proto_close(&p);
}

TEST(the_end_is_a_success_at_its_time)
{
    fn_proto p = {0};
    fn_hparams_end(&p, 123.25, 601);
    fields end = fields_get(content(&p, 601, "_hparams_/session_end_info"), 4);
    CHECK_INT(fields_get(end, 1).value, 1);
    CHECK_NEAR(fields_double(fields_get(end, 2), 0), 123.25, 0);
    fn_proto_close(&p);
}

TEST(no_memory_is_told)
{
    fn_config c = config();
    fn_status rc = FN_ENOMEM;
    long n = 0;
    while (rc == FN_ENOMEM && ++n < 50) {
        fn_proto p = {0};
        fn_fail_alloc(n);
        fn_hparams_start(&p, 0, 0, &c);
        fn_fail_alloc(0);
        rc = fn_proto_status(&p);
        fn_proto_close(&p);
    }
    CHECK_OK(rc);
    CHECK(n > 1);
}
