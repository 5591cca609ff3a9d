/* train_rig.h -- trainers of the small network of tests/nets.h over twelve faces of a pack, for the
 * tests of training on a device. */
#ifndef FN_TESTS_TRAIN_RIG_H
#define FN_TESTS_TRAIN_RIG_H

#include "kernels/gpu.h"
#include "tests/emu/emu.h"
#include "tests/nets.h"
#include "tests/people.h"
#include "train/trainer.h"

static size_t weight_bytes; /* of the trainer that was opened last */

/* norm: "none" or "batch"; optim: "{rate: 0.1}". */
static inline void put_config(const char *norm, const char *mining, const char *optim)
{
    const char *net = strcmp(norm, "batch") == 0 ? FN_TEST_NET("batch")
                                                 : FN_TEST_NET("none");
    char text[2 * FN_TEST_PATH + 400];
    fn_test_put("net.yaml", net, strlen(net));
    snprintf(text, sizeof text,
             "net: %s\nrun: %s\ntrain: {steps: 10, people: 3, faces: 4}\n"
             "loss: {margin: 1, mining: %s}\noptim: %s\n",
             fn_test_path("net.yaml"), fn_test_path("run"), mining, optim);
    fn_test_put("c.yaml", text, strlen(text));
}

static inline void enter(void)
{
    static const int count[] = {4, 4, 4};
    fn_test_scratch();
    fn_pack_close(fn_test_pack(count, 3));
    put_config("batch", "semihard", "{rate: 0.01}");
    fn_emu_plug_in(true);
}

static inline void leave(void)
{
    fn_emu_plug_in(false);
    fn_test_sweep();
}

/* Two keys more, as "seed=1". */
static inline fn_status read_config(fn_config *c, const char *device, const char *more,
                                    const char *also)
{
    char pack[FN_TEST_PATH + 300], on[32], other[2][64];
    snprintf(pack, sizeof pack, "data.train=%s", fn_test_path("test.h5"));
    snprintf(on, sizeof on, "device=%s", device);
    snprintf(other[0], sizeof other[0], "%s", more);
    snprintf(other[1], sizeof other[1], "%s", also);
    return fn_config_read(c, fn_test_path("c.yaml"),
                          (char *const[]){pack, on, other[0], other[1]}, 4);
}

static inline fn_status open_trainer(fn_trainer *t, const char *device, const char *more,
                                     const char *also)
{
    fn_config c;
    FN_TRY(read_config(&c, device, more, also));
    FN_TRY(fn_trainer_open(t, &c));
    weight_bytes = (size_t)t->params->count * sizeof(float);
    return FN_OK;
}

/* A copy of the host's; fn_free. */
static inline float *weights_of(const fn_trainer *t)
{
    float *w = fn_alloc(1, weight_bytes);
    memcpy(w, t->params->value, weight_bytes);
    return w;
}

static inline double apart(const float *a, const float *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += pow((double)a[i] - (double)b[i], 2);
    return sqrt(sum);
}

#endif
