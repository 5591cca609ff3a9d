#include "nn/figure.h"

#include <string.h>

static const char digits[] = "0123456789";

bool fn_figure_is(const char *text)
{
    size_t whole = strspn(text, digits);
    const char *p = text + whole;
    if (whole == 0 || whole > 15)
        return false;
    if (*p == '.') {
        size_t part = strspn(++p, digits);
        if (part == 0 || part > 3)
            return false;
        p += part;
    }
    return *p == '\0' || (strchr("KMB", *p) && p[1] == '\0');
}

static double unit_of(const char *text)
{
    switch (text[strlen(text) - 1]) {
    case 'K':
        return 1e3;
    case 'M':
        return 1e6;
    case 'B':
        return 1e9;
    default:
        return 1;
    }
}

/* Counts in units of the last digit printed, which are whole numbers. */
bool fn_figure_fits(const char *text, int64_t exact)
{
    double last = unit_of(text), printed = 0;
    bool part = false;
    for (const char *p = text; *p; p++) {
        if (*p == '.')
            part = true;
        if (!strchr(digits, *p))
            continue;
        printed = 10 * printed + (*p - '0');
        last /= part ? 10 : 1;
    }
    double above = (double)exact / last - printed;
    return above >= -0.5 && above < 1;
}

/* A number without a leading zero, in *text, which moves behind it. */
static bool read_count(int64_t *count, const char **text)
{
    size_t n = strspn(*text, digits);
    *count = 0;
    if (n == 0 || n > 5 || **text == '0')
        return false;
    while (n--)
        *count = 10 * *count + (*(*text)++ - '0');
    return *count <= 65536;
}

bool fn_figure_size(int64_t size[3], const char *text)
{
    for (int k = 0; k < 3; k++)
        if (!read_count(&size[k], &text) || *text++ != (k < 2 ? 'x' : '\0'))
            return false;
    return true;
}
