#include "kernels/precision.h"

#include "kernels/dnnl.h"

#include <string.h>

const char *const fn_precision_names[] = {"fp32", "tf32", "bf16", "u8", NULL};

int fn_precision_find(const char *name)
{
    for (int p = 0; fn_precision_names[p]; p++)
        if (strcmp(fn_precision_names[p], name) == 0)
            return p;
    return -1;
}

/* oneDNN emulates bf16 on AVX-512 without it, more slowly than it computes in float. */
static fn_status accept_bf16(void)
{
    if (!fn_dnnl_has_bf16())
        return fn_fail(
            FN_EUNSUPPORTED,
            "bf16 is slower than fp32 on a processor without instructions for it "
            "(avx512_bf16, amx_bf16), as this one: take fp32");
    return FN_OK;
}

/* Without VNNI oneDNN adds products of bytes in 16 bits, which overflow. */
static fn_status accept_u8(void)
{
    if (!fn_dnnl_has_vnni())
        return fn_fail(FN_EUNSUPPORTED,
                       "u8 needs a processor that adds up products of bytes without loss "
                       "(avx512_vnni, avx_vnni), and this one does not: take fp32");
    return FN_OK;
}

fn_status fn_precision_accept(fn_precision p, fn_backend b, bool exact)
{
    if (p == FN_PRECISION_FP32)
        return FN_OK;
    if (p != FN_PRECISION_TF32 && p != FN_PRECISION_BF16 && p != FN_PRECISION_U8)
        return fn_fail(FN_EINVAL, "%d is no precision", (int)p);
    if (b == FN_REF)
        return fn_fail(FN_EUNSUPPORTED,
                       "the reference computes in double: it takes no other precision");
    if (exact)
        return fn_fail(
            FN_EINVAL,
            "exact asks for every digit and %s keeps two or three: take one of them",
            fn_precision_names[p]);
    if (b == FN_CUDA)
        return p == FN_PRECISION_U8
                   ? fn_fail(FN_EUNSUPPORTED, "u8 is for CPUs: a GPU takes "
                                              "fp32, tf32 or bf16")
                   : FN_OK;
    if (p == FN_PRECISION_TF32)
        return fn_fail(FN_EUNSUPPORTED,
                       "tf32 is a format of CUDA's processors: a CPU takes "
                       "fp32, bf16 or, to embed, u8");
    return p == FN_PRECISION_BF16 ? accept_bf16() : accept_u8();
}
