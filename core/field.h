/* field.h -- a struct as a table of named fields: one table parses YAML and key=value,
 * gives defaults and ranges, prints the resolved file and the help. Op attributes, layer
 * rows and the training config are all such tables. */
#ifndef FN_CORE_FIELD_H
#define FN_CORE_FIELD_H

#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum fn_field_kind {
    FN_INT,    /* int */
    FN_LONG,   /* int64_t */
    FN_REAL,   /* float */
    FN_BOOL,   /* int, 0 or 1; written true or false */
    FN_CHOICE, /* int, index into `choice` */
    FN_TEXT,   /* char[FN_TEXT_BYTES] */
} fn_field_kind;

enum { FN_TEXT_BYTES = 512 };

/* A table ends with {0}. `def` is NAN when the user must write the field; a text's default
 * is `def_text` (NULL: must be written). `name` may be dotted: "train.lr". Numbers lie in
 * [min, max], always checked; min FLT_MIN says "above 0" (printed as "(0"), an infinite
 * bound is none. */
typedef struct fn_field {
    const char *name;
    fn_field_kind kind;
    size_t offset;
    double def, min, max;
    const char *const *choice; /* NULL-terminated, FN_CHOICE only */
    const char *def_text;      /* FN_TEXT only */
    const char *help;          /* one sentence; NULL for op attributes */
} fn_field;

/* Writes every default into `to`; fields without one are left as they are. */
void fn_field_defaults(const fn_field *table, void *to);

bool fn_field_required(const fn_field *f);

/* What may be written: "a number in (0, 10]", "adagrad, sgd, adam or adamw". */
void fn_field_describe(char *text, size_t size, const fn_field *f);

/* Strict scalars (YAML 1.2 core): ints decimal, reals a full strtod in the C locale without
 * inf, nan or hex, no leading zeros, bools true or false, choices exact, a required text not
 * empty. On failure the sentence has no place in front ("train.lr: expected a number in (0,
 * 10], got '0.05x'"): callers add it with fn_context. Errors: FN_ECONFIG. */
fn_status fn_field_parse(const fn_field *f, void *to, const char *text) FN_CHECKED;

/* Writes the value as fn_field_parse reads it back, exactly (floats: shortest that does).
 * Texts are written bare: a writer of YAML quotes them. */
void fn_field_print(char *text, size_t size, const fn_field *f, const void *from);

const fn_field *fn_field_find(const fn_field *table, const char *name);

/* The nearest of the table's names within edit distance 2, or NULL. */
const char *fn_field_suggest(const fn_field *table, const char *wrong);

/* The nearest of a NULL-terminated list of names within edit distance 2, or NULL. */
const char *fn_suggest(const char *const *name, const char *wrong);

#endif
