"""run.py -- facenet against its peers on this machine, in turns (`make bench`).

    build/venv-bench/bin/python3 bench/run.py [--quick] [--only WORD...] [--nets NET...]

Everything: prints a table, writes bench/results/CPU-DATE.json and the table of
docs/benchmarks.md. A part of it writes WORK/part.json alone. --only takes words of the cases'
names: `--only nn4 t2`. Exit code 1: an engine's result is not ours."""
import argparse
import os
import re
import sys

import cases as catalogue
import report
import turns

CHUNK = 32  # images that pass at once in the case of memory


def arguments():
    p = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    p.add_argument("--quick", action="store_true", help="NN4 at two threads, eager, few rounds")
    p.add_argument("--only", nargs="+", default=[], metavar="WORD", help="cases with these words")
    p.add_argument("--nets", nargs="+", default=[], metavar="NET", help="instead of " +
                   " ".join(catalogue.NETS) + "; configs/nets and bench/nets have more")
    p.add_argument("--peers", nargs="+", default=[], metavar="PEER",
                   help="instead of " + ", ".join(catalogue.PEERS) + "; there are also " +
                   ", ".join(catalogue.MORE_PEERS))
    p.add_argument("--rounds", type=int, default=0, help="default 5, quick 3")
    p.add_argument("--list", action="store_true", help="names of the cases")
    p.add_argument("--work", default=os.path.join(catalogue.ROOT, "build", "bench"))
    return p.parse_args()


def wanted(a, cores, kinds):
    nets = a.nets or (["nn4"] if a.quick else catalogue.NETS)
    listed = catalogue.listed(nets, cores, kinds)
    if a.quick:
        listed = [c for c in listed if c[2] == min(2, cores) or c[0].startswith("decode")]
    elif not a.nets and not a.only:  # with batch norm at two threads alone: compilers take long
        listed = [c for c in listed if "-bn" not in c[0] or c[2] == min(2, cores)]
    return [c for c in listed if set(a.only) <= set(c[0].split())]


def narrow(case, a):
    """Only the peers that were asked for, or those of a run that names none."""
    peers = a.peers or [p for p in catalogue.PEERS if not (a.quick and p == "torch compiled")]
    case["engines"] = {name: command for name, command in case["engines"].items()
                       if name == "facenet" or name in peers}
    return case


def compare(a, chosen, given, rounds):
    done = []
    for name, make, threads in chosen:
        case = narrow({**make(given), "name": name, "threads": threads}, a)
        if len(case["engines"]) < 2:
            continue
        result = turns.run(case, a.work, rounds, 0.15 if a.quick else 0.3)
        done.append({"name": name, "threads": threads, "images": case["images"], **result})
        print(report.line(done[-1]), flush=True)
    return done


def memory(given):
    """Peak of a step on the paper's batch, NN2, (key of the report, sentence)."""
    people, faces = catalogue.PEOPLE, catalogue.FACES
    name = f"memory of NN2 training at batch {people * faces}"
    if "train.chunk" not in given.run("facenet", "train", "--keys"):
        return name, "this version has no train.chunk, and without it the batch takes 70 GB"
    command = given.program("facenet", "train", "--config",
                            os.path.join(catalogue.ROOT, "configs", "nn2.yaml"), "--dry-run",
                            f"data.train={given.pack()}", f"train.people={people}",
                            f"train.faces={faces}", f"train.chunk={CHUNK}")
    log = given.path("memory.log")
    with open(log, "w") as out:
        pid = os.posix_spawn(command[0], command, os.environ, file_actions=[
            (os.POSIX_SPAWN_DUP2, out.fileno(), 1), (os.POSIX_SPAWN_DUP2, out.fileno(), 2)])
        _, status, usage = os.wait4(pid, 0)
    if status:
        with open(log) as f:
            return name, f"failed: {f.read().strip().splitlines()[-1:]}"
    return name, f"{usage.ru_maxrss / 2**20:.2f} GiB at most, train.chunk={CHUNK}"


def main():
    a = arguments()
    machine = report.machine()
    lacks = {"bf16": report.no_bf16(report.cpu()[1]), "u8": report.no_u8(report.cpu()[1])}
    chosen = wanted(a, machine["cores"], ["f32", *(k for k in lacks if not lacks[k])])
    if a.list or not chosen:
        print("\n".join(c[0] for c in chosen) or "no case has all of these words: try --list")
        return 0 if chosen else 64
    os.makedirs(a.work, exist_ok=True)
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = os.path.join(a.work, "inductor")
    given = catalogue.Input(os.environ.get("FN_BIN", os.path.join(catalogue.ROOT, "build", "bin")),
                            a.work)
    rounds = a.rounds or (3 if a.quick else 5)
    whole = {"machine": machine, "rounds": rounds, "notes": []}
    whole["notes"] += [
        ("bf16", lacks["bf16"] or "convolutions of every engine in bf16: cases whose names end so"),
        ("u8", lacks["u8"] or "ours in bytes, the others in f32: cases whose names end so")]
    whole["cases"] = compare(a, chosen, given, rounds)
    part = a.quick or a.only or a.nets or a.peers
    if not part:
        whole["notes"].append(memory(given))
    words = report.text(whole)
    print("\n" + words)
    path = os.path.join(a.work, "part.json") if part else report.results_path(machine)
    report.save(whole, path)
    if not part:
        report.put(os.path.join(catalogue.ROOT, "docs", "benchmarks.md"), words)
    print("written: " + os.path.relpath(path))
    return any(re.match("disagrees", why) for c in whole["cases"] for why in c["absent"].values())


if __name__ == "__main__":
    sys.exit(main())
