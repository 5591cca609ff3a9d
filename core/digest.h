/* digest.h -- SHA-256 as lower-case hex; the only place that includes OpenSSL. */
#ifndef FN_CORE_DIGEST_H
#define FN_CORE_DIGEST_H

#include "core/status.h"

enum { FN_DIGEST_BYTES = 65 };

fn_status fn_digest(char hex[FN_DIGEST_BYTES], const void *data, size_t size) FN_CHECKED;
fn_status fn_digest_file(char hex[FN_DIGEST_BYTES], const char *path) FN_CHECKED;

#endif
