"""triplets.py -- train/mine.c and train/loss.c in PyTorch, as fast as plain operations go."""
import torch

MARGIN = 0.2


def labels(people, faces):
    return torch.arange(people).repeat_interleave(faces)


def squared_distances(e):
    square = (e * e).sum(1)
    d = torch.addmm(square[:, None] + square, e, e.T, alpha=-2).clamp_min_(0)
    return d.fill_diagonal_(0)


def semihard(d, label):
    """Anchors, positives, negatives: for every pair the nearest negative beyond the positive, if
    inside the margin. Each anchor's negatives are sorted, each pair looks its own up."""
    same = label[:, None] == label
    anchor, positive = torch.where(same.fill_diagonal_(False))
    same.fill_diagonal_(True)
    far, order = d.masked_fill(same, torch.inf).sort(1)
    faces = len(anchor) // len(label)  # every person has as many
    d_ap = d[anchor, positive].view(-1, faces)
    at = torch.searchsorted(far, d_ap, right=True).clamp_max_(len(label) - 1)
    inside = far.gather(1, at) < d_ap + MARGIN
    negative = order.gather(1, at)
    keep = inside.flatten()
    return anchor[keep], positive[keep], negative.flatten()[keep]


def loss(e, triplets):
    a, p, n = triplets
    d_ap = (e[a] - e[p]).square().sum(1)
    d_an = (e[a] - e[n]).square().sum(1)
    return (d_ap - d_an + MARGIN).clamp_min(0).mean()


def words(module, mined, loss):
    """What bench/turns.py compares: of the step that has just gone back."""
    norm = sum(p.grad.double().square().sum() for p in module.parameters()).sqrt()
    return f"triplets {len(mined[0])} loss {loss.item():.9g} gradient {norm.item():.9g}"


def loss_by_distances(e, triplets):
    """The same from the matrix of distances, for many triplets among few faces."""
    a, p, n = triplets
    square = (e * e).sum(1)
    d = torch.addmm(square[:, None] + square, e, e.T, alpha=-2)
    return (d[a, p] - d[a, n] + MARGIN).clamp_min(0).mean()
