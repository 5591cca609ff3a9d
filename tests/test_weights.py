"""test_weights.py -- exports of weights read by safetensors and h5py, against the model's own
datasets; what the exporter says about them; bad arguments."""
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile

try:
    import h5py
    import numpy as np
    from safetensors import safe_open
except ImportError as e:
    print(f"# skipped: {e}")
    sys.exit(77)

BIN = os.environ["FN_BIN"]
failures = 0
folder = tempfile.mkdtemp(prefix="fn-weights-")
model, texts = os.path.join(folder, "small.fnm"), {}


def check(true, sentence):
    global failures
    failures += not true
    print(("ok      " if true else "not ok  ") + sentence)


def export(form, name, *more):
    path = os.path.join(folder, name)
    r = subprocess.run([os.path.join(BIN, "export"), "--format", form, "--model", model, "-o",
                        path, *more], capture_output=True, text=True)
    return path, r


def text(value):
    return value.decode() if isinstance(value, bytes) else value


def ours():
    """Weights and record as the model file has them."""
    weights = {}
    with h5py.File(model) as f:
        f["params"].visititems(lambda name, d: weights.update({name: d[...]})
                               if isinstance(d, h5py.Dataset) else None)
        texts.update({k: text(v) for k, v in f.attrs.items()})
    return weights


def same(name, have, want):
    check(set(have) == set(want), f"{name}: {len(have)} weights under our names")
    check(all(have[k].dtype == np.float32 and have[k].shape == want[k].shape and
              have[k].tobytes() == want[k].tobytes() for k in want if k in have),
          f"{name}: every bit of them")


def described(name, m):
    want = {"network": "small", "height": "19", "width": "17", "colour": "RGB",
            "scaling": "(v - 127.5) / 128", "crop": "centre: 137@125,135", "view": "0.875",
            "embedding": "8", "threshold": "1.242", "margin": "0.25",
            "threshold_from": "eval of pairs.txt, 6000 pairs", "step": "1234567890123",
            "data_sha256": "d" * 64, "weights_sha256": texts["digest"], "net": texts["net"]}
    version = m.pop("version", "")
    check(m == want and version.count(".") == 2, f"{name}: metadata {'' if m == want else m}")


def main():
    write = subprocess.run([os.path.join(BIN, "test_onnx"), "model"], capture_output=True,
                           env={**os.environ, "FN_ONNX_FOLDER": folder})
    check(write.returncode == 0, "test_onnx writes a model")
    weights = ours()
    path, r = export("safetensors", "w.safetensors")
    check(r.returncode == 0 and "weights differ by at most 0\n" in r.stdout, r.stdout.strip())
    with safe_open(path, "np") as f:
        same("safetensors", {k: f.get_tensor(k) for k in f.keys()}, weights)
        described("safetensors", dict(f.metadata()))
    with open(path, "rb") as f:
        n, = struct.unpack("<Q", f.read(8))
        header = f.read(n)
    check(n % 8 == 0 and header[:1] == b"{" and json.loads(header), "safetensors: header of 8s")
    path, r = export("hdf5", "w.h5")
    check(r.returncode == 0 and "weights differ by at most 0\n" in r.stdout, r.stdout.strip())
    have = {}
    with h5py.File(path) as f:
        f.visititems(lambda k, d: have.update({k: d[...]})
                     if isinstance(d, h5py.Dataset) else None)
        same("hdf5", have, weights)
        described("hdf5", {k: text(v) for k, v in f.attrs.items()})
    for profile in ("native", "portable"):
        path, r = export("onnx", "w.onnx", "--profile", profile)
        last = r.stdout.strip().splitlines()[-1]
        check(r.returncode == 0 and last.startswith("read back: embeddings") and
              float(last.split()[-1]) < 1e-6, f"{profile}: {last}")
    _, r = export("hdf5", "x.h5", "--profile", "native")
    check(r.returncode == 64 and "--profile is for --format onnx" in r.stderr, "no profile of hdf5")
    _, r = export("onnx", "x.onnx", "--profile", "best")
    check(r.returncode == 64 and "native portable" in r.stderr, "an unknown profile")
    _, r = export("safetensors", "no/such.safetensors")
    check(r.returncode == 66 and "no/such.safetensors" in r.stderr, "a folder that is not there")
    check(not [p for p in os.listdir(folder) if ".tmp." in p], "no draft is left")
    return failures > 0


try:
    sys.exit(main())
finally:
    shutil.rmtree(folder)
