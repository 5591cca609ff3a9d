/* schedule -- the learning rate of a step, counted from 0:
 *   warm-up   rate (step + 1) / warmup                           while step < warmup
 *   cosine    end + (rate - end) (1 + cos(pi x)) / 2,  x = (step - warmup) / (steps - warmup)
 *   step      rate, rate / 10, rate / 100 in the thirds of `steps`
 * From `steps` on, the rate stays where the run ended. */
#include "train/schedule.h"

#include <math.h>

static const double pi = 3.14159265358979323846;

static double cosine(const fn_schedule *s, int64_t step)
{
    double rate = (double)s->rate, end = (double)s->end;
    double x = (double)(step - s->warmup) / (double)(s->steps - s->warmup);
    return end + (rate - end) * (1 + cos(pi * x)) / 2;
}

static double thirds(const fn_schedule *s, int64_t step)
{
    static const double share[] = {1, 0.1, 0.01};
    int64_t third = 3 * step / s->steps;
    return (double)s->rate * share[third < 2 ? third : 2];
}

float fn_schedule_rate(const fn_schedule *s, int64_t step)
{
    if (step < s->warmup)
        return (float)((double)s->rate * (double)(step + 1) / (double)s->warmup);
    if (step >= s->steps)
        step = s->steps;
    switch (s->kind) {
    case FN_COSINE:
        return step < s->steps ? (float)cosine(s, step) : s->end;
    case FN_STEP:
        return s->steps > 0 ? (float)thirds(s, step) : s->rate;
    case FN_CONSTANT:
        break;
    }
    return s->rate;
}
