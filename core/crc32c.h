/* crc32c.h -- the Castagnoli checksum (RFC 3720, B.4): of TensorBoard's records, and of the
 * images in a pack. */
#ifndef FN_CORE_CRC32C_H
#define FN_CORE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t fn_crc32c(const void *data, size_t size);

#endif
