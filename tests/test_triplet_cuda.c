/* test_triplet_cuda.c -- distances, mining, loss and gradient of kernels/mine.cu and triplet.cu
 * against the CPU's: the same triplets in the same order, the same counts, and sums and gradient
 * within 1e-6. */
#include "core/mem.h"
#include "kernels/gemm.h"
#include "tests/cuda_rig.h"
#include "tests/rows.h"
#include "train/loss.h"

/* --- one batch, on both sides --- */

typedef struct batch {
    int n, dim;
    float *e, *d;
    int *label;
    fn_triplet_batch gpu;
} batch;

static const fn_told told = {.seed = 11, .step = 5};

static size_t squares(const batch *b)
{
    return (size_t)b->n * (size_t)b->n;
}

static size_t row_bytes(const batch *b)
{
    return (size_t)b->n * (size_t)b->dim * sizeof(float);
}

static void put_on_device(batch *b)
{
    b->gpu = (fn_triplet_batch){
        .e = on_device(b->e, row_bytes(b)),
        .d = on_device(b->d, squares(b) * sizeof(float)),
        .label = on_device(b->label, (size_t)b->n * sizeof(int32_t)),
        .told = on_device(&told, sizeof told),
        .negative = on_device(NULL, squares(b) * sizeof(int32_t)),
        .weight = on_device(NULL, squares(b) * sizeof(int32_t)),
        .part = on_device(NULL, (size_t)b->n * sizeof(fn_triplet_sums)),
        .result = on_device(NULL, sizeof(fn_triplet_result)),
        .de = on_device(NULL, row_bytes(b)),
        .n = b->n,
        .dim = b->dim,
    };
}

static void take_off_device(batch *b)
{
    off_device(b->gpu.e);
    off_device(b->gpu.d);
    off_device(b->gpu.label);
    off_device(b->gpu.told);
    off_device(b->gpu.negative);
    off_device(b->gpu.weight);
    off_device(b->gpu.part);
    off_device(b->gpu.result);
    off_device(b->gpu.de);
}

static void open_batch(batch *b, int n, int dim, double spread)
{
    *b = (batch){.n = n, .dim = dim};
    b->label = fn_alloc((size_t)n, sizeof *b->label);
    b->d = fn_alloc(squares(b), sizeof *b->d);
    mixed_labels(b->label, n);
    b->e = clustered(b->label, n, dim, spread);
    CHECK_OK(fn_distances(b->d, b->e, n, dim));
}

static void close_batch(batch *b)
{
    fn_free(b->e);
    fn_free(b->d);
    fn_free(b->label);
}

/* --- what the two say --- */

typedef struct answer {
    fn_loss loss;
    fn_triplets t;
    float *de;
} answer;

static fn_faces faces_of(const batch *b)
{
    return (fn_faces){b->e, b->d, b->label, b->n, b->dim};
}

static fn_status ask_cpu(answer *a, const batch *b, const fn_triplet_rule *r)
{
    fn_faces faces = faces_of(b);
    fn_mine_options o = {.kind = (fn_mining)r->mining,
                         .fallback = (fn_fallback)r->fallback,
                         .margin = r->margin,
                         .seed = told.seed,
                         .step = told.step};
    FN_TRY(fn_mine(&a->t, &faces, &o));
    return fn_triplet_loss(&a->loss, a->de, &faces, &a->t, r->margin, (fn_reduce)r->reduce);
}

/* How many places of the matrix, read by rows, are not the list's. */
static int64_t wrong_triplets(const batch *b, const fn_triplets *t)
{
    int32_t *negative = fn_alloc(squares(b), sizeof *negative);
    int64_t at = 0, wrong = 0;
    fetch(negative, b->gpu.negative, squares(b) * sizeof *negative);
    for (int i = 0; i < b->n * b->n; i++) {
        if (negative[i] < 0)
            continue;
        fn_triplet want = at < t->n ? t->triplet[at] : (fn_triplet){-1, -1, -1};
        wrong += want.anchor != i / b->n || want.positive != i % b->n ||
                 want.negative != negative[i];
        at++;
    }
    fn_free(negative);
    return wrong + (at != t->n);
}

static bool near_enough(double got, double want)
{
    return (isnan(got) && isnan(want)) || got == want ||
           fabs(got - want) <= 1e-6 * fabs(want);
}

static double largest(const float *x, int64_t n)
{
    double most = 0;
    for (int64_t i = 0; i < n; i++)
        most = fmax(most, fabs((double)x[i]));
    return most;
}

static void check_gradient(const batch *b, const answer *want)
{
    int64_t count = (int64_t)b->n * b->dim, wrong = 0;
    float *de = fn_alloc(1, row_bytes(b));
    double scale = largest(want->de, count);
    fetch(de, b->gpu.de, row_bytes(b));
    for (int64_t i = 0; i < count; i++)
        wrong += !(fabs((double)de[i] - (double)want->de[i]) <= 1e-6 * scale);
    CHECK_INT(wrong, 0);
    fn_free(de);
}

static void check_result(const batch *b, const answer *want)
{
    fn_triplet_result got;
    fetch(&got, b->gpu.result, sizeof got);
    CHECK(near_enough(got.loss, want->loss.loss));
    CHECK(near_enough(got.active, want->loss.active));
    CHECK(near_enough(got.d_ap, want->loss.d_ap));
    CHECK(near_enough(got.d_an, want->loss.d_an));
    CHECK_INT(got.sums.count, want->t.count);
    CHECK_INT(got.sums.pairs, want->t.pairs);
    CHECK_INT(got.sums.most, want->t.most);
    double above = want->loss.active * (double)want->t.most;
    CHECK_INT(got.sums.above, (int64_t)(above + 0.5));
}

/* A batch that the CPU refuses has no triplets, and nobody takes a step of it. */
static void check_refused(const batch *b)
{
    fn_triplet_result got;
    float *de = fn_alloc(1, row_bytes(b));
    fetch(&got, b->gpu.result, sizeof got);
    fetch(de, b->gpu.de, row_bytes(b));
    CHECK_INT(got.sums.count, 0);
    CHECK(isnan(got.loss) && got.active == 0 && got.d_ap == 0 && got.d_an == 0);
    CHECK(largest(de, (int64_t)b->n * b->dim) == 0);
    fn_free(de);
}

static void check_rule(const batch *b, const fn_triplet_rule *r)
{
    answer want = {.de = fn_alloc(1, row_bytes(b))};
    fn_status rc = ask_cpu(&want, b, r);
    CHECK_INT(fn_launch_mine(&b->gpu, r, fn_device_stream(device)), 0);
    CHECK_INT(fn_launch_triplet_back(&b->gpu, fn_device_stream(device)), 0);
    if (rc == FN_OK) {
        if (r->mining != FN_TRIPLET_ALL)
            CHECK_INT(wrong_triplets(b, &want.t), 0);
        check_result(b, &want);
        if (largest(b->e, b->n * b->dim) < 2)
            check_gradient(b, &want);
    } else
        check_refused(b);
    fn_triplets_free(&want.t);
    fn_free(want.de);
}

static void check_batch(batch *b, float margin, unsigned schedules)
{
    static unsigned turn;
    put_on_device(b);
    for (unsigned schedule = 0; schedule < schedules; schedule++)
        for (int mining = FN_TRIPLET_SEMIHARD; mining <= FN_TRIPLET_RANDOM; mining++)
            for (int fallback = FN_TRIPLET_SKIP; fallback <= FN_TRIPLET_NEAREST_NEGATIVE;
                 fallback++) {
                if (mining != FN_TRIPLET_SEMIHARD && fallback > 0)
                    continue;
                int reduce = (int)(turn % 3);
                fn_emu_schedule(turn++ % SCHEDULES);
                check_rule(b, &(fn_triplet_rule){mining, fallback, reduce, margin});
            }
    take_off_device(b);
}

static void check_rows(int n, int dim, double spread, float margin, unsigned schedules)
{
    batch b;
    open_device();
    open_batch(&b, n, dim, spread);
    check_batch(&b, margin, schedules);
    close_batch(&b);
    close_device();
}

TEST(every_choice_picks_what_the_cpu_picks)
{
    check_rows(67, 16, 30, 0.2f, SCHEDULES);
    check_rows(40, 128, 1, 0.05f, 2);
    check_rows(30, 3, 0.02, 4, 2);
}

TEST(more_faces_than_a_block_has_threads)
{
    check_rows(300, 7, 1, 0.2f, 1);
}

TEST(a_few_faces)
{
    for (int n = 1; n <= 9; n++)
        check_rows(n, 5, 1, 0.2f, 1);
    check_rows(32, 64, 1, 0.2f, 1);
    check_rows(33, 65, 1, 0.2f, 1);
}

TEST(rows_that_are_alike)
{
    check_rows(33, 8, 0, 0.2f, 2);
}

/* --- distances that no rows have --- */

static void check_drawn(int n, void (*draw)(float *d, int n), float margin)
{
    batch b;
    open_device();
    open_batch(&b, n, 9, 1);
    draw(b.d, n);
    check_batch(&b, margin, 1);
    close_batch(&b);
    close_device();
}

TEST(of_tied_distances_the_lowest_index)
{
    check_drawn(41, tied, 0.25f); /* the window's end is a distance: it is outside */
    check_drawn(41, tied, 0.126f);
}

static void all_equal(float *d, int n)
{
    for (int i = 0; i < n * n; i++)
        d[i] = i % (n + 1) ? 1.5f : 0;
}

TEST(all_distances_equal)
{
    check_drawn(35, all_equal, 0.2f);
}

/* Two neighbours of a float stand at the ends of a window that is as wide. */
static void finely_stepped(float *d, int n)
{
    tied(d, n);
    for (int i = 0; i < n * n; i++)
        d[i] = 1 + ldexpf(roundf(8 * d[i]), -23);
}

TEST(the_end_of_the_window_is_exact)
{
    check_drawn(30, finely_stepped, ldexpf(2.75f, -23));
    check_drawn(30, finely_stepped, ldexpf(3, -23));
}

static void sick(float *d, int n)
{
    tied(d, n);
    for (int i = 0; i < n; i++) {
        d[5 * n + i] = d[i * n + 5] = NAN;
        d[8 * n + i] = d[i * n + 8] = INFINITY;
        d[11 * n + i] = NAN;
    }
}

TEST(distances_that_are_not_finite)
{
    check_drawn(33, sick, 0.2f);
}

/* --- labels --- */

static void check_labels(const int *label, int n)
{
    batch b;
    open_device();
    open_batch(&b, n, 9, 1);
    memcpy(b.label, label, (size_t)n * sizeof *label);
    check_batch(&b, 0.2f, 2);
    close_batch(&b);
    close_device();
}

TEST(a_batch_of_one_person_or_of_none_twice)
{
    int one[30], lonely[30];
    for (int i = 0; i < 30; i++) {
        one[i] = -7;
        lonely[i] = 30 - i;
    }
    check_labels(one, 30);
    check_labels(lonely, 30);
}

/* As the sampler gives them: by person, then faces of people who are nobody's positive. */
TEST(negatives_are_never_anchors)
{
    enum { PEOPLE = 3, FACES = 9, NEGATIVES = 17, N = PEOPLE * FACES + NEGATIVES };
    int label[N];
    for (int i = 0; i < N; i++)
        label[i] = i < PEOPLE * FACES ? i / FACES : 1000 + i;
    check_labels(label, N);
}

/* --- an embedding that is not finite; distances --- */

TEST(a_sick_embedding_makes_the_loss_nan)
{
    batch b;
    fn_triplet_result got;
    fn_triplet_rule r = {.margin = 0.2f};
    open_device();
    open_batch(&b, 20, 9, 1);
    for (int k = 0; k < 3; k++) {
        b.e[19 * 9 + 8] = k == 0 ? NAN : k == 1 ? INFINITY : 0;
        put_on_device(&b);
        CHECK_INT(fn_launch_mine(&b.gpu, &r, fn_device_stream(device)), 0);
        fetch(&got, b.gpu.result, sizeof got);
        CHECK(isnan(got.loss) == (k < 2));
        take_off_device(&b);
    }
    close_batch(&b);
    close_device();
}

/* Products as fn_distances has them before it finishes: the same bits come out. */
static void check_distances(int n, int dim, double spread)
{
    batch b;
    open_batch(&b, n, dim, spread);
    float *product = fn_alloc(squares(&b), sizeof *product);
    float *got = fn_alloc(squares(&b), sizeof *got);
    CHECK_OK(fn_gemm(false, true, n, n, dim, 1, b.e, dim, b.e, dim, 0, product, n));
    float *in = on_device(product, squares(&b) * sizeof(float));
    float *out = on_device(NULL, squares(&b) * sizeof(float));
    CHECK_INT(fn_launch_distances(out, in, n, fn_device_stream(device)), 0);
    fetch(got, out, squares(&b) * sizeof(float));
    CHECK(memcmp(got, b.d, squares(&b) * sizeof(float)) == 0);
    off_device(in);
    off_device(out);
    fn_free(product);
    fn_free(got);
    close_batch(&b);
}

TEST(distances_are_those_of_the_cpu)
{
    static const int sizes[] = {1, 2, 31, 32, 33, 64, 100};
    open_device();
    for (unsigned schedule = 0; schedule < SCHEDULES; schedule++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            fn_emu_schedule(schedule);
            check_distances(sizes[i], 16, 1);
            check_distances(sizes[i], 5, 1e-4); /* rounding below 0 */
        }
    close_device();
}
