/* flat.h -- parameters in one buffer, of every kind and of odd sizes, for tests of optimizers. */
#ifndef FN_TESTS_FLAT_H
#define FN_TESTS_FLAT_H

#include "nn/params.h"

enum { PARAMS = 5, BIG = 2 * 4096 + 37 };

/* Two kernels, of which one is cut into blocks, a bias, a statistic; gaps between them. */
static fn_param layout[PARAMS] = {
    {.name = "a", .shape = {4, {5, 3, 1, 1}}, .offset = 0, .count = 15, .trained = true},
    {.name = "b", .shape = {1, {7, 1, 1, 1}}, .offset = 16, .count = 7, .trained = true},
    {.name = "mean", .shape = {1, {9, 1, 1, 1}}, .offset = 32, .count = 9},
    {.name = "c",
     .shape = {2, {BIG, 1, 1, 1}},
     .offset = 48,
     .count = BIG,
     .trained = true},
    {.name = "d",
     .shape = {1, {33, 1, 1, 1}},
     .offset = 48 + BIG + 11,
     .count = 33,
     .trained = true},
};

enum { COUNT = 48 + BIG + 11 + 48, BYTES = COUNT * sizeof(float) };

#endif
