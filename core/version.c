#include "include/facenet.h"

const char *fn_version(void)
{
    return FN_VERSION;
}
