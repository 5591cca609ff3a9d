#include "core/digest.h"

#include <stdio.h>

#include <openssl/evp.h>

enum { PIECE = 1 << 16 };

static fn_status start(EVP_MD_CTX **out)
{
    *out = EVP_MD_CTX_new();
    if (!*out)
        return fn_fail(FN_ENOMEM, "no memory for a SHA-256");
    if (EVP_DigestInit_ex(*out, EVP_sha256(), NULL) != 1)
        return fn_fail(FN_EUNSUPPORTED, "this OpenSSL offers no SHA-256: check its "
                                        "configuration");
    return FN_OK;
}

static fn_status add(EVP_MD_CTX *c, const void *data, size_t size)
{
    if (EVP_DigestUpdate(c, data, size) != 1)
        return fn_fail(FN_EINTERNAL, "OpenSSL cannot continue a SHA-256");
    return FN_OK;
}

static fn_status finish(char hex[FN_DIGEST_BYTES], EVP_MD_CTX *c)
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    if (EVP_DigestFinal_ex(c, sum, NULL) != 1)
        return fn_fail(FN_EINTERNAL, "OpenSSL cannot finish a SHA-256");
    for (size_t i = 0; i < (FN_DIGEST_BYTES - 1) / 2; i++)
        snprintf(hex + 2 * i, 3, "%02x", sum[i]);
    return FN_OK;
}

fn_status fn_digest(char hex[FN_DIGEST_BYTES], const void *data, size_t size)
{
    EVP_MD_CTX *c = NULL;
    fn_status rc;
    FN_GO(start(&c));
    FN_GO(add(c, data, size));
    rc = finish(hex, c);
out:
    EVP_MD_CTX_free(c);
    return rc;
}

static fn_status add_file(EVP_MD_CTX *c, FILE *file, const char *path)
{
    char piece[PIECE];
    size_t n;
    while ((n = fread(piece, 1, sizeof piece, file)) > 0)
        FN_TRY(add(c, piece, n));
    return ferror(file) ? fn_fail_errno(path, "read") : FN_OK;
}

fn_status fn_digest_file(char hex[FN_DIGEST_BYTES], const char *path)
{
    EVP_MD_CTX *c = NULL;
    FILE *file = fopen(path, "rb");
    fn_status rc;
    if (!file)
        return fn_fail_errno(path, "open");
    FN_GO(start(&c));
    FN_GO(add_file(c, file, path));
    rc = finish(hex, c);
out:
    EVP_MD_CTX_free(c);
    fclose(file);
    return rc;
}
