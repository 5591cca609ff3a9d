"""test_clip.py -- optim.clip bounds the step, not the figure that is logged: with plain SGD at rate 1
the weights move by exactly the bound, and by the gradient itself where that is shorter."""
import csv
import os
import shutil
import subprocess
import sys
import tempfile

try:
    import h5py
    import numpy as np
except ImportError as e:
    print(f"# skipped: {e} (tools/setup.sh installs it)")
    sys.exit(77)

BIN = os.environ.get("FN_BIN", "build/bin")
work = tempfile.mkdtemp(prefix="fn_clip_")
failed = 0
NET = """name: tiny
input: 32x32x3
each: {norm: none, act: relu}
layers:
  - conv: {name: a, out: 8, kernel: 5, stride: 2}
  - avgpool: {kernel: 0}
heads:
  embedding:
    - fc: {out: 8, act: none}
    - l2norm
"""
CONFIG = """net: {at}/tiny.yaml
run: {at}/none
threads: 1
data: {{train: {at}/faces.h5}}
train: {{people: 6, faces: 4, steps: 0}}
loss: {{mining: all}}
optim: {{kind: sgd, rate: 1, momentum: 0}}
log: {{every: 1}}
"""


def check(name, ok, detail=""):
    global failed
    failed += not ok
    print(("ok " if ok else "not ok ") + name + ("" if ok else f": {detail}"))


def run(*args):
    r = subprocess.run([os.path.join(BIN, "facenet"), *args], capture_output=True, text=True,
                       timeout=120)
    check(" ".join(args[:2]), r.returncode == 0, r.stderr)


def weights(name):
    found = []
    with h5py.File(os.path.join(work, name, "model.fnm")) as f:
        f["params"].visititems(lambda _, d: found.append(d[...].ravel())
                               if isinstance(d, h5py.Dataset) else None)
    return np.concatenate(found).astype(float)


def moved(name, *options):
    """How far one step goes, and the gradient that metrics.csv has for it."""
    run("train", "--config", os.path.join(work, "c.yaml"), f"run={work}/{name}", "train.steps=1",
        *options)
    with open(os.path.join(work, name, "metrics.csv")) as f:
        gradient = float(list(csv.DictReader(f))[0]["gradient"])
    return np.linalg.norm(weights(name) - weights("none")), gradient


try:
    run("data", "synth", "--people", "20", "--images", "4", "-o", f"{work}/faces")
    run("data", "pack", f"{work}/faces", "-o", f"{work}/faces.h5")
    for name, text in ("tiny.yaml", NET), ("c.yaml", CONFIG.format(at=work)):
        with open(os.path.join(work, name), "w") as f:
            f.write(text)
    run("train", "--config", os.path.join(work, "c.yaml"))
    free, gradient = moved("free")
    check("without a bound, the gradient", abs(free / gradient - 1) < 1e-3, (free, gradient))
    bound = float("%.3g" % (gradient / 3))
    short, same = moved("short", f"optim.clip={bound}")
    check("with one, the bound", abs(short / bound - 1) < 1e-3, (short, bound))
    check("the log has the gradient as it was", same == gradient, (same, gradient))
    far, _ = moved("far", f"optim.clip={gradient * 2:.3g}")
    check("a bound above it changes nothing", abs(far / free - 1) < 1e-6, (far, free))
finally:
    shutil.rmtree(work)
sys.exit(failed > 0)
