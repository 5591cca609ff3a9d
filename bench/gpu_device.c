/* gpu_device.c -- what GPU is here, a line of JSON; and what cuDNN knows of it, the description
 * from which another machine makes plans for it (tests/data/devices), into FILE. `open_s` is what
 * a program waits before it has a GPU at all: driver, cuDNN, cuBLAS.
 *
 *     gpu_device [FILE] */
#include "core/clock.h"
#include "core/file.h"
#include "core/mem.h"
#include "kernels/cudnn.h"
#include "kernels/gpu.h"

#include <stdio.h>
#include <string.h>

static fn_status describe(const fn_gpu *g, double open, const char *path)
{
    char *json;
    fn_device_facts f;
    FN_TRY(fn_device_ask(g->device, &f));
    printf("{\"device\": \"%s\", \"architecture\": %d, \"processors\": %d, \"memory_mb\": "
           "%zu, "
           "\"free_mb\": %zu, \"cudnn\": \"%s\", \"cudnn_compiles\": %s, \"engines\": %d, "
           "\"open_s\": %.2f}\n",
           f.name, f.architecture, f.processors, f.memory >> 20, f.free_memory >> 20,
           fn_cudnn_where(g->cudnn), g->compiles ? "true" : "false",
           fn_engines_count(g->engines), open);
    if (!path)
        return FN_OK;
    FN_TRY(fn_cudnn_device(&json, g->cudnn));
    fn_status rc = fn_file_replace(path, json, strlen(json));
    fn_free(json);
    return rc;
}

int main(int argc, char **argv)
{
    fn_gpu *g;
    double before = fn_clock();
    fn_status rc = fn_gpu_open(&g, 0);
    if (rc == FN_OK)
        rc = describe(g, fn_clock() - before, argc > 1 ? argv[1] : NULL);
    if (rc != FN_OK)
        fprintf(stderr, "gpu_device: %s\n", fn_last_error());
    fn_gpu_close(g);
    return fn_exit_code(rc);
}
