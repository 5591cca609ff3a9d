"""test_onnx.py -- exported models run in onnxruntime and OpenCV and give our embeddings.

test_onnx (tests/test_onnx.c) writes each shipped network, with random weights and random
batch-norm statistics, beside crops and the embeddings that our own plan makes of them."""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

try:
    import cv2
    import numpy as np
    import onnx
    import onnxruntime
except ImportError as e:
    print(f"# skipped: {e}")
    sys.exit(77)

PEER = os.path.join(os.environ["FN_BIN"], "test_onnx")
CROPS = {"nn1": 20, "nn1-bn": 20, "nn2": 20, "nn2-bn": 20}  # large: 100 would take minutes
LIMIT = 1e-5
PORTABLE = {"AveragePool", "Concat", "Conv", "Div", "Flatten", "Gemm", "GlobalAveragePool",
            "LRN", "MaxPool", "Mul", "PRelu", "ReduceL2", "ReduceMax", "Relu", "Reshape",
            "Softmax", "Sqrt"}
NATIVE = PORTABLE - {"Div", "ReduceL2", "Sqrt"} | {"LpNormalization", "LpPool",
                                                        "GlobalLpPool"}
IN_OPENCV = {"nn1", "nn2", "nn4", "nn4-bn", "nns1", "nns2-bn", "plain64-bn",
             "other-ops"}
OTHER_OPS = """name: other-ops
input: 40x36x3
each: {norm: batch, act: prelu}
layers:
  - conv: {name: a, out: 19, kernel: 5, stride: 2}
  - prelu
  - maxpool: {kernel: 3, stride: 2}
  - conv: {name: b, out: 24, kernel: 3, norm: none}
  - softmax
heads:
  embedding:
    - fc: {name: c, out: 32, act: prelu}
    - softmax: {name: d}
    - fc: {name: e, out: 128, act: none}
    - l2norm
"""

failures = 0


def check(true, sentence):
    global failures
    failures += not true
    print(("ok      " if true else "not ok  ") + sentence, flush=True)


def write(folder, test, **env):
    """Runs one test of the peer, which leaves its files in the folder."""
    env = {**os.environ, "FN_ONNX_FOLDER": folder, **env}
    run = subprocess.run([PEER, test], env=env, capture_output=True, text=True)
    if run.returncode:
        print(run.stdout + run.stderr)
    check(run.returncode == 0, f"test_onnx {test} {env.get('FN_ONNX_NET', '')}")


def session(path):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def dims(value):
    return [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]


def read(path, shape):
    """Our bytes are N,H,W,C; ONNX's are N,C,H,W."""
    x = np.fromfile(path, "<f4").reshape(shape)
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2)) if x.ndim == 4 else x


def distance(a, b):
    return float(np.abs(a - b).max()) if a.shape == b.shape else np.inf  # NaN fails too


def check_metadata(name, model, size, digest):
    have = {p.key: p.value for p in model.metadata_props}
    want = {"version": model.producer_version, "margin": "0.25", "network": name, "height": str(size[2]), "width": str(size[3]), "colour": "RGB",
            "scaling": "(v - 127.5) / 128", "crop": "centre: 137@125,135", "view": "0.875",
            "embedding": "128", "threshold": "1.242",
            "threshold_from": "eval of pairs.txt, 6000 pairs", "step": "1234567890123",
            "data_sha256": "d" * 64, "weights_sha256": digest}
    check(have == want and re.fullmatch("[0-9a-f]{64}", digest),
          f"{name}: metadata {'' if have == want else have}")


def check_form(name, path, words):
    model = onnx.load(path)
    onnx.checker.check_model(path, full_check=True)
    x, y = model.graph.input, model.graph.output
    check(model.ir_version == 7 and [o.version for o in model.opset_import] == [13] and
          model.opset_import[0].domain == "" and model.producer_name == "facenet",
          f"{name}: IR 7, opset 13")
    check(len(x) == 1 and x[0].name == "image" and dims(x[0])[:2] == ["N", 3] and
          len(y) == 1 and y[0].name == "embedding" and dims(y[0]) == ["N", 128],
          f"{name}: image {dims(x[0])} -> embedding {dims(y[0])}")
    odd = {n.op_type for n in model.graph.node} - words
    check(not odd, f"{name}: only the profile's operators {odd or ''}")
    return model, dims(x[0])


def check_batches(name, net, x, y):
    one = np.concatenate([net.run(None, {"image": x[i:i + 1]})[0] for i in range(7)])
    seven = net.run(None, {"image": x[:7]})[0]
    check(distance(one, seven) <= 1e-6 and distance(seven, y[:7]) <= LIMIT,
          f"{name}: rows of batch 1 and 7 differ by {distance(one, seven):.1e}")


def check_opencv(name, path, x, y):
    net = cv2.dnn.readNetFromONNX(path)
    net.setInput(x[:5])
    d = distance(net.forward(), y[:5])
    check(d <= LIMIT, f"{name}: OpenCV {cv2.__version__} differs by {d:.1e}")


def check_portable(name, folder, file):
    """The same network in the operators of OpenCV, run by both."""
    write(folder, "model", FN_ONNX_NET=file or name, FN_ONNX_CROPS="5", FN_ONNX_PORTABLE="1")
    at = os.path.join(folder, name)
    _, size = check_form(f"{name}, portable", at + ".onnx", PORTABLE)
    x = read(at + ".input.f32", (-1, size[2], size[3], 3))
    y = read(at + ".output.f32", (-1, 128))
    d = distance(session(at + ".onnx").run(None, {"image": x})[0], y)
    check(d <= LIMIT, f"{name}, portable: onnxruntime differs by {d:.1e}")
    check_opencv(name, at + ".onnx", x, y)


def check_network(name, folder, file=None):
    crops = CROPS.get(name, 100)
    write(folder, "model", FN_ONNX_NET=file or name, FN_ONNX_CROPS=str(crops))
    at = os.path.join(folder, name)
    model, size = check_form(name, at + ".onnx", NATIVE)
    with open(at + ".sha256", encoding="ascii") as f:
        check_metadata(name, model, size, f.read())
    x = read(at + ".input.f32", (-1, size[2], size[3], 3))
    y = read(at + ".output.f32", (-1, 128))
    net = session(at + ".onnx")
    got = np.concatenate([net.run(None, {"image": part})[0] for part in np.split(x, 10)])
    d = distance(got, y)
    check(len(y) == crops and d <= LIMIT,
          f"{name}: onnxruntime differs by {d:.1e} over {len(y)} crops")
    apart = np.linalg.norm(y[1:] - y[:1], axis=1).min()
    check(apart > 100 * LIMIT and np.abs(np.linalg.norm(y, axis=1) - 1).max() < 1e-5,
          f"{name}: unit embeddings, at least {apart:.1e} apart")
    check_batches(name, net, x, y)
    if name in IN_OPENCV:
        check_portable(name, folder, file)


def check_ops(folder, profile, **env):
    write(folder, "ops", **env)
    worst, n = 0.0, 0
    for path in sorted(glob.glob(os.path.join(folder, "op-*.onnx"))):
        name, at = os.path.basename(path)[:-5], path[:-5]
        onnx.checker.check_model(path, full_check=True)
        net = session(path)
        size = net.get_inputs()[0].shape[1:]
        x = read(at + ".input.f32", (-1, *size[1:], size[0]))
        got = net.run(None, {"image": x})[0]
        y = read(at + ".output.f32", (len(x), *got.shape[2:], got.shape[1]))
        if profile == "portable" and "l2norm" in name:  # the first row is zeros: 0 / 0
            got, y = got[1:], y[1:]
        d = distance(got, y)
        if not d <= LIMIT:
            check(False, f"{name} differs by {d:.1e}")
        worst, n = max(worst, d), n + 1
    check(n > 30 and worst <= LIMIT, f"{profile}: {n} samples of ops differ by at most {worst:.1e}")


def check_other_ops(folder):
    """The ops that no shipped network has."""
    path = os.path.join(folder, "other-ops.yaml")
    with open(path, "w", encoding="ascii") as f:
        f.write(OTHER_OPS)
    check_network("other-ops", folder, path)
    kinds = [n.op_type for n in onnx.load(path[:-5] + ".onnx").graph.node]
    check(kinds.count("PRelu") == 4 and kinds.count("Softmax") == 2,
          f"other-ops: {kinds.count('PRelu')} PRelu, {kinds.count('Softmax')} Softmax")


def main():
    folder = tempfile.mkdtemp(prefix="fn-onnx-")
    try:
        check_ops(folder, "native")
        check_ops(folder, "portable", FN_ONNX_PORTABLE="1")
        nets = sorted(os.path.basename(p)[:-5] for p in glob.glob("configs/nets/*.yaml"))
        for name in nets:
            check_network(name, folder)
            for path in glob.glob(os.path.join(folder, name + ".*")):
                os.remove(path)
        check(len(nets) >= 12, f"{len(nets)} networks")
        check_other_ops(folder)
    finally:
        shutil.rmtree(folder)
    return failures > 0


sys.exit(main())
