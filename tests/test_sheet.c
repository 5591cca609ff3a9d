/* test_sheet.c -- the network's input back as a picture: the scale, the place, the shrinking. */
#include "core/mem.h"
#include "tests/test.h"
#include "train/sheet.h"

static const uint8_t *pixel(const fn_sheet *s, int x, int y)
{
    return s->pixels.rgb + 3 * (y * s->pixels.width + x);
}

TEST(values_come_back_as_bytes)
{
    fn_sheet s = {.columns = 1, .width = 256, .height = 1};
    float x[256 * 3];
    CHECK_OK(fn_sheet_make(&s, 1));
    CHECK(s.pixels.width == 256 && s.pixels.height == 1);
    for (int i = 0; i < 256; i++)
        for (int c = 0; c < 3; c++)
            x[3 * i + c] = ((float)((i + 50 * c) % 256) - 127.5F) / 128;
    fn_sheet_put(&s, 0, x, 1);
    for (int i = 0; i < 256; i++)
        for (int c = 0; c < 3; c++)
            CHECK_INT(pixel(&s, i, 0)[c], (i + 50 * c) % 256);
    for (int i = 0; i < 6; i++)
        x[i] = (float[]){-1.5F, 1.5F, 0, INFINITY, -INFINITY, 0.99F}[i];
    fn_sheet_put(&s, 0, x, 1);
    CHECK(pixel(&s, 0, 0)[0] == 0 && pixel(&s, 0, 0)[1] == 255 &&
          pixel(&s, 0, 0)[2] == 128);
    CHECK(pixel(&s, 1, 0)[0] == 255 && pixel(&s, 1, 0)[1] == 0);
    fn_sheet_free(&s);
}

/* Two columns of tiles 2 wide and 1 high, a gap of 1: 5 x 3. Slot 3 is left empty. */
TEST(tiles_lie_in_rows_with_white_between)
{
    fn_sheet s = {.columns = 2, .width = 2, .height = 1, .gap = 1};
    CHECK_OK(fn_sheet_make(&s, 2));
    CHECK(s.pixels.width == 5 && s.pixels.height == 3);
    for (int i = 0; i < 3; i++) {
        float x[6];
        for (int k = 0; k < 6; k++)
            x[k] = ((float)(10 * i + k) - 127.5F) / 128;
        fn_sheet_put(&s, i, x, 1);
    }
    static const int want[3][5] = {
        {0, 3, 255, 10, 13}, {255, 255, 255, 255, 255}, {20, 23, 255, 255, 255}};
    for (int y = 0; y < 3; y++)
        for (int u = 0; u < 5; u++)
            CHECK_INT(pixel(&s, u, y)[0], want[y][u]);
    CHECK_INT(pixel(&s, 4, 0)[2], 15);
    fn_sheet_free(&s);
}

/* A block of 2 x 2 has its mean, of its own colour; rows are as wide as the input. */
TEST(shrinking_is_a_mean)
{
    fn_sheet s = {.columns = 1, .width = 2, .height = 1};
    float x[2][4][3];
    CHECK_OK(fn_sheet_make(&s, 1));
    for (int v = 0; v < 2; v++)
        for (int u = 0; u < 4; u++)
            for (int c = 0; c < 3; c++)
                x[v][u][c] = ((float)(8 * v + 40 * u + c) - 127.5F) / 128;
    fn_sheet_put(&s, 0, x[0][0], 2);
    CHECK_INT(pixel(&s, 0, 0)[0], (0 + 40 + 8 + 48) / 4);
    CHECK_INT(pixel(&s, 1, 0)[2], (82 + 122 + 90 + 130) / 4);
    fn_sheet_free(&s);
}

TEST(no_memory_is_told)
{
    fn_sheet s = {.columns = 1, .width = 2, .height = 2};
    fn_fail_alloc(1);
    CHECK_FAILS(fn_sheet_make(&s, 1), FN_ENOMEM, "");
    fn_fail_alloc(0);
    fn_sheet_free(&s);
}
