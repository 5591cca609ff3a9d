"""network.py -- configs/nets/NAME.yaml as a PyTorch module, with the weights of a .fnm file.
Rows and names are those of nn/layers.c; a weight is `ROW/.../OP/WEIGHT` there and here."""
import h5py
import torch
import torch.nn.functional as F
import yaml
from torch import nn


class Lrn(nn.Module):
    """nn.LocalResponseNorm(5, 1e-4, 0.75, 1) as sums of shifted channels."""

    def forward(self, x):
        squares = F.pad(x * x, (0, 0, 0, 0, 2, 2))
        c = x.shape[1]
        near = sum(squares[:, i:i + c] for i in range(5))
        root = torch.rsqrt(1 + 1e-4 / 5 * near)
        return x * root * torch.sqrt(root)


class L2Pool(nn.Module):
    """Root of the mean of squares; the clamp keeps the gradient at 0 finite."""

    def __init__(self, kernel, stride):
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x):
        mean = F.avg_pool2d(x * x, self.kernel, self.stride, self.kernel // 2)
        return mean.clamp_min(1e-30).sqrt()


class PlainL2Pool(nn.Module):
    """The same by PyTorch's own function, which sums and knows no padding."""

    def __init__(self, kernel, stride):
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x):
        x = F.pad(x, 4 * [self.kernel // 2])
        return F.lp_pool2d(x, 2, self.kernel, self.stride) / self.kernel


class Linear(nn.Module):
    def __init__(self, kernel, bias, maxout):
        super().__init__()
        self.weight = nn.Parameter(kernel.flatten(1))
        self.bias = nn.Parameter(bias)
        self.maxout = maxout

    def forward(self, x):
        y = F.linear(x.flatten(1), self.weight, self.bias)
        return y.unflatten(1, (-1, self.maxout)).amax(2) if self.maxout > 1 else y


class Inception(nn.Module):
    def __init__(self, branches):
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x):
        return torch.cat([b(x) for b in self.branches], 1)


class AvgPool(nn.Module):
    def forward(self, x):
        return x.mean((2, 3), keepdim=True)


class Normalize(nn.Module):
    def forward(self, x):
        return F.normalize(x, dim=1, eps=0)


class Builder:
    def __init__(self, weights, style, plain):
        self.weights, self.style, self.plain, self.seen = weights, style, plain, set()

    def take(self, name):
        self.seen.add(name)
        return torch.from_numpy(self.weights[name][...])

    def conv(self, name, row):
        style = {**self.style, **row}
        kernel = self.take(name + "/conv/kernel")
        batch = style.get("norm", "none") == "batch"
        conv = nn.Conv2d(kernel.shape[1], kernel.shape[0], row["kernel"], row.get("stride", 1),
                         row["kernel"] // 2 if row.get("pad", "same") == "same" else 0,
                         bias=not batch)
        conv.weight.data = kernel
        parts = [conv]
        if batch:
            parts.append(self.batchnorm(name + "/batchnorm/"))
        else:
            conv.bias.data = self.take(name + "/conv/bias")
        if style.get("act", "none") == "relu":
            parts.append(nn.ReLU(inplace=True))
        return nn.Sequential(*parts)

    def batchnorm(self, prefix):
        gain, shift, mean, var = (self.take(prefix + w) for w in ("gain", "shift", "mean", "var"))
        norm = nn.BatchNorm2d(len(gain), eps=1e-3, momentum=0.1)
        norm.weight.data, norm.bias.data = gain, shift
        norm.running_mean, norm.running_var = mean, var
        return norm

    def fc(self, name, row):
        style = {**self.style, **row}
        fc = Linear(self.take(name + "/linear/kernel"), self.take(name + "/linear/bias"),
                    row.get("maxout", 1))
        return nn.Sequential(fc, nn.ReLU(inplace=True)) if style.get("act") == "relu" else fc

    def inception(self, name, row):
        stride = row.get("stride", 1)
        branches = []
        if row.get("1x1"):
            branches.append(self.conv(name + "/1x1", {"kernel": 1}))
        for k in (3, 5):
            if row.get(f"{k}x{k}"):
                branches.append(nn.Sequential(
                    self.conv(f"{name}/{k}x{k}r", {"kernel": 1}),
                    self.conv(f"{name}/{k}x{k}", {"kernel": k, "stride": stride})))
        kind = row.get("pool", "none")
        if kind != "none":
            l2 = PlainL2Pool if self.plain else L2Pool
            pool = l2(3, stride) if kind == "l2" else nn.MaxPool2d(3, stride, 1)
            proj = [self.conv(name + "/proj", {"kernel": 1})] if row.get("proj") else []
            branches.append(nn.Sequential(pool, *proj))
        return Inception(branches) if len(branches) > 1 else branches[0]

    def row(self, row):
        word, attributes = (row, {}) if isinstance(row, str) else next(iter(row.items()))
        name = attributes.get("name", word)
        if word in ("conv", "fc", "inception"):
            return getattr(self, word)(name, attributes)
        kernel, stride = attributes.get("kernel"), attributes.get("stride", 1)
        if word == "maxpool" and kernel:
            return nn.MaxPool2d(kernel, stride, kernel // 2)
        if word == "lrn" and self.plain:
            return nn.LocalResponseNorm(5, 1e-4, 0.75, 1)
        simple = {"lrn": Lrn, "l2norm": Normalize}
        if word == "avgpool" and kernel == 0:
            return AvgPool()
        if word not in simple:
            raise ValueError(f"row {name}: bench/peers/network.py does not know this {word}")
        return simple[word]()


def build(path, plain=False):
    """The module of a .fnm file, in its training mode; it takes [N, 3, H, W]. `plain`: LRN and L2
    pooling are PyTorch's own, not what is faster."""
    with h5py.File(path) as file:
        net = yaml.safe_load(file.attrs["net"])
        weights = {}
        file["params"].visititems(
            lambda name, d: weights.update({name: d}) if isinstance(d, h5py.Dataset) else None)
        builder = Builder(weights, net.get("each", {}), plain)
        rows = net["layers"] + next(iter(net["heads"].values()))
        module = nn.Sequential(*[builder.row(r) for r in rows])
        left = set(weights) - builder.seen
    if left:
        raise ValueError(f"{path}: weights that no row took: {', '.join(sorted(left))}")
    return module, [int(side) for side in net["input"].split("x")]
