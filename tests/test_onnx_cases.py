"""test_onnx_cases.py -- ONNX's own test cases of the operators that we share with it.

Debian's libonnx-testdata holds them: a model of one operator, its inputs, what it shall give.
Those that one of our ops can express are written down as it takes them (N,H,W,C; square
kernels; padding of kernel/2 or none; ...) for tests/peer_onnx_cases.c, which runs the reference
and the CPU kernels. Those of operators that our reader of ONNX files knows go through that
reader too: what it does not refuse, it must get right. Cases that do not run are listed with
the reason."""
import glob
import os
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from math import prod

try:
    import numpy as np
    import onnx
    from onnx import numpy_helper
except ImportError as e:
    print(f"# skipped: {e}")
    sys.exit(77)

DATA = "/usr/share/libonnx-testdata/data"
PEER = os.path.join(os.environ["FN_BIN"], "peer_onnx_cases")
READER = {"AveragePool", "BatchNormalization", "Concat", "Conv", "Div", "Flatten", "Gemm",
          "GlobalAveragePool", "GlobalMaxPool", "LRN", "MaxPool", "Mul", "PRelu", "ReduceL2",
          "ReduceMax", "Relu", "Reshape", "Softmax", "Sqrt"}
LEAST = {"avgpool": 4, "batchnorm": 6, "concat": 12, "conv": 6, "linear": 8, "lrn": 2,
         "maxpool": 6, "prelu": 8, "relu": 2, "softmax": 6}

failures = 0


def check(true, sentence):
    global failures
    failures += not true
    print(("ok      " if true else "not ok  ") + sentence, flush=True)


class Unlike(Exception):
    """Why a case is none of ours."""


def expect(true, why):
    if not true:
        raise Unlike(why)


def only(a, name, value):
    got = a.pop(name, value)
    expect(got == value, f"{name} {got}")


# --- operators as ops: attributes, inputs, expected outputs -> line, x, w, y, further dw ---

def around(v, first, last):
    """v as [N, C, H, 1] or [N, C], with the axes from first to last as channels."""
    n, c, h = prod(v.shape[:first]), prod(v.shape[first:last + 1]), prod(v.shape[last + 1:])
    return v.reshape((n, c, h, 1) if h > 1 else (n, c))


def same_pads(size, k, stride, lower):
    pads = []
    for n in size:
        both = max((-(-n // stride) - 1) * stride + k - n, 0)
        pads.append((both - both // 2 if lower else both // 2, both))
    return [begin for begin, _ in pads] + [both - begin for begin, both in pads]


def window(a, x, kernel):
    expect(x.ndim == 4, f"{x.ndim - 2} dimensions")
    k, (stride, other) = kernel[0], a.pop("strides", [1, 1])
    expect(k == kernel[1] and stride == other, "a kernel or strides that are not square")
    only(a, "dilations", [1, 1])
    only(a, "ceil_mode", 0)
    auto, pads = a.pop("auto_pad", b"NOTSET").decode(), a.pop("pads", [0] * 4)
    if auto.startswith("SAME"):
        pads = same_pads(x.shape[2:], k, stride, auto == "SAME_LOWER")
    expect(pads in ([0] * 4, [k // 2] * 4), f"pads {pads} of kernel {k}")
    return f"kernel={k} stride={stride} pad={'same' if pads[0] else 'valid'}", pads[0] > 0


def conv(a, t, y, _):
    x, w = t[:2]
    only(a, "group", 1)
    words, _ = window(a, x, a.pop("kernel_shape", list(w.shape[2:])))
    bias = "true" if len(t) > 2 else "false"
    return f"conv out={w.shape[0]} {words} bias={bias}", [x], t[1:], y


def avgpool(a, t, y, _):
    words, padded = window(a, t[0], a.pop("kernel_shape"))
    counts = a.pop("count_include_pad", 0)
    expect(counts or not padded, "padding that does not count")
    return f"avgpool {words}", t, [], y


def maxpool(a, t, y, _):
    only(a, "storage_order", 0)
    return f"maxpool {window(a, t[0], a.pop('kernel_shape'))[0]}", t, [], y


def global_pool(op):
    return lambda a, t, y, _: (f"{op} kernel=0 stride=1 pad=valid", t, [], y)


def batchnorm(a, t, y, _):
    only(a, "spatial", 1)
    only(a, "is_test", 1)
    training, keep = a.pop("training_mode", 0), a.pop("momentum", 0.9)
    line = f"batchnorm eps={a.pop('epsilon', 1e-5):.9g}"
    x, *w = t
    dw = {}
    if training:  # ours hands out the batch's statistics, ONNX the running ones
        dw = {k: (y[k - 1] - keep * w[k]) / (1 - keep) for k in (2, 3)}
    return line, [around(x, 1, 1)], w, [around(y[0], 1, 1)], dw


def concat(a, t, y, opset):
    axis = a.pop("axis", 1) % t[0].ndim
    expect(len(t) <= 8, "more than 8 inputs")
    return "concat", [around(v, axis, axis) for v in t], [], [around(y[0], axis, axis)]


def gemm(a, t, y, _):
    only(a, "alpha", 1.0)
    only(a, "beta", 1.0)
    a.pop("broadcast", 1)
    x = t[0].T if a.pop("transA", 0) else t[0]
    w = t[1] if a.pop("transB", 0) else t[1].T
    bias = []
    if len(t) > 2:
        out = w.shape[0]
        expect(t[2].size in (1, out) and (t[2].ndim < 2 or t[2].shape[0] == 1),
               "a bias for each row")
        bias = [np.broadcast_to(t[2].reshape(-1), (out,))]
    line = f"linear out={w.shape[0]} bias={'true' if bias else 'false'}"
    return line, [x], [w, *bias], y


def matmul(a, t, y, opset):
    expect(t[0].ndim == 2 and t[1].ndim == 2, "many matrices")
    return gemm(a, t, y, opset)


def lrn(a, t, y, _):
    size = a.pop("size")
    expect(size % 2 == 1, f"size {size} is even")
    line = (f"lrn size={size} alpha={a.pop('alpha', 1e-4):.9g} beta={a.pop('beta', 0.75):.9g} "
            f"k={a.pop('bias', 1.0):.9g}")
    return line, t, [], y


def prelu(a, t, y, opset):
    x, slope = t
    if slope.size == 1:
        slope, first, last = np.full(x.shape[1], slope.item(), np.float32), 1, 1
    else:
        if opset < 7 and slope.ndim == 1:  # then it was of the channels
            slope = slope.reshape(-1, *[1] * (x.ndim - 2))
        shape = [1] * (x.ndim - slope.ndim) + list(slope.shape)
        real = [i for i in range(x.ndim) if shape[i] > 1]
        first, last = real[0], real[-1]
        expect(shape[first:last + 1] == list(x.shape[first:last + 1]), "slopes of apart axes")
    return ("prelu", [around(x, first, last)], [slope.reshape(-1)], [around(y[0], first, last)])


def leaky_relu(a, t, y, opset):
    slope = np.full(1, a.pop("alpha", 0.01), np.float32)
    return prelu(a, [t[0], slope], y, opset)


def relu(a, t, y, _):
    return "relu", [around(t[0], 1, 1)], [], [around(y[0], 1, 1)]


def softmax(a, t, y, opset):
    axis = a.pop("axis", -1 if opset >= 13 else 1) % t[0].ndim
    last = axis if opset >= 13 else t[0].ndim - 1
    return "softmax", [around(t[0], axis, last)], [], [around(y[0], axis, last)]


OURS = {"AveragePool": avgpool, "BatchNormalization": batchnorm, "Concat": concat, "Conv": conv,
        "Gemm": gemm, "GlobalAveragePool": global_pool("avgpool"),
        "GlobalMaxPool": global_pool("maxpool"), "LRN": lrn, "LeakyRelu": leaky_relu,
        "MatMul": matmul, "MaxPool": maxpool, "PRelu": prelu, "Relu": relu, "Softmax": softmax}


# --- cases ---

def tensors(folder, word):
    paths = glob.glob(os.path.join(folder, "test_data_set_0", word + "_*.pb"))
    return [numpy_helper.to_array(onnx.load_tensor(os.path.join(
        folder, "test_data_set_0", f"{word}_{i}.pb"))) for i in range(len(paths))]


def write(path, line, roles):
    """roles: (role, index, array), in the order in which the program reads them."""
    with open(path, "wb") as f:
        f.write(line.encode())
        for role, i, v in roles:
            dims = list(v.shape) + [1] * (4 - v.ndim)
            f.write(f"{role} {i} {v.ndim} {' '.join(map(str, dims))}\n".encode())
        f.write(b"\n")
        for _, _, v in roles:
            f.write(np.ascontiguousarray(v, "<f4").tobytes())


def as_ours(v, role):
    """The floats of a value in our order, under its logical shape."""
    return v.transpose(0, 2, 3, 1).reshape(v.shape) if v.ndim == 4 and role in "xy" else v


def as_case(path, model, values, outputs):
    node = model.graph.node[0]
    a = {p.name: onnx.helper.get_attribute_value(p) for p in node.attribute}
    opset = max(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
    expect("" not in node.input, "an input left out")
    t = [values[name] for name in node.input]
    expect(all(v.dtype == np.float32 for v in t + outputs), "not of floats")
    expect(all(v.ndim > 1 for v in t[:1]) or node.op_type == "Concat", "one dimension")
    expect(len(node.output) == 1 or a.get("training_mode"), "more than one output")
    line, x, w, y, *more = OURS[node.op_type](a, t, outputs, opset)
    expect(not a, f"attribute {next(iter(a), '')}")
    roles = [("x", i, v) for i, v in enumerate(x)] + [("w", i, v) for i, v in enumerate(w)]
    roles += [("y", 0, y[0])] + [("dw", i, v) for m in more for i, v in m.items()]
    write(path, line + "\n", [(r, i, as_ours(v, r)) for r, i, v in roles])
    return line.split()[0]


def as_model(path, model, values, outputs):
    """The first input stays one, the others become constants."""
    graph = model.graph
    first = graph.node[0].input[0]
    x, y = values[first], outputs[0]
    expect(x.dtype == np.float32 and y.dtype == np.float32, "not of floats")
    expect(x.ndim <= 4 and y.ndim <= 4 and x.size and y.size, "more than 4 dimensions")
    keep = [v for v in graph.input if v.name == first]
    del graph.input[:]
    graph.input.extend(keep)
    del graph.initializer[:]
    graph.initializer.extend(numpy_helper.from_array(v, name) for name, v in values.items()
                             if name != first)
    onnx.save(model, path + ".onnx")
    write(path + ".values", "", [("x", 0, x), ("y", 0, y)])


def write_all(folder):
    """Both kinds of files; returns our op of each case, and why others are none."""
    ops, none = {}, {"kernels": {}, "reader": {}}
    for where in sorted(glob.glob(os.path.join(DATA, "*", "test_*"))):
        kind, name = where.split("/")[-2:]
        if kind not in ("node", "pytorch-converted", "pytorch-operator"):
            continue
        model = onnx.load(os.path.join(where, "model.onnx"))
        words = {n.op_type for n in model.graph.node}
        if len(model.graph.node) != 1 or not words & (set(OURS) | READER):
            continue
        values = {v.name: numpy_helper.to_array(v) for v in model.graph.initializer}
        given = [v.name for v in model.graph.input if v.name not in values]
        values.update(zip(given, tensors(where, "input")))
        outputs, at = tensors(where, "output"), os.path.join(folder, name)
        try:
            if words & set(OURS):
                ops[name] = as_case(at + ".case", model, values, outputs)
        except Unlike as e:
            none["kernels"][name] = str(e)
        try:
            if words & READER and kind == "node":  # the others are of older operator sets
                as_model(at, model, values, outputs)
        except Unlike as e:
            none["reader"][name] = str(e)
    return ops, none


def show(title, reasons):
    names = defaultdict(list)
    for name, why in reasons.items():
        names[why].append(name.removeprefix("test_"))
    print(f"# {title}: {len(reasons)}")
    for why, of in sorted(names.items(), key=lambda pair: -len(pair[1])):
        print(f"#   {len(of)} {why}: {' '.join(sorted(of))}")


def main():
    folder = tempfile.mkdtemp(prefix="fn-cases-")
    try:
        ops, none = write_all(folder)
        run = subprocess.run([PEER], capture_output=True, text=True,
                             env={**os.environ, "FN_CASES": folder})
    finally:
        shutil.rmtree(folder)
    lines = [line.split(" ", 1) for line in run.stdout.splitlines() if " " in line]
    ran, read = ([rest for word, rest in lines if word == w] for w in ("ran", "read"))
    for word, rest in lines:
        if word == "refused":
            name, why = rest.split(": ", 1)
            none["reader"][name] = why.split(": ", 1)[1]
    print("\n".join(line for line in run.stdout.splitlines() if line.startswith(("#", "not"))))
    show("cases that none of our ops is for", none["kernels"])
    show("cases that our reader of ONNX files refuses", none["reader"])
    check(run.returncode == 0, "what runs is right " + run.stderr)
    for op, least in LEAST.items():
        names = [n.removeprefix("test_") for n in ran if ops[n] == op]
        check(len(names) >= least, f"{op}: {len(names)} cases: {' '.join(names)}")
    check(sorted(ran) == sorted(ops), f"{len(ran)} cases by our kernels")
    check(len(read) >= 20, f"{len(read)} cases by our reader")
    return failures > 0


if not os.path.isdir(DATA):
    print("# skipped: libonnx-testdata is not installed (tools/setup.sh tests)")
    sys.exit(77)
sys.exit(main())
