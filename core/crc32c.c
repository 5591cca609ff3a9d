/* crc32c -- reflected polynomial 0x82F63B78, eight bytes at a time: table[k][v] is what the byte
 * v does to the checksum with k bytes of zeros behind it (Kounavis and Berry 2005). */
#include "core/crc32c.h"

#include <pthread.h>

static uint32_t table[8][256];
static pthread_once_t made = PTHREAD_ONCE_INIT;

static void make_table(void)
{
    for (uint32_t v = 0; v < 256; v++) {
        uint32_t c = v;
        for (int bit = 0; bit < 8; bit++)
            c = c & 1 ? c >> 1 ^ 0x82F63B78 : c >> 1;
        table[0][v] = c;
    }
    for (int k = 1; k < 8; k++)
        for (int v = 0; v < 256; v++) {
            uint32_t c = table[k - 1][v];
            table[k][v] = c >> 8 ^ table[0][c & 255];
        }
}

uint32_t fn_crc32c(const void *data, size_t size)
{
    const uint8_t *p = data;
    uint32_t c = 0xFFFFFFFF;
    pthread_once(&made, make_table);
    for (; size >= 8; size -= 8, p += 8) {
        c = table[7][p[0] ^ (c & 255)] ^ table[6][p[1] ^ (c >> 8 & 255)] ^
            table[5][p[2] ^ (c >> 16 & 255)] ^ table[4][p[3] ^ c >> 24] ^ table[3][p[4]] ^
            table[2][p[5]] ^ table[1][p[6]] ^ table[0][p[7]];
    }
    for (; size > 0; size--, p++)
        c = c >> 8 ^ table[0][(c ^ *p) & 255];
    return ~c;
}
