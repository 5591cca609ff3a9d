/* text.h -- a text that grows, or bytes, for files that are written whole. Failure is remembered
 * and told once, at the end. */
#ifndef FN_CORE_TEXT_H
#define FN_CORE_TEXT_H

#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct fn_text {
    char *data; /* fn_free; not closed by '\0' while empty */
    size_t size, room;
    bool failed; /* an allocation; the rest is not written */
} fn_text;

/* Appends bytes as they are. */
void fn_text_bytes(fn_text *t, const void *bytes, size_t size);
/* Appends what printf would print. */
void fn_text_put(fn_text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Appends a text of the user's to XML: what XML reserves as entities, control bytes as blanks. */
void fn_text_escape(fn_text *t, const char *s);
/* Appends a cell of CSV, in quotes where it would fall apart without (RFC 4180). */
void fn_text_csv(fn_text *t, const char *s);
/* Appends a number with so many significant digits, and with a point in every locale. */
void fn_text_number(fn_text *t, double x, int digits);
/* The same with so many digits behind the point. */
void fn_text_fixed(fn_text *t, double x, int decimals);
/* Appends bytes in base 64 (RFC 4648). */
void fn_text_base64(fn_text *t, const void *bytes, size_t size);

/* The word that goes with a count: fn_text_plural(n, "image is", "images are"). */
const char *fn_text_plural(int64_t n, const char *one, const char *many);

/* What a sentence says behind "PLACE: ", or all of it where that is not in it. */
const char *fn_text_behind(const char *sentence, const char *place);

/* Closes the text with '\0' and hands it over (fn_free); where memory was out, frees it and fails.
 * `what` stands in the sentence: "the configuration". Errors: FN_ENOMEM. */
fn_status fn_text_take(char **out, fn_text *t, const char *what) FN_CHECKED;
/* Replaces the file atomically and frees the text, also where it fails. Errors: FN_ENOMEM, those of
 * fn_file_replace. */
fn_status fn_text_save(fn_text *t, const char *path) FN_CHECKED;

#endif
