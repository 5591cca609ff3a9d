/* excerpt.h -- the line of a text that a complaint is about, with a caret under the column. */
#ifndef FN_CORE_EXCERPT_H
#define FN_CORE_EXCERPT_H

#include <stddef.h>

/* Line `line`, from 1, of a UTF-8 text, without its break (YAML's: LF, CR, both, NEL, LS, PS)
 * and without a byte order mark; NULL where the text has no such line. */
const char *fn_excerpt_line(const char *text, size_t size, int line, size_t *length);

/* Writes
 *
 *         12 |   rate: 0.05x
 *            |         ^
 *
 * with a line break in front; `column` counts characters, from 1. Of a long line 72 characters
 * about the column are shown. Writes "" where there is no such line, and for UTF-16. */
void fn_excerpt(char *out, size_t room, const char *text, size_t size, int line,
                int column);

#endif
