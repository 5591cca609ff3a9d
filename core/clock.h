/* clock.h -- seconds that only go forward. */
#ifndef FN_CORE_CLOCK_H
#define FN_CORE_CLOCK_H

double fn_clock(void);

#endif
