"""cli_rig.py -- what a test of the program needs: a folder of its own, runs of the program, what a
refusal has to look like, networks and a configuration that take seconds."""
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

BIN = os.path.abspath(os.environ.get("FN_BIN", "build/bin"))
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


def check_error(name, code, word, r):
    """The last line is one sentence that says `word`; an error in YAML shows its line and a caret."""
    said = r.stderr.strip().splitlines() or [""]
    check(f"{name}: exit {code}", r.returncode == code, f"{r.returncode}: {r.stderr[-2000:]}")
    if len(said) > 2 and said[-1].endswith("^"):
        check(f"{name}: the line", "|" in said[-1] and "|" in said[-2], r.stderr)
        said = said[:-2]
    check(f"{name}: one sentence that says '{word}'",
          said[-1].startswith("facenet: error: ") and word in said[-1], r.stderr[-2000:])


def expect(name, code, *words, args=(), program="facenet", **how):
    r = run(*args, program=program, **how)
    for word in words:
        check(f"{name}: says '{word}'", word in r.stderr, r.stderr)
    if code in (0, 1, 64):
        check(name, r.returncode == code, f"exit {r.returncode}, wanted {code}: {r.stderr}")
    else:
        check_error(name, code, "", r)
    return r


def passes(*args):
    return expect(" ".join(map(str, args[:2])), 0, args=args)


def make_faces(people, images):
    """faces, and their pack faces.h5."""
    passes("data", "synth", "--people", people, "--images", images, "-o", at("faces"))
    passes("data", "pack", at("faces"), "-o", at("faces.h5"))


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


def small(norm="none"):
    return f"""name: tiny
input: 48x40x3
each: {{norm: {norm}, act: relu}}
layers:
  - conv: {{name: a, out: 16, kernel: 5, stride: 2}}
  - avgpool: {{kernel: 0}}
heads:
  embedding:
    - fc: {{out: 16, act: none}}
    - l2norm
"""


def write(name, text):
    path = at(name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w" if isinstance(text, str) else "wb") as f:
        f.write(text)
    return path


def main(*parts):
    try:
        for part in parts:
            part()
    finally:
        os.chmod(work, 0o700)
        shutil.rmtree(work, ignore_errors=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)
