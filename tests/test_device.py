"""--device of embed, verify and eval, and `device` of a configuration: where the network runs is said
first, a GPU that was asked for is there or an error, and what a GPU does not do is refused."""
import json
import os

import cli_rig as rig
from cli_rig import at, check, check_error, run, write

has_gpu = os.path.exists("/dev/nvidiactl")


def refused(name, code, word, *args):
    r = run(*args)
    check_error(name, code, word, r)
    check(f"{name}: nothing else", not r.stdout, r.stdout)


def prepare():
    """An untrained model, two people and two pairs of them, a configuration that wants a GPU."""
    rig.make_faces(20, 3)
    write("tiny.yaml", rig.small())
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


rig.main(main)
