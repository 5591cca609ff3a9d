/* yaml_read -- a mapping into a struct, by its table of fields. */
#include "core/mem.h"
#include "core/yaml.h"

#include <stdio.h>
#include <string.h>

enum { NAME = 128 };

typedef struct target {
    const fn_yaml *y;
    const fn_field *table;
    void *to;
    const char *const *also;
    bool *seen; /* [fields of the table] */
} target;

/* A listed section may be spelt with dots: `log.every` is of `log`. */
static bool is_listed(const char *const *list, const char *name)
{
    size_t n = strcspn(name, ".");
    for (; list && *list; list++)
        if (strlen(*list) == n && strncmp(*list, name, n) == 0)
            return true;
    return false;
}

/* Does the table have "name.something"? */
static bool is_group(const fn_field *table, const char *name)
{
    size_t n = strlen(name);
    for (const fn_field *f = table; f->name; f++)
        if (strncmp(f->name, name, n) == 0 && f->name[n] == '.')
            return true;
    return false;
}

/* The nearest of the groups' names, for whole sections that are misspelt. */
static bool suggest_group(char near[NAME], const fn_field *table, const char *wrong)
{
    for (const fn_field *f = table; f->name; f++)
        for (const char *dot = strchr(f->name, '.'); dot; dot = strchr(dot + 1, '.')) {
            snprintf(near, NAME, "%.*s", (int)(dot - f->name), f->name);
            const char *one[] = {near, NULL};
            if (fn_suggest(one, wrong))
                return true;
        }
    return false;
}

static fn_status fail_unknown(const target *t, fn_yaml_node key, const char *name)
{
    char group[NAME];
    const char *near = fn_field_suggest(t->table, name);
    if (!near)
        near = fn_suggest(t->also, name);
    if (!near && suggest_group(group, t->table, name))
        near = group;
    return fn_yaml_fail(t->y, key, "unknown key '%s'%s%s%s", name,
                        near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static fn_status read_value(const target *t, const fn_field *f, fn_yaml_node value)
{
    bool *seen = &t->seen[f - t->table];
    if (*seen)
        return fn_yaml_fail(t->y, value, "%s: is given twice: remove one", f->name);
    *seen = true;
    if (fn_yaml_kind_of(t->y, value) != FN_YAML_SCALAR)
        return fn_yaml_fail(t->y, value, "%s: expected one value, got a %s", f->name,
                            fn_yaml_kind_of(t->y, value) == FN_YAML_MAP ? "mapping"
                                                                        : "list");
    if (fn_yaml_is_null(t->y, value))
        return fn_yaml_fail(t->y, value, "%s: has no value: write one%s, or remove the key",
                            f->name, f->kind == FN_TEXT ? " (\"\" for no text)" : "");
    fn_status rc = fn_field_parse(f, t->to, fn_yaml_text(t->y, value));
    return rc == FN_OK ? FN_OK : fn_yaml_context(t->y, value, rc);
}

static fn_status read_map(const target *t, fn_yaml_node map, const char *prefix)
{
    char name[NAME];
    for (int i = 0; i < fn_yaml_count(t->y, map); i++) {
        fn_yaml_node key = fn_yaml_key(t->y, map, i), value = fn_yaml_value(t->y, map, i);
        snprintf(name, sizeof name, "%s%s", prefix, fn_yaml_text(t->y, key));
        const fn_field *f = fn_field_find(t->table, name);
        if (f) {
            FN_TRY(read_value(t, f, value));
        } else if (is_group(t->table, name)) {
            if (fn_yaml_kind_of(t->y, value) != FN_YAML_MAP)
                return fn_yaml_fail(t->y, value, "%s: expected keys below it", name);
            snprintf(name + strlen(name), sizeof name - strlen(name), ".");
            FN_TRY(read_map(t, value, name));
        } else if (!is_listed(t->also, name)) {
            return fail_unknown(t, key, name);
        }
    }
    return FN_OK;
}

static fn_status check_required(const target *t, fn_yaml_node map)
{
    for (const fn_field *f = t->table; f->name; f++)
        if (fn_field_required(f) && !t->seen[f - t->table])
            return fn_yaml_fail(t->y, map, "missing key '%s'%s%s", f->name,
                                f->help ? ": " : "", f->help ? f->help : "");
    return FN_OK;
}

fn_status fn_yaml_read(const fn_yaml *y, fn_yaml_node map, const fn_field *table, void *to,
                       const char *const *also, bool partial)
{
    static const fn_field none[] = {{0}};
    target t = {.y = y, .table = table ? table : none, .to = to, .also = also};
    size_t n = 0;
    if (fn_yaml_kind_of(y, map) != FN_YAML_MAP)
        return fn_yaml_fail(y, map, "expected keys and values (key: value)");
    while (t.table[n].name)
        n++;
    t.seen = fn_alloc(n, sizeof *t.seen);
    if (!t.seen)
        return fn_yaml_context(y, map, fn_fail(FN_ENOMEM, "no memory to read it"));
    fn_status rc = read_map(&t, map, "");
    if (rc == FN_OK && !partial)
        rc = check_required(&t, map);
    fn_free(t.seen);
    return rc;
}
