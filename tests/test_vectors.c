/* Embeddings as files: names that need quotes, every bit of a number, memory that is out. */
#include "core/mem.h"
#include "infer/vectors.h"
#include "tests/test.h"

static char *const names[] = {"a.jpg", "b, \"c\".jpg"};
static const float numbers[] = {0.1F, -2, 1e-30F, 16777217.0F};
static const fn_vectors two = {names, numbers, 2, 2};

static void expect(fn_vectors_format format, const char *want)
{
    fn_text t = {NULL};
    CHECK_OK(fn_vectors_put(&t, &two, format));
    fn_text_bytes(&t, "", 1);
    CHECK_TEXT(t.data, want);
    fn_free(t.data);
}

TEST(csv)
{
    expect(FN_VECTORS_CSV, "a.jpg,0.100000001,-2\n"
                           "\"b, \"\"c\"\".jpg\",1e-30,16777216\n");
}

TEST(json_lines)
{
    expect(FN_VECTORS_JSONL,
           "{\"image\": \"a.jpg\", \"embedding\": [0.100000001, -2]}\n"
           "{\"image\": \"b, \\\"c\\\".jpg\", \"embedding\": [1e-30, 16777216]}\n");
}

TEST(json_lines_need_utf8)
{
    char *bad[] = {"\xff.jpg"};
    fn_text t = {NULL};
    fn_vectors v = {bad, numbers, 1, 2};
    CHECK_FAILS(fn_vectors_put(&t, &v, FN_VECTORS_JSONL), FN_EDATA, "not UTF-8");
    fn_free(t.data);
}

TEST(npy)
{
    fn_text t = {NULL};
    CHECK_OK(fn_vectors_put(&t, &two, FN_VECTORS_NPY));
    CHECK_INT(t.size, 128 + sizeof numbers);
    CHECK(memcmp(t.data, "\x93NUMPY\x01\0\x76\0{'descr': '<f4'", 25) == 0);
    CHECK(t.data[127] == '\n');
    CHECK(memcmp(t.data + 128, numbers, sizeof numbers) == 0);
    fn_free(t.data);
}

TEST(no_memory)
{
    for (int format = FN_VECTORS_CSV; format <= FN_VECTORS_NPY; format++) {
        fn_text t = {NULL};
        fn_fail_alloc(1);
        CHECK_OK(fn_vectors_put(&t, &two, (fn_vectors_format)format));
        fn_fail_alloc(0);
        CHECK(t.failed);
        fn_free(t.data);
    }
}
