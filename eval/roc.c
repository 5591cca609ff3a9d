/* roc.c -- the picture of ROC or DET curves.
 *
 * A logarithmic axis begins at 1/N, N the number of pairs that its rate is a share of: below
 * it nothing was measured. */
#include "eval/roc.h"

#include "eval/plot.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { LEFT = FN_PLOT_LEFT, RIGHT = FN_PLOT_RIGHT, TOP = FN_PLOT_TOP };
enum { BOTTOM = FN_PLOT_BOTTOM, LINE = FN_PLOT_LINE, CHANCE_STEPS = 60 };

/* Above this equal error rate a DET curve runs through the upper right. */
static const double poor = 0.1;

typedef struct picture {
    fn_text *t;
    fn_roc_kind kind;
    double low, floor; /* log10 of the first false accept and false reject rate; last: 0 */
} picture;

static const char *const colour[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                     "#56b4e9", "#e69f00", "#000000", "#7a5195"};
static const char *const dash[] = {"none", "120 50", "40 40"};
enum { COLOURS = 8, DASHES = 3 };

/* Where a rate lies on a log axis: 0 at its beginning, 1 at its end. */
static double share_of(double rate, double low)
{
    double at = rate > 0 ? log10(rate) : low;
    return at > low ? 1 - at / low : 0;
}

static int x_of(const picture *p, double far)
{
    return LEFT + (int)lrint(share_of(far, p->low) * (RIGHT - LEFT));
}

static int y_of(const picture *p, double tpr)
{
    double share = p->kind == FN_DET ? share_of(1 - tpr, p->floor) : tpr;
    return BOTTOM - (int)lrint(share * (BOTTOM - TOP));
}

static void put_summary(fn_text *t, const fn_verification *v)
{
    fn_text_put(t, "AUC ");
    fn_text_fixed(t, v->auc, 4);
    fn_text_put(t, ", accuracy ");
    fn_text_fixed(t, 100 * v->accuracy, 2);
    fn_text_put(t, " %%");
}

static void put_head(const picture *p, const fn_verification *const *v,
                     const char *const *name, int n, const char *title)
{
    fn_plot_open(p->t, title);
    fn_text_put(p->t, p->kind == FN_DET
                          ? "DET curves: false reject rate over false accept rate."
                          : "ROC curves: true accept rate over false accept rate.");
    for (int i = 0; i < n; i++) {
        fn_text_put(p->t, " ");
        fn_text_escape(p->t, name[i]);
        fn_text_put(p->t, ": ");
        put_summary(p->t, v[i]);
        fn_text_put(p->t, ", %d pairs.", v[i]->pairs);
    }
    fn_plot_frame(p->t, title);
}

/* The false reject rate goes upwards. */
static int place_of(const picture *p, bool upright, double rate)
{
    return upright ? y_of(p, 1 - rate) : x_of(p, rate);
}

static void put_decade(const picture *p, bool upright, int decade)
{
    static const char *const plain[] = {"1", "0.1", "0.01"};
    fn_plot_label(p->t, upright, place_of(p, upright, pow(10, decade)));
    if (decade > -3)
        fn_text_put(p->t, "%s</text>\n", plain[-decade]);
    else
        fn_text_put(p->t, "10<tspan dy=\"-50\" font-size=\"100\">%d</tspan></text>\n",
                    decade);
}

static void put_log_axis(const picture *p, bool upright)
{
    double low = upright ? p->floor : p->low;
    for (int decade = (int)floor(low); decade <= 0; decade++) {
        for (int k = 1; k < 10; k++) {
            double rate = k * pow(10, decade);
            if (log10(rate) >= low && rate <= 1)
                fn_plot_tick(p->t, upright, place_of(p, upright, rate), k == 1);
        }
        if (decade >= low)
            put_decade(p, upright, decade);
    }
}

static void put_tpr_axis(const picture *p)
{
    for (int tenth = 0; tenth <= 10; tenth++) {
        int y = y_of(p, tenth / 10.0);
        fn_plot_tick(p->t, true, y, tenth == 0 || tenth == 10);
        fn_plot_label(p->t, true, y);
        fn_text_put(p->t, "%d.%d</text>\n", tenth / 10, tenth % 10);
    }
}

static void put_chance(const picture *p)
{
    fn_text_put(p->t, "<path fill=\"none\" stroke=\"#999999\" stroke-width=\"12\" "
                      "stroke-dasharray=\"60 60\" d=\"");
    for (int i = 0; i <= CHANCE_STEPS; i++) {
        double far = pow(10, p->low * (1 - (double)i / CHANCE_STEPS));
        fn_text_put(p->t, "%c%d %d", i ? 'L' : 'M', x_of(p, far), y_of(p, far));
    }
    fn_text_put(p->t, "\"/>\n");
}

/* The curve enters at the left edge, as high as it gets without a false accept. */
static void put_curve(const picture *p, const fn_verification *v, int number)
{
    fn_text_put(
        p->t,
        "<path fill=\"none\" stroke=\"%s\" stroke-width=\"24\" stroke-linejoin=\"round\" "
        "stroke-dasharray=\"%s\" d=\"",
        colour[number % COLOURS], dash[number / COLOURS % DASHES]);
    int first = 0;
    while (v->roc[first + 1].far <= 0)
        first++;
    for (int i = first; i < v->n_roc; i++)
        if (i == first || fn_roc_corner(v, i))
            fn_text_put(p->t, "%c%d %d", i > first ? 'L' : 'M', x_of(p, v->roc[i].far),
                        y_of(p, v->roc[i].tpr));
    fn_text_put(p->t, "\"/>\n");
}

/* In the corner that the curves leave empty. */
static void put_legend(const picture *p, const fn_verification *const *v,
                       const char *const *name, int n)
{
    size_t longest = 0;
    for (int i = 0; i < n; i++)
        longest = strlen(name[i]) > longest ? strlen(name[i]) : longest;
    int width = 3000 + (longest < 40 ? (int)longest : 40) * FN_PLOT_LETTER;
    int height = n * LINE + 120, x = RIGHT - width - 100, y = BOTTOM - height - 100;
    if (p->kind == FN_DET && v[0]->eer > poor)
        x = LEFT + 100;
    else if (p->kind == FN_DET)
        y = TOP + 100;
    fn_text_put(p->t,
                "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#ffffff\" "
                "fill-opacity=\"0.85\" stroke=\"#bbbbbb\" stroke-width=\"8\"/>\n",
                x, y, width, height);
    for (int i = 0; i < n; i++) {
        int line = y + (i + 1) * LINE;
        fn_text_put(p->t,
                    "<path d=\"M%d %dh350\" stroke=\"%s\" stroke-width=\"24\" "
                    "stroke-dasharray=\"%s\"/>\n<text x=\"%d\" y=\"%d\">",
                    x + 100, line - 50, colour[i % COLOURS], dash[i / COLOURS % DASHES],
                    x + 530, line);
        fn_text_escape(p->t, name[i]);
        fn_text_put(p->t, ": ");
        put_summary(p->t, v[i]);
        fn_text_put(p->t, "</text>\n");
    }
}

/* Neither rate ever falls, so a run is straight where its ends are as high. */
bool fn_roc_corner(const fn_verification *v, int i)
{
    const fn_roc_point *at = &v->roc[i];
    if (i == 0 || i == v->n_roc - 1)
        return true;
    bool upright = at[-1].far >= at[0].far && at[0].far >= at[1].far;
    bool level = at[-1].tpr >= at[0].tpr && at[0].tpr >= at[1].tpr;
    return !upright && !level;
}

void fn_roc_draw(fn_text *t, fn_roc_kind kind, const fn_verification *const *v,
                 const char *const *name, int n, const char *title)
{
    picture p = {.t = t, .kind = kind, .low = -1, .floor = -1};
    assert(n >= 1);
    for (int i = 0; i < n; i++) {
        p.low = fmin(p.low, -log10(v[i]->different));
        p.floor = fmin(p.floor, -log10(v[i]->same));
    }
    put_head(&p, v, name, n, title);
    put_log_axis(&p, false);
    if (kind == FN_DET)
        put_log_axis(&p, true);
    else
        put_tpr_axis(&p);
    fn_plot_names(t, "false accept rate",
                  kind == FN_DET ? "false reject rate" : "true accept rate");
    put_chance(&p);
    for (int i = 0; i < n; i++)
        put_curve(&p, v[i], i);
    put_legend(&p, v, name, n);
    fn_plot_close(t);
}
