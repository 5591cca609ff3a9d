/* rows.h -- rows of a network's file become nodes of a graph. A row is an op or a layer by
 * its word, its attributes, and up to four columns that say what the paper's table says:
 *
 *   - inception: {name: 3a, 1x1: 64, ..., gives: 28x28x256, params: 164K, flops: 128M}
 *
 * `gives` must be what the row gives; `params` and `flops` are nn/summary.c's to compare. */
#ifndef FN_NN_ROWS_H
#define FN_NN_ROWS_H

#include "core/yaml.h"
#include "nn/layers.h"

/* Appends the rows of a list, each reading what the one before gives; the first reads *v,
 * the last gives *v. */
fn_status fn_rows_add(fn_graph *g, const fn_yaml *yaml, fn_yaml_node list,
                      const fn_style *each, int *v) FN_CHECKED;

/* Word `i` of those that a row may begin with, and its attributes (none: a table that ends at
 * once); NULL after the last. */
const char *fn_rows_word(int i, const fn_field **field);

/* Letters, digits, '-' and '_', fewer than FN_ROW_NAME_BYTES: fits every name made of it. */
enum { FN_ROW_NAME_BYTES = 32 };
bool fn_rows_is_name(const char *text);

#endif
