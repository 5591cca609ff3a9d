#include "core/excerpt.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 72, BEFORE = 48, BYTES = 4 }; /* characters; of UTF-8's longest one */

static bool begins(const char *p, const char *end, const char *with)
{
    size_t n = strlen(with);
    return (size_t)(end - p) >= n && memcmp(p, with, n) == 0;
}

/* Bytes of the line break at p; 0: there is none. */
static size_t break_at(const char *p, const char *end)
{
    static const char *const breaks[] = {"\r\n",     "\n",           "\r",
                                         "\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9"};
    for (size_t i = 0; i < sizeof breaks / sizeof *breaks; i++)
        if (begins(p, end, breaks[i]))
            return strlen(breaks[i]);
    return 0;
}

const char *fn_excerpt_line(const char *text, size_t size, int line, size_t *length)
{
    const char *p = text, *end = text + size;
    p += begins(p, end, "\xef\xbb\xbf") ? 3 : 0;
    for (; line > 1; line--) {
        while (p < end && !break_at(p, end))
            p++;
        if (p == end)
            return NULL;
        p += break_at(p, end);
    }
    const char *stop = p;
    while (stop < end && !break_at(stop, end))
        stop++;
    *length = (size_t)(stop - p);
    return p;
}

/* Behind `n` characters, or the end; *passed is how many there were. */
static const char *skip(const char *p, const char *end, int n, int *passed)
{
    for (*passed = 0; *passed < n && p < end; ++*passed) {
        p++;
        while (p < end && (*p & 0xc0) == 0x80)
            p++;
    }
    return p;
}

/* A tab is one column of libyaml's; other control bytes are not for a terminal. */
static void copy_printable(char *to, size_t room, const char *p, const char *end)
{
    size_t n = 0;
    for (; p < end && n + 1 < room; p++)
        to[n++] = (unsigned char)*p < ' ' || *p == 0x7f ? ' ' : *p;
    to[n] = '\0';
}

void fn_excerpt(char *out, size_t room, const char *text, size_t size, int line, int column)
{
    char shown[WIDTH * BYTES + 1];
    size_t length;
    int first, count;
    bool wide = begins(text, text + size, "\xff\xfe") ||
                begins(text, text + size, "\xfe\xff");
    const char *p = wide ? NULL : fn_excerpt_line(text, size, line, &length);
    out[0] = '\0';
    if (!p)
        return;
    const char *end = p + length;
    p = skip(p, end, column > WIDTH ? column - BEFORE : 0, &first);
    const char *stop = skip(p, end, WIDTH, &count);
    int under = column - 1 - first < count ? column - 1 - first : count;
    copy_printable(shown, sizeof shown, p, stop);
    snprintf(out, room, "\n%6d | %s%s%s\n%6s | %*s^", line, first ? "..." : "", shown,
             stop < end ? "..." : "", "", under + (first ? 3 : 0), "");
}
