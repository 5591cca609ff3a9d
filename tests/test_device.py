"""--device of embed, verify and eval, and `device` of a configuration: where the network runs is said
first, a GPU that was asked for is there or an error, and what a GPU does not do is refused."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

BIN = os.path.abspath(os.environ.get("FN_BIN", "build/bin"))
work = tempfile.mkdtemp(prefix="fn_device_")
failed = 0
has_gpu = os.path.exists("/dev/nvidiactl")

NET = """name: tiny
input: 48x40x3
each: {norm: none, act: relu}
layers:
  - conv: {name: a, out: 16, kernel: 5, stride: 2}
  - avgpool: {kernel: 0}
heads:
  embedding:
    - fc: {out: 16, act: none}
    - l2norm
"""


def check(name, ok, detail=""):
    global failed
    failed += not ok
    print(("ok " if ok else "not ok ") + name + ("" if ok else f": {detail}"))


def at(*parts):
    return os.path.join(work, *parts)


def run(*args):
    return subprocess.run([os.path.join(BIN, "facenet"), *map(str, args)], capture_output=True,
                          text=True, timeout=300)


def write(name, text):
    with open(at(name), "w") as f:
        f.write(text)
    return at(name)


def refused(name, code, word, *args):
    r = run(*args)
    last = (r.stderr.strip().splitlines() or [""])[-1]
    check(f"{name}: exit {code}", r.returncode == code, f"{r.returncode}: {r.stderr}")
    check(f"{name}: says '{word}' in one sentence, and nothing else",
          last.startswith("facenet: error: ") and word in last and not r.stdout, r.stderr)


def prepare():
    """An untrained model, two people and two pairs of them, a configuration that wants a GPU."""
    for args in (("synth", "--people", 20, "--images", 3, "-o", at("faces")),
                 ("pack", at("faces"), "-o", at("faces.h5"))):
        r = run("data", *args)
        check(f"data {args[0]}", r.returncode == 0, r.stderr)
    write("tiny.yaml", NET)
    write("c.yaml", f"net: {at('tiny.yaml')}\nrun: {at('run')}\ndevice: cuda\n"
          f"data: {{train: {at('faces.h5')}}}\ntrain: {{people: 3, faces: 3, steps: 0}}\n")
    people = sorted(d for d in os.listdir(at("faces")) if os.path.isdir(at("faces", d)))
    write("pairs.txt", f"1\n{people[0]}\t1\t2\n{people[0]}\t1\t{people[1]}\t2\n")
    return [at("faces", p, f"{p}_0001.jpg") for p in people[:2]]


def said_first(name, place, code, *args):
    r = run(*args)
    check(f"{name}: exit {code}", r.returncode in code, f"{r.returncode}: {r.stderr}")
    check(f"{name}: the first line says '{place}'", r.stderr.startswith(f"device: {place}"), r.stderr)
    return r


def everywhere(commands):
    chosen = "cuda, " if has_gpu else "cpu, "
    for name, code, args in commands:
        said_first(name, chosen, code, *args)
        said_first(f"{name} on the CPU", "cpu, 1 thread", code, *args, "--device", "cpu",
                   "--threads", 1)
        if not has_gpu:
            refused(f"{name} on a GPU", 68, "GPU", *args, "--device", "cuda")
        r = run(*args, "--device", "gpu")
        check(f"{name}: no such device", r.returncode == 64 and "auto, cpu, cuda" in r.stderr, r.stderr)


def evaluations(model):
    lfw = ("eval", "--lfw", at("pairs.txt"), "--images", at("faces"))
    r = said_first("eval", "cpu, 2 threads", (0,), *lfw, "--model", model, "--device", "cpu",
                   "--threads", 2, "--json", at("r.json"))
    check("eval: the console has it", "device     cpu, 2 threads" in r.stdout, r.stdout)
    with open(at("r.json")) as f:
        check("eval: so has the JSON", json.load(f)["device"] == "cpu, 2 threads")
    if not has_gpu:
        refused("a configuration's GPU", 68, "GPU", *lfw, "--config", at("c.yaml"))
    r = run(*lfw, "--config", at("c.yaml"), "--device", "cpu")
    check("the command line comes first", r.returncode == 0 and "device: cpu" in r.stderr, r.stderr)


def main():
    a, b = prepare()
    r = run("train", "--config", at("c.yaml"), "device=cpu")
    check("train", r.returncode == 0 and r.stderr.startswith("device: cpu"), r.stderr)
    model = at("run", "model.fnm")
    embed = ("embed", "--model", model, a, b)
    everywhere([
        ("embed", (0,), embed),
        ("verify", (0, 1), ("verify", "--model", model, "--threshold", 1, a, b)),
        ("eval", (0,), ("eval", "--lfw", at("pairs.txt"), "--images", at("faces"), "--model", model)),
    ])
    evaluations(model)
    refused("exact on a GPU", 69, "exact is for CPUs", *embed, "--exact", "--device", "cuda")
    refused("u8 on a GPU", 69, "u8 is for CPUs", *embed, "--precision", "u8", "--device", "cuda")
    said_first("exact, anywhere", "cpu, ", (0,), *embed, "--exact")
    if has_gpu:
        print("# passed over: a GPU that is not there, since one is")


try:
    main()
finally:
    shutil.rmtree(work, ignore_errors=True)
sys.exit(failed > 0)
