"""cases.py -- what is compared: the engines of every case, their input, and when two agree."""
import os
import re
import subprocess
import sys

import numpy as np
import turns

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
PEOPLE, FACES, DIM = 45, 40, 128  # Schroff et al. 2015, section 3.2: about 1,800 a batch
NETS = ["nn2", "nn2-bn", "nn4", "nn4-bn"]
STEP = (8, 4)  # people, faces: a batch of 32
TORCH = [("eager", "torch eager"), ("plain", "torch own modules"), ("compile", "torch compiled")]
INSTALLED = " as installed"  # without what bench/turns.py tells glibc's allocator
PEERS = ["torch eager", "torch compiled", "onnxruntime", "openvino", "metric-learning", "opencv"]
MORE_PEERS = ["torch own modules", "torch eager" + INSTALLED, "torch compiled" + INSTALLED]


def peer(script, *arguments):
    return [sys.executable, os.path.join(HERE, "peers", script), *map(str, arguments)]


def torch_peers(case, *arguments):
    engines = {}
    for mode, name in TORCH:
        engines[name] = peer("torch_net.py", case, mode, *arguments)
        if name + INSTALLED in MORE_PEERS:
            engines[name + INSTALLED] = turns.as_installed(engines[name])
    return engines


class Input:
    """Models, images and embeddings, each made when it is first wanted."""

    def __init__(self, bin_folder, work):
        self.bin, self.work = bin_folder, work

    def program(self, name, *arguments):
        return [os.path.join(self.bin, name), *map(str, arguments)]

    def run(self, *command):
        done = subprocess.run(self.program(*command), capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}".strip())
        return done.stdout

    def path(self, name):
        return os.path.join(self.work, name)

    def model(self, net):
        path = self.path(net + ".fnm")
        if not os.path.exists(path):
            self.run("bench_net", "model", self.file(net), path)
        return path

    def onnx(self, net):
        path = self.path(net + ".onnx")
        if not os.path.exists(path):
            self.run("facenet", "export", "--format", "onnx", "--model", self.model(net), "-o", path)
        return path

    @staticmethod
    def file(net):
        """A path, one of configs/nets, or of bench/nets: there are those that only benchmarks want."""
        if net.endswith(".yaml"):
            return net
        ours = os.path.join(HERE, "nets", net + ".yaml")
        return ours if os.path.exists(ours) else os.path.join(ROOT, "configs", "nets", net + ".yaml")

    def size(self, net):
        with open(self.file(net)) as f:
            return [int(side) for side in re.search(r"^input: *(\d+)x(\d+)x3$", f.read(), re.M).groups()]

    def images(self, net, batch):
        """Coarse squares of random colours and a little noise: noise alone looks the same to a
        network wherever it comes from."""
        height, width = self.size(net)
        path = self.path(f"{height}x{width}x{batch}.images")
        rng = np.random.default_rng(1)
        coarse = rng.uniform(-1, 1, (batch, 8, 8, 3))
        rows, columns = np.arange(height) * 8 // height, np.arange(width) * 8 // width
        x = 0.8 * coarse[:, rows][:, :, columns] + rng.uniform(-0.2, 0.2, (batch, height, width, 3))
        x.astype("<f4").tofile(path)
        return path

    def embeddings(self):
        """People around their own points of the sphere, close enough to be confused."""
        rng = np.random.default_rng(1)
        person = rng.normal(size=(PEOPLE, 1, DIM))
        e = person + 0.8 * rng.normal(size=(PEOPLE, FACES, DIM)) + 1.5 * rng.normal(size=DIM)
        e = e.reshape(-1, DIM)
        e /= np.linalg.norm(e, axis=1, keepdims=True)
        path = self.path("embeddings")
        e.astype("<f4").tofile(path)
        return path

    def faces(self):
        """A folder of drawn faces in LFW's layout."""
        path = self.path("faces")
        if not os.path.exists(path):
            self.run("facenet", "data", "synth", "-o", path, "-p", PEOPLE, "-i", FACES)
        return path

    def pack(self):
        path = self.path("faces.h5")
        if not os.path.exists(path):
            self.run("facenet", "data", "pack", self.faces(), "-o", path)
        return path


# --- when two engines agree: None, or what is wrong ---

def near(limit):
    def compare(ours, theirs):
        a, b = ours[0], theirs[0]
        if a.shape != b.shape:
            return f"{b.size} numbers, ours {a.size}"
        worst = float(np.abs(a - b).max())
        return None if worst <= limit else f"by {worst:.2g}, more than {limit:g}"
    return compare


def same_step(limit, share):
    """Embeddings as near() says, and within a share: triplets, loss, norm of the gradient."""
    def compare(ours, theirs):
        wrong = near(limit)(ours, theirs)
        a, b = (dict(zip(w[::2], map(float, w[1::2]))) for w in (ours[1].split(), theirs[1].split()))
        for what in a if not wrong else ():
            if not abs(a[what] - b[what]) <= share * abs(a[what]):  # NaN is wrong too
                wrong = f"{what} {b[what]:g}, ours {a[what]:g}"
        return wrong
    return compare


def same_triplets(ours, theirs):
    """But one in a thousand: where two distances differ by their last bit."""
    a, b = (set(map(tuple, x[0].reshape(-1, 3).tolist())) for x in (ours, theirs))
    different = len(a ^ b)
    return None if different <= len(a) / 1000 else f"{different} of {len(a)} triplets"


# --- the cases ---

LIMITS = {"f32": 1e-4, "bf16": 3e-2, "u8": 6e-2}  # of a number of an embedding


def forward(given, net, batch, threads, ours):
    """Nobody else quantises by itself: u8 is compared with those that read our export, in f32."""
    images, kind = given.images(net, batch), "f32" if ours == "u8" else ours
    model, onnx = given.model(net), given.onnx(net)
    engines = {"facenet": given.program("bench_net", "forward", model, batch, threads, images,
                                        ours)}
    if ours != "u8":
        engines |= torch_peers("forward", kind, threads, model, batch, images)
    for name in ("onnxruntime", "openvino"):
        if kind == "f32" or name == "openvino":
            engines[name] = peer("onnx_net.py", name, kind, threads, onnx, batch,
                                 *given.size(net), images)
    return {"engines": engines, "images": batch, "compare": near(LIMITS[ours])}


def step(given, net, threads, kind):
    batch = STEP[0] * STEP[1]
    model, images = given.model(net), given.images(net, batch)
    engines = {"facenet": given.program("bench_net", "step", model, *STEP, threads, images, kind)}
    engines |= torch_peers("step", kind, threads, model, *STEP, images)
    # Without training embeddings lie close together, and gradients are made of their differences:
    # of nn2-max's, rounding to floats alone is 1 %.
    agree = same_step(1e-4, 3e-2) if kind == "f32" else same_step(3e-2, 0.2)
    return {"engines": engines, "images": batch, "compare": agree}


def mine(given, threads):
    e = given.embeddings()
    engines = {"facenet": given.program("bench_mine", PEOPLE, FACES, DIM, threads, e)}
    for kind, name in (("plain", "torch eager"), ("pml", "metric-learning")):
        engines[name] = peer("torch_mine.py", kind, threads, PEOPLE, FACES, DIM, e)
    return {"engines": engines, "images": PEOPLE * FACES, "compare": same_triplets}


def decode(given, threads):
    engines = {"facenet": given.program("bench_image", "decode", given.pack()),
               "opencv": peer("opencv_image.py", "decode", threads, given.pack())}
    return {"engines": engines, "images": PEOPLE * FACES, "compare": near(1)}


def pack(given, threads):
    folder, side, x, y = given.faces(), 98, 56, 56
    engines = {
        "facenet": given.program("bench_image", "pack", folder, f"centre: {side}@{x},{y}",
                                 given.path("packed.h5")),
        "opencv": peer("opencv_image.py", "pack", threads, folder, side, x, y,
                       given.path("packed.bin"))}
    return {"engines": engines, "images": PEOPLE * FACES, "compare": near(0)}


def listed(nets, cores, kinds):
    """[(name, make, threads)]: make(Input) gives the case. A name's words are what --only takes."""
    cases = []

    def add(name, threads, make, *arguments):
        if threads <= cores:
            cases.append((name, lambda given: make(given, *arguments), threads))

    for kind in kinds:
        tail = "" if kind == "f32" else " " + kind
        for net in nets:
            for batch in (1, 32):
                for t in (1, 2):
                    add(f"forward {net} b{batch} t{t}{tail}", t, forward, net, batch, t, kind)
        for net in nets if kind != "u8" else ():
            for t in (1, 2):
                add(f"step {net} b{STEP[0] * STEP[1]} t{t}{tail}", t, step, net, t, kind)
    for t in (1, 2):
        add(f"mine {PEOPLE * FACES}x{DIM} t{t}", t, mine, t)
    add("decode jpeg t1", 1, decode, 1)
    add(f"pack jpeg t{cores}", cores, pack, cores)
    return cases
