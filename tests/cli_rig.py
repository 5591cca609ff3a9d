"""cli_rig.py -- what a test of the program needs: a folder of its own, runs of the program, what a
refusal has to look like, and a network and a configuration that take seconds."""
import hashlib
import os
import subprocess
import tempfile

BIN = os.environ.get("FN_BIN", "build/bin")
work = tempfile.mkdtemp(prefix="fn_cli_")
passed = failed = 0


def check(name, ok, detail=""):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print(f"not ok {name}: {detail}")


def run(*args, program="facenet", **how):
    return subprocess.run([os.path.join(BIN, program), *map(str, args)], capture_output=True,
                          text=True, timeout=300, **how)


def at(*parts):
    return os.path.join(work, *parts)


def expect(name, code, *words, args=(), program="facenet", **how):
    r = run(*args, program=program, **how)
    said = r.stderr.strip().splitlines()
    check(name, r.returncode == code, f"exit {r.returncode}, wanted {code}: {r.stderr}")
    for word in words:
        check(f"{name}: says '{word}'", word in r.stderr, r.stderr)
    if code not in (0, 1, 64):
        if len(said) > 2 and said[-1].endswith("^"):  # an error in YAML: its line and a caret
            check(f"{name}: the line", "|" in said[-1] and "|" in said[-2], r.stderr)
            said = said[:-2]
        check(f"{name}: one sentence", said and said[-1].startswith("facenet: error: "), r.stderr)
    return r


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


NET = """name: tiny
input: 48x40x3
each: {norm: batch, act: relu}
layers:
  - conv: {name: a, out: 16, kernel: 5, stride: 2}
  - maxpool: {kernel: 3, stride: 2}
  - inception: {name: b, 1x1: 8, 3x3r: 8, 3x3: 16, 5x5r: 8, 5x5: 8, pool: l2, proj: 8}
  - avgpool: {kernel: 0}
heads:
  embedding:
    - fc: {out: 16, act: none}
    - l2norm
"""
CONFIG = """net: {net}
run: {run}
data: {{train: {train}, val: {val}, threads: 2}}
train: {{steps: 12, people: 6, faces: 4}}
optim: {{kind: adamw, rate: 0.003}}
val: {{every: 6, pairs: 60}}
save: {{every: 4, keep: 2}}
log.every: 2
"""


def write(name, text):
    path = at(name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w" if isinstance(text, str) else "wb") as f:
        f.write(text)
    return path
