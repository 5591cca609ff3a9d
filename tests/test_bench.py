"""test_bench.py -- the benchmark's driver on a tiny network: turns, checks, absent peers, the
table. Nothing here depends on how fast anything is."""
import json
import os
import subprocess
import sys
import tempfile

ROOT = os.getcwd()
sys.path[:0] = [os.path.join(ROOT, "bench"), os.path.join(ROOT, "bench", "peers")]
try:
    import numpy as np
    import onnxruntime  # noqa: F401 -- a peer
except ImportError as e:
    print(f"# skipped: {e}")
    sys.exit(77)

import cases
import report
import turns

failures = 0


def check(true, sentence):
    global failures
    failures += not true
    print(("ok      " if true else "not ok  ") + sentence, flush=True)


def test_driver(work):
    command = [sys.executable, "bench/run.py", "--work", work, "--nets", "nns2", "--rounds", "2",
               "--only", "b1", "t1", "--peers", "onnxruntime", "openvino"]
    run = subprocess.run(command, capture_output=True, text=True)
    check(run.returncode == 0, f"a part runs: {run.returncode} {run.stderr[-500:]}")
    with open(os.path.join(work, "part.json")) as f:
        part = json.load(f)
    case = part["cases"][0]
    name = "forward nns2 b1 t1"
    lacks = {" bf16": report.no_bf16(report.cpu()[1]), " u8": report.no_u8(report.cpu()[1])}
    names = [name, *(name + kind for kind in lacks if not lacks[kind])]
    check([c["name"] for c in part["cases"]] == names, f"the cases {names}")
    check(all(len(e["seconds"]) == 2 and min(e["seconds"]) > 0 for e in case["engines"].values()),
          "every engine has two rounds")
    check({"facenet", "onnxruntime"} <= set(case["engines"]), f"engines {list(case['engines'])}")
    check(set(case["engines"]) | set(case["absent"]) == {"facenet", "onnxruntime", "openvino"},
          f"whoever is absent is named with a reason: {case['absent']}")
    check("forward nns2 b1 t1" in run.stdout and part["machine"]["cpu"] in run.stdout, "the table")
    return cases.Input(os.environ["FN_BIN"], work)


def test_disagreement(given):
    """A peer with other weights must not be timed."""
    case = cases.forward(given, "nns2", 2, 1, "f32")
    command = case["engines"]["onnxruntime"]
    other = given.path("other.images")
    x = np.fromfile(command[-1], "<f4")
    (x[::-1] * 0.5).tofile(other)
    case["engines"] = {"facenet": case["engines"]["facenet"],
                       "onnxruntime": [*command[:-1], other]}
    result = turns.run({**case, "threads": 1}, given.work, 1, 0)
    why = result["absent"].get("onnxruntime", "")
    check(why.startswith("disagrees") and not result["ratios"], f"other images: {why}")


def test_our_sides(given):
    """Each of our programs answers; what it gives is what it says."""
    commands = {"step": cases.step(given, "nns2", 1, "f32"), "mine": cases.mine(given, 1),
                "pack": cases.pack(given, 1), "decode": cases.decode(given, 1)}
    for name, case in commands.items():
        case["engines"] = {"facenet": case["engines"]["facenet"]}
        result = turns.run({**case, "threads": 1}, given.work, 1, 0)
        words = result["engines"]["facenet"]["words"].split()
        check(result["engines"]["facenet"]["median"] > 0 and int(words[1]) > 0, f"{name}: {words}")


def test_comparisons():
    near = cases.near(1e-4)
    a = (np.array([1, 2], "f4"), "triplets 10 loss 1 gradient 2")
    check(near(a, a) is None and near(a, (a[0] + 1e-3, "")) and near(a, (a[0][:1], "")), "near")
    check(near(a, (a[0] * np.nan, "")), "near: NaN is far")
    step = cases.same_step(1e-4, 1e-2)
    check(step(a, a) is None, "a step agrees with itself")
    for wrong in ("triplets 11 loss 1 gradient 2", "triplets 10 loss 1.02 gradient 2",
                  "triplets 10 loss 1 gradient nan"):
        check(step(a, (a[0], wrong)), f"a step disagrees: {wrong}")
    t = np.arange(3000, dtype="f4")
    check(cases.same_triplets((t, ""), (t, "")) is None, "triplets agree")
    check(cases.same_triplets((t, ""), (t[:-6], "")), "triplets disagree")


def test_ratios():
    check(turns.ratios([1, 2, 1], [2, 2, 3]) == (2, 1, 3), "above 1: we are faster")
    seconds = {"facenet": 0.5, "opencv": 1.0}
    case = {"name": "x", "images": 10, "absent": {"torch eager": "is not there"},
            "engines": {n: {"median": s, "version": n} for n, s in seconds.items()},
            "ratios": {"opencv": (2.0, 1.5, 2.5)}}
    check("| x | 20 | 10: **2.00** (1.50–2.50) |" in report.table([case]), report.table([case]))


def test_document(work):
    path = os.path.join(work, "doc.md")
    with open(path, "w") as f:
        f.write(f"a\n{report.BEGIN}\nold\n{report.END}\nb\n")
    report.put(path, "new\n")
    with open(path) as f:
        check(f.read() == f"a\n{report.BEGIN}\nnew\n{report.END}\nb\n", "the table is replaced")
    with open(os.path.join(ROOT, "docs", "benchmarks.md")) as f:
        text = f.read()
    check(text.count(report.BEGIN) == 1 and text.count(report.END) == 1, "docs/benchmarks.md")


def main():
    test_comparisons()
    test_ratios()
    with tempfile.TemporaryDirectory() as work:
        test_document(work)
        given = test_driver(work)
        test_disagreement(given)
        test_our_sides(given)
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
