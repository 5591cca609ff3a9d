"""test_page.py -- the page of an evaluation against its JSON and CSV, and that it is alone."""
import base64
import csv
import json
import os
import re
import subprocess
import sys
import tempfile
from html.parser import HTMLParser

import cv2
import numpy as np

PROGRAM = os.path.join(os.environ.get("FN_BIN", "build/bin"), "facenet")
VOID = {"meta", "br", "img"}
failures = 0


def check(ok, what):
    global failures
    if not ok:
        failures += 1
        print("# not true:", what)


class Page(HTMLParser):
    """Tables by class, captions and images by class of their list, paths of each picture."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tables, self.images, self.captions = [], {}, {}, {}
        self.paths, self.ticks, self.text = [], [], ""
        self.feed(text)
        self.close()
        check(not self.open, "left open: %s" % self.open)

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        check(tag not in ("script", "link", "iframe", "object"), "a <%s>" % tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "data", "action"):
                check(value.startswith("data:image/jpeg;base64,"), "%s=%s" % (name, value[:40]))
            check(not name.startswith("on") and "url(" not in (value or ""), name)
        if tag in ("table", "div"):
            self.kind = a.get("class")
            self.tables.setdefault(self.kind, [])
        elif tag == "tr":
            self.tables[self.kind].append([])
        elif tag in ("td", "th"):
            self.tables[self.kind][-1].append("")
        elif tag == "svg":
            self.paths.append([])
            self.ticks.append([])
        elif tag == "path":
            self.paths[-1].append(a)
        elif tag == "text":
            self.below = a.get("y") == "5130"
        elif tag == "img":
            self.images.setdefault(self.kind, []).append(a)
        elif tag == "figcaption":
            self.captions.setdefault(self.kind, []).append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        check(self.open and self.open.pop() == tag, "</%s> closes nothing" % tag)

    def handle_data(self, data):
        self.text += data
        if "figcaption" in self.open:
            self.captions[self.kind][-1] += data + " "
        elif self.open and self.open[-1] == "text" and self.below and len(self.ticks) == 3:
            self.ticks[2].append(float(data))
        elif self.open and self.open[-1] in ("td", "th"):
            self.tables[self.kind][-1][-1] += data


def make(folder, rng, people, folds, per):
    """Noise about a face of noise: near for one person, so that some pairs are misjudged."""
    names = ["P<%d>" % i if i == 1 else "p%d" % i for i in range(people)]
    for name in names:
        os.mkdir(os.path.join(folder, name))
        base = rng.normal(128, 15, (6, 6, 3))
        for k in range(1, 6):
            im = np.clip(base + rng.normal(0, 30, base.shape), 0, 255).astype(np.uint8)
            im = cv2.resize(im, (48, 48), interpolation=cv2.INTER_CUBIC)
            cv2.imwrite(os.path.join(folder, name, "%s_%04d.png" % (name, k)), im)
    lines = ["%d\t%d" % (folds, per)]
    size = people // folds
    for f in range(folds):
        mine = names[f * size:(f + 1) * size]
        lines += ["%s\t%d\t%d" % (mine[i % size], 1 + i // size, 2 + i // size) for i in range(per)]
        lines += ["%s\t%d\t%s\t%d" % (mine[i % size], 1 + i // size, mine[(i + 1) % size],
                                      1 + i // size) for i in range(per)]
    with open(os.path.join(folder, "pairs.txt"), "w") as f:
        f.write("\n".join(lines) + "\n")


def worst(rows, same):
    wrong = [r for r in rows if r["right"] == "0" and r["same"] == str(int(same))]
    return sorted(wrong, key=lambda r: float(r["distance"]), reverse=same)[:12]


def check_mistakes(page, rows, folder):
    for kind, same in (("accepts", False), ("rejects", True)):
        want, captions = worst(rows, same), page.captions.get(kind, [])
        check(len(captions) == 12 == len(want), "%d of %d %s" % (len(captions), len(want), kind))
        for r, caption in zip(want, captions):
            check(r["image1"] in caption and r["image2"] in caption and
                  "%.4f" % float(r["distance"]) in caption, "%s: %s, %s" % (kind, caption, r))
        names = [r[k] for r in want for k in ("image1", "image2")]
        check([i["alt"] for i in page.images[kind]] == names, "images of " + kind)
        for i, name in zip(page.images[kind], names):
            jpeg = base64.b64decode(i["src"].split(",")[1], validate=True)
            shown = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
            check(shown.shape == (112, 112, 3), "a picture of %s" % (shown.shape,))
            true = cv2.resize(cv2.imread(os.path.join(folder, name)), (112, 112))
            check(np.abs(shown.astype(int) - true).mean() < 6, "the picture of " + name)


def check_histogram(page, rows):
    bars = [p["d"] for p in page.paths[2] if p.get("fill", "none") != "none"]
    distance = np.array([float(r["distance"]) for r in rows])
    total = [4900 * 60 - sum(int(v) for v in re.findall(r"V(\d+)", d)[:-1]) for d in bars]
    check(abs(total[0] / total[1] - 1) < 0.01, "each kind adds up to 1: %s" % total)
    for d, same in zip(bars, (False, True)):
        x = np.array([int(v) for v in re.findall(r"H(\d+)", d)])
        y = 4900 - np.array([int(v) for v in re.findall(r"V(\d+)", d)][:-1])
        check(len(x) == len(y) == 60 and x[-1] == 7400, "bars up to the right edge")
        mine = distance[[r["same"] == str(int(same)) for r in rows]]
        count = np.histogram(mine, 60, (0, max(page.ticks[2])))[0]
        check(max(page.ticks[2]) >= distance.max() and x[0] == 800 + 110, "the axis holds all")
        check(np.abs(y / y.sum() - count / count.sum()).max() < 0.002, "bars of %s" % same)


def check_curves(page, r):
    for k, corner in ((0, lambda p: p[2]), (1, lambda p: 1 - p[2])):
        curve = [p for p in page.paths[k] if p.get("stroke-width") == "24" and "fill" in p][0]
        xy = np.array([[int(v) for v in p.split()] for p in curve["d"][1:].split("L")])
        low = [-np.log10(r["different"]), -np.log10(r["same"])]
        roc = np.array(r["roc"])
        first = np.nonzero(roc[:, 1] <= 0)[0][-1]
        roc = roc[first:]
        x = 800 + 6600 * np.clip(1 - np.log10(np.maximum(roc[:, 1], 1e-9)) / low[0], 0, 1)
        y = roc[:, 2]
        if k == 1:
            y = np.clip(1 - np.log10(np.maximum(1 - y, 1e-9)) / low[1], 0, 1)
        want = np.stack([x, 4900 - 4200 * y], 1)
        check(xy.shape == want.shape and np.abs(xy - want).max() < 1.01, "curve %d" % k)


def evaluate(*args):
    return subprocess.run([PROGRAM, "eval", "--pixels", *args], capture_output=True, text=True)


def check_others(at):
    """One set, whose threshold is of the same pairs; images that are missing."""
    with open(at("pairs.txt")) as f:
        lines = f.read().splitlines()
    with open(at("one.txt"), "w") as f:
        f.write("\n".join(["40"] + lines[1:81]) + "\n")
    gone = "p0/p0_0001.png"
    os.remove(at(gone))
    done = evaluate("--lfw", at("one.txt"), "--html", at("one.html"), "--allow-missing",
                    "--csv", at("one.csv"))
    check(done.returncode == 0 and "of the same pairs" in done.stdout, done.stdout + done.stderr)
    with open(at("one.html"), encoding="utf-8") as f:
        page = Page(f.read())
    text = page.text
    with open(at("one.csv"), newline="") as f:
        check_histogram(page, list(csv.DictReader(f)))
    check("of the same pairs, so this flatters" in text, "the reservation")
    check("\u00b1" not in text.split("Figures")[0], "no spread of one fold")
    check(re.search(r"left out[0-9]+ pairs, because 1 image is missing:p0/p0_0001", text),
          "what was left out")


def main():
    if not os.access(PROGRAM, os.X_OK):
        print("# skipped: %s is not built" % PROGRAM)
        return 77
    with tempfile.TemporaryDirectory() as folder:
        def at(name):
            return os.path.join(folder, name)
        make(folder, np.random.default_rng(3), 40, 4, 40)
        done = evaluate("--lfw", at("pairs.txt"), "--html", at("page.html"), "--json",
                        at("r.json"), "--csv", at("r.csv"))
        check(done.returncode == 0, done.stderr)
        with open(at("r.json")) as f:
            r = json.load(f)
        with open(at("r.csv"), newline="") as f:
            rows = list(csv.DictReader(f))
        with open(at("page.html"), encoding="utf-8") as f:
            text = f.read()
        page = Page(text)
        check("nan" not in re.sub(r"base64,[^\"]*", "", text), "no NAN")
        check("%.2f %% \u00b1 %.2f %%" % (100 * r["accuracy"], 100 * r["standard_error"])
              in page.text, "headline")
        low, high = r["intervals"]["accuracy"]
        check("%.2f %% to %.2f %%" % (100 * low, 100 * high) in page.text.split("Figures")[0],
              "its interval")
        figures = {t[0]: t[1:3] for t in page.tables["figures"] if len(t) == 4}
        check(figures["area under the ROC curve"] ==
              ["%.4f" % r["auc"], "%.4f to %.4f" % tuple(r["intervals"]["auc"])], figures)
        check(figures["equal error rate"][0] == "%.2f %%" % (100 * r["eer"]), figures)
        check(figures["true accept rate at FAR 0.1"][0] == "%.2f %%" % (100 * r["rates"][0]["tar"]),
              figures)
        check("refused: " + r["rates"][2]["reason"] in page.text, "the refusal")
        folds = page.tables["folds"][1:-1]
        check(folds == [[str(i + 1), "%.2f %%" % (100 * f["accuracy"]), "%.4f" % f["threshold"]]
                        for i, f in enumerate(r["folds"])], folds)
        origin = dict(t for t in page.tables["origin"] if len(t) == 2)
        check(origin["SHA-256 of the pairs"] == r["pairs_digest"] and
              origin["command"] == r["command"] and origin["date"] == r["date"] and
              origin["crop"] == r["crop"] and origin["images"] == r["images"], origin)
        check_mistakes(page, rows, folder)
        check_histogram(page, rows)
        check_curves(page, r)
        done = evaluate("--lfw", at("pairs.txt"), "--html", at("no/page.html"))
        check(done.returncode == 66 and "no/page.html" in done.stderr, done.stderr)
        check_others(at)
    print("not ok" if failures else "ok")
    return 1 if failures else 0


sys.exit(main())
