#include "core/field.h"

#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <locale.h>

enum { WORD = 64 }; /* longer names are never misspelt names of ours */

bool fn_field_required(const fn_field *f)
{
    return f->kind == FN_TEXT ? f->def_text == NULL : isnan(f->def);
}

static void store(const fn_field *f, void *to, double v)
{
    char *at = (char *)to + f->offset;
    if (f->kind == FN_REAL)
        *(float *)(void *)at = (float)v;
    else if (f->kind == FN_LONG)
        *(int64_t *)(void *)at = (int64_t)v;
    else
        *(int *)(void *)at = (int)v;
}

void fn_field_defaults(const fn_field *table, void *to)
{
    for (const fn_field *f = table; f && f->name; f++) {
        if (fn_field_required(f))
            continue;
        if (f->kind == FN_TEXT)
            snprintf((char *)to + f->offset, FN_TEXT_BYTES, "%s", f->def_text);
        else
            store(f, to, f->def);
    }
}

const fn_field *fn_field_find(const fn_field *table, const char *name)
{
    for (const fn_field *f = table; f && f->name; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

/* --- the sentence --- */

static void print_bound(char *text, size_t size, double v, bool whole)
{
    if (whole)
        snprintf(text, size, "%.0f", v);
    else
        snprintf(text, size, "%g", v);
}

/* "a number in (0, 10]", "an integer of at least 1" */
static void describe_range(char *text, size_t size, const fn_field *f)
{
    bool whole = f->kind != FN_REAL, above = !whole && f->min == (double)FLT_MIN;
    const char *what = whole ? "an integer" : "a number";
    char min[40], max[40];
    print_bound(min, sizeof min, above ? 0 : f->min, whole);
    print_bound(max, sizeof max, f->max, whole);
    if (isinf(f->min) && isinf(f->max))
        snprintf(text, size, "%s", what);
    else if (isinf(f->max))
        snprintf(text, size, "%s %s %s", what, above ? "above" : "of at least", min);
    else if (isinf(f->min))
        snprintf(text, size, "%s of at most %s", what, max);
    else
        snprintf(text, size, "%s in %c%s, %s]", what, above ? '(' : '[', min, max);
}

static void describe_choice(char *text, size_t size, const char *const *choice)
{
    size_t at = 0;
    for (int i = 0; choice[i] && at < size; i++) {
        const char *before = i == 0 ? "" : choice[i + 1] ? ", " : " or ";
        at += (size_t)snprintf(text + at, size - at, "%s%s", before, choice[i]);
    }
}

void fn_field_describe(char *text, size_t size, const fn_field *f)
{
    if (f->kind == FN_CHOICE)
        describe_choice(text, size, f->choice);
    else if (f->kind == FN_BOOL)
        snprintf(text, size, "true or false");
    else if (f->kind == FN_TEXT)
        snprintf(text, size, "a text");
    else
        describe_range(text, size, f);
}

static fn_status refuse(const fn_field *f, const char *got)
{
    char want[256];
    const char *near = f->kind == FN_CHOICE ? fn_suggest(f->choice, got) : NULL;
    fn_field_describe(want, sizeof want, f);
    return fn_fail(FN_ECONFIG, "%s: expected %s, got '%.60s'%s%s%s", f->name, want, got,
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* --- values --- */

/* A sign, then only these characters, a digit or point first, no 010 (8 or 10, who knows). */
static bool well_formed(const char *text, const char *allowed)
{
    const char *p = text + (*text == '-' || *text == '+');
    if (!isdigit((unsigned char)*p) && *p != '.')
        return false;
    if (p[0] == '0' && isdigit((unsigned char)p[1]))
        return false;
    return p[strspn(p, allowed)] == '\0';
}

static fn_status parse_whole(const fn_field *f, void *to, const char *text)
{
    char *end;
    if (!well_formed(text, "0123456789"))
        return refuse(f, text);
    errno = 0;
    long long v = strtoll(text, &end, 10);
    bool fits = f->kind == FN_LONG || (INT_MIN <= v && v <= INT_MAX);
    if (errno || *end || !fits || (double)v < f->min || (double)v > f->max)
        return refuse(f, text);
    if (f->kind == FN_LONG)
        *(int64_t *)(void *)((char *)to + f->offset) = v;
    else
        store(f, to, (double)v);
    return FN_OK;
}

/* A host program may have set a locale whose decimal point is a comma. */
static locale_t enter_c_locale(locale_t *c)
{
    *c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    return *c ? uselocale(*c) : (locale_t)0;
}

static void leave_c_locale(locale_t c, locale_t before)
{
    if (!c)
        return;
    uselocale(before);
    freelocale(c);
}

static fn_status parse_real(const fn_field *f, void *to, const char *text)
{
    char *end;
    locale_t c, before;
    if (!well_formed(text, "0123456789.eE+-"))
        return refuse(f, text);
    before = enter_c_locale(&c);
    double v = strtod(text, &end);
    leave_c_locale(c, before);
    if (end == text || *end || !isfinite((float)v) || v < f->min || v > f->max)
        return refuse(f, text);
    store(f, to, v);
    return FN_OK;
}

static fn_status parse_choice(const fn_field *f, void *to, const char *text)
{
    for (int i = 0; f->choice[i]; i++)
        if (strcmp(f->choice[i], text) == 0) {
            store(f, to, i);
            return FN_OK;
        }
    return refuse(f, text);
}

static fn_status parse_text(const fn_field *f, void *to, const char *text)
{
    size_t n = strlen(text);
    if (n >= FN_TEXT_BYTES)
        return fn_fail(FN_ECONFIG, "%s: expected at most %d bytes of text, got %zu",
                       f->name, FN_TEXT_BYTES - 1, n);
    if (n == 0 && fn_field_required(f))
        return refuse(f, text);
    memcpy((char *)to + f->offset, text, n + 1);
    return FN_OK;
}

fn_status fn_field_parse(const fn_field *f, void *to, const char *text)
{
    switch (f->kind) {
    case FN_INT:
    case FN_LONG:
        return parse_whole(f, to, text);
    case FN_REAL:
        return parse_real(f, to, text);
    case FN_CHOICE:
        return parse_choice(f, to, text);
    case FN_TEXT:
        return parse_text(f, to, text);
    case FN_BOOL:
        break;
    }
    bool yes = strcmp(text, "true") == 0;
    if (!yes && strcmp(text, "false") != 0)
        return refuse(f, text);
    store(f, to, yes);
    return FN_OK;
}

/* The fewest digits that read back as the same float. A whole mantissa before an exponent
 * gets its ".0", without which YAML 1.1 readers take 1e-05 for a word. */
static void print_real(char *text, size_t size, float v)
{
    char digits[40];
    locale_t c, before = enter_c_locale(&c);
    for (int precision = 1; precision <= FLT_DECIMAL_DIG; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, (double)v);
        if (strtof(digits, NULL) == v)
            break;
    }
    leave_c_locale(c, before);
    char *e = strchr(digits, 'e');
    if (e && !strchr(digits, '.'))
        snprintf(text, size, "%.*s.0%s", (int)(e - digits), digits, e);
    else
        snprintf(text, size, "%s", digits);
}

void fn_field_print(char *text, size_t size, const fn_field *f, const void *from)
{
    const void *at = (const char *)from + f->offset;
    switch (f->kind) {
    case FN_INT:
        snprintf(text, size, "%d", *(const int *)at);
        break;
    case FN_LONG:
        snprintf(text, size, "%" PRId64, *(const int64_t *)at);
        break;
    case FN_REAL:
        print_real(text, size, *(const float *)at);
        break;
    case FN_BOOL:
        snprintf(text, size, "%s", *(const int *)at ? "true" : "false");
        break;
    case FN_CHOICE:
        snprintf(text, size, "%s", f->choice[*(const int *)at]);
        break;
    case FN_TEXT:
        snprintf(text, size, "%s", (const char *)at);
        break;
    }
}

/* --- did you mean --- */

static bool same_letter(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Levenshtein's distance, large and small letters alike, one row of the table at a time. */
static int distance(const char *a, const char *b)
{
    int row[WORD + 1];
    int na = (int)strlen(a), nb = (int)strlen(b);
    if (na > WORD || nb > WORD)
        return WORD;
    for (int j = 0; j <= nb; j++)
        row[j] = j;
    for (int i = 1; i <= na; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= nb; j++) {
            int change = diagonal + !same_letter(a[i - 1], b[j - 1]);
            int skip = 1 + (row[j] < row[j - 1] ? row[j] : row[j - 1]);
            diagonal = row[j];
            row[j] = change < skip ? change : skip;
        }
    }
    return row[nb];
}

/* Takes `name` as the best so far if it is nearer; a word that shares no letter is not near. */
static void consider(const char **best, int *best_distance, const char *name,
                     const char *wrong)
{
    int d = distance(name, wrong);
    if (d < *best_distance && d < (int)strlen(name) && d < (int)strlen(wrong)) {
        *best = name;
        *best_distance = d;
    }
}

const char *fn_field_suggest(const fn_field *table, const char *wrong)
{
    const char *best = NULL;
    int best_distance = 3;
    for (const fn_field *f = table; f && f->name; f++)
        consider(&best, &best_distance, f->name, wrong);
    return best;
}

const char *fn_suggest(const char *const *name, const char *wrong)
{
    const char *best = NULL;
    int best_distance = 3;
    for (; name && *name; name++)
        consider(&best, &best_distance, *name, wrong);
    return best;
}
