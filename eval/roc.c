/* roc.c -- the picture of ROC curves.
 *
 * The axis of the false accept rate is logarithmic and begins at 1/N, N the number of pairs
 * of two people: below it nothing was measured. All numbers are written as whole tenths of a
 * pixel, so that no locale can put a comma into them. */
#include "eval/roc.h"

#include "core/mem.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 7600, HEIGHT = 5600, LEFT = 800, RIGHT = 7400, TOP = 700, BOTTOM = 4900 };
enum { LINE = 230, LETTER = 85 }; /* of text */
enum { CHANCE_STEPS = 60 };

typedef struct picture {
    char *text;
    size_t size, room;
    bool failed; /* an allocation; the rest is not written */
    double low;  /* log10 of the left end of the axis; the right end is 0 */
} picture;

static const char *const colour[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                     "#56b4e9", "#e69f00", "#000000", "#7a5195"};
static const char *const dash[] = {"none", "120 50", "40 40"};
enum { COLOURS = 8, DASHES = 3 };

static bool reserve(picture *p, size_t more)
{
    if (p->failed || p->size + more <= p->room)
        return !p->failed;
    size_t room = 2 * (p->size + more);
    char *text = fn_grow(p->text, room, 1);
    p->failed = !text;
    if (text) {
        p->text = text;
        p->room = room;
    }
    return !p->failed;
}

/* Short pieces only: 400 bytes at most. */
__attribute__((format(printf, 2, 3))) static void put(picture *p, const char *fmt, ...)
{
    enum { PIECE = 400 };
    va_list ap;
    if (!reserve(p, PIECE))
        return;
    va_start(ap, fmt);
    int n = vsnprintf(p->text + p->size, PIECE, fmt, ap);
    va_end(ap);
    assert(n >= 0 && n < PIECE);
    p->size += (size_t)n;
}

/* Text of the user's: what XML reserves is written as an entity, control bytes as blanks. */
static void put_text(picture *p, const char *s)
{
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '&' || c == '<' || c == '>' || c == '"')
            put(p, "&#%d;", c);
        else
            put(p, "%c", c < ' ' || c == 0x7f ? ' ' : *s);
    }
}

static int x_of(const picture *p, double far)
{
    double at = far > 0 ? log10(far) : p->low;
    double share = at > p->low ? 1 - at / p->low : 0;
    return LEFT + (int)lrint(share * (RIGHT - LEFT));
}

static int y_of(double tpr)
{
    return BOTTOM - (int)lrint(tpr * (BOTTOM - TOP));
}

static void put_summary(picture *p, const fn_verification *v)
{
    long auc = lrint(v->auc * 1e4), accuracy = lrint(v->accuracy * 1e4);
    put(p, "AUC %ld.%04ld, accuracy %ld.%02ld %%", auc / 10000, auc % 10000, accuracy / 100,
        accuracy % 100);
}

static void put_head(picture *p, const fn_verification *const *v, const char *const *name,
                     int n, const char *title)
{
    put(p,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
        "viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"title desc\">\n"
        "<title id=\"title\">",
        WIDTH / 10, HEIGHT / 10, WIDTH, HEIGHT);
    put_text(p, title);
    put(p,
        "</title>\n<desc id=\"desc\">ROC curves: true accept rate over false accept rate.");
    for (int i = 0; i < n; i++) {
        put(p, " ");
        put_text(p, name[i]);
        put(p, ": ");
        put_summary(p, v[i]);
        put(p, ", %d pairs.", v[i]->pairs);
    }
    put(p, "</desc>\n<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n", WIDTH, HEIGHT);
    put(p,
        "<g font-family=\"sans-serif\" font-size=\"140\" fill=\"#222222\">\n"
        "<text x=\"%d\" y=\"400\" text-anchor=\"middle\" font-size=\"180\">",
        (LEFT + RIGHT) / 2);
    put_text(p, title);
    put(p, "</text>\n");
}

static void put_line(picture *p, int x1, int y1, int x2, int y2, bool strong)
{
    put(p, "<path d=\"M%d %dL%d %d\" stroke=\"%s\" stroke-width=\"8\"/>\n", x1, y1, x2, y2,
        strong ? "#bbbbbb" : "#e8e8e8");
}

static void put_far_axis(picture *p)
{
    for (int decade = (int)floor(p->low); decade <= 0; decade++) {
        for (int k = 1; k < 10; k++) {
            double far = k * pow(10, decade);
            int x = x_of(p, far);
            if (log10(far) >= p->low && far <= 1)
                put_line(p, x, TOP, x, BOTTOM, k == 1);
        }
        int x = x_of(p, pow(10, decade));
        if (decade < p->low)
            continue;
        if (decade > -3)
            put(p, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", x,
                BOTTOM + LINE,
                decade == 0    ? "1"
                : decade == -1 ? "0.1"
                               : "0.01");
        else
            put(p,
                "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">10"
                "<tspan dy=\"-50\" font-size=\"100\">%d</tspan></text>\n",
                x, BOTTOM + LINE, decade);
    }
    put(p, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">false accept rate</text>\n",
        (LEFT + RIGHT) / 2, BOTTOM + 2 * LINE);
}

static void put_tpr_axis(picture *p)
{
    for (int tenth = 0; tenth <= 10; tenth++) {
        int y = y_of(tenth / 10.0);
        put_line(p, LEFT, y, RIGHT, y, tenth == 0 || tenth == 10);
        put(p, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%d.%d</text>\n", LEFT - 70,
            y + 50, tenth / 10, tenth % 10);
    }
    put(p,
        "<text transform=\"translate(320 %d) rotate(-90)\" text-anchor=\"middle\">"
        "true accept rate</text>\n",
        (TOP + BOTTOM) / 2);
}

static void put_chance(picture *p)
{
    put(p, "<path fill=\"none\" stroke=\"#999999\" stroke-width=\"12\" "
           "stroke-dasharray=\"60 60\" d=\"");
    for (int i = 0; i <= CHANCE_STEPS; i++) {
        double far = pow(10, p->low * (1 - (double)i / CHANCE_STEPS));
        put(p, "%c%d %d", i ? 'L' : 'M', x_of(p, far), y_of(far));
    }
    put(p, "\"/>\n");
}

/* The curve enters at the left edge, as high as it gets without a false accept. */
static void put_curve(picture *p, const fn_verification *v, int number)
{
    put(p,
        "<path fill=\"none\" stroke=\"%s\" stroke-width=\"24\" stroke-linejoin=\"round\" "
        "stroke-dasharray=\"%s\" d=\"",
        colour[number % COLOURS], dash[number / COLOURS % DASHES]);
    int first = 0;
    while (v->roc[first + 1].far <= 0)
        first++;
    for (int i = first; i < v->n_roc; i++)
        if (i == first || fn_roc_corner(v, i))
            put(p, "%c%d %d", i > first ? 'L' : 'M', x_of(p, v->roc[i].far),
                y_of(v->roc[i].tpr));
    put(p, "\"/>\n");
}

static void put_legend(picture *p, const fn_verification *const *v, const char *const *name,
                       int n)
{
    size_t longest = 0;
    for (int i = 0; i < n; i++)
        longest = strlen(name[i]) > longest ? strlen(name[i]) : longest;
    int width = 3000 + (longest < 40 ? (int)longest : 40) * LETTER;
    int height = n * LINE + 120, x = RIGHT - width - 100, y = BOTTOM - height - 100;
    put(p,
        "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#ffffff\" "
        "fill-opacity=\"0.85\" stroke=\"#bbbbbb\" stroke-width=\"8\"/>\n",
        x, y, width, height);
    for (int i = 0; i < n; i++) {
        int line = y + (i + 1) * LINE;
        put(p,
            "<path d=\"M%d %dh350\" stroke=\"%s\" stroke-width=\"24\" "
            "stroke-dasharray=\"%s\"/>\n<text x=\"%d\" y=\"%d\">",
            x + 100, line - 50, colour[i % COLOURS], dash[i / COLOURS % DASHES], x + 530,
            line);
        put_text(p, name[i]);
        put(p, ": ");
        put_summary(p, v[i]);
        put(p, "</text>\n");
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

fn_status fn_roc_draw(char **svg, size_t *size, const fn_verification *const *v,
                      const char *const *name, int n, const char *title)
{
    picture p = {.low = -1};
    assert(n >= 1);
    for (int i = 0; i < n; i++)
        p.low = fmin(p.low, -log10(v[i]->different));
    put_head(&p, v, name, n, title);
    put_far_axis(&p);
    put_tpr_axis(&p);
    put_chance(&p);
    for (int i = 0; i < n; i++)
        put_curve(&p, v[i], i);
    put_legend(&p, v, name, n);
    put(&p, "</g>\n</svg>\n");
    *svg = NULL;
    *size = p.size;
    if (p.failed) {
        fn_free(p.text);
        return fn_fail(FN_ENOMEM, "no memory for a picture of %d curves", n);
    }
    *svg = p.text;
    return FN_OK;
}
