/* pack_format.h -- the names inside a pack's file (docs/formats.md, "Packs"). */
#ifndef FN_DATA_PACK_FORMAT_H
#define FN_DATA_PACK_FORMAT_H

#define FN_PACK_FORMAT "facenet pack 1" /* the text "format" */

#define FN_PACK_BYTES  "bytes"  /* U8, contiguous: the images, end to end */
#define FN_PACK_OFFSET "offset" /* I64 [images + 1] */
#define FN_PACK_CRC \
    "crc32c" /* I64 [images]: of each image's bytes; absent in older packs */
#define FN_PACK_FIRST  "first"  /* I32 [people + 1] */
#define FN_PACK_PEOPLE "people" /* U8: names, each closed by '\0' */
#define FN_PACK_NAMES  "names"  /* U8: names of the images, likewise */

#endif
