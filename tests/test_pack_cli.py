"""test_pack_cli.py -- `facenet data pack` as a user meets it: how far it is on a terminal and in a
log, stopped by Ctrl-C and by kill -9 and gone on with, and refused while somebody else is at it."""
import os
import pty
import shutil
import signal
import subprocess
import time

import cli_rig
from cli_rig import at, check, digest, run, work

PROGRAM = os.path.join(cli_rig.BIN, "facenet")


def command(out, *more):
    return ["data", "pack", at("faces"), "-o", at(out), "--crop", "centre: 90@56,56", *more]


def faces():
    """1,200 images of 200 people: drawn once, copied."""
    r = run("data", "synth", "--people", "20", "--images", "6", "-o", at("drawn"))
    check("synth", r.returncode == 0, r.stderr)
    for k in range(10):
        shutil.copytree(at("drawn"), at("faces", f"copy{k}"))
        os.remove(at("faces", f"copy{k}", "pairs.txt"))


def progress():
    r = run(*command("whole.h5"))
    check("pack", r.returncode == 0 and "1200 faces of 200 people" in r.stdout, r.stdout)
    check("a line for each tenth, as far as chunks are that small",
          r.stderr == "".join(f"{n} of 1200 images\n" for n in (256, 512, 768, 1024, 1200)), r.stderr)
    ours, theirs = pty.openpty()
    subprocess.run([PROGRAM, *command("tty.h5")], stderr=theirs, stdout=subprocess.DEVNULL,
                   timeout=300)
    os.close(theirs)
    said = os.read(ours, 65536).decode().replace("\r\n", "\n")
    os.close(ours)
    check("a line that moves on a terminal", said == "".join(
        f"\r{n} of 1200 images" for n in (256, 512, 768, 1024, 1200)) + "\n", repr(said))
    check("the same pack again", digest(at("tty.h5")) == digest(at("whole.h5")))
    r = run("data", "verify", at("whole.h5"))
    check("verify says how far it is", "1024 of 1200 images\n" in r.stderr, r.stderr)


def start_and_stop(sig):
    """Stops a pack between its first image and its end; False when it was done before."""
    for name in ("new.h5", "new.h5.part"):
        if os.path.exists(at(name)):
            os.remove(at(name))
    p = subprocess.Popen([PROGRAM, *command("new.h5")], stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
    while p.poll() is None:
        if os.path.exists(at("new.h5.part")) and os.path.getsize(at("new.h5.part")) > 100000:
            p.send_signal(signal.SIGSTOP)
            other = run(*command("new.h5"))
            p.send_signal(signal.SIGCONT)
            p.send_signal(sig)
            p.wait(timeout=60)
            if p.returncode == -sig:
                check("somebody else is refused", other.returncode == 73 and
                      "somebody else is making this pack" in other.stderr, other.stderr)
            return p.returncode == -sig
        time.sleep(0.002)
    return False


def stopped():
    for sig in (signal.SIGINT, signal.SIGKILL, signal.SIGTERM):
        done = any(start_and_stop(sig) for _ in range(20))
        check(f"stopped by {sig.name}", done)
        check("no pack yet", not os.path.exists(at("new.h5")))
        r = run(*command("new.h5"))
        check("goes on", r.returncode == 0 and "new.h5.part: goes on behind " in r.stderr, r.stderr)
        check(f"the bytes of a whole run after {sig.name}",
              digest(at("new.h5")) == digest(at("whole.h5")))
        check("nothing else is left", sorted(os.listdir(work)) ==
              ["drawn", "faces", "new.h5", "tty.h5", "whole.h5"], os.listdir(work))


def another_recipe():
    check("stopped once more", any(start_and_stop(signal.SIGKILL) for _ in range(20)))
    r = run(*command("new.h5", "--crop", "none"))
    check("another crop starts anew", r.returncode == 0 and
          r.stderr.startswith(f"facenet: {at('new.h5.part')}: starts anew: "), r.stderr)
    check("and is another pack", digest(at("new.h5")) != digest(at("whole.h5")))


cli_rig.main(faces, progress, stopped, another_recipe)
