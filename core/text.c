/* text.c -- a growing text. */
#include "core/text.h"

#include "core/file.h"
#include "core/mem.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool reserve(fn_text *t, size_t more)
{
    if (t->failed || t->size + more <= t->room)
        return !t->failed;
    size_t room = 2 * (t->size + more);
    char *data = fn_grow(t->data, room, 1);
    t->failed = !data;
    if (data) {
        t->data = data;
        t->room = room;
    }
    return !t->failed;
}

void fn_text_bytes(fn_text *t, const void *bytes, size_t size)
{
    if (!size || !reserve(t, size))
        return;
    memcpy(t->data + t->size, bytes, size);
    t->size += size;
}

void fn_text_put(fn_text *t, const char *fmt, ...)
{
    enum { USUAL = 128 };
    va_list ap, again;
    if (!reserve(t, USUAL))
        return;
    size_t room = t->room - t->size;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(t->data + t->size, room, fmt, ap);
    assert(n >= 0);
    if ((size_t)n >= room && reserve(t, (size_t)n + 1))
        vsnprintf(t->data + t->size, (size_t)n + 1, fmt, again);
    va_end(again);
    va_end(ap);
    t->size += t->failed ? 0 : (size_t)n;
}

void fn_text_escape(fn_text *t, const char *s)
{
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '&' || c == '<' || c == '>' || c == '"')
            fn_text_put(t, "&#%d;", c);
        else
            fn_text_put(t, "%c", c < ' ' || c == 0x7f ? ' ' : *s);
    }
}

void fn_text_csv(fn_text *t, const char *s)
{
    if (!strpbrk(s, ",\"\r\n")) {
        fn_text_bytes(t, s, strlen(s));
        return;
    }
    fn_text_put(t, "\"");
    for (; *s; s++)
        fn_text_put(t, "%s%c", *s == '"' ? "\"" : "", *s);
    fn_text_put(t, "\"");
}

/* A locale's point may be several bytes. */
static void put_number(fn_text *t, const char *number)
{
    bool point = false;
    for (const char *c = number; *c; c++) {
        bool plain = strchr("+-0123456789einfa", *c) != NULL;
        if (plain || !point)
            fn_text_bytes(t, plain ? c : ".", 1);
        point = point || !plain;
    }
}

void fn_text_number(fn_text *t, double x, int digits)
{
    char number[40];
    snprintf(number, sizeof number, "%.*g", digits, x);
    put_number(t, number);
}

void fn_text_fixed(fn_text *t, double x, int decimals)
{
    char number[40];
    snprintf(number, sizeof number, "%.*f", decimals, x);
    put_number(t, number);
}

void fn_text_base64(fn_text *t, const void *bytes, size_t size)
{
    static const char letter[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *b = bytes;
    if (!reserve(t, (size + 2) / 3 * 4))
        return;
    for (size_t i = 0; i < size; i += 3) {
        uint32_t v = (uint32_t)b[i] << 16;
        v |= i + 1 < size ? (uint32_t)b[i + 1] << 8 : 0;
        v |= i + 2 < size ? b[i + 2] : 0;
        char *to = t->data + t->size;
        to[0] = letter[v >> 18];
        to[1] = letter[v >> 12 & 63];
        to[2] = i + 1 < size ? letter[v >> 6 & 63] : '=';
        to[3] = i + 2 < size ? letter[v & 63] : '=';
        t->size += 4;
    }
}

const char *fn_text_plural(int64_t n, const char *one, const char *many)
{
    return n == 1 ? one : many;
}

const char *fn_text_behind(const char *sentence, const char *place)
{
    size_t n = strlen(place);
    const char *at = strstr(sentence, place);
    return at && strncmp(at + n, ": ", 2) == 0 ? at + n + 2 : sentence;
}

fn_status fn_text_take(char **out, fn_text *t, const char *what)
{
    *out = NULL;
    fn_text_bytes(t, "", 1);
    if (t->failed)
        fn_free(t->data);
    else
        *out = t->data;
    *t = (fn_text){.data = NULL};
    return *out ? FN_OK : fn_fail(FN_ENOMEM, "no memory for %s", what);
}

fn_status fn_text_save(fn_text *t, const char *path)
{
    fn_status rc = t->failed ? fn_fail(FN_ENOMEM, "%s: no memory to write it", path)
                             : fn_file_replace(path, t->data, t->size);
    fn_free(t->data);
    *t = (fn_text){.data = NULL};
    return rc;
}
