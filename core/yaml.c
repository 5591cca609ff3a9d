/* yaml -- libyaml's events become a tree of our own: every alias is written out, so a node has
 * one parent, and the budget of nodes counts what a reader would see. */
#include "core/excerpt.h"
#include "core/file.h"
#include "core/mem.h"
#include "core/yaml_tree.h"

#include <string.h>

#include <yaml.h>

enum { LARGEST = 1 << 20, DEEPEST = 32, MOST_NODES = 10000 };

static fn_status fail_at(const fn_yaml *y, yaml_mark_t mark, const char *sentence)
{
    return fn_yaml_place(y, (int)mark.line + 1, (int)mark.column + 1,
                         fn_fail(FN_ECONFIG, "%s", sentence));
}

static fn_status fail_memory(const fn_yaml *y)
{
    return fn_fail(FN_ENOMEM, "%s: no memory to read it", y->name);
}

/* --- building --- */

typedef struct reader {
    yaml_parser_t parser;
    yaml_event_t event; /* the current one */
    fn_yaml *y;
} reader;

/* Is the first thing on this line that is no blank a tab? Editors make them look alike. */
static bool starts_with_tab(const fn_yaml *y, int line)
{
    size_t length;
    const char *p = fn_excerpt_line(y->text, y->size, line, &length);
    size_t blanks = p ? strspn(p, " ") : 0;
    return p && blanks < length && p[blanks] == '\t';
}

static fn_status fail_parse(const reader *r)
{
    const yaml_parser_t *p = &r->parser;
    char sentence[256];
    if (p->error == YAML_MEMORY_ERROR)
        return fail_memory(r->y);
    if (p->error == YAML_READER_ERROR)
        return fn_fail(FN_ECONFIG, "%s: byte %zu is not text: %s", r->y->name,
                       p->problem_offset, p->problem);
    if (starts_with_tab(r->y, (int)p->problem_mark.line + 1))
        return fail_at(r->y, p->problem_mark, "a tab: indent with spaces");
    snprintf(sentence, sizeof sentence, "not YAML: %s%s%s", p->problem ? p->problem : "",
             p->context ? " " : "", p->context ? p->context : "");
    return fail_at(r->y, p->problem_mark, sentence);
}

static fn_status advance(reader *r)
{
    yaml_event_delete(&r->event);
    return yaml_parser_parse(&r->parser, &r->event) ? FN_OK : fail_parse(r);
}

/* Adds a node at the place of `mark`. */
static fn_status add(fn_yaml *y, int *out, fn_yaml_kind kind, yaml_mark_t mark, int depth)
{
    if (depth > DEEPEST)
        return fail_at(y, mark, "nested more than 32 deep");
    if (y->count > MOST_NODES)
        return fail_at(y, mark,
                       "more than 10000 values, those that aliases repeat included");
    if (y->count == y->room) {
        int room = y->room ? 2 * y->room : 256;
        fn_yaml_part *grown = fn_grow(y->node, (size_t)room, sizeof *grown);
        if (!grown)
            return fail_memory(y);
        y->node = grown;
        y->room = room;
    }
    y->node[y->count] = (fn_yaml_part){
        .kind = kind, .line = (int)mark.line + 1, .column = (int)mark.column + 1};
    *out = y->count++;
    return FN_OK;
}

static void hang(fn_yaml *y, int parent, int *last, int n)
{
    if (*last)
        y->node[*last].next = n;
    else
        y->node[parent].first = n;
    y->node[parent].children++;
    *last = n;
}

/* A copy complains with the place of its original, where the mistake is. */
static fn_status copy(fn_yaml *y, int *out, int from, int depth)
{
    yaml_mark_t mark = {.line = (size_t)y->node[from].line - 1,
                        .column = (size_t)y->node[from].column - 1};
    int last = 0, part = 0;
    FN_TRY(add(y, out, y->node[from].kind, mark, depth));
    y->node[*out].bare = y->node[from].bare;
    if (y->node[from].text && !(y->node[*out].text = fn_strdup(y->node[from].text)))
        return fail_memory(y);
    for (int c = y->node[from].first; c; c = y->node[c].next) {
        FN_TRY(copy(y, &part, c, depth + 1));
        hang(y, *out, &last, part);
    }
    return FN_OK;
}

/* The last node of that anchor counts, as YAML has it. */
static fn_status read_alias(reader *r, int *out, int depth)
{
    const char *name = (const char *)r->event.data.alias.anchor;
    yaml_mark_t mark = r->event.start_mark;
    int from = r->y->count - 1;
    while (from > 0 &&
           (!r->y->node[from].anchor || strcmp(r->y->node[from].anchor, name) != 0))
        from--;
    if (from == 0)
        return fail_at(r->y, mark, "an alias of nothing: there is no such anchor above");
    if (r->y->node[from].open)
        return fail_at(r->y, mark, "an alias inside what it stands for");
    return copy(r->y, out, from, depth);
}

static fn_status set_anchor(reader *r, int n, const yaml_char_t *anchor,
                            const yaml_char_t *tag)
{
    if (tag)
        return fail_at(r->y, r->event.start_mark, "a tag (!): write the bare value");
    if (anchor && !(r->y->node[n].anchor = fn_strdup((const char *)anchor)))
        return fail_memory(r->y);
    return FN_OK;
}

static fn_status read_scalar(reader *r, int n)
{
    const char *text = (const char *)r->event.data.scalar.value;
    FN_TRY(set_anchor(r, n, r->event.data.scalar.anchor, r->event.data.scalar.tag));
    if (strlen(text) != r->event.data.scalar.length)
        return fail_at(r->y, r->event.start_mark, "a text with a zero byte in it");
    r->y->node[n].bare = r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    r->y->node[n].text = fn_strdup(text);
    return r->y->node[n].text ? FN_OK : fail_memory(r->y);
}

static fn_status check_key(const fn_yaml *y, int map, int key)
{
    const char *text = fn_yaml_text(y, key);
    if (y->node[key].kind != FN_YAML_SCALAR)
        return fn_yaml_fail(y, key, "a key must be a word");
    if (y->node[key].bare && strcmp(text, "<<") == 0)
        return fn_yaml_fail(y, key, "a merge key (<<): write the keys out");
    fn_yaml_node before = fn_yaml_get(y, map, text);
    if (before)
        return fn_yaml_fail(y, key,
                            "key '%s' is here for the second time (line %d has it): "
                            "remove one",
                            text, y->node[before].line);
    return FN_OK;
}

static fn_status read_node(reader *r, int *out, int depth);

static fn_status read_children(reader *r, int parent, yaml_event_type_t end, int depth)
{
    int last = 0, part = 0;
    bool map = r->y->node[parent].kind == FN_YAML_MAP;
    r->y->node[parent].open = true;
    for (;;) {
        FN_TRY(advance(r));
        if (r->event.type == end)
            break;
        FN_TRY(read_node(r, &part, depth + 1));
        if (map && r->y->node[parent].children % 2 == 0)
            FN_TRY(check_key(r->y, parent, part));
        hang(r->y, parent, &last, part);
    }
    r->y->node[parent].open = false;
    return FN_OK;
}

/* The current event and, of a list or a map, the events up to its end. */
static fn_status read_node(reader *r, int *out, int depth)
{
    const yaml_event_t *e = &r->event;
    switch (e->type) {
    case YAML_SCALAR_EVENT:
        FN_TRY(add(r->y, out, FN_YAML_SCALAR, e->start_mark, depth));
        return read_scalar(r, *out);
    case YAML_SEQUENCE_START_EVENT:
        FN_TRY(add(r->y, out, FN_YAML_LIST, e->start_mark, depth));
        FN_TRY(
            set_anchor(r, *out, e->data.sequence_start.anchor, e->data.sequence_start.tag));
        return read_children(r, *out, YAML_SEQUENCE_END_EVENT, depth);
    case YAML_MAPPING_START_EVENT:
        FN_TRY(add(r->y, out, FN_YAML_MAP, e->start_mark, depth));
        FN_TRY(
            set_anchor(r, *out, e->data.mapping_start.anchor, e->data.mapping_start.tag));
        return read_children(r, *out, YAML_MAPPING_END_EVENT, depth);
    default:
        return read_alias(r, out, depth);
    }
}

static fn_status read_stream(reader *r)
{
    yaml_mark_t none = {0};
    int nothing = 0, root = 0;
    FN_TRY(add(r->y, &nothing, FN_YAML_SCALAR, none, 0));
    r->y->node[nothing].line = 0;
    FN_TRY(advance(r)); /* the stream starts */
    FN_TRY(advance(r));
    if (r->event.type == YAML_STREAM_END_EVENT)
        return fn_fail(FN_ECONFIG, "%s: is empty", r->y->name);
    FN_TRY(advance(r));
    FN_TRY(read_node(r, &root, 1));
    FN_TRY(advance(r)); /* the document ends */
    FN_TRY(advance(r));
    if (r->event.type != YAML_STREAM_END_EVENT)
        return fail_at(r->y, r->event.start_mark, "a second document: keep one a file");
    return FN_OK;
}

/* --- opening --- */

static fn_status read_text(fn_yaml *y)
{
    reader r = {.y = y};
    if (!yaml_parser_initialize(&r.parser))
        return fail_memory(y);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)y->text, y->size);
    fn_status rc = read_stream(&r);
    yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    return rc;
}

fn_status fn_yaml_parse(fn_yaml **out, const char *name, const char *text, size_t size)
{
    fn_yaml *y = NULL;
    fn_status rc;
    *out = NULL;
    if (size > LARGEST)
        return fn_fail(FN_ECONFIG, "%s: is larger than 1 MiB", name);
    y = fn_alloc(1, sizeof *y);
    if (!y || !(y->name = fn_strdup(name)) || !(y->text = fn_alloc(size + 1, 1)))
        FN_GO(fn_fail(FN_ENOMEM, "%s: no memory to read it", name));
    memcpy(y->text, text, size);
    y->size = size;
    FN_GO(read_text(y));
    *out = y;
    return FN_OK;
out:
    fn_yaml_close(y);
    return rc;
}

fn_status fn_yaml_open(fn_yaml **out, const char *path)
{
    char *text;
    size_t size;
    *out = NULL;
    fn_status rc = fn_file_read(&text, &size, path, LARGEST);
    if (rc == FN_EDATA)
        return fn_fail(FN_ECONFIG, "%s: is larger than 1 MiB", path);
    FN_TRY(rc);
    rc = fn_yaml_parse(out, path, text, size);
    fn_free(text);
    return rc;
}
