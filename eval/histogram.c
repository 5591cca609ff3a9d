/* histogram.c -- two histograms over one axis, and the threshold between them. */
#include "eval/histogram.h"

#include "eval/plot.h"

#include <math.h>

enum { LEFT = FN_PLOT_LEFT, RIGHT = FN_PLOT_RIGHT, TOP = FN_PLOT_TOP };
enum { BOTTOM = FN_PLOT_BOTTOM, LINE = FN_PLOT_LINE, BINS = 60, TICKS = 10 };

typedef struct histogram {
    fn_text *t;
    double share[2][BINS]; /* of the pairs of two people, of one person */
    double far, high;      /* ends of the axes */
} histogram;

/* The step of 1, 2 or 5 times a power of ten that divides `range` into TICKS at most. */
static double step_of(double range)
{
    double step = pow(10, floor(log10(range / TICKS)));
    if (range / step > 5 * TICKS)
        return 10 * step;
    if (range / step > 2 * TICKS)
        return 5 * step;
    return range / step > TICKS ? 2 * step : step;
}

static void count(histogram *h, const fn_pairs *p, const float *distance,
                  const fn_verification *v)
{
    double most = v->threshold;
    for (int i = 0; i < p->n; i++)
        most = fmax(most, (double)distance[i]);
    most = most > 0 ? most : 1;
    h->far = step_of(most) * ceil(most / step_of(most));
    for (int i = 0; i < p->n; i++) {
        int bin = (int)((double)distance[i] / h->far * BINS);
        bin = bin < BINS ? bin : BINS - 1;
        h->share[p->pair[i].same][bin] += 1.0 / (p->pair[i].same ? v->same : v->different);
    }
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < BINS; i++)
            h->high = fmax(h->high, h->share[k][i]);
}

static int x_of(const histogram *h, double distance)
{
    return LEFT + (int)lrint(distance / h->far * (RIGHT - LEFT));
}

static int y_of(const histogram *h, double share)
{
    return BOTTOM - (int)lrint(share / h->high * (BOTTOM - TOP));
}

static void put_axis(const histogram *h, bool upright)
{
    double end = upright ? h->high : h->far, step = step_of(end);
    for (int i = 0; i * step <= end * (1 + 1e-9); i++) {
        int at = upright ? y_of(h, i * step) : x_of(h, i * step);
        fn_plot_tick(h->t, upright, at, i == 0);
        fn_plot_label(h->t, upright, at);
        fn_text_number(h->t, i * step, 4);
        fn_text_put(h->t, "</text>\n");
    }
}

static void put_bars(const histogram *h, bool same, const char *colour)
{
    fn_text_put(h->t,
                "<path fill=\"%s\" fill-opacity=\"0.3\" stroke=\"%s\" "
                "stroke-width=\"16\" d=\"M%d %d",
                colour, colour, LEFT, BOTTOM);
    for (int i = 0; i < BINS; i++)
        fn_text_put(h->t, "V%dH%d", y_of(h, h->share[same][i]),
                    x_of(h, (i + 1) * h->far / BINS));
    fn_text_put(h->t, "V%dZ\"/>\n", BOTTOM);
}

static void put_threshold(const histogram *h, double threshold)
{
    int x = x_of(h, threshold);
    fn_text_put(h->t,
                "<path d=\"M%d %dV%d\" stroke=\"#222222\" stroke-width=\"16\" "
                "stroke-dasharray=\"80 40\"/>\n"
                "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\">threshold ",
                x, TOP, BOTTOM, x, TOP - 60,
                x > RIGHT - 800  ? "end"
                : x < LEFT + 800 ? "start"
                                 : "middle");
    fn_text_fixed(h->t, threshold, 4);
    fn_text_put(h->t, "</text>\n");
}

static void put_legend(const histogram *h, int line, const char *name, const char *colour)
{
    int y = TOP + 150 + line * LINE;
    fn_text_put(h->t,
                "<rect x=\"%d\" y=\"%d\" width=\"250\" height=\"140\" fill=\"%s\" "
                "fill-opacity=\"0.3\" stroke=\"%s\" stroke-width=\"16\"/>\n"
                "<text x=\"%d\" y=\"%d\">%s</text>\n",
                RIGHT - 1500, y, colour, colour, RIGHT - 1150, y + 120, name);
}

void fn_histogram_draw(fn_text *t, const fn_pairs *p, const float *distance,
                       const fn_verification *v)
{
    static const char title[] = "Distances", one[] = "#0072b2", two[] = "#d55e00";
    histogram h = {.t = t};
    count(&h, p, distance, v);
    fn_plot_open(t, title);
    fn_text_put(t,
                "Histograms of the squared distances of %d pairs of one person and %d of "
                "two people.",
                v->same, v->different);
    fn_plot_frame(t, title);
    put_axis(&h, false);
    put_axis(&h, true);
    fn_plot_names(t, "squared distance", "share of the pairs of its kind");
    put_bars(&h, false, two);
    put_bars(&h, true, one);
    put_threshold(&h, v->threshold);
    put_legend(&h, 0, "one person", one);
    put_legend(&h, 1, "two people", two);
    fn_plot_close(t);
}
