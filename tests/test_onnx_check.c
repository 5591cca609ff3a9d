/* test_onnx_check.c -- an export read back: equal when it is, different when a weight is, and
 * refused when it is torn. */
#include "core/file.h"
#include "export/onnx.h"
#include "export/weights.h"
#include "tests/exports.h"

static double difference_of(const char *path, struct fn_model *m)
{
    double d = -1;
    CHECK_OK(fn_onnx_check(path, m, &d));
    return d;
}

static bool change_is_seen(const char *path, struct fn_model *m, const fn_param *p)
{
    for (int64_t k = 0; k < p->count; k++)
        m->params->value[p->offset + k] += 0.25f;
    double d = difference_of(path, m);
    for (int64_t k = 0; k < p->count; k++)
        m->params->value[p->offset + k] -= 0.25f;
    return d > 1e-5;
}

/* Our own reader gives our own embeddings; another weight, other embeddings. */
TEST(what_is_written_is_read_back)
{
    scratch s = {0};
    fn_record record = record_of_test();
    struct fn_model *m = open_model(&s, small, &record);
    char *path = file_in(&s, "read", ".onnx");
    for (int profile = FN_ONNX_NATIVE; profile <= FN_ONNX_PORTABLE; profile++) {
        CHECK_OK(fn_onnx_write(path, m, (fn_onnx_profile)profile));
        int counted = 0;
        CHECK(difference_of(path, m) < 1e-6);
        for (int i = 0; i < m->params->n; i++)
            counted += change_is_seen(path, m, &m->params->param[i]);
        CHECK(counted > m->params->n * 3 / 4); /* what feeds dead units changes nothing */
    }
    fn_free(path);
    fn_model_close(m);
    scratch_close(&s);
}

/* Of half of the numbers: softmax takes no notice of what is added to all of them. */
static bool half_a_change_is_seen(const char *path, struct fn_model *m, const fn_param *p)
{
    float *w = m->params->value + p->offset;
    for (int64_t k = 0; k < p->count / 2; k++)
        w[k] += 0.125F;
    double d = difference_of(path, m);
    for (int64_t k = 0; k < p->count / 2; k++)
        w[k] -= 0.125F;
    return d > 1e-5;
}

/* What the shipped networks do not have: a norm that no convolution takes in, slopes, softmax. */
TEST(the_other_ops_are_read_back)
{
    static const char text[] = "name: other\ninput: 11x9x3\nlayers:\n"
                               "  - conv: {name: a, out: 8, kernel: 3}\n"
                               "  - maxpool: {kernel: 3, stride: 2}\n"
                               "  - batchnorm: {name: n}\n"
                               "  - prelu: {name: p}\n"
                               "heads:\n  embedding:\n"
                               "    - fc: {name: f, out: 8, act: none}\n"
                               "    - softmax\n    - l2norm\n";
    scratch s = {0};
    fn_record record = record_of_test();
    struct fn_model *m = open_model(&s, text, &record);
    char *path = file_in(&s, "other", ".onnx");
    const fn_param *last = &m->params->param[m->params->n - 2]; /* the matrix of fc */
    for (int64_t k = 0; k < last->count; k++)
        m->params->value[last->offset + k] *= 0.01F; /* or softmax gives but 0 and 1 */
    for (int profile = FN_ONNX_NATIVE; profile <= FN_ONNX_PORTABLE; profile++) {
        CHECK_OK(fn_onnx_write(path, m, (fn_onnx_profile)profile));
        CHECK(difference_of(path, m) < 1e-6);
        for (int i = 0; i < m->params->n; i++)
            CHECK(half_a_change_is_seen(path, m, &m->params->param[i]));
    }
    fn_free(path);
    fn_model_close(m);
    scratch_close(&s);
}

/* A torn file is refused wherever it ends; a flipped bit never brings the reader down. */
TEST(damaged_exports)
{
    scratch s = {0};
    fn_record record = record_of_test();
    struct fn_model *m = open_model(&s, small, &record);
    char *path = file_in(&s, "torn", ".onnx"), *data;
    size_t size;
    double d;
    CHECK_OK(fn_onnx_write(path, m, FN_ONNX_PORTABLE));
    CHECK_OK(fn_file_read(&data, &size, path, 1 << 24));
    for (size_t n = 0; n < size; n += size / 40) {
        CHECK_OK(fn_file_replace(path, data, n));
        CHECK_FAILS(fn_onnx_check(path, m, &d), FN_EDATA, "torn.onnx");
    }
    for (size_t at = 0; at < size; at += at < 400 ? 1 : size / 200) {
        data[at] = (char)(data[at] ^ 0x15);
        CHECK_OK(fn_file_replace(path, data, size));
        fn_status rc = fn_onnx_check(path, m, &d);
        CHECK(rc == FN_OK || rc == FN_EDATA || rc == FN_EUNSUPPORTED || rc == FN_ENOMEM);
        data[at] = (char)(data[at] ^ 0x15);
    }
    fn_free(data);
    fn_free(path);
    fn_model_close(m);
    scratch_close(&s);
}

/* Cut anywhere, a header that is none, a weight that was changed: never "as it was". */
TEST(damaged_safetensors)
{
    scratch s = {0};
    fn_record record = record_of_test();
    struct fn_model *m = open_model(&s, small, &record);
    char *path = file_in(&s, "torn", ".safetensors"), *data;
    size_t size;
    double d;
    CHECK_OK(fn_safetensors_write(path, m));
    CHECK_OK(fn_safetensors_check(path, m, &d));
    CHECK_OK(fn_file_read(&data, &size, path, 1 << 24));
    for (size_t n = 0; n < size; n += n < 12 ? 1 : size / 40) {
        CHECK_OK(fn_file_replace(path, data, n));
        CHECK_FAILS(fn_safetensors_check(path, m, &d), FN_EDATA, "torn.safetensors: ");
    }
    static const size_t at[] = {7, 2, 8}; /* of the header's length, of its '{' */
    for (int i = 0; i < 3; i++) {
        data[at[i]] = (char)(data[at[i]] ^ 0x55);
        CHECK_OK(fn_file_replace(path, data, size));
        CHECK_FAILS(fn_safetensors_check(path, m, &d), FN_EDATA, "header");
        data[at[i]] = (char)(data[at[i]] ^ 0x55);
    }
    data[size - 2] = (char)(data[size - 2] ^ 0x20);
    CHECK_OK(fn_file_replace(path, data, size));
    fn_status rc = fn_safetensors_check(path, m, &d);
    CHECK(rc != FN_OK || d > 0);
    fn_free(data);
    fn_free(path);
    fn_model_close(m);
    scratch_close(&s);
}
