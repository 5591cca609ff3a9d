/* onnx_read.c -- ModelProto -> GraphProto -> nodes, constants, input and output. */
#include "export/onnx_read.h"

#include "core/file.h"
#include "core/mem.h"
#include "export/schema.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

static fn_status broken(const char *what)
{
    return fn_fail(FN_EDATA, "is not an ONNX file of ours: %s: export it again", what);
}

/* Text of a field; false when it does not fit. */
static bool copy_text(char *to, size_t size, const fn_wire *from)
{
    size_t n = (size_t)(from->end - from->at);
    if (!from->at || n >= size) /* a field of another kind has no text */
        return false;
    memcpy(to, from->at, n);
    to[n] = '\0';
    return true;
}

/* --- values --- */

static fn_status make_value(fn_onnx_file *f, const char *name, int *index)
{
    fn_onnx_value *v = fn_grow(f->value, (size_t)f->n_value + 1, sizeof *v);
    if (!v)
        return fn_fail(FN_ENOMEM, "no memory for value %s", name);
    f->value = v;
    *index = f->n_value++;
    v[*index] = (fn_onnx_value){.shape = {0, {1, 1, 1, 1}}};
    memcpy(v[*index].name, name, strlen(name) + 1);
    return FN_OK;
}

/* Finds the value of that name, or makes it. */
static fn_status value_of(fn_onnx_file *f, const fn_wire *text, int *index)
{
    char name[FN_ONNX_NAME];
    if (!copy_text(name, sizeof name, text))
        return broken("a name is too long");
    for (int i = 0; i < f->n_value; i++)
        if (strcmp(f->value[i].name, name) == 0) {
            *index = i;
            return FN_OK;
        }
    return make_value(f, name, index);
}

/* Appends a side, unless the tensor would then be larger than a file can be. */
static bool add_dim(fn_shape *s, int64_t dim)
{
    if (s->rank == 4 || dim < 0 || dim > INT32_MAX || dim * fn_numel(*s) > INT32_MAX)
        return false;
    s->dim[s->rank++] = dim;
    return true;
}

static fn_status read_tensor(fn_onnx_file *f, fn_wire w)
{
    fn_onnx_value t = {.shape = {0, {1, 1, 1, 1}}};
    fn_wire_field a;
    fn_wire name = {0};
    int64_t type = 0;
    int i;
    while (fn_wire_next(&w, &a)) {
        if (a.number == FN_TENSOR_DIMS)
            w.broken = !add_dim(&t.shape, a.value);
        else if (a.number == FN_TENSOR_TYPE)
            type = a.value;
        else if (a.number == FN_TENSOR_NAME)
            name = a.inside;
        else if (a.number == FN_TENSOR_RAW)
            t.raw = a.inside;
    }
    int64_t width = type == FN_ELEMENT_FLOAT ? 4 : type == FN_ELEMENT_INT64 ? 8 : 0;
    if (w.broken || !width || !name.at || t.raw.end - t.raw.at != fn_numel(t.shape) * width)
        return broken("a constant is torn");
    FN_TRY(value_of(f, &name, &i));
    f->value[i].raw = t.raw;
    f->value[i].shape = t.shape;
    return FN_OK;
}

/* ValueInfoProto: its name is enough, and its type for the input's size. */
static fn_status read_value(fn_onnx_file *f, fn_wire w, int *index)
{
    fn_wire_field a;
    *index = -1;
    while (fn_wire_next(&w, &a))
        if (a.number == FN_VALUE_NAME)
            FN_TRY(value_of(f, &a.inside, index));
    return *index < 0 || w.broken ? broken("an input or output is torn") : FN_OK;
}

/* --- nodes --- */

static const struct {
    const char *name;
    size_t offset;
    int most; /* integers; 0: a float */
} attributes[] = {
    {"kernel_shape", offsetof(fn_onnx_attr, kernel_shape), 2},
    {"strides", offsetof(fn_onnx_attr, strides), 2},
    {"pads", offsetof(fn_onnx_attr, pads), 4},
    {"axes", offsetof(fn_onnx_attr, axes), 1},
    {"group", offsetof(fn_onnx_attr, group), 1},
    {"axis", offsetof(fn_onnx_attr, axis), 1},
    {"transB", offsetof(fn_onnx_attr, trans_b), 1},
    {"size", offsetof(fn_onnx_attr, size), 1},
    {"keepdims", offsetof(fn_onnx_attr, keepdims), 1},
    {"count_include_pad", offsetof(fn_onnx_attr, count_include_pad), 1},
    {"alpha", offsetof(fn_onnx_attr, alpha), 0},
    {"beta", offsetof(fn_onnx_attr, beta), 0},
    {"bias", offsetof(fn_onnx_attr, bias), 0},
    {"epsilon", offsetof(fn_onnx_attr, epsilon), 0},
    {NULL, 0, 0},
};

static fn_status read_attribute(fn_onnx_attr *to, fn_wire w)
{
    fn_wire_field a;
    char name[32] = "";
    int64_t number[4] = {0};
    float real = 0;
    int n = 0, i = 0;
    while (fn_wire_next(&w, &a)) {
        if (a.number == FN_ATTR_NAME && !copy_text(name, sizeof name, &a.inside))
            return broken("an attribute's name is too long");
        if (a.number == FN_ATTR_F)
            real = a.real;
        if (a.number != FN_ATTR_I && a.number != FN_ATTR_INTS)
            continue;
        if (n == 4 || a.value < -1 || a.value > INT16_MAX)
            return broken("an attribute is out of range");
        number[n++] = a.value;
    }
    while (attributes[i].name && strcmp(attributes[i].name, name) != 0)
        i++;
    if (w.broken || !attributes[i].name || n != attributes[i].most)
        return broken("an attribute that we do not write");
    char *at = (char *)to + attributes[i].offset;
    if (n > 0)
        memcpy(at, number, (size_t)n * sizeof *number);
    else
        memcpy(at, &real, sizeof real);
    return FN_OK;
}

static const fn_onnx_attr defaults = {.strides = {1, 1},
                                      .group = 1,
                                      .axis = FN_ONNX_ABSENT,
                                      .keepdims = 1,
                                      .alpha = NAN,
                                      .beta = NAN,
                                      .bias = 1,
                                      .epsilon = 1e-5f};

static fn_status read_node(fn_onnx_file *f, fn_wire w, fn_onnx_node *n)
{
    fn_wire_field a;
    *n = (fn_onnx_node){.y = -1, .attr = defaults};
    while (fn_wire_next(&w, &a)) {
        fn_status rc = FN_OK;
        if (a.number == FN_NODE_INPUT && n->n_x < FN_MAX_IN)
            rc = value_of(f, &a.inside, &n->x[n->n_x++]);
        else if (a.number == FN_NODE_OUTPUT && n->y >= 0)
            rc = broken("a node with a second output");
        else if (a.number == FN_NODE_OUTPUT)
            rc = value_of(f, &a.inside, &n->y);
        else if (a.number == FN_NODE_OP && !copy_text(n->op, sizeof n->op, &a.inside))
            rc = broken("an operator's name is too long");
        else if (a.number == FN_NODE_ATTRIBUTE)
            rc = read_attribute(&n->attr, a.inside);
        FN_TRY(rc);
    }
    return w.broken || n->y < 0 ? broken("a node is torn") : FN_OK;
}

static fn_status add_node(fn_onnx_file *f, fn_wire w)
{
    fn_onnx_node *node = fn_grow(f->node, (size_t)f->n_node + 1, sizeof *node);
    if (!node)
        return fn_fail(FN_ENOMEM, "no memory for node %d", f->n_node);
    f->node = node;
    return read_node(f, w, &node[f->n_node++]);
}

/* --- the file --- */

static fn_status read_graph(fn_onnx_file *f, fn_wire w)
{
    fn_wire_field a;
    while (fn_wire_next(&w, &a)) {
        fn_status rc = FN_OK;
        if (a.number == FN_GRAPH_NODE)
            rc = add_node(f, a.inside);
        else if (a.number == FN_GRAPH_INITIALIZER)
            rc = read_tensor(f, a.inside);
        else if (a.number == FN_GRAPH_INPUT)
            rc = read_value(f, a.inside, &f->input);
        else if (a.number == FN_GRAPH_OUTPUT)
            rc = read_value(f, a.inside, &f->output);
        FN_TRY(rc);
    }
    return w.broken ? broken("its graph is torn") : FN_OK;
}

static fn_status read_model(fn_onnx_file *f, fn_wire w)
{
    fn_wire_field a;
    while (fn_wire_next(&w, &a))
        if (a.number == FN_MODEL_GRAPH)
            FN_TRY(read_graph(f, a.inside));
    if (w.broken || f->input < 0 || f->output < 0 || !f->n_node)
        return broken("it has no whole graph");
    return FN_OK;
}

fn_status fn_onnx_read(fn_onnx_file *out, const char *path)
{
    size_t size;
    *out = (fn_onnx_file){.input = -1, .output = -1};
    FN_TRY(fn_file_read(&out->bytes, &size, path, FN_PROTO_MAX));
    const uint8_t *from = (const uint8_t *)out->bytes;
    fn_status rc = read_model(out, (fn_wire){from, from + size, false});
    if (rc != FN_OK) {
        rc = fn_context(rc, "%s", path);
        fn_onnx_read_close(out);
    }
    return rc;
}

void fn_onnx_read_close(fn_onnx_file *f)
{
    for (int i = 0; i < f->n_value; i++)
        fn_free(f->value[i].data);
    fn_free(f->value);
    fn_free(f->node);
    fn_free(f->bytes);
    *f = (fn_onnx_file){0};
}
