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
    refused("no such precision", 64, "fp32, tf32, bf16, u8", *embed, "--precision", "u9")
    refused("tf32", 69, "tf32 is a format of CUDA", *embed, "--precision", "tf32")
    refused("bf16 and exact", 64, "exact asks for every digit", *embed, "--exact", "--precision",
            "bf16")
    train = ("train", "--config", at("c.yaml"), f"run={at('no')}")
    refused("training in tf32", 69, "tf32", *train, "train.precision=tf32")
    refused("training exactly in bf16", 78, "train.precision is bf16", *train,
            "train.precision=bf16", "train.exact=true")
    refused("training in u8", 69, "u8 is for embedding", *train, "train.precision=u8")
    refused("u8 and exact", 64, "exact asks for every digit", *embed, "--exact", "--precision",
            "u8")
    check("nothing is left of those runs", not os.path.exists(at("no", "model.fnm")))
    for isa in ("AVX2", "AVX512_CORE"):
        refused(f"bf16 on {isa}", 69, "avx512_bf16", *embed, "--precision", "bf16",
                env={**os.environ, "ONEDNN_MAX_CPU_ISA": isa})
        refused(f"u8 on {isa}", 69, "avx512_vnni", *embed, "--precision", "u8",
                env={**os.environ, "ONEDNN_MAX_CPU_ISA": isa})


def numbers(r):
    check("embed", r.returncode == 0, r.stderr)
    return [float(v) for v in r.stdout.split(",")[1:]]


def low(embed, precision, *more):
    fp32, e = numbers(run(*embed)), numbers(run(*embed, "--precision", precision, *more))
    far = sum((x - y) ** 2 for x, y in zip(fp32, e)) / 2
    print(f"{precision}: cosine distance {far:.1e}")
    check(f"{precision} is near", 1e-9 < far < 1e-3, far)
    for name in ("fp32", precision):
        r = run("eval", "--lfw", at("faces", "pairs.txt"), "--model", at("run", "model.fnm"),
                "--precision", name, *(more if name == precision else ()), "--json", at("r.json"))
        check("eval", r.returncode == 0 and f"precision  {name}" in r.stdout, r.stderr)
        with open(at("r.json")) as f:
            check("its JSON", json.load(f)["precision"] == name)


def lacks(precision, *args):
    r = run(*args, "--precision", precision)
    if r.returncode == 69:
        print(f"# skipped: {precision}: {r.stderr.strip()}")
    return r.returncode == 69


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
    calibrate = ("--calibrate", at("faces.h5"))
    skipped = 0
    if lacks("bf16", *embed):
        skipped += 1
    else:
        low(embed, "bf16")
        r = run("info", "--plan", "nns2", "--precision", "bf16")
        check("the plan says so", r.returncode == 0 and "bf16" in r.stdout, r.stderr)
    if lacks("u8", *embed):
        skipped += 1
    else:
        low(embed, "u8", *calibrate)
        r = run("info", "--plan", "nn4", "--precision", "u8")
        check("the plan shows bytes", r.returncode == 0 and r.stdout.count("nhwc:u8") > 70, r.stdout)
        check("and bytes of either sign", r.stdout.count("nhwc:s8") == 1, r.stdout)
        check("but no rows of them", "fc/linear" in r.stdout and
              all(":" not in x.split()[3] for x in r.stdout.splitlines() if x.startswith("fc")), r.stdout)
        refused("a plan of u8 for training", 69, "u8 is for embedding", "info", "--plan", "nn4",
                "--training", "--precision", "u8")
        refused("u8 without faces", 64, "--calibrate PACK", *embed, "--precision", "u8")
        refused("a pack that is not there", 66, "none.h5", *embed, "--precision", "u8",
                "--calibrate", at("none.h5"))
    refused("calibrating fp32", 64, "only a session in u8", *embed, *calibrate)
    if skipped and not failed:
        failed = 77
finally:
    shutil.rmtree(work)
sys.exit(failed if failed in (0, 77) else 1)
