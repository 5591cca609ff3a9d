"""test_vectors.py -- facenet embed's files, read by NumPy, csv and json; bad arguments."""
import csv
import glob
import json
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
except ImportError as e:
    print(f"# skipped: {e}")
    sys.exit(77)

BIN = os.environ["FN_BIN"]
failures = 0


def check(true, sentence):
    global failures
    failures += not true
    print(("ok      " if true else "not ok  ") + sentence)


def run(program, *args):
    return subprocess.run([os.path.join(BIN, program), *args], capture_output=True, text=True)


def bits(rows):
    return np.array(rows, np.float32).view(np.uint32)


def main():
    with tempfile.TemporaryDirectory(prefix="fn-vectors-") as folder:
        def at(name):
            return os.path.join(folder, name)

        def embed(*args):
            return run("facenet", "embed", "--model", at("small.fnm"), "--crop", "none", *args)

        def refused(sentence, code, part, *args):
            r = embed(*args)
            check(r.returncode == code and part in r.stderr, f"{sentence}: {r.stderr.strip()}")

        os.environ["FN_ONNX_FOLDER"] = folder
        check(run("test_onnx", "model").returncode == 0, "test_onnx writes small.fnm")
        run("facenet", "data", "synth", "--people", "20", "--images", "2", "-o", at("people"))
        images = sorted(glob.glob(at("people/*/*.jpg")))[:3]
        for name in ("e.npy", "e.csv", "e.jsonl"):
            r = embed("-o", at(name), *images)
            check(r.returncode == 0 and not r.stdout, f"{name} {r.stderr.strip()}")
        npy = np.load(at("e.npy"), allow_pickle=False)
        check(npy.dtype == np.float32 and npy.shape == (3, 8) and
              np.allclose((npy * npy).sum(1), 1, atol=1e-5), "npy: unit rows of float32")
        check(len(np.unique(npy, axis=0)) == 3, "npy: three faces")
        with open(at("e.csv"), newline="") as f:
            rows = list(csv.reader(f))
        check([row[0] for row in rows] == images, "csv: names")
        check(np.array_equal(bits([row[1:] for row in rows]), bits(npy)), "csv: every bit")
        with open(at("e.jsonl")) as f:
            rows = [json.loads(line) for line in f]
        check([row["image"] for row in rows] == images, "jsonl: names")
        check(np.array_equal(bits([row["embedding"] for row in rows]), bits(npy)),
              "jsonl: every bit")
        with open(at("e.csv")) as f:
            check(embed(*images).stdout == f.read(), "stdout: CSV")
        r = embed("--format", "jsonl", images[0])
        check(json.loads(r.stdout)["image"] == images[0], "stdout: jsonl")
        refused("a suffix that says nothing", 64, "say --format", "-o", at("e.bin"), *images)
        refused("a format that is none", 64, "csv, jsonl, npy", "--format", "xml", *images)
        refused("no such folder", 66, "nowhere", "-o", at("nowhere/e.npy"), *images)
        check(not os.path.exists(at("e.bin")), "nothing is left of what was refused")
    print(f"{failures} failed")
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
