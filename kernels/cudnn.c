/* The device that plans are made for, and the bag that holds cuDNN's descriptors. */
#include "kernels/cudnn.h"

#include "core/mem.h"
#include "kernels/cudnn_backend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cuda_runtime_api.h>

enum { OLDEST = 90800 }; /* the first that makes plans without a device */

/* --- reasons --- */

enum { LOG_BYTES = 1 << 16 };

static const char first_reason[] = "Reason: ";

/* cuDNN keeps, per thread, what it refused: for each engine a line of JSON, then why, from the
 * innermost function outwards. The first reason after an engine is the one that says most. */
static const char *next_reason(const char **at, long *engine)
{
    const char *json = strstr(*at, "\"engineId\":"), *reason = strstr(*at, first_reason);
    *engine = -1;
    if (!reason)
        return NULL;
    if (json && json < reason)
        *engine = strtol(json + strlen("\"engineId\":"), NULL, 10);
    const char *next = strstr(reason, "\"engineId\":");
    *at = next ? next : reason + strlen(reason);
    return reason + strlen(first_reason);
}

static void put_reason(char *text, size_t size, const char *reason, long engine)
{
    char line[160];
    size_t at = strlen(text);
    snprintf(line, sizeof line, "%.*s", (int)strcspn(reason, "\n"), reason);
    if (strstr(text, line))
        return;
    if (engine >= 0)
        snprintf(text + at, size - at, "%sengine %ld: %s", at ? "; " : "", engine, line);
    else
        snprintf(text + at, size - at, "%s%s", at ? "; " : "", line);
}

void fn_cudnn_reasons(char *text, size_t size)
{
    char *log = fn_alloc(LOG_BYTES, 1);
    long engine;
    *text = '\0';
    if (!log)
        return;
    cudnnGetLastErrorString(log, LOG_BYTES);
    const char *at = log, *reason;
    while ((reason = next_reason(&at, &engine)))
        put_reason(text, size, reason, engine);
    if (!*text) /* of a wrong parameter it writes the condition alone */
        put_reason(text, size, log, -1);
    fn_free(log);
}

void fn_cudnn_forget_reasons(void)
{
    char nothing[1];
    cudnnGetLastErrorString(nothing, sizeof nothing);
}

/* --- the bag --- */

static void note(fn_cudnn_bag *b, cudnnStatus_t s)
{
    if (s == CUDNN_STATUS_SUCCESS || b->bad)
        return;
    b->bad = s;
    fn_cudnn_reasons(b->reason, sizeof b->reason);
}

fn_cudnn_part fn_cudnn_add(fn_cudnn_bag *b, cudnnBackendDescriptorType_t type)
{
    fn_cudnn_part part = NULL;
    if (b->bad)
        return NULL;
    if (b->n == FN_CUDNN_PARTS)
        note(b, CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED);
    else
        note(b, cudnnBackendCreateDescriptor(type, &part));
    if (part)
        b->part[b->n++] = part;
    return part;
}

void fn_cudnn_set(fn_cudnn_bag *b, fn_cudnn_part part, cudnnBackendAttributeName_t name,
                  cudnnBackendAttributeType_t type, int64_t count, const void *value)
{
    if (!b->bad)
        note(b, cudnnBackendSetAttribute(part, name, type, count, value));
}

void fn_cudnn_link(fn_cudnn_bag *b, fn_cudnn_part part, cudnnBackendAttributeName_t name,
                   fn_cudnn_part other)
{
    fn_cudnn_set(b, part, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &other);
}

void fn_cudnn_finish(fn_cudnn_bag *b, fn_cudnn_part part)
{
    if (!b->bad)
        note(b, cudnnBackendFinalize(part));
}

int fn_cudnn_get(fn_cudnn_bag *b, fn_cudnn_part part, cudnnBackendAttributeName_t name,
                 cudnnBackendAttributeType_t type, int room, void *value)
{
    int64_t count = 0;
    if (b->bad)
        return 0;
    note(b, cudnnBackendGetAttribute(part, name, type, room, &count, value));
    if (b->bad)
        return 0;
    return room > 0 && count > room ? room : (int)count;
}

static bool among(fn_cudnn_part part, const fn_cudnn_part *keep, int n_keep)
{
    for (int i = 0; i < n_keep; i++)
        if (keep[i] == part)
            return true;
    return false;
}

void fn_cudnn_drop(fn_cudnn_bag *b, int n, const fn_cudnn_part *keep, int n_keep)
{
    int kept = n;
    for (int i = n; i < b->n; i++)
        if (among(b->part[i], keep, n_keep))
            b->part[kept++] = b->part[i];
        else
            cudnnBackendDestroyDescriptor(b->part[i]);
    b->n = kept;
}

fn_status fn_cudnn_status(const fn_cudnn_bag *b, const char *doing)
{
    if (!b->bad)
        return FN_OK;
    bool refused = CUDNN_STATUS_CATEGORY(b->bad) == CUDNN_STATUS_NOT_SUPPORTED;
    return fn_fail(refused ? FN_EUNSUPPORTED : FN_EDEVICE, "%s: %s%s%s%s", doing,
                   cudnnGetErrorString(b->bad), *b->reason ? " (" : "", b->reason,
                   *b->reason ? ")" : "");
}

/* --- the device --- */

static fn_status check_version(void)
{
    size_t v = cudnnGetVersion();
    if (v >= OLDEST && v / 10000 == CUDNN_MAJOR)
        return FN_OK;
    return fn_fail(
        FN_EDEVICE,
        "cuDNN %zu.%zu is installed; facenet was built with %d.%d and runs with "
        "any %d.8 or newer of %d: install one, or run with LD_LIBRARY_PATH at it",
        v / 10000, v / 100 % 100, CUDNN_MAJOR, CUDNN_MINOR, CUDNN_MAJOR, CUDNN_MAJOR);
}

/* The value of "key":, up to the next of `end`; "?" where there is none. */
static void read_key(char *to, size_t size, const char *json, const char *key,
                     const char *end)
{
    const char *at = strstr(json, key);
    snprintf(to, size, "?");
    if (!at)
        return;
    at += strlen(key);
    at += strspn(at, ": \t\n\"");
    snprintf(to, size, "%.*s", (int)strcspn(at, end), at);
}

static void name_place(fn_cudnn *c, const char *json)
{
    char name[80], processors[16];
    size_t v = cudnnGetVersion();
    read_key(name, sizeof name, json, "\"deviceName\"", "\"\n;");
    read_key(processors, sizeof processors, json, "\"multiProcessorCount\"", ",} \n");
    snprintf(c->where, sizeof c->where, "cuDNN %zu.%zu.%zu, %s, %s SMs", v / 10000,
             v / 100 % 100, v % 100, name, processors);
}

fn_status fn_cudnn_device(char **json, const fn_cudnn *c)
{
    fn_cudnn_bag bag = {.n = 0};
    *json = NULL;
    int size = fn_cudnn_get(&bag, c->device, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION,
                            CUDNN_TYPE_CHAR, 0, NULL);
    FN_TRY(fn_cudnn_status(&bag, "the size of the device's description"));
    *json = fn_alloc((size_t)size + 1, 1);
    if (!*json)
        return fn_fail(FN_ENOMEM, "no memory for a description of %d bytes", size);
    fn_cudnn_get(&bag, c->device, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION,
                 CUDNN_TYPE_CHAR, size, *json);
    fn_status rc = fn_cudnn_status(&bag, "the device's description");
    if (rc != FN_OK) {
        fn_free(*json);
        *json = NULL;
    }
    return rc;
}

/* Its properties by number (json NULL), or as they are described. */
static fn_status make_device(fn_cudnn *c, int number, const char *json)
{
    fn_cudnn_bag bag = {.n = 0};
    int32_t id = number;
    char *text;
    fn_cudnn_forget_reasons();
    c->device = fn_cudnn_add(&bag, CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
    if (json)
        fn_cudnn_set(&bag, c->device, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION,
                     CUDNN_TYPE_CHAR, (int64_t)strlen(json), json);
    else
        fn_cudnn_set(&bag, c->device, CUDNN_ATTR_DEVICEPROP_DEVICE_ID, CUDNN_TYPE_INT32, 1,
                     &id);
    fn_cudnn_finish(&bag, c->device);
    FN_TRY(fn_cudnn_status(&bag, "the device's properties"));
    FN_TRY(fn_cudnn_device(&text, c));
    name_place(c, text);
    fn_free(text);
    return FN_OK;
}

static fn_status make_handle(fn_cudnn *c, void *stream)
{
    fn_cudnn_bag bag = {.n = 0};
    c->stream = stream;
    note(&bag, cudnnCreate(&c->handle));
    if (!bag.bad)
        note(&bag, cudnnSetStream(c->handle, c->stream));
    return fn_cudnn_status(&bag, "cuDNN on this device");
}

static fn_status open_device(fn_cudnn *c, void *stream)
{
    int number;
    cudaError_t e = cudaGetDevice(&number);
    if (e != cudaSuccess)
        return fn_fail(FN_EDEVICE, "no CUDA device: %s", cudaGetErrorString(e));
    FN_TRY(make_device(c, number, NULL));
    return make_handle(c, stream);
}

static fn_status open_any(fn_cudnn **out, void *stream, const char *json)
{
    *out = NULL;
    FN_TRY(check_version());
    fn_cudnn *c = fn_alloc(1, sizeof *c);
    if (!c)
        return fn_fail(FN_ENOMEM, "no memory for cuDNN's device");
    fn_status rc = json ? make_device(c, 0, json) : open_device(c, stream);
    if (rc != FN_OK)
        fn_cudnn_close(c);
    else
        *out = c;
    return rc;
}

fn_status fn_cudnn_open(fn_cudnn **out, void *stream)
{
    return open_any(out, stream, NULL);
}

fn_status fn_cudnn_open_described(fn_cudnn **out, const char *json)
{
    return open_any(out, NULL, json);
}

void fn_cudnn_close(fn_cudnn *c)
{
    if (!c)
        return;
    if (c->device)
        cudnnBackendDestroyDescriptor(c->device);
    if (c->handle)
        cudnnDestroy(c->handle);
    fn_free(c);
}

const char *fn_cudnn_where(const fn_cudnn *c)
{
    return c->where;
}

void fn_cudnn_listen(fn_cudnn *c, void (*seen)(void *ctx, const fn_cudnn_conv *what),
                     void *ctx)
{
    c->seen = seen;
    c->seen_ctx = ctx;
}

void fn_cudnn_choose_from(fn_cudnn *c, const fn_engines *chosen)
{
    c->chosen = chosen;
}

fn_status fn_cudnn_can_compile(fn_cudnn *c)
{
    static const fn_cudnn_conv small = {.pass = FN_CUDNN_DGRAD_RELU,
                                        .precision = FN_PRECISION_BF16,
                                        .n = 16,
                                        .h = 8,
                                        .w = 8,
                                        .c = 64,
                                        .k = 64,
                                        .kernel = 3,
                                        .stride = 1,
                                        .pad = 1};
    fn_cudnn_plan *p;
    FN_TRY(fn_cudnn_plan_open_on(&p, c, &small, NULL));
    fn_cudnn_plan_close(p);
    return FN_OK;
}
