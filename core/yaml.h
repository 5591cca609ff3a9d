/* yaml.h -- a YAML file as a tree whose every complaint names file:line:column. The only
 * place that includes <yaml.h>. Strict: one document; duplicate keys, tags, merge keys,
 * more than 1 MiB, depth over 32 or more than 10,000 nodes are errors. */
#ifndef FN_CORE_YAML_H
#define FN_CORE_YAML_H

#include "core/field.h"

typedef struct fn_yaml fn_yaml;

typedef enum fn_yaml_kind { FN_YAML_SCALAR, FN_YAML_LIST, FN_YAML_MAP } fn_yaml_kind;

/* A node is an index into its document; 0 is "no such node". */
typedef int fn_yaml_node;

fn_status fn_yaml_open(fn_yaml **out, const char *path) FN_CHECKED;
/* `name` stands for the file in complaints; `text` is copied. */
fn_status fn_yaml_parse(fn_yaml **out, const char *name, const char *text,
                        size_t size) FN_CHECKED;
void fn_yaml_close(fn_yaml *y);

fn_yaml_node fn_yaml_root(const fn_yaml *y);
fn_yaml_kind fn_yaml_kind_of(const fn_yaml *y, fn_yaml_node n);
const char *fn_yaml_text(const fn_yaml *y, fn_yaml_node n); /* "" unless a scalar */
bool fn_yaml_is_null(const fn_yaml *y, fn_yaml_node n);     /* bare and empty, ~ or null */
int fn_yaml_count(const fn_yaml *y, fn_yaml_node n); /* items or pairs; 0 for a scalar */
fn_yaml_node fn_yaml_item(const fn_yaml *y, fn_yaml_node list, int i);
fn_yaml_node fn_yaml_key(const fn_yaml *y, fn_yaml_node map, int i);
fn_yaml_node fn_yaml_value(const fn_yaml *y, fn_yaml_node map, int i);
fn_yaml_node fn_yaml_get(const fn_yaml *y, fn_yaml_node map, const char *key); /* 0: none */

/* Records "file:line:col: sentence", the line and a caret below, and returns FN_ECONFIG. */
fn_status fn_yaml_fail(const fn_yaml *y, fn_yaml_node n, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), cold));

/* Puts "file:line:col" in front of the sentence already recorded, and the line behind. */
fn_status fn_yaml_context(const fn_yaml *y, fn_yaml_node n, fn_status s);

/* Reads a mapping into a struct by its table. Nested mappings spell dotted names. A key the
 * table lacks is an error with a did-you-mean, unless `also` lists it or its section
 * (NULL-terminated, may be NULL); a required field that stays unwritten is an error at `map`,
 * unless `partial`.
 * Defaults are the caller's business (fn_field_defaults). */
fn_status fn_yaml_read(const fn_yaml *y, fn_yaml_node map, const fn_field *table, void *to,
                       const char *const *also, bool partial) FN_CHECKED;

#endif
