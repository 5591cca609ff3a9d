"""gpu.py -- facenet against PyTorch on a GPU, in turns (`tools/gpu-check run OUT peers`).

    python3 bench/gpu.py --bin BIN --work WORK [--seconds S] [--out FILE]

Cases come in the order of their worth until the seconds are over; those that had no time are
named. --warm compiles PyTorch's side of them beforehand, into WORK, and times nothing.
Exit code 1: an engine's result is not ours, or a case failed."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

import numpy as np

import cases as catalogue
import energy
import report
import turns

STEADY = "max-autotune-no-cudagraphs"
# what, net, batch. People have 40 faces where there are so many, as in the paper.
ORDER = [("step", "nn2", 1800), ("step", "nn2-bn", 1800), ("forward", "nn2", 1800),
         ("step", "nn2", 256), ("step", "nn1", 1800), ("step", "nn4", 1800),
         ("step", "nn2", 64), ("step", "nn2-bn", 256), ("forward", "nn4", 1800),
         ("forward", "nn1", 1800), ("forward", "nn2-bn", 1800), ("step", "nn4", 256),
         ("step", "nn1", 256), ("forward", "nn2", 256), ("forward", "nn2", 64),
         ("step", "nn2-bn", 64), ("step", "nn4", 64), ("step", "nn1", 64)]


def arguments():
    p = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    p.add_argument("--bin", required=True, help="where bench_net and gpu_net are")
    p.add_argument("--ours", default="gpu_net", help="program there: emu_gpu_net has no GPU")
    p.add_argument("--work", required=True)
    p.add_argument("--out", help="JSON; default WORK/peers.json")
    p.add_argument("--device", default="cuda", help="PyTorch's: cuda or cpu")
    p.add_argument("--type", default="bf16", choices=["fp32", "tf32", "bf16"])
    p.add_argument("--cases", nargs="+", metavar="WHAT:NET:BATCH", help="instead of all")
    p.add_argument("--eager", action="store_true", help="nothing is compiled")
    p.add_argument("--seconds", type=float, default=200)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--turn", type=float, default=0.5, help="seconds")
    p.add_argument("--slowest", type=float, default=60, help="seconds for any answer")
    p.add_argument("--warm", action="store_true")
    return p.parse_args()


def wanted(a):
    if not a.cases:
        return ORDER
    split = [c.split(":") for c in a.cases]
    return [(what, net, int(batch)) for what, net, batch in split]


def people(batch):
    """And faces of each: 40 of a large batch, 2 to 8 of others, of two people or more."""
    many = (40, 8, 4, 2) if batch > 400 else (8, 4, 2)
    faces = next(f for f in many if batch % f == 0 and 2 * f <= batch)
    return batch // faces, faces


class Input(catalogue.Input):
    """One file of images a size of the network; a batch is its beginning."""

    def images_of(self, net, batch, most):
        height, width = self.size(net)
        path = self.path(f"{height}x{width}x{most}.images")
        if os.path.exists(path):
            return path
        rng = np.random.default_rng(1)
        rows, columns = np.arange(height) * 8 // height, np.arange(width) * 8 // width
        with open(path + ".tmp", "wb") as f:
            for at in range(0, most, 100):
                n = min(100, most - at)
                coarse = 1.6 * rng.random((n, 8, 8, 3), "f4") - 0.8
                noise = 0.4 * rng.random((n, height, width, 3), "f4") - 0.2
                (coarse[:, rows][:, :, columns] + noise).tofile(f)
        os.replace(path + ".tmp", path)
        return path


# --- PyTorch's modes: which were compiled beforehand is written down ---

def modes(batch):
    """The quickest first: autotuning takes minutes. Graphs pay where launches are felt."""
    return ["default", STEADY] if batch > 400 else ["reduce-overhead"]


def mode_of(a, what, net, batch):
    """The last that was compiled beforehand; None: none was, for want of time."""
    path = os.path.join(a.work, "warmed.json")
    if not os.path.exists(path):
        return modes(batch)[0]
    with open(path) as f:
        done = json.load(f)
    return next((m for m in reversed(modes(batch)) if [what, net, batch, m] in done), None)


def torch_command(a, given, mode, what, net, batch, images):
    size = people(batch) if what == "step" else (batch,)
    return catalogue.peer("torch_gpu.py", what, mode, a.device, a.type, given.model(net), *size,
                          images)


def to_warm(listed):
    """What is compiled beforehand, (what, net, batch, mode): the quick modes of all, and early among
    them the best of the first case."""
    quick = [(*case, modes(case[2])[0]) for case in listed]
    best = [(*case, STEADY) for case in listed if STEADY in modes(case[2])]
    return quick[:4] + best[:1] + quick[4:] + best[1:]


def begin(command, log, check):
    """One run of a peer, which then ends: nothing more is asked."""
    with open(log, "a") as errors:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                   stderr=errors, text=True)
    try:
        process.stdin.write(f"check {check}\n")
        process.stdin.close()
    except BrokenPipeError:
        pass  # it ended already; its code says how
    return process


def warm(a, given, most):
    """Two at a time, until the seconds are over: PyTorch keeps what it compiles."""
    left, done, running = to_warm(wanted(a)), [], {}
    end = time.time() + a.seconds
    while (left or running) and time.time() < end:
        if left and len(running) < 2:
            what, net, batch, mode = job = left.pop(0)
            command = torch_command(a, given, mode, what, net, batch,
                                    given.images_of(net, batch, most))
            running[job] = begin(command, given.path("warm.log"), given.path(f"warm{len(left)}"))
        for job in [job for job, process in running.items() if process.poll() is not None]:
            if running.pop(job).returncode == 0:
                done.append(job)
        time.sleep(0.1)
    for process in running.values():
        process.kill()
        process.wait()
    with open(given.path("warmed.json"), "w") as f:
        json.dump(done, f)
    print("compiled: " + (", ".join(" ".join(map(str, job)) for job in done) or "nothing"))


# --- the cases ---

def without_memory(compare):
    cut = lambda result: (result[0], result[1].partition("memory_mb")[0])
    return lambda ours, theirs: compare(cut(ours), cut(theirs))


def case_of(a, given, what, net, batch, most):
    images = given.images_of(net, batch, most)
    size = people(batch) if what == "step" else (batch,)
    engines = {"facenet": given.program(a.ours, what, given.model(net), *size, images, a.type)}
    compiled = None if a.eager else mode_of(a, what, net, batch)
    for name, mode in ("torch eager", "eager"), ("torch compiled", compiled):
        if mode:
            engines[name] = torch_command(a, given, mode, what, net, batch, images)
    exact = a.type == "fp32"
    near = catalogue.near(1e-4 if exact else 3e-2)
    step = catalogue.same_step(1e-4, 1e-2) if exact else catalogue.same_step(3e-2, 0.2)
    return {"name": f"{what} {net} b{batch} {a.type}", "threads": os.cpu_count(), "images": batch,
            "engines": engines, "compare": without_memory(step if what == "step" else near),
            "together": False, "warm": True, "meter": a.meter}


def add_costs(case):
    """Of each engine: the memory that it asked for at most, joules for 1,000 images."""
    for e in case["engines"].values():
        words = e["words"].split()
        e["memory_mb"] = int(words[words.index("memory_mb") + 1])
        if "joules" in e:
            e["joules_per_1000"] = 1e3 * statistics.mean(e["joules"]) / case["images"]


def line(case):
    costs = []
    for key, unit in ("memory_mb", "MB"), ("joules_per_1000", "J a 1,000"):
        each = [f"{e[key]:,.0f}" for e in case["engines"].values() if key in e]
        costs += [f"{' / '.join(each)} {unit}"] if each else []
    return "; ".join([report.line(case), *costs])


def compare(a, given, most):
    """(Cases, names of those that had no time)."""
    end, done, no_time = time.time() + a.seconds, [], []
    for what, net, batch in wanted(a):
        left = end - time.time()
        case = case_of(a, given, what, net, batch, most)
        if left < min(30, a.seconds / 4):
            no_time.append(case["name"])
            continue
        turns.LIMIT = min(left, a.slowest)
        common = {"name": case["name"], "images": batch}
        try:
            done.append({**common, **turns.run(case, a.work, a.rounds, a.turn)})
            if len(case["engines"]) < 3 and not a.eager:
                done[-1]["not_compiled"] = "there was no time for it beforehand"
            add_costs(done[-1])
            print(line(done[-1]), flush=True)
        except turns.Absent as reason:
            done.append({**common, "engines": {}, "ratios": {}, "absent": {"facenet": str(reason)}})
            print(f"{case['name']}: {reason}", flush=True)
        save(a, done, no_time)
    return done, no_time


def save(a, done, no_time):
    report.save({"rounds": a.rounds, "device": a.device, "cases": done, "no_time": no_time},
                a.out or os.path.join(a.work, "peers.json"))


def main():
    a = arguments()
    a.meter = energy.meter() if a.device == "cuda" else None
    os.makedirs(a.work, exist_ok=True)
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = os.path.join(os.path.abspath(a.work), "inductor")
    given = Input(a.bin, a.work)
    most = max(batch for _, _, batch in wanted(a))
    if a.warm:
        warm(a, given, most)
        return 0
    done, no_time = compare(a, given, most)
    save(a, done, no_time)
    if no_time:
        print("no time: " + ", ".join(no_time))
    wrong = [why for c in done for why in c["absent"].values()]
    for why in wrong:
        print(f"not ok  {why}")
    return 1 if wrong or not done else 0


if __name__ == "__main__":
    sys.exit(main())
