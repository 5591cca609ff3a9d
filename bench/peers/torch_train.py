"""torch_train.py -- a configuration of ours trained in PyTorch and pytorch-metric-learning: the
same network and first weights, people and faces of a batch, views, optimizer and minutes. Then
LFW's protocol.

    torch_train.py CONFIG MODEL TRAIN LFW PAIRS --minutes M [--threads N] [--seed S]

MODEL holds the first weights: `bench_net model NET MODEL`. TRAIN and LFW are packs, LFW made with
the crop that TRAIN was made with. With --minutes 0 MODEL is evaluated as it is, which must give
the figure of our `eval --lfw PAIRS --flip`."""
import argparse
import math
import time

import cv2
import h5py
import numpy as np
import torch
import yaml
from pytorch_metric_learning import distances, losses, miners

import network


class Pack:
    """docs/formats.md"""

    def __init__(self, path):
        with h5py.File(path) as f:
            self.first, self.offset, self.bytes = (f[n][:] for n in ("first", "offset", "bytes"))
            self.names = bytes(f["names"][:]).decode().split("\0")[:-1]

    def image(self, i):
        data = self.bytes[self.offset[i]:self.offset[i + 1]]
        return cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def filter_of(at, share, source, out):
    """[out, source] weights of a triangle as wide as an output pixel; outside is the border."""
    step = share * source / out
    reach = max(1.0, step)
    centre = at * source + (np.arange(out) + 0.5) * step
    j = np.arange(math.floor(centre[0] - reach) - 1, math.ceil(centre[-1] + reach) + 2)
    weight = np.maximum(0, 1 - np.abs(j + 0.5 - centre[:, None]) / reach)
    weight /= weight.sum(1, keepdims=True)
    inside = np.zeros((out, source), np.float32)
    np.add.at(inside.T, np.clip(j, 0, source - 1), weight.T)
    return inside


def view(image, size, x, y, side, flip=False, gain=1, lift=0):
    """data/view.h: a square part of the crop, in shares of its side, as the network sees it."""
    rows = filter_of(y, side, image.shape[0], size[0])
    columns = filter_of(x, side, image.shape[1], size[1])
    out = np.einsum("ij,jkc,lk->ilc", rows, image.astype(np.float32), columns, optimize=True)
    out = out[:, ::-1] if flip else out
    lit = np.clip((out - 127.5) * gain + 127.5 + 255 * lift, 0, 255)
    return (lit - 127.5) / 128


class Batches(torch.utils.data.IterableDataset):
    """data/sampler.h: people drawn evenly, until people x faces slots are full."""

    def __init__(self, pack, config, size, seed):
        self.pack, self.size, self.seed = pack, size, seed
        self.faces = config["train"]["faces"]
        self.slots = config["train"]["people"] * self.faces
        self.augment = config.get("augment", {})
        counts = np.diff(pack.first)
        self.people = np.flatnonzero(counts >= 2)

    def drawn(self, rng):
        images, labels = [], []
        for p in rng.permutation(self.people):
            of = np.arange(self.pack.first[p], self.pack.first[p + 1])
            chosen = rng.permutation(of)[:min(self.faces, self.slots - len(images))]
            images += chosen.tolist()
            labels += [int(p)] * len(chosen)
            if len(images) == self.slots:
                return images, labels

    def face(self, i, rng):
        a = self.augment
        around = lambda name: rng.uniform(-1, 1) * a.get(name, 0)
        side = a.get("view", 1) * (1 + around("zoom"))
        x, y = ((1 - side) / 2 + around("shift") for _ in range(2))
        return view(self.pack.image(i), self.size, x, y, side,
                    a.get("flip", True) and rng.integers(2), 1 + around("contrast"),
                    around("brightness"))

    def __iter__(self):
        rng = np.random.default_rng(self.seed)
        while True:
            images, labels = self.drawn(rng)
            faces = np.stack([self.face(i, rng) for i in images]).astype(np.float32)
            yield faces.transpose(0, 3, 1, 2), np.array(labels)


def optimizer(module, o):
    kinds = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}
    kernels = [p for p in module.parameters() if p.dim() > 1]
    others = [p for p in module.parameters() if p.dim() <= 1]
    return kinds[o["kind"]]([{"params": kernels, "weight_decay": o.get("decay", 0)},
                             {"params": others, "weight_decay": 0}], lr=o["rate"])


def rate(config, done):
    """The cosine with its warm-up, by the share of the minutes that is over."""
    o = config["optim"]
    assert o.get("schedule") == "cosine"
    warm = o.get("warmup", 0) / config["train"]["steps"]
    if done < warm:
        return o["rate"] * done / warm
    return o["rate"] * (1 + math.cos(math.pi * (done - warm) / (1 - warm))) / 2


def train(module, config, batches, minutes):
    margin = config.get("loss", {}).get("margin", 0.2)
    squared = distances.LpDistance(normalize_embeddings=False, p=2, power=2)
    miner = miners.TripletMarginMiner(margin=margin, type_of_triplets="semihard", distance=squared)
    criterion = losses.TripletMarginLoss(margin=margin, distance=squared)
    step_of = optimizer(module, config["optim"])
    begin, steps = time.time(), 0
    module.train()
    for x, label in torch.utils.data.DataLoader(batches, batch_size=None, num_workers=1):
        done = (time.time() - begin) / (60 * minutes)
        if done >= 1:
            break
        for group in step_of.param_groups:
            group["lr"] = rate(config, done)
        step_of.zero_grad(set_to_none=True)
        e = module(x.to(memory_format=torch.channels_last))
        loss = criterion(e, label, miner(e, label))
        loss.backward()
        step_of.step()
        steps += 1
        if steps % 20 == 0:
            print(f"step {steps}  {100 * done:.1f} %  loss {loss.item():.4f}", flush=True)
    print(f"{steps} steps, {steps * batches.slots} faces, {(time.time() - begin) / 60:.1f} min")


@torch.no_grad()
def embeddings(module, pack, size, share):
    """Of every image and its mirror image, averaged."""
    module.eval()
    start, found = (1 - share) / 2, []
    for at in range(0, len(pack.names), 64):
        faces = [view(pack.image(i), size, start, start, share)
                 for i in range(at, min(at + 64, len(pack.names)))]
        x = torch.from_numpy(np.stack(faces).astype(np.float32)).permute(0, 3, 1, 2)
        found.append(torch.nn.functional.normalize(module(x) + module(x.flip(3))))
    return torch.cat(found).numpy()


def read_pairs(path):
    """Names of the images of every pair, whether they are one person, folds."""
    with open(path) as f:
        folds, each = map(int, f.readline().split())
        rows = [line.split() for line in f]
    name = lambda person, k: f"{person}_{int(k):04d}.jpg"
    return [((name(r[0], r[1]), name(r[-2] if len(r) == 4 else r[0], r[-1])), len(r) == 3)
            for r in rows], folds


def lfw(pack, e, pairs_path):
    """Mean accuracy over the folds and its standard error, thresholds from the other folds."""
    pairs, folds = read_pairs(pairs_path)
    at = {n: i for i, n in enumerate(pack.names)}
    d = np.array([((e[at[a]] - e[at[b]]) ** 2).sum() for (a, b), _ in pairs])
    same = np.array([s for _, s in pairs])
    fold = np.arange(len(pairs)) * folds // len(pairs)
    accuracy = []
    for f in range(folds):
        order = np.sort(d[fold != f])
        right = [((d[fold != f] < t) == same[fold != f]).mean() for t in order]
        accuracy.append(((d[fold == f] < order[np.argmax(right)]) == same[fold == f]).mean())
    return 100 * np.mean(accuracy), 100 * np.std(accuracy, ddof=1) / math.sqrt(folds)


def main():
    p = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    for name in ("config", "model", "train", "lfw", "pairs"):
        p.add_argument(name)
    p.add_argument("--minutes", type=float, required=True)
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    if a.threads:
        torch.set_num_threads(a.threads)
    with open(a.config) as f:
        config = yaml.safe_load(f)
    module, size = network.build(a.model)
    module = module.to(memory_format=torch.channels_last)
    if a.minutes:
        train(module, config, Batches(Pack(a.train), config, size, a.seed), a.minutes)
    pack = Pack(a.lfw)
    share = config.get("augment", {}).get("view", 1)
    mean, error = lfw(pack, embeddings(module, pack, size, share), a.pairs)
    print(f"LFW {mean:.2f} +- {error:.2f} %")


if __name__ == "__main__":
    main()
