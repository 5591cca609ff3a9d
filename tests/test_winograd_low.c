/* test_winograd_low.c -- Winograd's passes over values in bf16, for every instruction set that the
 * processor has. */
#include "kernels/bf16.h"
#include "tests/winograd_rig.h"

/* Numbers in bf16, and the same as floats. */
typedef struct twins {
    uint16_t *low;
    float *whole;
    int64_t count;
} twins;

static twins twins_of(const float *from, int64_t count)
{
    twins t = {fn_alloc_aligned((size_t)count * sizeof *t.low),
               fn_alloc_aligned((size_t)count * sizeof *t.whole), count};
    for (int64_t i = 0; i < count; i++) {
        t.low[i] = fn_bf16_of(from[i]);
        t.whole[i] = fn_bf16_float(t.low[i]);
    }
    return t;
}

static bool agree(twins t)
{
    for (int64_t i = 0; i < t.count; i++)
        if (t.low[i] != fn_bf16_of(t.whole[i]))
            return false;
    return true;
}

static void release(twins t)
{
    fn_free(t.low);
    fn_free(t.whole);
}

/* All three passes over floats, or over bf16. */
static void pass(const fn_winograd *g, const tensors *t, const twins of[5], gradients d,
                 const float *bias)
{
    float *u = fn_alloc((size_t)fn_winograd_floats(g), sizeof *u);
    void *scratch = fn_alloc(1, fn_winograd_scratch(g)), *at[5];
    for (int i = 0; i < 5; i++)
        at[i] = g->x_type == FN_BF16 ? (void *)of[i].low : (void *)of[i].whole;
    fn_winograd_pack(u, g, t->w, false);
    fn_winograd_forward(g, at[3], at[0], u, bias, true, scratch);
    fn_winograd_pack(u, g, t->w, true);
    fn_winograd_back(g, at[4], at[1], at[2], u, scratch);
    fn_winograd_back_w(g, d.dw, d.db, at[0], at[1], at[2], scratch);
    fn_free(u);
    fn_free(scratch);
}

static void check_low(const tensors *t, const fn_winograd_stages *stages)
{
    const fn_conv a = {.out = (int)O, .kernel = 3, .stride = 1, .bias = 1};
    fn_call c = conv_call(&a, x_shape, FN_PLAIN);
    fn_winograd g = fn_winograd_of(&c);
    int64_t in = N * C * H * W, out = N * O * H * W;
    /* x, dy, the mask; y, dx, which hold something that must vanish */
    twins of[5] = {twins_of(t->x, in), twins_of(t->raw, out), twins_of(t->mask, out),
                   twins_of(t->raw, out), twins_of(t->x, in)};
    gradients d[2];
    float *bias = random_numbers(O, 9);
    if (stages)
        g.stages = stages;
    for (int low = 0; low < 2; low++) {
        g.x_type = g.y_type = low ? FN_BF16 : FN_F32;
        d[low] = (gradients){NULL, random_numbers(O * C * 9, 7), random_numbers(O, 8)};
        pass(&g, t, of, d[low], bias);
    }
    CHECK(agree(of[3]) && agree(of[4]));
    CHECK(memcmp(d[0].dw, d[1].dw, (size_t)O * C * 9 * sizeof(float)) == 0);
    CHECK(memcmp(d[0].db, d[1].db, (size_t)O * sizeof(float)) == 0);
    for (int i = 0; i < 5; i++)
        release(of[i]);
    drop(d[0]);
    drop(d[1]);
    fn_free(bias);
}

/* What is read is widened and what is written rounded; nothing else differs. */
TEST(bf16_is_how_numbers_are_kept)
{
    O = 80;
    tensors t = expected();
    check_low(&t, NULL);
    check_low(&t, &fn_winograd_any);
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        check_low(&t, &fn_winograd_avx2);
#endif
    forget(t);
    O = 72;
}
