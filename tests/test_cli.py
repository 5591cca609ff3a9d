"""test_cli.py -- the program as a user meets it: the whole path on a few drawn faces, then bad
input: one sentence that says what, where and what to do, the documented exit code, and nothing
damaged that was there before."""
import json
import os
import shutil
import signal
import struct
import subprocess
import time
import zlib

import cli_rig
from cli_rig import BIN, CONFIG, NET, at, check, digest, expect, run, work, write


def whole_path():
    r = run("data", "synth", "--people", 80, "--images", 5, "-o", at("faces"))
    check("synth", r.returncode == 0, r.stderr)
    r = run("data", "synth", "--people", 40, "--images", 4, "--first", 1001, "-o", at("test"))
    check("synth of others", r.returncode == 0, r.stderr)
    r = run("data", "pack", at("faces"), "-o", at("faces.h5"))
    check("pack", r.returncode == 0 and "400 faces of 80 people" in r.stdout, r.stdout + r.stderr)
    r = run("data", "split", at("faces.h5"), "--kept", at("train.h5"), "--held", at("held.h5"),
            "--share", 0.45)
    check("split", r.returncode == 0, r.stderr)
    r = run("data", "split", at("faces.h5"), "--kept", at("most.h5"), "--held", at("few.h5"))
    check("split by default", r.returncode == 0, r.stderr)  # of those that are held above
    r = run("data", "inspect", at("train.h5"))
    check("inspect", r.returncode == 0 and "digest" in r.stdout, r.stderr)
    r = run("data", "verify", at("train.h5"))
    check("verify", r.returncode == 0 and "are sound" in r.stdout, r.stdout + r.stderr)
    with open(at("train.h5"), "rb") as f:
        whole = bytearray(f.read())
    whole[-100] ^= 1  # the images lie last
    write("flipped.h5", bytes(whole))
    r = expect("verify of a flipped bit", 65, "1 of its", "images is bad", args=("data", "verify", at("flipped.h5")))
    check("verify names the image", ".jpg: its bytes are not" in r.stdout, r.stdout)
    expect("verify of no pack", 66, args=("data", "verify", at("none.h5")))
    write("tiny.yaml", NET)
    write("c.yaml", CONFIG.format(net=at("tiny.yaml"), run=at("run"), train=at("train.h5"),
                                  val=at("held.h5")))
    r = run("--config", at("c.yaml"), "--dry-run", program="train")
    check("dry run", r.returncode == 0 and "nothing was written" in r.stderr, r.stderr)
    check("dry run writes nothing", not os.path.exists(at("run")))
    r = run("--config", at("c.yaml"), program="train")
    check("train", r.returncode == 0, r.stderr)
    for word in ("loss", "active", "d(a,p)", "d(a,n)", "images/s", "wait", "left", "validation"):
        check(f"the console says {word}", word in r.stderr, r.stderr)
    for name in ("config.yaml", "net.yaml", "env.json", "train.log", "metrics.csv", "model.fnm"):
        check(f"the run has {name}", os.path.exists(at("run", name)))
    check("the newest checkpoints stay",
          sorted(os.listdir(at("run", "checkpoints"))) == ["step_000000008", "step_000000012"])


def resumed_equals_uninterrupted():
    for threads in (1, 2):
        name = f"part{threads}"
        first = run("--config", at("c.yaml"), f"run={at(name)}", "train.steps=8",
                    f"data.threads={threads}", program="train")
        again = run("--config", at("c.yaml"), f"run={at(name)}", "--resume", program="train")
        check("resume", first.returncode == again.returncode == 0, again.stderr)
        check("resumed at 8", "resumed at step 8" in again.stderr, again.stderr)
        check(f"resumed weights are the same, {threads} loader threads",
              digest(at(name, "model.fnm")) == digest(at("run", "model.fnm")))
        with open(at(name, "metrics.csv")) as a, open(at("run", "metrics.csv")) as b:
            mine, theirs = ([line.split(",")[:6] for line in f] for f in (a, b))
        check("metrics are the same", mine == theirs, f"{mine} {theirs}")


def stopped_by_a_signal():
    args = [os.path.join(BIN, "train"), "--config", at("c.yaml"), f"run={at('stopped')}",
            "train.steps=100000", "val.every=100000", "save.every=100000"]
    p = subprocess.Popen(args, stderr=subprocess.PIPE, text=True)
    for line in p.stderr:
        if line.startswith("step"):
            break
    p.send_signal(signal.SIGTERM)
    rest = p.stderr.read()
    p.wait(timeout=60)
    check("SIGTERM: exit 75", p.returncode == 75, f"{p.returncode} {rest}")
    check("SIGTERM: a checkpoint", len(os.listdir(at("stopped", "checkpoints"))) == 1, rest)
    r = run("--config", at("c.yaml"), f"run={at('stopped')}", "train.steps=1", "--resume",
            program="train")
    check("goes on after SIGTERM", r.returncode == 0, r.stderr)


def killed_at_random():
    """kill -9 whenever: the run can be resumed, or had not saved yet."""
    for i in range(6):
        shutil.rmtree(at("killed"), ignore_errors=True)
        p = subprocess.Popen([os.path.join(BIN, "train"), "--config", at("c.yaml"),
                              f"run={at('killed')}", "save.every=1", "val.every=1000"],
                             stderr=subprocess.DEVNULL)
        time.sleep(0.15 + 0.07 * i)
        p.kill()
        p.wait()
        r = run("--config", at("c.yaml"), f"run={at('killed')}", "--resume", program="train")
        fresh = r.returncode == 66
        if not fresh:
            check("resumed after kill -9", r.returncode == 0, r.stderr)
            check("no damage seen after kill -9", "warning" not in r.stderr, r.stderr)
            with open(at("killed", "train.log")) as f:
                check("log is there", "step" in f.read())


def settled_by_config(m, j):
    """The rest of an evaluation from a training configuration; then with an image missing."""
    c = write("e.yaml", open(at("c.yaml")).read() + "eval: {batch: 7}\n")
    pairs = at("test", "pairs.txt")
    r = run("--lfw", pairs, "--config", c, "--json", at("e.json"), "--csv", at("e.csv"),
            program="eval")
    check("eval --config", r.returncode == 0, r.stderr)
    e = json.load(open(at("e.json")))
    check("the run's model, the pairs' folder", abs(e["accuracy"] - j["accuracy"]) < 1e-9 and
          e["model_digest"] == j["model_digest"] and e["images"] == at("test"), e)
    rows = [line.split(",") for line in open(at("e.csv")).read().splitlines()[1:]]
    check("a line of CSV a pair", len(rows) == e["pairs"])
    folds = {}
    for row in rows:
        folds.setdefault(row[2], []).append(int(row[7]))
        check("decision", (float(row[4]) < float(row[5])) == (row[6] == "1") and
              (row[6] == row[3]) == (row[7] == "1"), row)
    mean = sum(sum(f) / len(f) for f in folds.values()) / len(folds)
    check("the CSV agrees with the accuracy", abs(mean - e["accuracy"]) < 1e-9)
    gone = rows[0][0]
    shutil.copytree(at("test"), at("holes"))
    os.remove(at("holes", gone))
    expect("missing without leave", 66, gone, "--allow-missing", program="eval",
           args=("--lfw", pairs, "--images", at("holes"), "--model", m))
    r = run("--lfw", pairs, "--images", at("holes"), "--model", m, "--allow-missing", "--json",
            at("e.json"), program="eval")
    e = json.load(open(at("e.json")))
    left = sum(gone in row[:2] for row in rows)
    check("pairs left out", r.returncode == 0 and e["missing"] == {
        "images": [gone], "pairs_left_out": left} and e["pairs"] == len(rows) - left, r.stderr)
    check("the console says so", f"left out   {left} pairs: 1 image is missing" in r.stdout, r.stdout)
    r = expect("eval: not the folder of the images", 66, "none of the", "--images",
               program="eval", args=("--lfw", pairs, "--config", c, "--images", at("faces")))
    check("eval: thousands of names are not listed", "missing:" not in r.stderr, r.stderr)
    expect("eval: a misspelt key", 78, "e.yaml:9:8", "did you mean 'eval.batch'?", program="eval",
           args=("--lfw", pairs, "--config", write("e.yaml", open(c).read().replace("batch: 7",
                                                                                 "bacth: 7"))))
    expect("eval: a misspelt section", 78, "did you mean 'eval'?", program="eval",
           args=("--lfw", pairs, "--config", write("e.yaml", "evla: {batch: 7}\n")))
    expect("eval: no model", 64, "--model", program="eval",
           args=("--lfw", pairs, "--config", write("e.yaml", "eval: {batch: 7}\n")))


def results():
    m = at("run", "model.fnm")
    r = run("--lfw", at("test", "pairs.txt"), "--images", at("test"), "--model", m, "--json",
            at("r.json"), "--roc", at("r.svg"), program="eval")
    check("eval", r.returncode == 0 and "+-" in r.stdout, r.stderr)
    with open(at("r.json")) as f:
        j = json.load(f)
    check("the JSON agrees with the console", f"{100 * j['accuracy']:.2f}" in r.stdout, j)
    with open(at("r.svg")) as f:
        check("the ROC is a picture", "<svg" in f.read())
    r = run("--lfw", at("test", "pairs.txt"), "--images", at("test"), "--pixels", program="eval")
    check("eval of pixels", r.returncode == 0, r.stderr)
    r = expect("a result that has no place", 66, "there is no folder", program="eval",
               args=("--lfw", at("test", "pairs.txt"), "--images", at("test"), "--model", m,
                     "--csv", at("nowhere", "r.csv")))
    check("which is said before the work", r.stdout == "", r.stdout)
    settled_by_config(m, j)
    r = run("--format", "onnx", "--model", m, "-o", at("m.onnx"), program="export")
    check("export", r.returncode == 0 and os.path.getsize(at("m.onnx")) > 1000, r.stderr)
    people = sorted(d for d in os.listdir(at("test")) if os.path.isdir(at("test", d)))
    a, b = (at("test", p, f"{p}_0001.jpg") for p in people[:2])
    r = run("embed", "--model", m, a, b)
    rows = [line.split(",") for line in r.stdout.splitlines()]
    check("embed", r.returncode == 0 and [len(x) for x in rows] == [17, 17], r.stderr)
    e = [[float(v) for v in row[1:]] for row in rows]
    pair, lone = (run("embed", "--exact", "--model", m, *x).stdout for x in ([a, b], [a]))
    check("exact: the same beside another image", lone and pair.startswith(lone), pair + lone)
    check("unit norm", all(abs(sum(v * v for v in x) - 1) < 1e-5 for x in e))
    d = sum((x - y) ** 2 for x, y in zip(*e))
    r = run("verify", "--model", m, a, b, "--threshold", d + 0.01)
    check("verify: same", r.returncode == 0 and "same person" in r.stdout, r.stdout + r.stderr)
    check("verify agrees with embed", abs(float(r.stdout.split()[1]) - d) < 1e-4, f"{d} {r.stdout}")
    r = run("verify", "--model", m, a, b, "--threshold", max(d - 0.01, 0))
    check("verify: different", r.returncode == 1 and "different" in r.stdout, r.stdout)
    r = run("verify", "--model", m, a, a)
    check("verify: the model's threshold", r.returncode == 0 and "validation" in r.stdout,
          r.stdout)


def bad_configs():
    good = CONFIG.format(net=at("tiny.yaml"), run=at("bad"), train=at("train.h5"), val='""')

    def config(name, text, *words, code=78):
        path = write("bad.yaml", text)
        expect(f"config: {name}", code, *words, args=("--config", path), program="train")
        check(f"config: {name}: no run folder", not os.path.exists(at("bad")))

    config("missing key", good.replace("net:", "#"), "bad.yaml:2:1", "missing key 'net'")
    config("unknown key", good.replace("rate", "rat"), "bad.yaml:5:22", "did you mean",
           "\n       |                      ^")
    config("duplicate key", good + "net: nn2\n", "bad.yaml:9:1", "net")
    config("mistyped", good.replace("steps: 12", "steps: many"), "bad.yaml:4:16", "many")
    config("0.05x", good.replace("0.003", "0.05x"), "bad.yaml:5:28", "0.05x")
    config("empty text", good.replace(f"run: {at('bad')}", 'run: ""'), "run: expected a text")
    config("empty file", "", "bad.yaml")
    config("unknown net", good.replace(at("tiny.yaml"), "nn5"), "nn5", code=66)
    config("broken net", good.replace(at("tiny.yaml"), write("n.yaml", NET.replace(
        "stride: 2}", "strid: 2}", 1))), "n.yaml:5:41", "did you mean 'stride'?")
    config("two heads", good.replace(at("tiny.yaml"), write("n.yaml", NET + """  other:
    - fc: {out: 4}
""")), "one head", "has 2")
    config("batch too large", good.replace("people: 6", "people: 600"), "faces")
    config("no such pack", good.replace("train.h5", "none.h5"), "data.train", "none.h5", code=66)
    config("no such pack to validate on", good.replace('val: ""', "val: none.h5"), "data.val",
           "none.h5", code=66)
    config("too few people to validate on", good.replace('val: ""', f"val: {at('few.h5')}"),
           "data.val", "--share", code=65)
    expect("resume of no run", 66, "there is no run", "--resume", program="train",
           args=("--config", write("bad.yaml", good), "--resume"))
    config("a pack that is no pack", good.replace(at("train.h5"), at("tiny.yaml")), "tiny.yaml",
           code=65)
    config("validation on the same people", good.replace('val: ""', f"val: {at('train.h5')}"),
           "among the people", code=65)
    expect("config: missing file", 66, "none.yaml", args=("--config", at("none.yaml")),
           program="train")
    expect("config: a folder", 64, work, args=("--config", work), program="train")
    expect("config: override", 78, "did you mean 'train.steps'?", program="train",
           args=("--config", at("c.yaml"), "train.step=3"))
    expect("no config", 64, args=(), program="train")
    before = digest(at("run", "model.fnm"))
    expect("a run is there already", 73, "--resume", args=("--config", at("c.yaml")),
           program="train")
    check("the old model stays", digest(at("run", "model.fnm")) == before)
    expect("resume with another rate", 78, "optim.rate", program="train",
           args=("--config", at("c.yaml"), "--resume", "optim.rate=0.1"))
    shutil.copytree(at("run"), at("other"))
    write("tiny2.yaml", NET.replace("out: 16, act", "out: 8, act"))
    text = open(at("other", "config.yaml")).read()
    write("other/config.yaml", text.replace("tiny.yaml", "tiny2.yaml"))
    expect("a checkpoint of another network", 78, "another network", program="train",
           args=("--config", at("c.yaml"), f"net={at('tiny2.yaml')}", f"run={at('other')}",
                 "--resume"))


def png(width, height, rows=b""):
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0,
                                                             0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def bad_images():
    face = open(at("faces", "synth_000001", "synth_000001_0001.jpg"), "rb").read()
    huge = face[:face.index(b"\xff\xc0") + 5] + b"\xff\xff\xff\xff" + face[
        face.index(b"\xff\xc0") + 9:]
    for name, data in {"whole_0001.jpg": face, "dot_0001.png": png(1, 1, b"\0\1\2\3"),
                       "cut_0001.jpg": face[:len(face) // 2], "huge_0001.jpg": huge,
                       "empty_0001.jpg": b"", "text_0001.jpg": b"hello"}.items():
        write(f"odd/{name[:name.index('_')]}/{name}", data)
    os.mkfifo(at("odd", "text", "pipe_0002.jpg"))
    r = run("data", "pack", at("odd"), "-o", at("odd.h5"))
    check("odd images: packed", r.returncode == 0 and "5 images left out" in r.stdout,
          r.stdout + r.stderr)
    for name in ("cut", "huge", "empty", "text", "pipe"):
        check(f"odd images: {name} is listed with a reason",
              any(line.startswith("left out:") and name in line for line in
                  r.stderr.splitlines()), r.stderr)
    before = digest(at("odd.h5"))
    expect("one person", 65, "1 person;", args=("data", "pack", write_one_person(), "-o",
                                         at("odd.h5")))
    check("the old pack stays", digest(at("odd.h5")) == before)
    expect("no such folder", 66, "nowhere", args=("data", "pack", at("nowhere"), "-o", at("x.h5")))
    m = at("run", "model.fnm")
    cut = at("odd", "cut", "cut_0001.jpg")
    expect("embed of a truncated image", 65, "cut_0001.jpg", args=("embed", "--model", m, cut))
    expect("embed of a missing image", 66, "gone.jpg", args=("embed", "--model", m, at("gone.jpg")))
    dot = at("odd", "dot", "dot_0001.png")
    r = run("embed", "--model", m, dot)
    check("an image of 1x1 has an embedding", r.returncode == 0, r.stderr)
    expect("people with one image each", 65, program="train",
           args=("--config", at("c.yaml"), f"data.train={at('odd.h5')}", f"run={at('bad')}"))


def write_one_person():
    os.makedirs(at("single"), exist_ok=True)
    shutil.copytree(at("faces", "synth_000001"), at("single", "one"), dirs_exist_ok=True)
    return at("single")


def bad_models_and_pairs():
    pairs = open(at("test", "pairs.txt")).read()
    m = at("run", "model.fnm")

    def evaluate(name, text, *words, code=65):
        path = write("p.txt", text)
        expect(f"pairs: {name}", code, *words, program="eval",
               args=("--lfw", path, "--images", at("test"), "--model", m))

    lines = pairs.splitlines(keepends=True)
    evaluate("one line too few", "".join(lines[:-1]), "p.txt")
    evaluate("one line too many", pairs + lines[-1], "p.txt")
    evaluate("a word too many", pairs.replace(lines[1], lines[1].rstrip() + "\tx\n", 1), "p.txt:2")
    evaluate("empty", "", "p.txt")
    evaluate("missing image", pairs.replace("\t1\t", "\t77\t", 1), "missing", code=66)
    raw = open(m, "rb").read()
    for name, data in {"cut": raw[:len(raw) // 2], "empty": b"", "text": b"hello\n",
                       "flipped": raw[:len(raw) * 3 // 4] + bytes([raw[len(raw) * 3 // 4] ^ 8]) +
                       raw[len(raw) * 3 // 4 + 1:]}.items():
        write("damaged.fnm", data)
        expect(f"model: {name}", 65, "damaged.fnm", program="export",
               args=("--format", "onnx", "--model", at("damaged.fnm"), "-o", at("m.onnx")))
    expect("model: missing", 66, "none.fnm", args=("embed", "--model", at("none.fnm"), m))
    expect("model: a pack", 65, "train.h5", args=("embed", "--model", at("train.h5"), m))
    expect("unknown command", 64, "no command", "did you mean 'train'?", args=("trian",))
    expect("unknown command of data", 64, "no command 'pakc'", args=("data", "pakc"))
    keys = run("--keys", program="train").stdout
    check("keys have ranges", "(adagrad, sgd, adam or adamw)" in keys and
          "(a number in (0, 100])" in keys, keys)
    check("help names what it explains", run("help", "train").stdout == run("train",
                                                                            "--help").stdout)
    with open("/dev/full", "w") as full:
        r = subprocess.run([os.path.join(BIN, "facenet"), "data", "inspect", at("train.h5")],
                           stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    check("what stdout does not take is an error", r.returncode == 74 and "stdout" in r.stderr, r)
    expect("unknown format", 64, "onnx", program="export", args=("--format", "tflite"))


def full_disk():
    """A limit on the size of files stands for a full disk: EFBIG where that says ENOSPC."""
    def limit():
        import resource
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    targets = {"onnx": at("m.onnx"), "pack": at("odd.h5")}
    before = {k: digest(v) for k, v in targets.items()}
    expect("full disk: export", 74, "m.onnx", program="export", preexec_fn=limit,
           args=("--format", "onnx", "--model", at("run", "model.fnm"), "-o", at("m.onnx")))
    expect("full disk: pack", 74, "odd.h5", preexec_fn=limit,
           args=("data", "pack", at("faces"), "-o", at("odd.h5")))
    for k, v in targets.items():
        check(f"full disk: the old {k} stays", digest(v) == before[k])
    r = run("--config", at("c.yaml"), f"run={at('full')}", program="train", preexec_fn=limit)
    check("full disk: train", r.returncode == 74, f"{r.returncode} {r.stderr}")
    left = [f for f in os.listdir(work) if ".tmp" in f]
    check("full disk: nothing is left lying about", not left, left)


def bad_input():
    if not cli_rig.failed:
        for part in (resumed_equals_uninterrupted, stopped_by_a_signal, killed_at_random,
                     results, bad_configs, bad_images, bad_models_and_pairs, full_disk):
            part()


cli_rig.main(whole_path, bad_input)
