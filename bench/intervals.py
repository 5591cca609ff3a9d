"""intervals.py -- ways to an interval of a verification's figures, and how often each holds the
truth in worlds that are known (docs/intervals.md).

    build/venv/bin/python3 bench/intervals.py [WORLDS [DRAWS [APART...]]]

Worlds are like LFW: 10 folds of 300 + 300 pairs, 430 people a fold. APART is the distance between
the means of the two kinds of pairs, in deviations: 0.1 is a model that knows next to nothing."""
import sys
from statistics import NormalDist

import numpy as np

Z = NormalDist().inv_cdf(0.975)
FOLDS, PEOPLE, SEVERAL, EACH, IMAGES = 10, 430, 170, 300, 8


class World:
    """Pairs in the order of their distances."""

    def __init__(self, rng, apart):
        often = 1 / np.arange(1, SEVERAL + 1) ** 0.6
        a, b = [], []
        for _ in range(FOLDS):
            x, y = (rng.integers(n, size=EACH) for n in (PEOPLE, PEOPLE - 1))
            same = rng.choice(SEVERAL, EACH, p=often / often.sum())
            a.append(np.concatenate([same, x]))
            b.append(np.concatenate([same, (x + 1 + y) % PEOPLE]))
        fold = np.repeat(np.arange(FOLDS), 2 * EACH)
        a, b = np.concatenate(a) + fold * PEOPLE, np.concatenate(b) + fold * PEOPLE
        self.people, n = FOLDS * PEOPLE, len(a)
        own, near = rng.standard_normal((2, self.people))
        image = rng.standard_normal((self.people, IMAGES))
        image = image[a, rng.integers(IMAGES, size=n)] + image[b, rng.integers(IMAGES, size=n)]
        noise = 0.6 ** 0.5 * rng.standard_normal(n) + 0.05 ** 0.5 * image
        d = np.where(a == b, 0.3 ** 0.5 * own[a], apart - 0.15 ** 0.5 * (near[a] + near[b])) + noise
        order = np.argsort(d)
        self.a, self.b, self.fold = a[order], b[order], fold[order]
        self.same = self.a == self.b

    def draw(self, rng, draws):
        """Weights of the pairs when people are drawn with replacement."""
        w = np.empty((draws, len(self.a)))
        for i in range(draws):
            c = np.bincount(rng.integers(self.people, size=self.people), minlength=self.people)
            w[i] = np.where(self.same, c[self.a], c[self.a] * c[self.b])
        return w

    def balance(self, w):
        """Each kind weighs the same in every fold."""
        w = w.copy()
        for f in range(FOLDS):
            for kind in self.same, ~self.same:
                part = (self.fold == f) & kind
                w[:, part] /= w[:, part].sum(1, keepdims=True)
        return w

    def cuts(self, w):
        """[draws, folds]: how many pairs the best threshold of the other folds accepts."""
        right = w * np.where(self.same, 1, -1)
        cut = np.empty((len(w), FOLDS), int)
        for f in range(FOLDS):
            gain = np.cumsum(np.where(self.fold == f, 0, right), 1)
            cut[:, f] = np.where(gain.max(1) > 1e-12, gain.argmax(1) + 1, 0)
        return cut

    def accuracy(self, w, cut):
        total = 0
        for f in range(FOLDS):
            part = self.fold == f
            right = (np.flatnonzero(part) < cut[:, f, None]) == self.same[part]
            total = total + (w[:, part] * right).sum(1) / w[:, part].sum(1) / FOLDS
        return total

    def rates(self, w):
        tar, far = np.cumsum(w * self.same, 1), np.cumsum(w * ~self.same, 1)
        return tar / tar[:, -1:], far / far[:, -1:]

    def variance(self, x):
        """Of the sum of x over pairs; those that share a person together."""
        people = np.bincount(self.a, x, self.people) + \
            np.bincount(self.b, np.where(self.same, 0, x), self.people)
        a, b = np.minimum(self.a, self.b)[~self.same], np.maximum(self.a, self.b)[~self.same]
        _, couple = np.unique(a * self.people + b, return_inverse=True)
        both = np.bincount(couple, x[~self.same])
        return max((people ** 2).sum() - (both ** 2).sum(), (x ** 2).sum())


def auc(tar, far):
    return (np.diff(far, axis=1, prepend=0) * tar).sum(1)


def eer(tar, far):
    r, k = np.arange(len(tar)), (tar + far >= 1).argmax(1)
    before = tar[r, k - 1] + far[r, k - 1] - 1
    step = far[r, k] - far[r, k - 1]
    return far[r, k - 1] - step * before / (tar[r, k] + far[r, k] - 1 - before)


def tar_at(tar, far, rate):
    return tar[np.arange(len(tar)), (far <= rate * (1 + 1e-12)).sum(1) - 1]


def wilson(share, n):
    scale, centre = 1 + Z * Z / n, share + Z * Z / (2 * n)
    half = Z * (share * (1 - share) / n + Z * Z / (4 * n * n)) ** 0.5
    return (centre - half) / scale, (centre + half) / scale


def percentiles(x, low=0.025, high=0.975):
    return tuple(np.quantile(x, (low, high)))


def ours(w, cut, tar, far, at):
    """What eval/interval.c computes."""
    n, same, other = len(w.a), w.same.sum(), (~w.same).sum()

    def around(share, x):
        return wilson(share, share * (1 - share) / w.variance(x))

    def adds(k, of_same, of_other):
        accept = np.arange(n) <= k
        return np.where(w.same, of_same * (accept - tar[k]) / same,
                        of_other * (accept - far[k]) / other)

    def slope(k):
        reach = max(2 * w.variance(adds(k, 0, 1)) ** 0.5, 1 / other)
        t, f = np.append(0, tar), np.append(0, far)
        low = np.searchsorted(f, max(far[k] - reach, 0), side="right") - 1
        high = min(np.searchsorted(f, far[k] + reach), n)
        return (t[high] - t[low]) / (f[high] - f[low])

    right = (np.arange(n) < cut[0][w.fold]) == w.same
    yield "accuracy", around(at["accuracy"], (right - at["accuracy"]) / n)
    yield "AUC", around(at["AUC"], np.where(w.same, (1 - far - at["AUC"]) / same,
                                            (tar - at["AUC"]) / other))
    k = int((tar + far >= 1).argmax())
    s = slope(k)
    yield "EER", around(at["EER"], adds(k, -1 / (1 + s), s / (1 + s)))
    for rate in 0.1, 0.01:
        k = int((far <= rate * (1 + 1e-12)).sum() - 1)
        yield f"TAR at {rate}", around(tar[k], adds(k, 1, -slope(k)))


def bias_corrected(x, at):
    share = np.clip((x < at).mean(), 0.5 / len(x), 1 - 0.5 / len(x))
    n, shift = NormalDist(), 2 * NormalDist().inv_cdf(share)
    return percentiles(x, n.cdf(shift - Z), n.cdf(shift + Z))


def by_draws(w, cut, at, drawn):
    """What a bootstrap makes of them."""
    again = w.accuracy(drawn, w.cuts(drawn))
    low, high = percentiles(again)
    yield "accuracy", "drawn, refitted", (low, high)
    yield "accuracy", "drawn, refitted, basic", (2 * at["accuracy"] - high, 2 * at["accuracy"] - low)
    yield "accuracy", "drawn, refitted, corrected", bias_corrected(again, at["accuracy"])
    even = w.balance(drawn)
    yield "accuracy", "drawn, kinds balanced", percentiles(w.accuracy(even, w.cuts(even)))
    kept = np.repeat(cut, len(drawn), 0)
    yield "accuracy", "drawn, thresholds kept", percentiles(w.accuracy(drawn, kept))
    yield "accuracy", "drawn, kept, balanced", percentiles(w.accuracy(even, kept))
    tar, far = w.rates(drawn)
    yield "AUC", "drawn", percentiles(auc(tar, far))
    yield "EER", "drawn", percentiles(eer(tar, far))
    for rate in 0.1, 0.01:
        yield f"TAR at {rate}", "drawn", percentiles(tar_at(tar, far, rate))


def judge(rng, apart, draws):
    """The figures of one world, and the intervals of each way: {(figure, way): (low, high)}."""
    w = World(rng, apart)
    one = np.ones((1, len(w.a)))
    cut = w.cuts(one)
    tar, far = w.rates(one)
    at = {"accuracy": w.accuracy(one, cut)[0], "AUC": auc(tar, far)[0], "EER": eer(tar, far)[0]}
    at.update({f"TAR at {rate}": tar_at(tar, far, rate)[0] for rate in (0.1, 0.01)})
    found = {(figure, "ours"): i for figure, i in ours(w, cut, tar[0], far[0], at)}
    right = (np.arange(len(w.a)) < cut[0][w.fold]) == w.same
    error = np.bincount(w.fold, right).std(ddof=1) / (2 * EACH) / FOLDS ** 0.5
    found["accuracy", "over folds, 1.96 errors"] = (at["accuracy"] - Z * error,
                                                    at["accuracy"] + Z * error)
    for rate in 0.1, 0.01:
        figure = f"TAR at {rate}"
        found[figure, "Wilson, of pairs"] = wilson(at[figure], w.same.sum())
    found.update({(figure, way): i for figure, way, i in by_draws(w, cut, at, w.draw(rng, draws))})
    return at, found


def main():
    given = sys.argv[1:]
    worlds, draws = (int(x) for x in (given + ["100", "200"][len(given):])[:2])
    for apart in [float(x) for x in given[2:]] or (0.1, 1.5, 3):
        judged = [judge(np.random.default_rng([1, i]), apart, draws) for i in range(worlds)]
        for figure, way in sorted(judged[0][1]):
            points = np.array([at[figure] for at, _ in judged])
            low, high = 100 * np.array([found[figure, way] for _, found in judged]).T
            truth, due = 100 * points.mean(), 2 * Z * 100 * points.std()
            held = (low <= truth) & (truth <= high)
            print(f"{figure:12} {truth:6.2f} %  {way:26} held by {100 * held.mean():5.1f} %, width "
                  f"{(high - low).mean():5.2f} (due {due:5.2f}), middle "
                  f"{((low + high) / 2 - 100 * points).mean():+.2f}", flush=True)


main()
