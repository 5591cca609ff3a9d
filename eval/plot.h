/* plot.h -- the frame of a picture: SVG with a title, grid lines and the names of the axes.
 * For eval/ alone. Coordinates are whole tenths of a pixel, so that no locale can put a comma
 * into them. */
#ifndef FN_EVAL_PLOT_H
#define FN_EVAL_PLOT_H

#include "core/text.h"

enum { FN_PLOT_LEFT = 800, FN_PLOT_RIGHT = 7400, FN_PLOT_TOP = 700, FN_PLOT_BOTTOM = 4900 };
enum { FN_PLOT_LINE = 230, FN_PLOT_LETTER = 85 }; /* of text */

/* Opens the picture and its description, which the caller writes, for those who do not see. */
void fn_plot_open(fn_text *t, const char *title);
/* Ends the description; what follows is drawn. */
void fn_plot_frame(fn_text *t, const char *title);
/* A grid line across the picture at a place of the upright axis, or of the level one. */
void fn_plot_tick(fn_text *t, bool upright, int at, bool strong);
/* Begins the text beside such a line; the caller ends it with "</text>". */
void fn_plot_label(fn_text *t, bool upright, int at);
void fn_plot_names(fn_text *t, const char *x, const char *y);
void fn_plot_close(fn_text *t);

#endif
