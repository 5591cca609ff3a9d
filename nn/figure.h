/* figure.h -- numbers as a paper prints them: "164K", "1.6M", "0.5M"; sizes: "56x56x64". */
#ifndef FN_NN_FIGURE_H
#define FN_NN_FIGURE_H

#include <stdbool.h>
#include <stdint.h>

/* Digits, perhaps a point and digits, perhaps K, M or B. */
bool fn_figure_is(const char *text);

/* Is `text` what remains of `exact` rounded, or cut off, to the digits printed? The paper does
 * both: NN2's 4a has 545,536 parameters, printed 545K. `text` is a figure. */
bool fn_figure_fits(const char *text, int64_t exact);

/* Reads HEIGHTxWIDTHxCHANNELS, each from 1 to 65536. */
bool fn_figure_size(int64_t size[3], const char *text);

#endif
