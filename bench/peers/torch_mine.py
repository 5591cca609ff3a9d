"""torch_mine.py -- mining by PyTorch, distances included.

    torch_mine.py plain|pml THREADS PEOPLE FACES DIM EMBEDDINGS

plain: peers/triplets.py. pml: pytorch-metric-learning's TripletMarginMiner, which gives every
semi-hard triplet; the check keeps the nearest negative of each pair."""
import sys

import numpy as np
import wire


def nearest(d, triplets):
    """Of each (anchor, positive) the triplet with the nearest negative."""
    import torch
    a, p, n = triplets
    pair = a * len(d) + p
    best = torch.full((len(d) ** 2,), torch.inf).scatter_reduce(0, pair, d[a, n], "amin")
    keep = d[a, n] == best[pair]
    return a[keep], p[keep], n[keep]


def open_miner(kind, threads, people, faces, dim, path):
    import torch
    import triplets
    torch.set_num_threads(int(threads))
    e = torch.from_numpy(np.fromfile(path, "<f4").reshape(-1, int(dim)))
    label = triplets.labels(int(people), int(faces))
    last = []
    if kind == "pml":
        import pytorch_metric_learning
        from pytorch_metric_learning import distances, miners
        distance = distances.LpDistance(normalize_embeddings=False, p=2, power=2)
        miner = miners.TripletMarginMiner(triplets.MARGIN, "semihard", distance=distance)
        version = f"pytorch-metric-learning {pytorch_metric_learning.__version__}"
    else:
        version = f"torch {torch.__version__}"

    def run():
        last.clear()  # both lists at once would not fit
        with torch.inference_mode():
            mined = miner(e, label) if kind == "pml" else triplets.semihard(
                triplets.squared_distances(e), label)
        last[:] = [mined]

    def result():
        found = nearest(distance(e), last[0]) if kind == "pml" else last[0]
        return torch.stack(found, 1).numpy(), f"triplets {len(last[0][0])}"

    return version, run, result


if __name__ == "__main__":
    wire.serve(open_miner, sys.argv[1:])
