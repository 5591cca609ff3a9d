"""--precision of embed, eval and info, and train.precision: what is not there is refused in one
sentence, and bf16 gives other numbers, near those of fp32, where the processor has it."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

BIN = os.environ["FN_BIN"]
work = tempfile.mkdtemp(prefix="fn_precision_")
failed = 0

CONFIG = """net: nns2
run: {run}
data: {{train: {pack}}}
train: {{steps: 0, people: 4, faces: 2}}
"""


def check(name, ok, said=""):
    global failed
    if not ok:
        failed += 1
        print(f"FAILED {name}: {said}")


def at(*parts):
    return os.path.join(work, *parts)


def run(*args, **how):
    return subprocess.run([os.path.join(BIN, "facenet"), *map(str, args)], capture_output=True,
                          text=True, timeout=300, **how)


def refused(name, code, word, *args, **how):
    r = run(*args, **how)
    check(name, r.returncode == code and word in r.stderr, f"{r.returncode} {r.stderr}")


def refusals(embed):
    refused("no such precision", 64, "fp32, bf16", *embed, "--precision", "u9")
    refused("tf32", 69, "tf32 is a format of CUDA", *embed, "--precision", "tf32")
    refused("bf16 and exact", 64, "exact asks for every digit", *embed, "--exact", "--precision",
            "bf16")
    train = ("train", "--config", at("c.yaml"), f"run={at('no')}")
    refused("training in tf32", 69, "tf32", *train, "train.precision=tf32")
    refused("training exactly in bf16", 78, "train.precision is bf16", *train,
            "train.precision=bf16", "train.exact=true")
    check("nothing is left of those runs", not os.path.exists(at("no", "model.fnm")))
    for isa in ("AVX2", "AVX512_CORE"):
        refused(f"bf16 on {isa}", 69, "avx512_bf16", *embed, "--precision", "bf16",
                env={**os.environ, "ONEDNN_MAX_CPU_ISA": isa})


def numbers(r):
    check("embed", r.returncode == 0, r.stderr)
    return [float(v) for v in r.stdout.split(",")[1:]]


def bf16(embed):
    fp32, low = numbers(run(*embed)), numbers(run(*embed, "--precision", "bf16"))
    far = sum((x - y) ** 2 for x, y in zip(fp32, low)) / 2
    print(f"cosine distance {far:.1e}")
    check("bf16 is near", 1e-9 < far < 1e-4, far)
    r = run("info", "--plan", "nns2", "--precision", "bf16")
    check("the plan says so", r.returncode == 0 and "bf16" in r.stdout, r.stdout + r.stderr)
    for precision in ("fp32", "bf16"):
        r = run("eval", "--lfw", at("faces", "pairs.txt"), "--model", at("run", "model.fnm"),
                "--precision", precision, "--json", at("r.json"))
        check("eval", r.returncode == 0 and f"precision  {precision}" in r.stdout, r.stderr)
        with open(at("r.json")) as f:
            check("its JSON", json.load(f)["precision"] == precision)


try:
    r = run("data", "synth", "--people", 24, "--images", 4, "-o", at("faces"))
    check("synth", r.returncode == 0, r.stderr)
    r = run("data", "pack", at("faces"), "-o", at("faces.h5"))
    check("pack", r.returncode == 0, r.stderr)
    with open(at("c.yaml"), "w") as f:
        f.write(CONFIG.format(run=at("run"), pack=at("faces.h5")))
    r = run("train", "--config", at("c.yaml"))
    check("train", r.returncode == 0, r.stderr)
    person = next(d for d in os.listdir(at("faces")) if os.path.isdir(at("faces", d)))
    embed = ("embed", "--model", at("run", "model.fnm"),
             at("faces", person, person + "_0001.jpg"))
    refusals(embed)
    r = run("info", "--plan", "nns2", "--precision", "bf16")
    if r.returncode == 69:
        print("# skipped: bf16: " + r.stderr.strip())
        failed = failed or 77
    else:
        bf16(embed)
finally:
    shutil.rmtree(work)
sys.exit(failed if failed in (0, 77) else 1)
