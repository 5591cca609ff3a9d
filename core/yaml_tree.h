/* yaml_tree.h -- what a document is between core/yaml.c, which builds it, and those who read. */
#ifndef FN_CORE_YAML_TREE_H
#define FN_CORE_YAML_TREE_H

#include "core/yaml.h"

/* Items of a list, or keys and values in turn, are a chain of `next`. */
typedef struct fn_yaml_part {
    fn_yaml_kind kind;
    int line, column; /* from 1 */
    int first, next, children;
    char *text, *anchor;
    bool open, bare; /* not finished yet; a scalar without quotes */
} fn_yaml_part;

struct fn_yaml {
    char *name;
    char *text; /* [size], as it was read: complaints show its lines */
    size_t size;
    fn_yaml_part *node; /* [0] stands for "no such node" */
    int count, room;
};

/* Around the sentence already recorded: its place in front, the line itself behind. */
fn_status fn_yaml_place(const fn_yaml *y, int line, int column, fn_status s);

#endif
