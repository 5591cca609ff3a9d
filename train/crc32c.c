/* crc32c -- reflected polynomial 0x82F63B78, half a byte at a time: a run writes some
 * kilobytes an hour, so the small table is enough. */
#include "train/crc32c.h"

static const uint32_t table[16] = {
    0x00000000, 0x105EC76F, 0x20BD8EDE, 0x30E349B1, 0x417B1DBC, 0x5125DAD3,
    0x61C69362, 0x7198540D, 0x82F63B78, 0x92A8FC17, 0xA24BB5A6, 0xB21572C9,
    0xC38D26C4, 0xD3D3E1AB, 0xE330A81A, 0xF36E6F75,
};

uint32_t fn_crc32c(const void *data, size_t size)
{
    const uint8_t *byte = data;
    uint32_t c = 0xFFFFFFFF;
    for (size_t i = 0; i < size; i++) {
        c ^= byte[i];
        c = c >> 4 ^ table[c & 15];
        c = c >> 4 ^ table[c & 15];
    }
    return ~c;
}
