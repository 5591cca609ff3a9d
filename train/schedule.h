/* schedule.h -- the learning rate of a step: linear warm-up, then constant, cosine to
 * `end`, or a tenth at each third ("step"). */
#ifndef FN_TRAIN_SCHEDULE_H
#define FN_TRAIN_SCHEDULE_H

#include <stdint.h>

typedef enum fn_schedule_kind { FN_CONSTANT, FN_COSINE, FN_STEP } fn_schedule_kind;

typedef struct fn_schedule {
    fn_schedule_kind kind;
    float rate, end;
    int64_t warmup, steps;
} fn_schedule;

float fn_schedule_rate(const fn_schedule *s, int64_t step); /* step counts from 0 */

#endif
