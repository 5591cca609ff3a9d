/* test_cudnn.c -- what the wrapper of cuDNN says of devices, of plans that cannot be and of
 * engines that are written down. tests/test_cudnn_plans.c has the nets' convolutions. */
#include "core/file.h"
#include "core/mem.h"
#include "kernels/cublas.h"
#include "kernels/cudnn.h"
#include "kernels/cudnn_backend.h"
#include "tests/scratch.h"
#include "tests/test.h"

static fn_status describe(char **json)
{
    size_t size;
    return fn_file_read(json, &size, "tests/data/devices/h200.json", 1 << 16);
}

static fn_cudnn *described(void)
{
    fn_cudnn *c = NULL;
    char *json;
    CHECK_OK(describe(&json));
    CHECK_OK(fn_cudnn_open_described(&c, json));
    fn_free(json);
    return c;
}

static fn_cudnn_conv conv(fn_cudnn_pass pass, fn_precision precision)
{
    return (fn_cudnn_conv){.pass = pass,
                           .precision = precision,
                           .n = 256,
                           .h = 28,
                           .w = 28,
                           .c = 96,
                           .k = 128,
                           .kernel = 3,
                           .stride = 1,
                           .pad = 1};
}

/* --- devices --- */

TEST(a_description_is_read_and_printed)
{
    fn_cudnn *c = described(), *again;
    char *json;
    CHECK(strncmp(fn_cudnn_where(c), "cuDNN 9.", 8) == 0);
    CHECK(strstr(fn_cudnn_where(c), ", NVIDIA H200, 132 SMs") != NULL);
    CHECK_OK(fn_cudnn_device(&json, c));
    CHECK_OK(fn_cudnn_open_described(&again, json));
    CHECK_TEXT(fn_cudnn_where(again), fn_cudnn_where(c));
    fn_free(json);
    fn_cudnn_close(again);
    fn_cudnn_close(c);
}

TEST(a_description_that_lacks_something_is_refused)
{
    fn_cudnn *c;
    char *json;
    CHECK_OK(describe(&json));
    CHECK_FAILS(fn_cudnn_open_described(&c, "{}"), FN_EDEVICE, "the device's properties");
    CHECK(c == NULL);
    memcpy(strstr(json, "warpSize"), "wrapSize", 8);
    CHECK_FAILS(fn_cudnn_open_described(&c, json), FN_EDEVICE, "HasMember");
    fn_free(json);
}

/* Where there is a GPU both can be had, elsewhere both say why not. */
TEST(a_device_or_the_reason)
{
    fn_cudnn *c;
    fn_cublas *b;
    fn_status have = fn_cudnn_open(&c, NULL);
    if (have != FN_OK) {
        printf("# %s\n", fn_last_error());
        CHECK_FAILS(have, FN_EDEVICE, "no CUDA device: ");
        CHECK_FAILS(fn_cublas_open(&b, NULL), FN_EDEVICE, "no CUDA device: ");
        CHECK(c == NULL && b == NULL);
        return;
    }
    CHECK_OK(fn_cublas_open(&b, NULL));
    fn_cublas_close(b);
    fn_cudnn_close(c);
}

/* Pointers are bound before that is said, so a set that cuDNN does not take shows here. */
static void check_run(fn_cudnn_plan *p, const fn_cudnn_data *data)
{
    for (int i = 0; i < 2; i++)
        CHECK_FAILS(fn_cudnn_plan_run(p, data), FN_EUNSUPPORTED, "is only described");
}

TEST(a_described_device_does_not_run)
{
    fn_cudnn *c = described();
    fn_cudnn_conv a = conv(FN_CUDNN_FORWARD_BIAS, FN_PRECISION_BF16);
    char *p16 = fn_alloc_aligned(64);
    fn_cudnn_data data = {.x = p16, .w = p16, .b = p16, .y = p16, .workspace = p16};
    fn_cudnn_plan *p;
    fn_cudnn_tuned t;
    CHECK_OK(fn_cudnn_plan_open(&p, c, &a));
    check_run(p, &data);
    data.x = p16 + 16;
    data.workspace = NULL;
    check_run(p, &data);
    data = (fn_cudnn_data){0};
    for (int i = 0; i < 2; i++)
        CHECK_FAILS(fn_cudnn_plan_run(p, &data), FN_EDEVICE, "a convolution's pointers");
    data.y = p16;
    check_run(p, &data);
    CHECK_FAILS(fn_cudnn_tune(&t, c, &a, 0, 1), FN_EUNSUPPORTED, "is only described");
    fn_cudnn_plan_close(p);
    fn_cudnn_close(c);
    fn_free(p16);
}

/* --- plans --- */

TEST(every_pass_that_needs_no_compiler)
{
    static const fn_cudnn_pass pass[] = {FN_CUDNN_FORWARD, FN_CUDNN_FORWARD_BIAS,
                                         FN_CUDNN_FORWARD_BIAS_RELU, FN_CUDNN_DGRAD,
                                         FN_CUDNN_WGRAD};
    fn_cudnn *c = described();
    fn_cudnn_plan *p;
    for (size_t i = 0; i < sizeof pass / sizeof *pass; i++)
        for (fn_precision how = FN_PRECISION_FP32; how <= FN_PRECISION_BF16; how++) {
            fn_cudnn_conv a = conv(pass[i], how);
            CHECK_OK(fn_cudnn_plan_open(&p, c, &a));
            CHECK(p && fn_cudnn_plan_workspace(p) <= FN_CUDNN_WORKSPACE);
            fn_cudnn_plan_close(p);
        }
    fn_cudnn_close(c);
}

/* Of floats, float is what WGRAD gives already. */
TEST(fusions_that_are_compiled_at_run_time)
{
    static const fn_cudnn_pass pass[] = {FN_CUDNN_DGRAD_RELU, FN_CUDNN_DGRAD_RELU_BIAS,
                                         FN_CUDNN_WGRAD_F32};
    fn_cudnn *c = described();
    fn_cudnn_plan *p;
    fn_status can = fn_cudnn_can_compile(c);
    if (can != FN_OK)
        printf("# %s\n", fn_last_error());
    for (size_t i = 0; i < sizeof pass / sizeof *pass; i++) {
        fn_cudnn_conv a = conv(pass[i], FN_PRECISION_BF16);
        if (can == FN_OK)
            CHECK_OK(fn_cudnn_plan_open(&p, c, &a));
        else
            CHECK_FAILS(fn_cudnn_plan_open(&p, c, &a), FN_EUNSUPPORTED, "libcuda");
        fn_cudnn_plan_close(p);
    }
    fn_cudnn_conv a = conv(FN_CUDNN_WGRAD_F32, FN_PRECISION_TF32);
    CHECK_OK(fn_cudnn_plan_open(&p, c, &a));
    fn_cudnn_plan_close(p);
    fn_cudnn_close(c);
}

TEST(refusals_say_why)
{
    fn_cudnn *c = described();
    fn_cudnn_conv thin = conv(FN_CUDNN_FORWARD, FN_PRECISION_BF16);
    fn_cudnn_conv wide = conv(FN_CUDNN_DGRAD, FN_PRECISION_BF16);
    fn_cudnn_plan *p;
    thin.c = 12;
    CHECK_FAILS(fn_cudnn_plan_open(&p, c, &thin), FN_EUNSUPPORTED,
                "[256,28,28,12] 3x3/1 pad 1 to 128, forward, bf16: 12 and 128 channels");
    CHECK(p == NULL);
    wide.h = 1; /* smaller than its kernel: y has no rows */
    wide.pad = 0;
    CHECK(fn_cudnn_plan_open(&p, c, &wide) != FN_OK);
    printf("# %s\n", fn_last_error());
    CHECK(p == NULL && strstr(fn_last_error(), "[256,1,28,96] 3x3/1 pad 0 to 128, dgrad"));
    fn_cudnn_close(c);
}

/* --- engines --- */

static fn_engine engine_of(fn_cudnn *c, const fn_cudnn_conv *what)
{
    fn_cudnn_plan *p;
    CHECK_OK(fn_cudnn_plan_open(&p, c, what));
    fn_engine e = p ? *fn_cudnn_plan_engine(p) : (fn_engine){.id = -1};
    fn_cudnn_plan_close(p);
    return e;
}

static bool equal(const fn_engine *a, const fn_engine *b)
{
    char s[2048], t[2048];
    fn_engine_text(s, sizeof s, a);
    fn_engine_text(t, sizeof t, b);
    return strcmp(s, t) == 0;
}

static fn_engines *written(const fn_cudnn_conv *what, const char *where, const fn_engine *e)
{
    fn_engines *list;
    char text[FN_CUDNN_TEXT];
    fn_scratch_enter();
    fn_cudnn_text(text, what);
    CHECK_OK(fn_engines_open(&list, fn_scratch("none")));
    CHECK_OK(fn_engines_put(list, text, where, e));
    fn_scratch_leave();
    return list;
}

static void keep(void *ctx, const fn_cudnn_conv *what)
{
    *(fn_cudnn_conv *)ctx = *what;
}

TEST(who_listens_hears_of_a_plan)
{
    fn_cudnn *c = described();
    fn_cudnn_conv a = conv(FN_CUDNN_DGRAD, FN_PRECISION_BF16), heard = {.n = 0};
    fn_cudnn_plan *p;
    fn_cudnn_listen(c, keep, &heard);
    CHECK_OK(fn_cudnn_plan_open(&p, c, &a));
    CHECK(memcmp(&heard, &a, sizeof a) == 0);
    fn_cudnn_plan_close(p);
    a.n = 3;
    fn_cudnn_listen(c, NULL, NULL);
    CHECK_OK(fn_cudnn_plan_open(&p, c, &a));
    CHECK(heard.n != 3);
    fn_cudnn_plan_close(p);
    fn_cudnn_close(c);
}

/* What cuDNN would take for another batch is no first choice here. */
TEST(what_is_written_down_is_taken)
{
    fn_cudnn *c = described();
    fn_cudnn_conv a = conv(FN_CUDNN_FORWARD, FN_PRECISION_BF16), small = a;
    fn_engine first = engine_of(c, &a), other = first;
    for (small.n = 128; small.n && equal(&first, &other); small.n /= 2)
        other = engine_of(c, &small);
    CHECK(!equal(&first, &other));
    fn_engines *list = written(&a, fn_cudnn_where(c), &other);
    fn_engines *elsewhere = written(&a, "cuDNN 9.8.0, NVIDIA H200, 132 SMs", &other);
    fn_cudnn_choose_from(c, list);
    fn_engine taken = engine_of(c, &a);
    CHECK(equal(&taken, &other));
    fn_cudnn_choose_from(c, elsewhere);
    taken = engine_of(c, &a);
    CHECK(equal(&taken, &first));
    fn_engines_close(list);
    fn_engines_close(elsewhere);
    fn_cudnn_close(c);
}

/* TF32 is no precision for FP32, wherever its engine comes from. */
TEST(what_is_written_down_must_be_as_precise)
{
    fn_cudnn *c = described();
    fn_cudnn_conv tf32 = conv(FN_CUDNN_FORWARD, FN_PRECISION_TF32);
    fn_cudnn_conv fp32 = conv(FN_CUDNN_FORWARD, FN_PRECISION_FP32);
    fn_engine e = engine_of(c, &tf32);
    fn_engines *list = written(&fp32, fn_cudnn_where(c), &e);
    fn_cudnn_plan *p;
    fn_cudnn_choose_from(c, list);
    CHECK_FAILS(fn_cudnn_plan_open(&p, c, &fp32), FN_EUNSUPPORTED,
                "1 of another precision");
    CHECK(strstr(fn_last_error(), "none: engine ") &&
          strstr(fn_last_error(), "delete its line"));
    fn_engines_close(list);
    fn_cudnn_close(c);
}

/* What tuning would time, in the form that a file has: all of it is accepted again. */
TEST(candidates_may_be_written_down)
{
    static const fn_cudnn_pass pass[] = {FN_CUDNN_FORWARD, FN_CUDNN_FORWARD_BIAS_RELU,
                                         FN_CUDNN_DGRAD, FN_CUDNN_WGRAD};
    fn_cudnn *c = described();
    for (size_t i = 0; i < sizeof pass / sizeof *pass; i++)
        for (fn_precision how = FN_PRECISION_FP32; how <= FN_PRECISION_BF16; how++) {
            fn_cudnn_conv a = conv(pass[i], how);
            fn_engine *e;
            int n = 0;
            CHECK_OK(fn_cudnn_candidates(&e, &n, c, &a));
            CHECK(n > 1);
            for (int k = 0; k < n; k++) {
                fn_cudnn_plan *p;
                CHECK_OK(fn_cudnn_plan_open_on(&p, c, &a, &e[k]));
                CHECK(p && equal(fn_cudnn_plan_engine(p), &e[k]));
                fn_cudnn_plan_close(p);
            }
            fn_free(e);
        }
    fn_cudnn_close(c);
}

/* x is [256, 28, 28, 96], y [256, 28, 28, 128]; of 2 bytes, of floats 4. */
TEST(sizes_of_a_pass)
{
    const size_t pixels = (size_t)256 * 28 * 28, x = pixels * 96, y = pixels * 128;
    const size_t w = (size_t)128 * 3 * 3 * 96;
    const fn_cudnn_sizes want[FN_CUDNN_PASSES] = {
        [FN_CUDNN_FORWARD] = {.x = 2 * x, .w = 2 * w, .y = 2 * y},
        [FN_CUDNN_FORWARD_BIAS] = {.x = 2 * x, .w = 2 * w, .b = 256, .y = 2 * y},
        [FN_CUDNN_FORWARD_BIAS_RELU] = {.x = 2 * x, .w = 2 * w, .b = 256, .y = 2 * y},
        [FN_CUDNN_DGRAD] = {.dx = 2 * x, .w = 2 * w, .y = 2 * y},
        [FN_CUDNN_DGRAD_RELU] = {.x = 2 * x, .dx = 2 * x, .w = 2 * w, .y = 2 * y},
        [FN_CUDNN_DGRAD_RELU_BIAS] =
            {.x = 2 * x, .dx = 2 * x, .w = 2 * w, .b = 384, .y = 2 * y},
        [FN_CUDNN_WGRAD] = {.x = 2 * x, .w = 2 * w, .y = 2 * y},
        [FN_CUDNN_WGRAD_F32] = {.x = 2 * x, .w = 4 * w, .y = 2 * y},
    };
    for (fn_cudnn_pass p = 0; p < FN_CUDNN_PASSES; p++) {
        fn_cudnn_conv a = conv(p, FN_PRECISION_BF16);
        fn_cudnn_sizes got = fn_cudnn_sizes_of(&a);
        CHECK(memcmp(&got, &want[p], sizeof got) == 0);
    }
    fn_cudnn_conv a = conv(FN_CUDNN_FORWARD_BIAS, FN_PRECISION_TF32);
    CHECK_INT(fn_cudnn_sizes_of(&a).x, 4 * x);
    CHECK_INT(fn_cudnn_sizes_of(&a).b, 512);
}

/* The numerical notes of an engine, a bit each, as cuDNN gives them. */
static unsigned notes_of(const fn_cudnn *c, const fn_cudnn_conv *a, int64_t id)
{
    fn_cudnn_bag bag = {.n = 0};
    cudnnBackendNumericalNote_t note[32];
    unsigned notes = 0;
    fn_cudnn_part graph = fn_cudnn_graph(&bag, a);
    fn_cudnn_part engine = fn_cudnn_add(&bag, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    fn_cudnn_link(&bag, engine, CUDNN_ATTR_ENGINE_OPERATION_GRAPH, graph);
    fn_cudnn_set(&bag, engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1, &id);
    fn_cudnn_link(&bag, engine, CUDNN_ATTR_ENGINE_DEVICEPROP, c->device);
    fn_cudnn_finish(&bag, engine);
    int n = fn_cudnn_get(&bag, engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
                         CUDNN_TYPE_NUMERICAL_NOTE, 32, note);
    for (int i = 0; i < n; i++)
        notes |= 1U << note[i];
    fn_cudnn_drop(&bag, 0, NULL, 0);
    return notes;
}

static fn_status open_written(fn_cudnn *c, const fn_cudnn_conv *a, int64_t id)
{
    fn_engine e = {.id = id};
    fn_engines *list = written(a, fn_cudnn_where(c), &e);
    fn_cudnn_plan *p;
    fn_cudnn_choose_from(c, list);
    fn_status rc = fn_cudnn_plan_open(&p, c, a);
    fn_cudnn_plan_close(p);
    fn_cudnn_choose_from(c, NULL);
    fn_engines_close(list);
    return rc;
}

static void check_marked(fn_cudnn *c, const fn_cudnn_conv *a)
{
    int marked = 0, taken = 0;
    for (int64_t id = 0; id < 100; id++) {
        bool varies = notes_of(c, a, id) & 1U << CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC;
        fn_status rc = open_written(c, a, id);
        marked += varies;
        taken += rc == FN_OK;
        CHECK(!varies || rc == FN_EUNSUPPORTED);
    }
    printf("# %d engines taken, %d whose bits vary\n", taken, marked);
    CHECK(taken > 0);
    CHECK(marked > 0);
}

/* Some are marked for another reason as well: those of the weights' gradient in floats not. */
TEST(engines_whose_bits_vary_are_refused)
{
    fn_cudnn *c = described();
    fn_cudnn_conv dgrad = conv(FN_CUDNN_DGRAD, FN_PRECISION_BF16);
    fn_cudnn_conv wgrad = conv(FN_CUDNN_WGRAD, FN_PRECISION_TF32);
    check_marked(c, &dgrad);
    check_marked(c, &wgrad);
    fn_cudnn_close(c);
}

/* --- memory --- */

TEST(no_memory)
{
    fn_cudnn *c = described();
    fn_cudnn_conv a = conv(FN_CUDNN_FORWARD, FN_PRECISION_BF16);
    fn_cudnn_plan *p;
    char *json;
    fn_cudnn *again;
    CHECK_OK(describe(&json));
    fn_fail_alloc(1);
    CHECK_FAILS(fn_cudnn_plan_open(&p, c, &a), FN_ENOMEM, "no memory for a convolution");
    fn_fail_alloc(1);
    CHECK_FAILS(fn_cudnn_open_described(&again, json), FN_ENOMEM, "no memory for cuDNN's");
    fn_fail_alloc(2);
    CHECK_FAILS(fn_cudnn_open_described(&again, json), FN_ENOMEM, "for a description");
    fn_fail_alloc(0);
    fn_free(json);
    fn_cudnn_close(c);
}
