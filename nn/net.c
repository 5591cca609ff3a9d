/* net.c -- finds a network's file, reads its head, and builds its graph at a batch size. */
#include "nn/net.h"

#include "core/file.h"
#include "core/mem.h"
#include "kernels/fork.h"
#include "nn/figure.h"
#include "nn/rows.h"

#include <string.h>

enum { MOST_BYTES = 1 << 20, MOST_SIDE = 4096, MOST_CHANNELS = 64 };

struct fn_net {
    char *text;
    fn_yaml *yaml;
    char name[FN_ROW_NAME_BYTES];
    int height, width, channels;
    fn_style each;
    fn_yaml_node layers, heads, total;
};

/* --- finding the file --- */

static bool is_path(const char *name)
{
    size_t n = strlen(name);
    return strchr(name, '/') || (n > 5 && strcmp(name + n - 5, ".yaml") == 0);
}

/* Puts the nearest of the folder's networks in `near`, if one is near. */
static void suggest(char *near, size_t size, const char *folder, const char *wrong)
{
    char **name;
    int n;
    if (!folder || *near || fn_file_names(&name, &n, folder) != FN_OK)
        return;
    for (int i = 0; i < n && !*near; i++) {
        char *end = strstr(name[i], ".yaml");
        if (end)
            *end = '\0';
        const char *one[] = {name[i], NULL};
        if (end && fn_suggest(one, wrong))
            snprintf(near, size, "; did you mean '%.60s'?", name[i]);
    }
    fn_file_names_free(name, n);
}

/* The places to look in; those that there are not are NULL. */
typedef struct places {
    const char *folder[3];
    char *installed;
} places;

static fn_status not_found(const places *p, const char *name)
{
    char near[100] = "", list[600] = "";
    size_t n = 0;
    for (int i = 0; i < 3 && n < sizeof list; i++) {
        suggest(near, sizeof near, p->folder[i], name);
        if (p->folder[i])
            n += (size_t)snprintf(list + n, sizeof list - n, "%s%.190s", n ? ", " : "",
                                  p->folder[i]);
    }
    return fn_fail(FN_ENOENT, "there is no network '%.60s' in %s%s", name, list, near);
}

static fn_status look(char **path, const char *name, const places *p)
{
    char file[256];
    snprintf(file, sizeof file, "%.200s.yaml", name);
    for (int i = 0; i < 3; i++) {
        if (!p->folder[i])
            continue;
        *path = fn_file_join(p->folder[i], file);
        if (!*path)
            return fn_fail(FN_ENOMEM, "%.60s: no memory for its path", name);
        if (fn_file_exists(*path))
            return FN_OK;
        fn_free(*path);
        *path = NULL;
    }
    return not_found(p, name);
}

static fn_status find(char **path, const char *name, const char *folder)
{
    places p = {.folder = {folder, "configs/nets", NULL}};
    *path = NULL;
    if (is_path(name)) {
        *path = fn_strdup(name);
        return *path ? FN_OK : fn_fail(FN_ENOMEM, "%.60s: no memory", name);
    }
    FN_TRY(fn_file_installed(&p.installed, "share/facenet/nets"));
    p.folder[2] = p.installed;
    fn_status rc = look(path, name, &p);
    fn_free(p.installed);
    return rc;
}

/* --- the head of the file --- */

typedef struct header {
    char name[FN_TEXT_BYTES], input[FN_TEXT_BYTES];
} header;

static const fn_field header_fields[] = {
    {"name", FN_TEXT, offsetof(header, name), 0, 0, 0, NULL, NULL, NULL},
    {"input", FN_TEXT, offsetof(header, input), 0, 0, 0, NULL, NULL, NULL},
    {0},
};
static const char *const sections[] = {"each", "layers", "heads", "total", NULL};

static fn_status expect(const fn_yaml *y, fn_yaml_node n, fn_yaml_kind kind,
                        const char *key, const char *example)
{
    if (!n)
        return fn_yaml_fail(y, fn_yaml_root(y), "%s is missing: write `%s: %s`", key, key,
                            example);
    if (fn_yaml_kind_of(y, n) != kind)
        return fn_yaml_fail(y, n, "%s: expected `%s: %s`", key, key, example);
    return FN_OK;
}

static fn_status read_input(fn_net *net, const header *h)
{
    const fn_yaml *y = net->yaml;
    fn_yaml_node at = fn_yaml_get(y, fn_yaml_root(y), "input");
    int64_t size[3];
    if (!fn_figure_size(size, h->input) || size[0] > MOST_SIDE || size[1] > MOST_SIDE ||
        size[2] > MOST_CHANNELS)
        return fn_yaml_fail(y, at,
                            "input: expected HEIGHTxWIDTHxCHANNELS of at most %dx%dx%d, "
                            "such as 96x96x3, got '%.60s'",
                            MOST_SIDE, MOST_SIDE, MOST_CHANNELS, h->input);
    net->height = (int)size[0];
    net->width = (int)size[1];
    net->channels = (int)size[2];
    return FN_OK;
}

static fn_status read_name(fn_net *net, const header *h)
{
    const fn_yaml *y = net->yaml;
    if (!fn_rows_is_name(h->name))
        return fn_yaml_fail(y, fn_yaml_get(y, fn_yaml_root(y), "name"),
                            "name: expected 1 to %d letters, digits, '-' or '_', "
                            "got '%.60s'",
                            FN_ROW_NAME_BYTES - 1, h->name);
    snprintf(net->name, sizeof net->name, "%.*s", FN_ROW_NAME_BYTES - 1, h->name);
    return FN_OK;
}

static fn_status read_header(fn_net *net)
{
    const fn_yaml *y = net->yaml;
    fn_yaml_node root = fn_yaml_root(y);
    header h = {.name = ""};
    if (fn_yaml_kind_of(y, root) != FN_YAML_MAP)
        return fn_yaml_fail(y, root,
                            "a network is a mapping of name, input, layers and "
                            "heads");
    FN_TRY(fn_yaml_read(y, root, header_fields, &h, sections, false));
    FN_TRY(read_name(net, &h));
    FN_TRY(read_input(net, &h));
    fn_yaml_node each = fn_yaml_get(y, root, "each");
    if (each) {
        FN_TRY(expect(y, each, FN_YAML_MAP, "each", "{norm: none, act: relu}"));
        FN_TRY(fn_yaml_read(y, each, fn_style_fields, &net->each, NULL, true));
    }
    net->layers = fn_yaml_get(y, root, "layers");
    net->heads = fn_yaml_get(y, root, "heads");
    net->total = fn_yaml_get(y, root, "total");
    FN_TRY(expect(y, net->layers, FN_YAML_LIST, "layers", "[- conv: ..., ...]"));
    FN_TRY(expect(y, net->heads, FN_YAML_MAP, "heads", "{embedding: [- fc: ..., ...]}"));
    return net->total ? expect(y, net->total, FN_YAML_MAP, "total", "{params: 7456304}")
                      : FN_OK;
}

/* --- opening --- */

fn_status fn_net_parse(fn_net **out, const char *where, const char *text, size_t size)
{
    fn_net *net = fn_alloc(1, sizeof *net);
    fn_status rc;
    *out = NULL;
    if (!net)
        return fn_fail(FN_ENOMEM, "%s: no memory for a network", where);
    FN_GO(fn_yaml_parse(&net->yaml, where, text, size));
    FN_GO(read_header(net));
    net->text = fn_alloc(size + 1, 1);
    if (!net->text)
        FN_GO(fn_fail(FN_ENOMEM, "%s: no memory for its text", where));
    memcpy(net->text, text, size);
    *out = net;
    return FN_OK;
out:
    fn_net_close(net);
    return rc;
}

fn_status fn_net_open(fn_net **out, const char *name, const char *folder)
{
    char *path, *text = NULL;
    size_t size;
    fn_status rc;
    *out = NULL;
    FN_TRY(find(&path, name, folder));
    FN_GO(fn_file_read(&text, &size, path, MOST_BYTES));
    FN_GO(fn_net_parse(out, path, text, size));
out:
    fn_free(text);
    fn_free(path);
    return rc;
}

void fn_net_close(fn_net *net)
{
    if (!net)
        return;
    fn_yaml_close(net->yaml);
    fn_free(net->text);
    fn_free(net);
}

const char *fn_net_name(const fn_net *net)
{
    return net->name;
}

const char *fn_net_text(const fn_net *net)
{
    return net->text;
}

int fn_net_height(const fn_net *net)
{
    return net->height;
}

int fn_net_width(const fn_net *net)
{
    return net->width;
}

/* --- building --- */

static const fn_field total_fields[] = {
    {"params", FN_LONG, offsetof(fn_graph, total_params), 0, 1, 1e15, NULL, NULL, NULL},
    {"flops", FN_LONG, offsetof(fn_graph, total_flops), 0, 1, 1e15, NULL, NULL, NULL},
    {0},
};

static fn_status add_head(fn_graph *g, const fn_net *net, int i, int v)
{
    fn_yaml_node rows = fn_yaml_value(net->yaml, net->heads, i);
    FN_TRY(fn_rows_add(g, net->yaml, rows, &net->each, &v));
    g->output[i] = v;
    if (g->value[v].shape.rank == 2)
        return FN_OK;
    return fn_yaml_fail(net->yaml, rows, "a head gives one vector an image: end it in fc");
}

static fn_status add_heads(fn_graph *g, const fn_net *net, int v)
{
    fn_fork fork = {fn_yaml_count(net->yaml, net->heads)};
    int y[FN_MAX_OUT] = {v};
    if (fork.ways < 1 || fork.ways > FN_MAX_OUT)
        return fn_yaml_fail(net->yaml, net->heads, "expected 1 to %d heads, got %d",
                            FN_MAX_OUT, fork.ways);
    if (fork.ways > 1)
        FN_TRY(fn_graph_add(g, fn_op_find("fork"), "heads/fork", &fork, &v, 1, y));
    for (int i = 0; i < fork.ways; i++)
        FN_TRY(add_head(g, net, i, y[i]));
    g->n_output = fork.ways;
    return FN_OK;
}

fn_status fn_net_build(fn_graph **out, const fn_net *net, int batch, bool training)
{
    fn_graph *g;
    fn_shape input = FN_NCHW(batch, net->channels, net->height, net->width);
    fn_status rc;
    int v = 0;
    *out = NULL;
    FN_TRY(fn_graph_open(&g, net->name, input, training));
    FN_GO(fn_rows_add(g, net->yaml, net->layers, &net->each, &v));
    FN_GO(add_heads(g, net, v));
    if (net->total)
        FN_GO(fn_yaml_read(net->yaml, net->total, total_fields, g, NULL, true));
    *out = g;
    return FN_OK;
out:
    fn_graph_close(g);
    return rc;
}
