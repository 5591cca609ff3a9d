/* engines.h -- which engine computes a convolution: choices measured on a device, kept in a
 * text file. cuDNN has dozens of engines for every convolution and guesses the fastest; a
 * choice that is written down is the same in every run. One line a choice:
 *
 *   WHAT -> ENGINE KNOB=VALUE KNOB=VALUE ...; WHERE
 *
 * WHAT is fn_cudnn_text, WHERE the version of cuDNN and the device for which the choice is
 * good; one file may hold several. Blank lines and lines that begin with # mean nothing.
 *
 * The file of a device is configs/engines/DEVICE.txt of the working folder, else the installed
 * share/facenet/engines/DEVICE.txt (fn_file_installed), of which a build folder has its own. */
#ifndef FN_KERNELS_ENGINES_H
#define FN_KERNELS_ENGINES_H

#include "core/status.h"

enum { FN_ENGINE_KNOBS = 48 };

typedef struct fn_engine {
    int64_t id;
    int n_knob;
    struct {
        int64_t type, value; /* as cuDNN numbers them */
    } knob[FN_ENGINE_KNOBS];
} fn_engine;

typedef struct fn_engines fn_engines;

/* A file that does not exist is an empty one. Errors: FN_EDATA names the line. */
fn_status fn_engines_open(fn_engines **out, const char *path) FN_CHECKED;
/* The file of the device that calls itself so: "NVIDIA H200". An empty list where there is none. */
fn_status fn_engines_open_for(fn_engines **out, const char *device) FN_CHECKED;
void fn_engines_close(fn_engines *e);

/* "nvidia-h200.txt". */
void fn_engines_file(char *name, size_t size, const char *device);

int fn_engines_count(const fn_engines *e);
/* Choice i of fn_engines_count; what and where live as fn_engines_find's result does. */
const fn_engine *fn_engines_at(const fn_engines *e, int i, const char **what,
                               const char **where);
/* Lives until the next fn_engines_put; NULL: none. */
const fn_engine *fn_engines_find(const fn_engines *e, const char *what, const char *where);
/* "configs/engines/nvidia-h200.txt:12", where a choice of fn_engines_find was read; without a
 * number where it was put. */
void fn_engines_place(char *text, size_t size, const fn_engines *e,
                      const fn_engine *choice);
/* Adds a choice or replaces the one that was there; copies all. */
fn_status fn_engines_put(fn_engines *e, const char *what, const char *where,
                         const fn_engine *choice) FN_CHECKED;
fn_status fn_engines_save(const fn_engines *e, const char *path) FN_CHECKED;

/* "41 2=4 13=0", as a line has it. */
void fn_engine_text(char *text, size_t size, const fn_engine *choice);

#endif
