"""test_exit_codes.py -- the exit codes of docs/exit-codes.md that only a whole program can show: no
memory, no permission, a second signal, numbers that run away; and what goes to which stream.
tests/test_cli.py has the others."""
import os
import resource
import shutil
import signal
import struct
import subprocess
import time
import zlib

import cli_rig as rig
from cli_rig import BIN, at, check, check_error, run, work, write

CONFIG = """net: {at}/tiny.yaml
run: {at}/run
threads: 1
data: {{train: {at}/faces.h5}}
train: {{people: 6, faces: 4, steps: 6}}
log: {{every: 1}}
"""


def faces():
    rig.make_faces(48, 5)
    write("tiny.yaml", rig.small())
    write("c.yaml", CONFIG.format(at=work))


def train(*args, **how):
    return run("train", "--config", at("c.yaml"), *args, **how)


def no_device():
    if os.path.exists("/dev/nvidiactl"):
        print("# passed over: a GPU that is not there, since one is")
        return
    r = train("device=cuda", f"run={at('gpu')}")
    check_error("no GPU, but asked for", 68, "CUDA" if "CUDA" in r.stderr else "GPU", r)
    check("nothing was begun", not os.path.exists(at("gpu")))


def no_memory():
    """NN2 on 240 faces takes many gigabytes at once; here it may have one and a half."""
    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (3 << 29, 3 << 29))
    r = train("net=nn2", "train.people=48", "train.faces=5", f"run={at('large')}",
              preexec_fn=limit)
    check_error("no memory", 71, "train.chunk", r)
    check("no memory: nothing was begun", not os.path.exists(at("large")))


def no_permission():
    """Root may read everything, so root becomes nobody first."""
    programs = at("bin")
    os.chmod(work, 0o755)
    os.mkdir(programs)
    shutil.copy(os.path.join(BIN, "facenet"), programs)
    secret = write("secret.h5", open(at("faces.h5"), "rb").read())
    os.chmod(secret, 0)
    os.mkdir(at("closed"), 0o555)

    def nobody():
        if os.getuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)

    def start(*args):
        return subprocess.run([os.path.join(programs, "facenet"), *args], capture_output=True,
                              text=True, timeout=60, preexec_fn=nobody)
    check_error("a pack that may not be read", 77, "secret.h5", start("data", "inspect", secret))
    check_error("a folder that may not be written to", 77, "closed",
           start("data", "pack", at("faces"), "-o", at("closed", "x.h5")))


def second_signal():
    """A step of NN2 takes seconds: the second signal comes while the first waits for its end."""
    p = subprocess.Popen([os.path.join(BIN, "train"), "--config", at("c.yaml"), "net=nn2",
                          "train.people=8", "train.faces=5", f"run={at('slow')}"],
                         stderr=subprocess.PIPE, text=True)
    for line in p.stderr:
        if line.startswith("data:"):
            break
    p.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    before = p.poll()
    p.send_signal(signal.SIGINT)
    p.wait(timeout=60)
    p.stderr.close()
    check("the first signal waits for the step", before is None, before)
    check("a second SIGINT: exit 130", p.returncode == 130, p.returncode)


def runaway_numbers():
    r = train("optim.kind=sgd", "optim.rate=100", "optim.decay=10", "optim.momentum=0.99",
              "train.steps=500", "loss.reduce=sum", "loss.mining=hardest_negative",
              f"run={at('wild')}")
    check_error("numbers that run away", 76, "finite", r)
    check("numbers that run away: where they began", "first in the " in r.stderr and
          ("a/conv" in r.stderr or "linear" in r.stderr), r.stderr)
    check("numbers that run away: passed over first", "passed over" in r.stderr, r.stderr)


def png(*chunks):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(
            ">I", zlib.crc32(kind + data))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)) \
        + b"".join(chunk(*c) for c in chunks) \
        + chunk(b"IDAT", zlib.compress(b"\0\1\2\3")) + chunk(b"IEND", b"")


def png_bombs():
    """Text and colour profiles that unpack to 256 MiB, and more texts than anybody writes."""
    bomb = zlib.compress(bytes(256 << 20), 9)
    r = train("train.steps=0")
    check("an untrained model", r.returncode == 0, r.stderr)
    bad = {"text.png": png((b"zTXt", b"k\0\0" + bomb)),
           "profile.png": png((b"iCCP", b"p\0\0" + bomb)),
           "texts.png": png(*[(b"tEXt", b"k\0v")] * 200)}
    for name, data in bad.items():
        r = run("embed", "--model", at("run", "model.fnm"), write(name, data),
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (256 << 20,) * 2))
        harmless = r.returncode == 0 and len(r.stdout.split(",")) == 17
        check(f"{name}: refused in words, or passed over", harmless or
              (r.returncode == 65 and name in r.stderr), f"{r.returncode}: {r.stderr}")


def streams():
    """What was asked for is on stdout, talk on stderr; no escape sequences where nobody looks."""
    m = at("run", "model.fnm")
    face = at("faces", "synth_000001", "synth_000001_0001.jpg")
    r = run("embed", "--model", m, face)
    check("embed: rows alone on stdout", len(r.stdout.splitlines()) == 1, r.stdout)
    shutil.rmtree(at("run"))
    r = train()
    check("train: nothing on stdout", r.returncode == 0 and r.stdout == "", r.stdout)
    check("train: no escape sequences", "\x1b" not in r.stderr and "\r" not in r.stderr, r.stderr)
    r = run("embed", "--model", at("none.fnm"), face)
    check("errors leave stdout empty", r.returncode == 66 and r.stdout == "", r.stdout)
    for args in ((), ("--no-such-option",), ("eval", "--no-such-option"), ("train", "--help=x")):
        r = run(*args)
        check(f"usage {args}: exit 64", r.returncode == 64 and r.stdout == "" and r.stderr,
              f"{r.returncode} {r.stdout}")
    r = run("--help")
    check("help that was asked for is on stdout", r.returncode == 0 and "usage" in r.stdout and
          not r.stderr, r.stderr)


rig.main(faces, no_device, no_memory, no_permission, second_signal, runaway_numbers, png_bombs, streams)
