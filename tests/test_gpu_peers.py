"""test_gpu_peers.py -- bench/gpu.py without a GPU and without PyTorch: what is compared, in which
order, what is compiled beforehand, and what has no time. tests/test_gpu_check.sh runs PyTorch."""
import json
import os
import sys
import tempfile

ROOT = os.getcwd()
sys.path[:0] = [os.path.join(ROOT, "bench")]
try:
    import numpy as np
except ImportError as e:
    print(f"# skipped: {e}")
    sys.exit(77)

import cases
import gpu
import turns

failures = 0


def check(true, sentence):
    global failures
    failures += not true
    print(("ok      " if true else "not ok  ") + sentence, flush=True)


class Options:
    """Of bench/gpu.py."""

    def __init__(self, work, listed, seconds=60):
        self.work, self.cases, self.seconds, self.out = work, listed, seconds, None
        self.device, self.type, self.eager, self.ours = "cpu", "fp32", False, "emu_gpu_net"
        self.rounds = self.turn = self.slowest = 1
        self.meter = None


def test_order():
    every = gpu.to_warm(gpu.ORDER)
    check(len(every) == len(set(every)) and every[0] == (*gpu.ORDER[0], "default"), "what is warmed")
    check((*gpu.ORDER[0], gpu.STEADY) == every[4], "the best mode of the first case comes early")
    check({mode for *_, mode in every} == {"default", "reduce-overhead", gpu.STEADY}, "the modes")
    check([gpu.people(b) for b in (1800, 256, 64, 4)] == [(45, 40), (32, 8), (8, 8), (2, 2)], "people")
    compare = gpu.without_memory(cases.same_step(1e-4, 1e-2))
    a = (np.ones(2, "f4"), "triplets 10 loss 1 gradient 2 memory_mb 5")
    check(compare(a, (a[0], "triplets 10 loss 1 gradient 2 memory_mb 9")) is None, "memory may differ")
    check(compare(a, (a[0], "triplets 10 loss 3 gradient 2 memory_mb 5")), "and nothing else")


class Runner:
    """An engine whose run takes two seconds."""
    joules_taken = 0

    def __init__(self):
        self.seconds, self.joules, self.count = [], [], 1

    def pin(self, threads):
        pass

    def time(self, count):
        Runner.joules_taken += 600 * count
        return 2


def test_costs():
    engines = [Runner(), Runner()]
    turns.take(engines, 1, 2, 5, True, lambda: Runner.joules_taken)
    check([e.joules for e in engines] == [[600, 600]] * 2, f"joules of a run: {engines[0].joules}")
    case = {"name": "step", "images": 300, "ratios": {"torch eager": (2, 1, 3)}, "absent": {},
            "engines": {"facenet": {"median": 2, "words": "loss 1 memory_mb 70", "joules": [590, 610]},
                        "torch eager": {"median": 4, "words": "loss 1 memory_mb 1500"}}}
    gpu.add_costs(case)
    check(gpu.line(case).endswith("(x2.00, 1.00-3.00); 70 / 1,500 MB; 2,000 J a 1,000"), gpu.line(case))


def test_images(given):
    """A batch is the beginning of a larger one."""
    x = np.fromfile(given.images_of("nns2", 2, 102), "<f4").reshape(102, -1)
    check(x.shape[1] == 140 * 116 * 3 and -1 <= x.min() < -0.9 < 0.9 < x.max() <= 1, "images")
    check(len({row.tobytes() for row in x}) == 102, "no two are the same")


def test_warm(given):
    """Who ends well is written down; who fails or has no time is not, and is then left out."""
    ends = {64: "pass", 32: "import sys; sys.exit(1)", 16: "import time; time.sleep(1000)"}
    real = gpu.torch_command
    gpu.torch_command = lambda a, given, mode, what, net, batch, images: \
        [sys.executable, "-c", ends[batch]]
    a = Options(given.work, [f"forward:nns2:{b}" for b in ends], 20)
    gpu.warm(a, given, 64)
    gpu.torch_command = real
    got = [gpu.mode_of(a, "forward", "nns2", b) for b in ends]
    check(got == ["reduce-overhead", None, None], f"what was warmed: {got}")
    case = gpu.case_of(a, given, "forward", "nns2", 32, 64)
    check(list(case["engines"]) == ["facenet", "torch eager"], f"{list(case['engines'])}")
    os.remove(given.path("warmed.json"))
    check(gpu.mode_of(a, "forward", "nns2", 32) == "reduce-overhead", "not warmed at all")
    check(gpu.mode_of(a, "step", "nns2", 1800) == "default", "autotuning is for the warmed")


def test_time(given):
    """Cases that have no time, and one whose program is not there, are in the document."""
    a = Options(given.work, ["forward:nns2:2"], 0)
    check(gpu.compare(a, given, 2) == ([], ["forward nns2 b2 fp32"]), "no time")
    a.seconds, a.slowest, a.ours = 300, 60, "bench_net"
    done, _ = gpu.compare(a, given, 2)
    check(done[0]["engines"] == {} and "usage" in done[0]["absent"]["facenet"], str(done))
    with open(given.path("peers.json")) as f:
        check(json.load(f)["cases"] == done, "the document")


def main():
    test_order()
    test_costs()
    with tempfile.TemporaryDirectory() as work:
        given = gpu.Input(os.environ["FN_BIN"], work)
        test_images(given)
        test_warm(given)
        test_time(given)
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
