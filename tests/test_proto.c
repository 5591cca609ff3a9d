/* test_proto.c -- known bytes of protobuf's documentation, lengths that grow, the bound. */
#include "core/mem.h"
#include "core/proto.h"
#include "tests/test.h"

static void check_bytes(fn_proto *p, const char *want, size_t size)
{
    CHECK_OK(fn_proto_status(p));
    CHECK_INT(p->size, size);
    CHECK(p->size == size && memcmp(p->data, want, size) == 0);
    fn_proto_close(p);
}

TEST(numbers)
{
    fn_proto p = {0};
    fn_proto_int(&p, 1, 150);
    check_bytes(&p, "\x08\x96\x01", 3);
    fn_proto_int(&p, 1, 0);
    check_bytes(&p, "\x08\x00", 2);
    fn_proto_int(&p, 15, 127);
    check_bytes(&p, "\x78\x7f", 2);
    fn_proto_int(&p, 20, 128); /* a tag of two bytes */
    check_bytes(&p, "\xa0\x01\x80\x01", 4);
    fn_proto_int(&p, 1, -1);
    check_bytes(&p, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11);
    fn_proto_float(&p, 2, 1);
    check_bytes(&p, "\x15\x00\x00\x80\x3f", 5);
}

TEST(texts)
{
    fn_proto p = {0};
    fn_proto_text(&p, 2, "testing");
    fn_proto_text(&p, 2, "");
    fn_proto_bytes(&p, 3, "\0\1", 2);
    check_bytes(&p, "\x12\x07testing\x12\x00\x1a\x02\x00\x01", 15);
}

TEST(messages)
{
    fn_proto p = {0};
    size_t outer = fn_proto_begin(&p, 3);
    fn_proto_int(&p, 1, 150);
    size_t inner = fn_proto_begin(&p, 4);
    fn_proto_end(&p, inner);
    fn_proto_end(&p, outer);
    fn_proto_int(&p, 1, 1);
    check_bytes(&p, "\x1a\x05\x08\x96\x01\x22\x00\x08\x01", 9);
}

/* Content of `size` bytes two messages deep: the bytes are where the lengths say. */
static void check_nested(size_t size, size_t want)
{
    fn_proto p = {0};
    char *content = fn_alloc(size, 1);
    memset(content, 'x', size);
    content[0] = '<';
    content[size - 1] = '>';
    size_t outer = fn_proto_begin(&p, 1), inner = fn_proto_begin(&p, 1);
    fn_proto_bytes(&p, 1, content, size);
    fn_proto_end(&p, inner);
    fn_proto_end(&p, outer);
    CHECK_OK(fn_proto_status(&p));
    CHECK_INT(p.size, want);
    size_t at = 0;
    for (int depth = 0; depth < 3; depth++) {
        size_t length = 0;
        CHECK_INT(p.data[at++], 0x0a);
        for (int shift = 0; shift == 0 || p.data[at - 1] & 0x80; shift += 7)
            length |= (size_t)(p.data[at++] & 0x7f) << shift;
        CHECK_INT(length, p.size - at);
    }
    CHECK(memcmp(p.data + at, content, size) == 0);
    fn_proto_close(&p);
    fn_free(content);
}

TEST(lengths_of_every_width)
{
    check_nested(1, 7);
    check_nested(123, 129); /* the outer length is 127, the last of one byte */
    check_nested(124, 131);
    check_nested(125, 132);
    check_nested(16000, 16009);
    check_nested(3000000, 3000015);
}

TEST(the_bound)
{
    fn_proto p = {0};
    fn_proto_text(&p, 1, "kept");
    size_t open = fn_proto_begin(&p, 2);
    fn_proto_bytes(&p, 1, "nobody reads this", FN_PROTO_MAX);
    size_t size = p.size;
    fn_proto_int(&p, 1, 1);
    fn_proto_end(&p, open);
    CHECK_INT(p.size, size);
    CHECK_FAILS(fn_proto_status(&p), FN_EUNSUPPORTED, "larger than protobuf's 2 GiB");
    fn_proto_close(&p);
    fn_proto_bytes(&p, 1, "nor this", SIZE_MAX);
    CHECK_FAILS(fn_proto_status(&p), FN_EUNSUPPORTED, "2 GiB");
    fn_proto_close(&p);
}

TEST(memory_runs_out)
{
    for (long n = 1;; n++) {
        fn_proto p = {0};
        fn_fail_alloc(n);
        size_t open = fn_proto_begin(&p, 1);
        for (int i = 0; i < 100; i++)
            fn_proto_float(&p, 1, 1);
        fn_proto_end(&p, open);
        fn_fail_alloc(0);
        bool failed = fn_proto_status(&p) != FN_OK;
        if (failed)
            CHECK_FAILS(fn_proto_status(&p), FN_ENOMEM, "no memory");
        else
            CHECK_INT(p.size, 503);
        fn_proto_close(&p);
        if (!failed) {
            CHECK(n > 2);
            return;
        }
    }
}
