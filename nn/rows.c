#include "nn/rows.h"

#include "core/mem.h"
#include "nn/figure.h"

#include <string.h>

enum { WORDS = 64 };

static const char *const columns[] = {"name", "gives", "params", "flops", NULL};
static const fn_field no_fields[] = {{0}};

typedef struct reader {
    fn_graph *g;
    const fn_yaml *yaml;
    const fn_style *each;
} reader;

/* One row while it is read. */
typedef struct source {
    fn_yaml_node word, map; /* map 0: `- lrn` */
    const fn_layer *layer;  /* or */
    const fn_op *op;
    const fn_field *field;
    _Alignas(16) char attr[FN_ATTR_BYTES];
} source;

bool fn_rows_is_name(const char *text)
{
    size_t n = strlen(text);
    return n > 0 && n < FN_ROW_NAME_BYTES &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789-_") == n;
}

/* --- the word --- */

static const fn_layer *layer_of(const char *word)
{
    for (const fn_layer *l = fn_layers; l->name; l++)
        if (strcmp(l->name, word) == 0)
            return l;
    return NULL;
}

static const fn_field *fields_of(const fn_layer *layer, const fn_op *op)
{
    return layer ? layer->field : op->field ? op->field : no_fields;
}

const char *fn_rows_word(int i, const fn_field **field)
{
    for (const fn_layer *l = fn_layers; l->name; l++)
        if (i-- == 0) {
            *field = fields_of(l, NULL);
            return l->name;
        }
    for (const fn_op *const *op = fn_ops; *op; op++)
        if (!(*op)->internal && !layer_of((*op)->name) && i-- == 0) {
            *field = fields_of(NULL, *op);
            return (*op)->name;
        }
    return NULL;
}

static fn_status refuse_word(const reader *r, fn_yaml_node word)
{
    const char *known[WORDS] = {NULL};
    const fn_field *field;
    for (int n = 0; n < WORDS - 1 && (known[n] = fn_rows_word(n, &field)); n++)
        ;
    const char *wrong = fn_yaml_text(r->yaml, word), *near = fn_suggest(known, wrong);
    return fn_yaml_fail(
        r->yaml, word, "there is no layer or op '%.60s'%s%s%s (facenet info --rows)", wrong,
        near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static fn_status find_word(const reader *r, source *s)
{
    const char *word = fn_yaml_text(r->yaml, s->word);
    s->layer = layer_of(word);
    if (!s->layer)
        s->op = fn_op_find(word);
    if (!s->layer && (!s->op || s->op->internal))
        return refuse_word(r, s->word);
    s->field = fields_of(s->layer, s->op);
    return FN_OK;
}

static fn_status read_shape_of_row(const reader *r, fn_yaml_node row, source *s)
{
    const fn_yaml *y = r->yaml;
    fn_yaml_kind kind = fn_yaml_kind_of(y, row);
    if (kind == FN_YAML_SCALAR) {
        s->word = row;
        return FN_OK;
    }
    if (kind == FN_YAML_LIST || fn_yaml_count(y, row) != 1)
        return fn_yaml_fail(y, row,
                            "a row is one word with its attributes: write "
                            "`- lrn` or `- conv: {out: 64, kernel: 3}`");
    s->word = fn_yaml_key(y, row, 0);
    s->map = fn_yaml_value(y, row, 0);
    if (fn_yaml_kind_of(y, s->map) == FN_YAML_MAP)
        return FN_OK;
    return fn_yaml_fail(y, s->map,
                        "%.60s: its attributes are a mapping: write "
                        "`- %.60s: {name: ...}`",
                        fn_yaml_text(y, s->word), fn_yaml_text(y, s->word));
}

/* --- attributes --- */

static fn_status read_attributes(const reader *r, source *s)
{
    fn_field_defaults(s->field, s->attr);
    if (s->layer)
        memcpy(s->attr, r->each, sizeof *r->each);
    if (s->map)
        return fn_yaml_read(r->yaml, s->map, s->field, s->attr, columns, false);
    for (const fn_field *f = s->field; f->name; f++)
        if (fn_field_required(f))
            return fn_yaml_fail(r->yaml, s->word, "%s needs %s: write `- %s: {%s: ...}`",
                                fn_yaml_text(r->yaml, s->word), f->name,
                                fn_yaml_text(r->yaml, s->word), f->name);
    return FN_OK;
}

/* --- columns --- */

static bool taken(const fn_graph *g, const char *name)
{
    for (int i = 0; i < g->n_row; i++)
        if (strcmp(g->row[i].name, name) == 0)
            return true;
    return false;
}

/* A row without a name is called after its word: lrn, lrn2, lrn3. */
static void name_after_word(const fn_graph *g, fn_row *row, const char *word)
{
    snprintf(row->name, sizeof row->name, "%s", word);
    for (int i = 2; taken(g, row->name); i++)
        snprintf(row->name, sizeof row->name, "%s%d", word, i);
}

static fn_status read_name(const reader *r, const source *s, fn_row *row)
{
    fn_yaml_node n = fn_yaml_get(r->yaml, s->map, "name");
    const char *name = fn_yaml_text(r->yaml, n);
    if (!fn_rows_is_name(name))
        return fn_yaml_fail(r->yaml, n,
                            "name: expected 1 to %d letters, digits, '-' or '_', "
                            "got '%.60s'",
                            FN_ROW_NAME_BYTES - 1, name);
    if (taken(r->g, name))
        return fn_yaml_fail(r->yaml, n, "two rows are named '%s': rename one", name);
    snprintf(row->name, sizeof row->name, "%s", name);
    return FN_OK;
}

static fn_status read_figure(const reader *r, const source *s, const char *key, char *to,
                             size_t size)
{
    fn_yaml_node n = fn_yaml_get(r->yaml, s->map, key);
    const char *text = fn_yaml_text(r->yaml, n);
    if (!n)
        return FN_OK;
    if (!fn_figure_is(text) || strlen(text) >= size)
        return fn_yaml_fail(r->yaml, n,
                            "%s: expected a figure such as 9K, 164K or 1.6M, got '%.60s'",
                            key, text);
    snprintf(to, size, "%s", text);
    return FN_OK;
}

static fn_status read_columns(const reader *r, const source *s, fn_row *row)
{
    if (!s->map || !fn_yaml_get(r->yaml, s->map, "name"))
        name_after_word(r->g, row, fn_yaml_text(r->yaml, s->word));
    else
        FN_TRY(read_name(r, s, row));
    if (!s->map)
        return FN_OK;
    FN_TRY(read_figure(r, s, "params", row->params, sizeof row->params));
    return read_figure(r, s, "flops", row->flops, sizeof row->flops);
}

/* Rows of features are a vector, which the paper folds as it likes: 1x32x128 is 4096. */
static fn_status check_gives(const reader *r, const source *s, fn_row *row)
{
    fn_yaml_node n = s->map ? fn_yaml_get(r->yaml, s->map, "gives") : 0;
    const char *text = fn_yaml_text(r->yaml, n);
    fn_shape shape = r->g->value[row->value].shape;
    int64_t size[3];
    if (!n)
        return FN_OK;
    if (!fn_figure_size(size, text) || strlen(text) >= sizeof row->gives)
        return fn_yaml_fail(r->yaml, n,
                            "gives: expected HEIGHTxWIDTHxCHANNELS, got '%.60s'", text);
    bool same = size[0] == shape.dim[2] && size[1] == shape.dim[3] &&
                size[2] == shape.dim[1];
    if (shape.rank == 2)
        same = size[0] * size[1] * size[2] == shape.dim[1];
    snprintf(row->gives, sizeof row->gives, "%s", text);
    if (same)
        return FN_OK;
    char have[64];
    fn_graph_print_shape(have, sizeof have, shape);
    return fn_yaml_fail(r->yaml, n, "%s gives %s, the file says %s: correct one of them",
                        row->name, have, text);
}

/* --- rows --- */

static fn_status build(const reader *r, const source *s, const char *name, int *v)
{
    int y[FN_MAX_OUT];
    fn_status rc;
    if (s->layer) {
        rc = s->layer->build(r->g, name, s->attr, *v, v);
    } else {
        rc = fn_graph_add(r->g, s->op, name, s->attr, v, 1, y);
        *v = rc == FN_OK ? y[0] : *v;
    }
    return rc == FN_OK ? rc : fn_yaml_context(r->yaml, s->word, fn_context(rc, "%s", name));
}

static fn_status keep_row(fn_graph *g, const fn_row *row, int first_node)
{
    fn_row *rows = fn_grow(g->row, (size_t)g->n_row + 1, sizeof *rows);
    if (!rows)
        return fn_fail(FN_ENOMEM, "%s: no memory for a row", g->name);
    g->row = rows;
    for (int i = first_node; i < g->n_node; i++)
        g->node[i].row = g->n_row;
    rows[g->n_row++] = *row;
    return FN_OK;
}

static fn_status read_row(const reader *r, fn_yaml_node node, int *v)
{
    source s = {.word = 0};
    fn_row row = {.value = 0};
    int first = r->g->n_node;
    FN_TRY(read_shape_of_row(r, node, &s));
    FN_TRY(find_word(r, &s));
    FN_TRY(read_columns(r, &s, &row));
    FN_TRY(read_attributes(r, &s));
    FN_TRY(build(r, &s, row.name, v));
    row.value = *v;
    FN_TRY(check_gives(r, &s, &row));
    return keep_row(r->g, &row, first);
}

fn_status fn_rows_add(fn_graph *g, const fn_yaml *yaml, fn_yaml_node list,
                      const fn_style *each, int *v)
{
    reader r = {g, yaml, each};
    if (fn_yaml_kind_of(yaml, list) != FN_YAML_LIST || fn_yaml_count(yaml, list) == 0)
        return fn_yaml_fail(yaml, list,
                            "expected a list of rows, such as "
                            "`- conv: {out: 64, kernel: 3}`");
    for (int i = 0; i < fn_yaml_count(yaml, list); i++)
        FN_TRY(read_row(&r, fn_yaml_item(yaml, list, i), v));
    return FN_OK;
}
