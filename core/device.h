/* device.h -- a GPU: its memory, its queue of work, and what can go wrong with it.
 *
 * Implemented by core/device_cuda.c, by core/device_none.c in a build without CUDA, and by
 * tests/emu/ on the CPU. An fn_device is one thread's at a time. After FN_EDEVICE from anything
 * but fn_device_open its memory can no longer be trusted: close it. */
#ifndef FN_CORE_DEVICE_H
#define FN_CORE_DEVICE_H

#include "core/status.h"

#include <stddef.h>

typedef struct fn_device fn_device;

/* The GPU with this number, counted as the driver counts. FN_ENODEVICE with the reason: a
 * build without CUDA, no driver, one that is too old, no GPU, one older than sm_80. */
fn_status fn_device_open(fn_device **out, int number) FN_CHECKED;
void fn_device_close(fn_device *d);

typedef struct fn_device_facts {
    char name[64];
    int number, architecture;   /* 90: sm_90 */
    size_t memory, free_memory; /* bytes; free: now */
    int processors;             /* streaming multiprocessors */
} fn_device_facts;
fn_status fn_device_ask(const fn_device *d, fn_device_facts *facts) FN_CHECKED;

/* The queue: what is queued runs in order, and after the call that queued it returned. A
 * cudaStream_t for kernels and libraries. */
void *fn_device_stream(const fn_device *d);
fn_status fn_device_wait(fn_device *d) FN_CHECKED; /* until all that is queued is done */

/* The queue of everything that names none, and one beside it, of uploads alone. Neither waits for
 * the other but for an event. */
typedef enum fn_queue { FN_QUEUE_WORK, FN_QUEUE_UPLOADS } fn_queue;

/* A place in a queue. One that was never recorded is past. */
typedef struct fn_event fn_event;
fn_status fn_event_open(fn_event **out, fn_device *d) FN_CHECKED;
void fn_event_close(fn_event *e); /* waits until it is past; accepts NULL */
/* Behind all that is queued there now; what the event was before is forgotten. */
fn_status fn_event_record(fn_event *e, fn_queue q) FN_CHECKED;
/* What is queued there from now on begins when the event is past. */
fn_status fn_event_follow(const fn_event *e, fn_queue q) FN_CHECKED;
/* The caller waits until it is past. */
fn_status fn_event_wait(const fn_event *e) FN_CHECKED;

/* 256-byte aligned, not zeroed. FN_ENOMEM says how much there is. */
fn_status fn_device_alloc(fn_device *d, void **out, size_t bytes) FN_CHECKED;
void fn_device_free(fn_device *d, void *p); /* accepts NULL; waits for the queue */
/* Of the host's memory, pinned: copies from and to it go on while the caller does. */
fn_status fn_device_pin(fn_device *d, void **out, size_t bytes) FN_CHECKED;
void fn_device_unpin(fn_device *d, void *p);

/* Queued. The host's memory must stay as it is until it is done: for memory that is not pinned,
 * until the call returns. */
fn_status fn_device_upload(fn_device *d, void *to, const void *from,
                           size_t bytes) FN_CHECKED;
fn_status fn_device_download(fn_device *d, void *to, const void *from,
                             size_t bytes) FN_CHECKED;
/* On FN_QUEUE_UPLOADS, from pinned memory. */
fn_status fn_device_upload_beside(fn_device *d, void *to, const void *from,
                                  size_t bytes) FN_CHECKED;
fn_status fn_device_copy(fn_device *d, void *to, const void *from, size_t bytes) FN_CHECKED;
fn_status fn_device_zero(fn_device *d, void *to, size_t bytes) FN_CHECKED;

/* Between fn_device_record and fn_device_recorded, which ends it whatever comes, what goes to the
 * queue of work is not done but kept, launches and calls of libraries with the arguments that
 * they have then; fn_recording_play queues all of it at once, as often as one likes. What is
 * recorded has run before, or libraries would still have something to load. Nothing may wait
 * meanwhile, claim or give back memory of the GPU, or copy from or to memory of the host that is
 * not pinned. fn_device_forget drops it, in place of fn_device_recorded. */
typedef struct fn_recording fn_recording;
fn_status fn_device_record(fn_device *d) FN_CHECKED;
fn_status fn_device_recorded(fn_device *d, fn_recording **out) FN_CHECKED;
void fn_device_forget(fn_device *d);
fn_status fn_recording_play(const fn_recording *r) FN_CHECKED;
void fn_recording_close(fn_recording *r); /* before its device; accepts NULL */

/* What a launcher of kernels/launch.h returned: 0, or an error of CUDA's, put into words. */
fn_status fn_device_check(int error, const char *doing) FN_CHECKED;

#endif
