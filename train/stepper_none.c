/* A build without CUDA: no GPU can be opened, and nobody takes a step on one. */
#include "train/stepper.h"

const fn_stepper fn_stepper_cuda = {.open = NULL};
