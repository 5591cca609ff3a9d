/* plot.c -- the frame of a picture. */
#include "eval/plot.h"

enum { WIDTH = 7600, HEIGHT = 5600 };

void fn_plot_open(fn_text *t, const char *title)
{
    fn_text_put(t,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
                "viewBox=\"0 0 %d %d\" role=\"img\">\n<title>",
                WIDTH / 10, HEIGHT / 10, WIDTH, HEIGHT);
    fn_text_escape(t, title);
    fn_text_put(t, "</title>\n<desc>");
}

void fn_plot_frame(fn_text *t, const char *title)
{
    fn_text_put(t,
                "</desc>\n<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n"
                "<g font-family=\"sans-serif\" font-size=\"140\" fill=\"#222222\">\n"
                "<text x=\"%d\" y=\"400\" text-anchor=\"middle\" font-size=\"180\">",
                WIDTH, HEIGHT, (FN_PLOT_LEFT + FN_PLOT_RIGHT) / 2);
    fn_text_escape(t, title);
    fn_text_put(t, "</text>\n");
}

void fn_plot_tick(fn_text *t, bool upright, int at, bool strong)
{
    const char *colour = strong ? "#bbbbbb" : "#e8e8e8";
    int x = upright ? FN_PLOT_LEFT : at, y = upright ? at : FN_PLOT_TOP;
    fn_text_put(t, "<path d=\"M%d %d%c%d\" stroke=\"%s\" stroke-width=\"8\"/>\n", x, y,
                upright ? 'H' : 'V', upright ? FN_PLOT_RIGHT : FN_PLOT_BOTTOM, colour);
}

void fn_plot_label(fn_text *t, bool upright, int at)
{
    int x = upright ? FN_PLOT_LEFT - 70 : at;
    int y = upright ? at + 50 : FN_PLOT_BOTTOM + FN_PLOT_LINE;
    fn_text_put(t, "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\">", x, y,
                upright ? "end" : "middle");
}

void fn_plot_names(fn_text *t, const char *x, const char *y)
{
    fn_text_put(t,
                "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n"
                "<text transform=\"translate(320 %d) rotate(-90)\" "
                "text-anchor=\"middle\">%s</text>\n",
                (FN_PLOT_LEFT + FN_PLOT_RIGHT) / 2, FN_PLOT_BOTTOM + 2 * FN_PLOT_LINE, x,
                (FN_PLOT_TOP + FN_PLOT_BOTTOM) / 2, y);
}

void fn_plot_close(fn_text *t)
{
    fn_text_put(t, "</g>\n</svg>\n");
}
