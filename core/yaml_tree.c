#include "core/yaml_tree.h"

#include "core/excerpt.h"
#include "core/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const fn_yaml_part *at(const fn_yaml *y, fn_yaml_node n)
{
    return &y->node[n > 0 && n < y->count ? n : 0];
}

fn_yaml_node fn_yaml_root(const fn_yaml *y)
{
    return y->count > 1 ? 1 : 0;
}

fn_yaml_kind fn_yaml_kind_of(const fn_yaml *y, fn_yaml_node n)
{
    return at(y, n)->kind;
}

const char *fn_yaml_text(const fn_yaml *y, fn_yaml_node n)
{
    const char *text = at(y, n)->text;
    return text ? text : "";
}

bool fn_yaml_is_null(const fn_yaml *y, fn_yaml_node n)
{
    static const char *const null[] = {"", "~", "null", "Null", "NULL"};
    for (size_t i = 0; i < sizeof null / sizeof *null; i++)
        if (at(y, n)->bare && strcmp(fn_yaml_text(y, n), null[i]) == 0)
            return true;
    return false;
}

int fn_yaml_count(const fn_yaml *y, fn_yaml_node n)
{
    const fn_yaml_part *v = at(y, n);
    return v->kind == FN_YAML_MAP ? v->children / 2 : v->children;
}

static fn_yaml_node child(const fn_yaml *y, fn_yaml_node n, int i)
{
    fn_yaml_node c = at(y, n)->first;
    while (c && i-- > 0)
        c = at(y, c)->next;
    return c;
}

fn_yaml_node fn_yaml_item(const fn_yaml *y, fn_yaml_node list, int i)
{
    return at(y, list)->kind == FN_YAML_LIST ? child(y, list, i) : 0;
}

fn_yaml_node fn_yaml_key(const fn_yaml *y, fn_yaml_node map, int i)
{
    return at(y, map)->kind == FN_YAML_MAP ? child(y, map, 2 * i) : 0;
}

fn_yaml_node fn_yaml_value(const fn_yaml *y, fn_yaml_node map, int i)
{
    return at(y, map)->kind == FN_YAML_MAP ? child(y, map, 2 * i + 1) : 0;
}

fn_yaml_node fn_yaml_get(const fn_yaml *y, fn_yaml_node map, const char *key)
{
    if (at(y, map)->kind != FN_YAML_MAP)
        return 0;
    for (fn_yaml_node k = at(y, map)->first; k; k = at(y, at(y, k)->next)->next)
        if (strcmp(fn_yaml_text(y, k), key) == 0)
            return at(y, k)->next;
    return 0;
}

/* --- complaints --- */

fn_status fn_yaml_place(const fn_yaml *y, int line, int column, fn_status s)
{
    char sentence[768], excerpt[448];
    snprintf(sentence, sizeof sentence, "%s", fn_last_error());
    fn_excerpt(excerpt, sizeof excerpt, y->text, y->size, line, column);
    return fn_fail(s, "%s:%d:%d: %s%s", y->name, line, column, sentence, excerpt);
}

fn_status fn_yaml_context(const fn_yaml *y, fn_yaml_node n, fn_status s)
{
    if (at(y, n)->line == 0)
        return fn_context(s, "%s", y->name);
    return fn_yaml_place(y, at(y, n)->line, at(y, n)->column, s);
}

fn_status fn_yaml_fail(const fn_yaml *y, fn_yaml_node n, const char *fmt, ...)
{
    char sentence[768];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(sentence, sizeof sentence, fmt, ap);
    va_end(ap);
    return fn_yaml_context(y, n, fn_fail(FN_ECONFIG, "%s", sentence));
}

void fn_yaml_close(fn_yaml *y)
{
    if (!y)
        return;
    for (int i = 0; i < y->count; i++) {
        fn_free(y->node[i].text);
        fn_free(y->node[i].anchor);
    }
    fn_free(y->node);
    fn_free(y->text);
    fn_free(y->name);
    fn_free(y);
}
