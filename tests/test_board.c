/* test_board.c -- event files byte by byte. tests/test_board.py has TensorBoard read what
 * `test_board drive` writes to the folder FN_BOARD. */
#include "core/crc32c.h"
#include "core/file.h"
#include "core/mem.h"
#include "tests/test.h"
#include "train/board.h"

#include <signal.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* --- the checksum --- */

TEST(crc32c_of_the_standard)
{
    uint8_t block[32] = {0}; /* RFC 3720, B.4 */
    CHECK_INT(fn_crc32c("123456789", 9), 0xE3069283);
    CHECK_INT(fn_crc32c("", 0), 0);
    CHECK_INT(fn_crc32c(block, 32), 0x8A9136AA);
    memset(block, 0xff, 32);
    CHECK_INT(fn_crc32c(block, 32), 0x62A8AB43);
    for (int i = 0; i < 32; i++)
        block[i] = (uint8_t)i;
    CHECK_INT(fn_crc32c(block, 32), 0x46DD794E);
}

/* --- scratch --- */

static char folder[64];

static void open_folder(void)
{
    strcpy(folder, "/tmp/fn_board_XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
}

static void close_folder(void)
{
    CHECK_OK(fn_file_remove_tree(folder));
}

static void write_file(const char *name, const char *text)
{
    char *path = fn_file_join(folder, name);
    CHECK_OK(fn_file_replace(path, text, strlen(text)));
    fn_free(path);
}

/* The bytes of the folder's file number i in order of names, of `count`. */
static void read_file(char **data, size_t *size, int i, int count)
{
    char **name;
    int n;
    *data = NULL;
    *size = 0;
    CHECK_OK(fn_file_names(&name, &n, folder));
    CHECK_INT(n, count);
    if (i < n) {
        char *path = fn_file_join(folder, name[i]);
        CHECK_OK(fn_file_read(data, size, path, 1 << 20));
        fn_free(path);
    }
    fn_file_names_free(name, n);
}

/* --- records --- */

static uint64_t little(const uint8_t *p, int bytes)
{
    uint64_t v = 0;
    for (int i = bytes - 1; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

/* The checksum bit by bit, apart from the product's table. */
static uint32_t masked(const uint8_t *p, size_t n)
{
    uint32_t c = 0xFFFFFFFF;
    for (size_t i = 0; i < 8 * n; i++) {
        c ^= (uint32_t)(p[i / 8] >> i % 8 & 1);
        c = c >> 1 ^ (c & 1 ? 0x82F63B78 : 0);
    }
    c = ~c;
    return ((c >> 15) | (c << 17)) + 0xA282EAD8;
}

/* Walks one record; its event must be a fresh wall_time and then `want`. */
static void expect_record(const uint8_t **at, const uint8_t *end, const char *want,
                          size_t size)
{
    double wall;
    const uint8_t *p = *at;
    CHECK(end - p >= 16);
    if (end - p < 16)
        return;
    CHECK_INT(little(p, 8), size + 9);
    CHECK_INT(little(p + 8, 4), masked(p, 8));
    *at = p + 12 + size + 9 + 4;
    CHECK(*at <= end);
    if (*at > end)
        return;
    CHECK_INT(little(p + 12 + size + 9, 4), masked(p + 12, size + 9));
    CHECK_INT(p[12], 0x09);
    memcpy(&wall, p + 13, 8);
    CHECK_NEAR(wall, (double)time(NULL), 100);
    CHECK(memcmp(p + 21, want, size) == 0);
}

#define RECORD(at, end, bytes) expect_record(at, end, bytes, sizeof bytes - 1)

TEST(board_writes_these_bytes)
{
    fn_board *b;
    char *data;
    size_t size;
    open_folder();
    CHECK_OK(fn_board_open(&b, folder, 300));
    CHECK_OK(fn_board_scalar(b, "a/b", 300, -2));
    CHECK_OK(fn_board_scalar(b, "a", 128, 1));
    CHECK_OK(fn_board_scalar(b, "a", 5000000000, 1));
    CHECK_OK(fn_board_text(b, "t", 301, "Hi"));
    CHECK_OK(fn_board_flush(b));
    read_file(&data, &size, 0, 1); /* flushed means readable, before it is closed */
    fn_board_close(b);
    const uint8_t *at = (uint8_t *)data, *end = at + size;
    RECORD(&at, end,
           "\x1A\x0D"
           "brain.Event:2");
    RECORD(&at, end,
           "\x10\xAC\x02"
           "\x3A\x02\x08\x01");
    RECORD(&at, end,
           "\x10\xAC\x02"
           "\x2A\x0C\x0A\x0A\x0A\x03"
           "a/b"
           "\x15\x00\x00\x00\xC0");
    RECORD(&at, end,
           "\x10\x80\x01"
           "\x2A\x0A\x0A\x08\x0A\x01"
           "a"
           "\x15\x00\x00\x80\x3F");
    RECORD(&at, end,
           "\x10\x80\xE4\x97\xD0\x12"
           "\x2A\x0A\x0A\x08\x0A\x01"
           "a"
           "\x15\x00\x00\x80\x3F");
    RECORD(&at, end,
           "\x10\xAD\x02"
           "\x2A\x1F\x0A\x1D\x0A\x01"
           "t"
           "\x42\x0C\x08\x07"
           "\x12\x04\x12\x02\x08\x01"
           "\x42\x02"
           "Hi"
           "\x4A\x0A\x20\x02\x0A\x06\x0A\x04"
           "text");
    CHECK(at == end);
    fn_free(data);
    close_folder();
}

/* --- names --- */

static void expect_newest(const char *prefix, int count)
{
    char **name;
    int n;
    CHECK_OK(fn_file_names(&name, &n, folder));
    CHECK_INT(n, count);
    if (n > 0 && strncmp(name[n - 1], prefix, strlen(prefix)) != 0)
        FN_TEST_FAIL("the newest is %s, expected %s...", name[n - 1], prefix);
    fn_file_names_free(name, n);
}

static void open_once(int64_t step)
{
    fn_board *b = NULL;
    CHECK_OK(fn_board_open(&b, folder, step));
    fn_board_close(b);
}

TEST(board_makes_a_file_that_sorts_last)
{
    char now[64];
    open_folder();
    write_file("a_text", "");
    write_file("zzz.csv", ""); /* what is not an event file does not count */
    open_once(0);
    close_folder();
    open_folder();
    snprintf(now, sizeof now, "events.out.tfevents.%010lld", (long long)time(NULL));
    now[strlen(now) - 3] = '\0';
    open_once(0);
    expect_newest(now, 1);
    open_once(1); /* in the same second */
    open_once(2);
    expect_newest(now, 3);
    write_file("events.out.tfevents.8999999999.some.host.1.0", "torn"); /* a wrong clock */
    open_once(3);
    expect_newest("events.out.tfevents.9000000000.", 5);
    open_once(4);
    expect_newest("events.out.tfevents.9000000001.", 6);
    close_folder();
}

TEST(board_refuses_a_folder_where_nothing_can_sort_last)
{
    fn_board *b = (fn_board *)folder;
    open_folder();
    write_file("events.out.tfevents.zzz", "");
    CHECK_FAILS(fn_board_open(&b, folder, 0), FN_EEXIST,
                "events.out.tfevents.zzz: no new event file could sort after it");
    CHECK(!b);
    write_file("zz.tfevents", "");
    CHECK_FAILS(fn_board_open(&b, folder, 0), FN_EEXIST, "zz.tfevents");
    close_folder();
    open_folder();
    write_file("events.out.tfevents.9999999999", "");
    CHECK_FAILS(fn_board_open(&b, folder, 0), FN_EEXIST, "tfevents.9999999999: no new");
    close_folder();
}

/* TensorBoard purges as soon as it sees the start, so that must not wait for a first scalar. */
TEST(board_starts_on_the_disk)
{
    fn_board *b;
    char *data;
    size_t size;
    open_folder();
    CHECK_OK(fn_board_open(&b, folder, 5));
    read_file(&data, &size, 0, 1);
    CHECK_INT(size, 16 + 9 + 15 + 16 + 9 + 6);
    fn_free(data);
    fn_board_close(b);
    close_folder();
}

TEST(board_never_touches_an_older_file)
{
    char *data;
    size_t size;
    open_folder();
    write_file("events.out.tfevents.1000000000.host.1.0", "a torn record");
    open_once(7);
    read_file(&data, &size, 0, 2);
    CHECK_TEXT(data ? data : "", "a torn record");
    fn_free(data);
    close_folder();
}

/* --- trouble --- */

TEST(board_needs_a_folder)
{
    fn_board *b;
    CHECK_FAILS(fn_board_open(&b, "/tmp/fn_board_nowhere", 0), FN_ENOENT,
                "/tmp/fn_board_nowhere");
    CHECK(!b);
    fn_board_close(NULL);
}

/* A full disk, played by a limit on the size of files. Few scalars stay in the buffer until
 * they are flushed; many do not. */
static void check_full_disk(int scalars)
{
    struct rlimit limit, small;
    fn_board *b;
    fn_status rc = FN_OK;
    open_folder();
    CHECK_OK(fn_board_open(&b, folder, 0));
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    small = (struct rlimit){100, limit.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    for (int i = 0; i < scalars && rc == FN_OK; i++)
        rc = fn_board_scalar(b, "a", i, 1);
    if (rc == FN_OK)
        rc = fn_board_flush(b);
    setrlimit(RLIMIT_FSIZE, &limit);
    CHECK_INT(rc, FN_EIO);
    CHECK(strstr(fn_last_error(), "tfevents") && strstr(fn_last_error(), "write"));
    fn_board_close(b);
    close_folder();
}

TEST(board_tells_when_nothing_fits_anymore)
{
    check_full_disk(5);
    check_full_disk(5000);
}

static fn_status write_some(fn_board **b)
{
    FN_TRY(fn_board_open(b, folder, 0));
    FN_TRY(fn_board_scalar(*b, "a", 1, 1));
    return fn_board_text(*b, "t", 1, "text");
}

/* Every try has a folder of its own: the names in it are allocated too. */
TEST(board_survives_each_failed_allocation)
{
    fn_status rc = FN_ENOMEM;
    int failures = -1;
    for (long n = 1; rc == FN_ENOMEM && n < 100; n++, failures++) {
        fn_board *b = NULL;
        open_folder();
        write_file("events.out.tfevents.0000000001", "");
        fn_fail_alloc(n);
        rc = write_some(&b);
        fn_fail_alloc(0);
        fn_board_close(b);
        close_folder();
    }
    CHECK_OK(rc);
    CHECK(failures >= 7); /* board, names, path, four events */
}

/* --- for TensorBoard --- */

static long number(const char *name)
{
    const char *text = getenv(name);
    return text ? strtol(text, NULL, 10) : 0;
}

/* Scalars 1/step and 1000 + step + FN_BOARD_SHIFT, and two texts. */
TEST(drive)
{
    const char *to = getenv("FN_BOARD");
    fn_board *b;
    char text[32];
    if (!to)
        SKIP("FN_BOARD is not set: test_board.py runs this one");
    long first = number("FN_BOARD_FIRST"), last = number("FN_BOARD_LAST");
    CHECK_OK(fn_board_open(&b, to, first));
    for (long step = first; step <= last; step++) {
        CHECK_OK(fn_board_scalar(b, "train/loss", step, step ? 1.0 / (double)step : NAN));
        CHECK_OK(fn_board_scalar(b, "val", step,
                                 (double)(1000 + step + number("FN_BOARD_SHIFT"))));
        snprintf(text, sizeof text, "step *%ld* \xC3\xA9", step);
        if (step == first || step == last)
            CHECK_OK(fn_board_text(b, "note", step, text));
    }
    CHECK_OK(fn_board_flush(b));
    fn_board_close(b);
}
