"""test_verification.py -- the LFW protocol against scikit-learn, and its files against parsers."""
import json
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

import numpy as np
from scipy.optimize import brentq
from sklearn.metrics import auc, roc_auc_score, roc_curve
from sklearn.model_selection import PredefinedSplit

BINARY = os.path.join(os.environ.get("FN_BIN", "build/bin"), "test_report")
SVG = "{http://www.w3.org/2000/svg}"
failures = 0


def check(ok, what):
    global failures
    if not ok:
        failures += 1
        print("# not true:", what)


def judge(folder, fold, same, distance, a, b):
    with open(os.path.join(folder, "distances.txt"), "w") as f:
        f.write("%d %d %d\n" % (len(fold), fold.max() + 1, max(a.max(), b.max()) + 1))
        for row in zip(fold, same, distance, a, b):
            f.write("%d %d %.9g %d %d\n" % row)
    done = subprocess.run([BINARY, "exchange"], env={**os.environ, "FN_TEST_FOLDER": folder},
                          capture_output=True, text=True)
    check(done.returncode == 0, done.stdout + done.stderr)
    with open(os.path.join(folder, "result.json")) as f:
        return json.load(f, parse_constant=lambda c: check(False, "JSON holds " + c))


def best_threshold(same, distance):
    """The lowest of the best thresholds; half-way between neighbours, or outside of all."""
    d = np.unique(distance.astype(np.float64))
    candidates = np.concatenate([d[:1], (d[:-1] + d[1:]) / 2,
                                 [np.nextafter(np.float32(d[-1]), np.float32(np.inf))]])
    right = [np.sum((distance < t) == same) for t in candidates]
    return candidates[int(np.argmax(right))]


def equal_error(same, distance):
    far, tpr, _ = roc_curve(same, -distance, drop_intermediate=False)
    return brentq(lambda x: 1 - x - np.interp(x, far, tpr), 0, 1, xtol=1e-14)


def accepted(far, same, distance):
    """The most pairs of one person at a rate no higher, of scikit-learn's points."""
    x, y, _ = roc_curve(same, -distance, drop_intermediate=False)
    return y[x <= far * (1 + 1e-12)].max()


def compare_rate(r, fold, same, distance):
    outside = min(np.sum(~same[fold != k]) for k in range(fold.max() + 1))
    check(r["supported"] == (outside * r["far"] >= 10 - 1e-9), "support of %g" % r["far"])
    if not r["supported"]:
        check("%d pairs" % outside in r["reason"] and "val" not in r, r)
        return
    check(abs(r["tar"] - accepted(r["far"], same, distance)) < 1e-9, "TAR at %g" % r["far"])
    val, met = [], []
    for k in range(fold.max() + 1):
        there, here = fold != k, fold == k
        x, _, t = roc_curve(same[there], -distance[there], drop_intermediate=False)
        last = -t[x <= r["far"] * (1 + 1e-12)][-1] if np.any(x <= r["far"]) else -np.inf
        beyond = distance[there][distance[there] > last]
        accept = distance[here] < (beyond.min() if len(beyond) else np.inf)
        val.append(accept[same[here]].mean())
        met.append(accept[~same[here]].mean())
    check(abs(r["val"] - np.mean(val)) < 0.5 / same.sum() * 20, "VAL at %g" % r["far"])
    check(abs(r["val_far"] - np.mean(met)) < 0.5 / same.sum() * 20, "its FAR")


def proportion(share, n, z=1.959963984540054):
    """Wilson's interval as the two roots of (p - share)^2 = z^2 p (1 - p) / n."""
    return sorted(np.roots([1 + z * z / n, -2 * share - z * z / n, share * share]).real)


class Spread:
    """Intervals by the plain double sum over all pairs of pairs that share a person."""

    def __init__(self, same, distance, a, b):
        self.same, self.distance = same, distance
        self.shared = ((a[:, None] == a) | (a[:, None] == b) | (b[:, None] == a) |
                       (b[:, None] == b)).astype(float)
        self.far, self.tpr, cut = roc_curve(same, -distance, drop_intermediate=False)
        self.cut = -cut  # accept distance <= cut

    def variance(self, x):
        return max(x @ self.shared @ x, x @ x)

    def interval(self, share, x, n):
        v, spread = self.variance(x), share * (1 - share)
        return proportion(share, spread / v if v > 0 and spread > 0 else n)

    def rates(self, k, of_same, of_other):
        accept = self.distance <= self.cut[k]
        return np.where(self.same, of_same * (accept - self.tpr[k]) / self.same.sum(),
                        of_other * (accept - self.far[k]) / (~self.same).sum())

    def slope(self, k):
        reach = max(2 * self.variance(self.rates(k, 0, 1)) ** 0.5, 1 / (~self.same).sum())
        low = np.flatnonzero(self.far <= max(self.far[k] - reach, 0))[-1]
        high = np.append(np.flatnonzero(self.far >= self.far[k] + reach), len(self.far) - 1)[0]
        return (self.tpr[high] - self.tpr[low]) / (self.far[high] - self.far[low])

    def accuracy(self, r, fold):
        cut = np.array([f["threshold"] for f in r["folds"]])[fold]
        x = ((self.distance < cut) == self.same) - r["accuracy"]
        return self.interval(r["accuracy"], x / len(r["folds"]) / np.bincount(fold)[fold],
                             len(fold))

    def auc(self, r):
        d = self.distance.astype(float)
        order = np.sign(d[~self.same][None, :] - d[self.same][:, None]) / 2 + 0.5
        x = np.empty(len(d))
        x[self.same] = (order.mean(1) - r["auc"]) / self.same.sum()
        x[~self.same] = (order.mean(0) - r["auc"]) / (~self.same).sum()
        return self.interval(r["auc"], x, min(self.same.sum(), (~self.same).sum()))

    def eer(self, r):
        k = np.flatnonzero(self.far + self.tpr >= 1)[0]
        s = self.slope(k)
        return self.interval(r["eer"], self.rates(k, -1 / (1 + s), s / (1 + s)),
                             min(self.same.sum(), (~self.same).sum()))

    def tar(self, rate):
        k = np.flatnonzero(self.far <= rate["far"] * (1 + 1e-12))[-1]
        return self.interval(self.tpr[k], self.rates(k, 1, -self.slope(k)), self.same.sum())


def compare_intervals(r, fold, same, distance, a, b):
    s, i = Spread(same, distance, a, b), r["intervals"]
    people = max(a.max(), b.max()) + 1
    check((i["over"], i["people"]) == ("people", people), i)
    if people < 10:
        check(i["accuracy"] == i["auc"] == i["eer"] == [None, None], i)
        return
    for name, want in ("accuracy", s.accuracy(r, fold)), ("auc", s.auc(r)), ("eer", s.eer(r)):
        check(np.allclose(i[name], want, atol=1e-9), (name, i[name], want))
    for rate in r["rates"]:
        if rate["supported"]:
            check(np.allclose(rate["tar_interval"], s.tar(rate), atol=1e-9), (rate, s.tar(rate)))


def compare(folder, rng, pairs, folds, levels, people):
    same = rng.random(pairs) < 0.5
    a = rng.integers(people, size=pairs)
    b = np.where(same, a, (a + 1 + rng.integers(people - 1, size=pairs)) % people)
    fold = rng.permutation(np.arange(pairs) % folds)
    distance = np.clip(rng.normal(np.where(same, 0.8, 1.5), 0.35), 0, 4)
    distance = (np.round(distance * levels) / levels).astype(np.float32)
    r = judge(folder, fold, same, distance, a, b)

    accuracy = []
    for k, (others, mine) in enumerate(PredefinedSplit(fold).split()):
        t = best_threshold(same[others], distance[others])
        accuracy.append(np.mean((distance[mine] < t) == same[mine]))
        check(abs(r["folds"][k]["threshold"] - t) < 1e-15, "threshold of fold %d" % k)
        check(abs(r["folds"][k]["accuracy"] - accuracy[-1]) < 1e-9, "accuracy of fold %d" % k)
    check(len(r["folds"]) == folds, "as many folds")
    check(abs(r["accuracy"] - np.mean(accuracy)) < 1e-9, "mean")
    check(abs(r["deviation"] - np.std(accuracy, ddof=1)) < 1e-9, "sample deviation")
    check(abs(r["standard_error"] - np.std(accuracy, ddof=1) / folds ** 0.5) < 1e-9, "error")
    check(abs(r["threshold"] - best_threshold(same, distance)) < 1e-15, "threshold of all")
    check(abs(r["auc"] - roc_auc_score(same, -distance)) < 1e-9, "AUC")
    check((r["pairs"], r["same"], r["different"]) == (pairs, same.sum(), (~same).sum()), "counts")

    check(abs(r["eer"] - equal_error(same, distance)) < 1e-9, "EER")
    for rate in r["rates"]:
        compare_rate(rate, fold, same, distance)
    compare_intervals(r, fold, same, distance, a, b)

    threshold, far, tpr = np.array(r["roc"]).T
    want_far, want_tpr, _ = roc_curve(same, -distance, drop_intermediate=False)
    known = set(zip(np.round(want_far, 7), np.round(want_tpr, 7)))
    check(set(zip(np.round(far, 7), np.round(tpr, 7))) <= known, "points of the curve")
    check((far[0], tpr[0], far[-1], tpr[-1]) == (0, 0, 1, 1), "ends of the curve")
    check(abs(auc(far, tpr) - auc(want_far, want_tpr)) < 1e-8, "area under the corners")
    for t, f, p in zip(threshold, far, tpr):
        accept = distance < t
        check(abs(f - accept[~same].mean()) < 1e-9 and abs(p - accept[same].mean()) < 1e-9,
              "rates at threshold %g" % t)


def check_keys(r):
    want = {"protocol", "pairs_file", "pairs_digest", "images", "model", "model_digest", "net",
            "precision", "device", "step", "crop", "view", "flip", "pairs", "same", "different", "accuracy",
            "standard_error", "deviation", "auc", "eer", "threshold", "folds", "roc", "rates", "intervals"}
    check(set(r) == want, "keys: %s" % sorted(set(r) ^ want))
    check(r["protocol"] == 'LFW: "quoted" & <plain>' and r["flip"] is True, "values")


def check_picture(path):
    root = xml.parse(path).getroot()
    check(root.tag == SVG + "svg" and root.get("role") == "img", "an image")
    left, top, width, height = map(float, root.get("viewBox").split())
    check(width / height == float(root.get("width")) / float(root.get("height")), "same shape")
    check(root[0].tag == SVG + "title" and root[1].tag == SVG + "desc", "named first")
    check(root.find(SVG + "title").text == "one & two", "title")
    curves = [e for e in root.iter(SVG + "path")
              if e.get("fill") == "none" and e.get("stroke-width") == "24"]
    check(len(curves) == 2 and curves[0].get("stroke") != curves[1].get("stroke"), "two curves")
    for curve in curves:
        points = curve.get("d")[1:].split("L")
        xy = np.array([[int(v) for v in p.split()] for p in points])
        check(np.all(np.diff(xy[:, 0]) >= 0) and np.all(np.diff(xy[:, 1]) <= 0), "it rises")
        check(np.all(xy >= 0) and np.all(xy <= [width, height]), "it stays inside")
    for e in root.iter():
        check(not any("href" in a or "://" in v for a, v in e.attrib.items()), "self-contained")


def main():
    if not os.access(BINARY, os.X_OK):
        print("# skipped: %s is not built" % BINARY)
        return 77
    rng = np.random.default_rng(5)
    with tempfile.TemporaryDirectory() as folder:
        compare(folder, rng, 6000, 10, 1e6, 3000)
        compare(folder, rng, 500, 7, 20, 12)
        compare(folder, rng, 64, 2, 3, 40)
        compare(folder, rng, 64, 2, 3, 9)
        same = np.array([1, 1, 0, 0], bool)
        r = judge(folder, np.zeros(4, int), same, np.array([0.1, 0.2, 0.3, 0.4]),
                  np.array([0, 1, 0, 1]), np.array([0, 1, 1, 2]))
        check(r["standard_error"] is None and r["deviation"] is None, "one fold has no spread")
        check_keys(r)
        check_picture(os.path.join(folder, "roc.svg"))
    print("not ok" if failures else "ok")
    return 1 if failures else 0


sys.exit(main())
