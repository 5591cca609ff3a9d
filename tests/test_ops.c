/* test_ops.c -- every op, every sample, every backend; nobody lists the ops here.
 *
 *   contract   see tests/op_case.h
 *   gradient   ref backward against central differences of ref forward, in double
 *   agreement  the CPU kernel, forward and backward, against ref, in every format */
#include "core/mem.h"
#include "kernels/batchnorm.h"
#include "kernels/pool.h"
#include "tests/op_case.h"
#include "tests/test.h"

#include <pthread.h>

static void each_sample(bool training, void (*visit)(subject *s))
{
    each_sample_in(FN_PRECISION_FP32, training, visit);
}

static void (*on_cpu)(subject *s);

static void visit_on_cpu(subject *s)
{
    if (s->op->kernel[FN_CPU])
        on_cpu(s);
}

static void each_cpu_sample(bool training, void (*visit)(subject *s))
{
    on_cpu = visit;
    each_sample(training, visit_on_cpu);
}

/* What nn/lower_gpu.c makes for FN_CUDA alone. */
static bool is_for_gpus(const fn_op *op)
{
    static const char *const names[] = {"bnjoin", "bnpool", "join", "poolnorm"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(op->name, names[i]) == 0)
            return true;
    return false;
}

TEST(every_op_is_described_has_samples_and_runs_on_the_cpu)
{
    for (const fn_op *const *at = fn_ops; *at; at++) {
        const fn_op *op = *at;
        int weights = 0;
        snprintf(where, sizeof where, "%s", op->name);
        claim(op->sample && op->sample[0].attr, "has no samples");
        claim(op->kernel[FN_REF] && !op->kernel[FN_CPU] == is_for_gpus(op),
              "lacks a kernel");
        claim(op->attr_size <= FN_ATTR_BYTES, "attributes are too large");
        claim(fn_op_find(op->name) == op, "is not found by its name");
        for (const fn_field *f = op->field; f && f->name; f++)
            claim(f->offset + sizeof(int) <= op->attr_size, "has a field outside");
        for (const fn_weight *w = op->weight; w && w->name; w++)
            weights++;
        claim(weights <= FN_MAX_WEIGHT, "has too many weights");
        for (const fn_sample *s = op->sample; s && s->attr; s++) {
            fn_call c;
            CHECK_OK(infer(&c, &(subject){.op = op, .sample = s}, true));
            claim(c.n_w <= weights, "has a weight without a name");
            claim(!op->inplace || !(c.keep & FN_KEEP_X), "keeps what it overwrites");
        }
    }
    CHECK(!fn_op_find("con"));
}

static void check_reference(subject *s)
{
    try(s, (way){.backend = FN_REF});
}

TEST(the_reference_keeps_the_contract)
{
    each_sample(true, check_reference);
    each_sample(false, check_reference);
}

static void check_formats(subject *s)
{
    for (int offer = 0; offer < OFFERS; offer++)
        try(s, (way){.backend = FN_CPU, .offer = offer});
}

TEST(the_cpu_agrees_with_the_reference_in_every_format)
{
    each_cpu_sample(true, check_formats);
    each_cpu_sample(false, check_formats);
}

/* What oneDNN chooses depends on the processor; its kernels have to cope with all. */
static void check_forced_formats(subject *s)
{
    bool conv = strcmp(s->op->name, "conv") == 0;
    if (!s->op->kernel[FN_CPU]->describe || s->oracle.x[0].shape.rank != 4)
        return;
    for (fn_format x = FN_PLAIN; x < FN_FORMATS; x++)
        for (fn_format y = FN_PLAIN; y < FN_FORMATS; y++)
            if (conv || x == y)
                try(s, (way){.backend = FN_CPU, .forced = (const fn_format[]){x, y}});
}

TEST(kernels_of_onednn_run_in_formats_they_would_not_choose)
{
    each_cpu_sample(true, check_forced_formats);
    each_cpu_sample(false, check_forced_formats);
}

static void check_unwanted(subject *s)
{
    int gradients = s->oracle.n_x + s->oracle.n_w;
    for (int i = 0; i < unwanted_choices(gradients); i++) {
        unsigned unwanted = unwanted_choice(gradients, i);
        try(s, (way){.backend = FN_REF, .unwanted = unwanted});
        if (s->op->kernel[FN_CPU])
            try(s, (way){.backend = FN_CPU, .unwanted = unwanted});
    }
}

TEST(a_gradient_without_a_place_is_not_wanted)
{
    each_sample(true, check_unwanted);
}

static void check_threads(subject *s)
{
    for (int offer = 0; offer < OFFERS; offer++)
        try(s, (way){FN_CPU, .offer = offer, .prepare_threads = 3, .run_threads = 3});
    try(s, (way){.backend = FN_CPU, .prepare_threads = 1, .run_threads = 3});
    try(s, (way){.backend = FN_CPU, .prepare_threads = 3, .run_threads = 1});
}

TEST(any_number_of_threads_will_do_and_it_may_change_after_prepare)
{
    each_cpu_sample(true, check_threads);
}

static void check_inplace(subject *s)
{
    for (int offer = 0; s->op->inplace && offer < OFFERS; offer++)
        try(s, (way){.backend = FN_CPU, .inplace = true, .offer = offer});
}

TEST(what_may_overwrite_its_input_does)
{
    each_cpu_sample(true, check_inplace);
    each_cpu_sample(false, check_inplace);
}

/* --- properties that agreement with the reference does not show --- */

/* With a gradient of 1 at one output and 0 elsewhere, one tap gets 1 and it is the greatest. */
static void check_one_winner(subject *s)
{
    fn_call *c = &s->oracle;
    const fn_kernel *k = s->op->kernel[FN_REF];
    fn_tensor x = c->x[0], y = c->y[0];
    if (strcmp(s->op->name, "maxpool") != 0 && strcmp(s->op->name, "maxout") != 0)
        return;
    memset(c->dy[0].data, 0, bytes_of(y, FN_REF));
    for (int64_t i = 0; i < fn_numel(y.shape); i++) {
        int winners = 0;
        fn_f64(c->dy[0])[i] = 1;
        CHECK_OK(k->backward(c));
        fn_f64(c->dy[0])[i] = 0;
        for (int64_t t = 0; t < fn_numel(x.shape); t++)
            if (fn_f64(c->dx[0])[t] != 0) {
                winners++;
                claim(fn_f64(c->dx[0])[t] == 1, "the winner does not get all");
                claim(fn_f64(x)[t] == fn_f64(y)[i], "the winner is not the greatest");
            }
        claim(winners == 1, "not one winner");
    }
}

TEST(of_equal_taps_one_takes_the_whole_gradient)
{
    each_sample(true, check_one_winner);
}

/* The statistics in dw are the batch's, and inference with them gives what training gave. */
static void check_statistics(subject *s)
{
    fn_call *c = &s->oracle;
    int64_t channels = c->x[0].shape.dim[1], all = fn_numel(c->x[0].shape);
    fn_tensor y = c->y[0];
    if (strcmp(s->op->name, "batchnorm") != 0)
        return;
    for (int64_t ch = 0; ch < channels; ch++) {
        double sum = 0, squares = 0, count = (double)all / (double)channels;
        for (int64_t i = ch; i < all; i += channels) {
            sum += fn_f64(c->x[0])[i];
            squares += fn_f64(c->x[0])[i] * fn_f64(c->x[0])[i];
        }
        double mean = sum / count, var = squares / count - mean * mean;
        CHECK_NEAR(fn_f64(c->dw[FN_BN_MEAN])[ch], mean, 1e-12);
        CHECK_NEAR(fn_f64(c->dw[FN_BN_VAR])[ch], var, 1e-12);
        fn_f64(c->w[FN_BN_MEAN])[ch] = mean;
        fn_f64(c->w[FN_BN_VAR])[ch] = var;
    }
    c->training = false;
    c->y[0].data = fn_fence_open(bytes_of(y, FN_REF), false);
    CHECK_OK(s->op->kernel[FN_REF]->forward(c));
    for (int64_t i = 0; i < all; i++)
        CHECK_NEAR(fn_f64(c->y[0])[i], fn_f64(y)[i], 1e-9);
}

TEST(batch_norm_hands_out_the_statistics_that_inference_takes)
{
    each_sample(true, check_statistics);
}

/* --- memory and threads --- */

static void check_failed_allocations(subject *s)
{
    const fn_kernel *k = s->op->kernel[FN_CPU];
    fn_call c = s->oracle;
    fn_status rc = FN_ENOMEM;
    choose(&c, k, &(way){.backend = FN_CPU, .offer = FN_BLOCK8});
    for (long n = 1; k->prepare && rc == FN_ENOMEM && n < 100; n++) {
        fn_fail_alloc(n);
        rc = k->prepare(&c);
        fn_fail_alloc(0);
        claim(rc == FN_OK || (!c.state && strlen(fn_last_error()) > 9), "fails badly");
    }
    claim(!k->prepare || rc == FN_OK, "never prepares");
    if (k->release)
        k->release(&c);
    claim(!c.state, "keeps its state");
    if (k->release)
        k->release(&c);
}

TEST(prepare_survives_failed_allocations)
{
    each_cpu_sample(true, check_failed_allocations);
}

/* --- two calls at once, as in two sessions --- */

enum { ROUNDS = 20 };

typedef struct worker {
    const subject *s;
    fn_call c;
    fn_status rc;
    uint64_t result;
} worker;

static void *work(void *arg)
{
    worker *w = arg;
    const fn_kernel *k = w->s->op->kernel[FN_CPU];
    fn_threads_set(1);
    for (int i = 0; i < ROUNDS && w->rc == FN_OK; i++) {
        w->rc = k->forward(&w->c);
        if (w->rc == FN_OK)
            w->rc = k->backward(&w->c);
    }
    w->result = digest(&w->c, Y, FN_CPU) ^ 3 * digest(&w->c, DX, FN_CPU);
    return NULL;
}

static void open_worker(worker *w, const subject *s)
{
    const fn_kernel *k = s->op->kernel[FN_CPU];
    way how = {.backend = FN_CPU, .training = true, .offer = FN_BLOCK8};
    fn_call oracle = s->oracle;
    *w = (worker){.s = s};
    CHECK_OK(infer(&w->c, s, true));
    choose(&w->c, k, &how);
    if (k->prepare)
        CHECK_OK(k->prepare(&w->c));
    bind(&w->c, &how);
    bring_inputs(&w->c, FN_CPU, &oracle);
    if (k->load)
        CHECK_OK(k->load(&w->c));
}

static void check_two_at_once(subject *s)
{
    worker w[2];
    pthread_t thread[2];
    fn_threads_set(1);
    for (int i = 0; i < 2; i++)
        open_worker(&w[i], s);
    work(&w[0]);
    uint64_t alone = w[0].result;
    for (int i = 0; i < 2; i++)
        CHECK_INT(pthread_create(&thread[i], NULL, work, &w[i]), 0);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(pthread_join(thread[i], NULL), 0);
        CHECK_INT(w[i].rc, FN_OK);
        claim(w[i].result == alone, "two calls at once disturb each other");
        if (s->op->kernel[FN_CPU]->release)
            s->op->kernel[FN_CPU]->release(&w[i].c);
    }
    fn_threads_set(0);
}

TEST(two_calls_run_at_once)
{
    each_cpu_sample(true, check_two_at_once);
}

/* --- the slowest at last --- */

static double loss(const subject *s) /* <y, dy>: its gradient is that of dy */
{
    const fn_call *c = &s->oracle;
    double sum = 0;
    if (s->op->kernel[FN_REF]->forward(c) != FN_OK)
        return NAN;
    for (int i = 0; i < c->n_y; i++)
        for (int64_t k = 0; k < fn_numel(c->y[i].shape); k++)
            sum += fn_f64(c->y[i])[k] * fn_f64(c->dy[i])[k];
    return sum;
}

static void check_gradient_of(const subject *s, fn_tensor v, fn_tensor dv)
{
    const double h = 1e-6;
    double worst = 0;
    for (int64_t i = 0; i < fn_numel(v.shape); i++) {
        double keep = fn_f64(v)[i], is = fn_f64(dv)[i];
        fn_f64(v)[i] = keep + h;
        double up = loss(s);
        fn_f64(v)[i] = keep - h;
        double number = (up - loss(s)) / (2 * h);
        fn_f64(v)[i] = keep;
        double e = fabs(number - is) / fmax(1, fabs(number) + fabs(is));
        worst = e > worst || isnan(e) ? e : worst;
    }
    if (!(worst <= 1e-7))
        FN_TEST_FAIL("%s: the gradient is off by %.3g", where, worst);
}

static void check_gradient(subject *s)
{
    const fn_call *c = &s->oracle;
    if (s->sample->fill == FN_FILL_TIES)
        return;
    for (int i = 0; i < c->n_x; i++)
        check_gradient_of(s, c->x[i], c->dx[i]);
    for (int i = 0; i < c->n_w; i++)
        if (s->op->weight[i].trained)
            check_gradient_of(s, c->w[i], c->dw[i]);
}

TEST(the_reference_gradient_is_that_of_its_forward)
{
    each_sample(true, check_gradient);
}
