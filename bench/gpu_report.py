"""gpu_report.py -- what tools/gpu-check found on a GPU, as one document.

    gpu_report.py device FILE           how cuDNN's description of the GPU that is here differs from ours
    gpu_report.py all LOGS OUT COMMIT   OUT/DEVICE-DATE.json from what logs.tar.gz holds and
                                   OUT/device.json; its figures"""
import datetime
import glob
import json
import os
import re
import sys

from gpu import line
from report import ROOT, save

DEVICES = os.path.join(ROOT, "tests", "data", "devices")


def read(path):
    try:
        with open(path, errors="replace") as f:
            return f.read()
    except OSError:
        return ""


def read_json(path):
    try:
        return json.loads(read(path))
    except ValueError:
        return None


def lines_of(logs, stage):
    """The lines of JSON among what a stage printed."""
    found = []
    for text in read(os.path.join(logs, stage + ".txt")).splitlines():
        try:
            found += [json.loads(text)] if text.startswith("{") else []
        except ValueError:
            pass  # cut off when its time was over
    return found


# --- the device ---

def differences(real):
    """Of a description from ours of the same name: sentences."""
    ours = [d for d in map(read_json, sorted(glob.glob(os.path.join(DEVICES, "*.json"))))
            if d and d.get("deviceName") == real.get("deviceName")]
    if not ours:
        return [f"tests/data/devices has no {real.get('deviceName')}"]
    return [f"{key}: {json.dumps(real.get(key))}, ours {json.dumps(ours[0].get(key))}"
            for key in sorted(set(real) | set(ours[0])) if real.get(key) != ours[0].get(key)]


def print_differences(path):
    real = read_json(path)
    if not isinstance(real, dict):
        print(f"{path}: no description")
        return 1
    found = differences(real)
    print("\n".join(found) or "cuDNN describes it as tests/data/devices does")
    return 0


# --- the document ---

def stages(logs):
    rows = [row.split("\t", 2) for row in read(os.path.join(logs, "stages")).splitlines()]
    return [{"stage": name, "seconds": int(seconds), "verdict": verdict}
            for name, seconds, verdict in rows]


def with_share(figure, roofline):
    """Of the bytes that a copy moves in the time, those that the network has to move."""
    if roofline and "mb_per_image" in figure:
        moved = figure["mb_per_image"] * 1e6 * figure["images_per_s"]
        figure["share_of_copy"] = round(moved / (roofline["copy_gb_per_s"] * 1e9), 4)
    return figure


def document(logs, out, commit):
    real = read_json(os.path.join(out, "device.json")) or {}
    first = lambda stage: (lines_of(logs, stage) or [None])[-1]
    driver = re.search(r"^[^,\n]+, ([0-9.]+), ", read(os.path.join(logs, "device.txt")), re.M)
    roofline = first("roofline")
    return {"commit": read(commit).strip() or "unknown",
            "date": datetime.date.today().isoformat(),
            "driver": driver.group(1) if driver else None,
            "device": first("device"), "properties": real,
            "differences": differences(real) if real else [],
            "stages": stages(logs), "roofline": roofline, "tune": first("tune"),
            "fed": lines_of(logs, "feed"),
            "speed": [with_share(f, roofline) for f in lines_of(logs, "speed")],
            "peers": read_json(os.path.join(logs, "peers.json"))}


# --- its figures, for people ---

def speed_line(f):
    words = [f"{f['net']} {f['what']} b{f['batch']} {f['precision']}:",
             f"{f['images_per_s']:,.0f} images/s, {f['ms']:.2f} ms, {f['memory_mb']} MB"]
    if "joules_per_1000" in f:
        words.append(f"{f['joules_per_1000']:.1f} J a 1,000")
    if "mining_share" in f:
        words.append(f"mining {100 * f['mining_share']:.1f} %")
    if "share_of_copy" in f:
        words.append(f"{100 * f['share_of_copy']:.0f} % of a copy's bytes")
    return words[0] + " " + ", ".join(words[1:])


def fed_line(f):
    return (f"{f['net']} fed b{f['batch']} {f['precision']}: {f['images_per_s']:,.0f} images/s, "
            f"{f['of_alone']:.3f} of the step alone ({f['least']:.3f}-{f['most']:.3f}), waited "
            f"{100 * f['waited']:.1f} %, {f['threads']} threads decode {f['decoded_per_s']:,.0f}/s")


def beginning(doc):
    words = []
    if doc["device"]:
        words.append("{open_s:.1f} s for the device".format(**doc["device"]))
    if doc["speed"]:
        most = lambda key: max(f[key] for f in doc["speed"])
        words.append(f"up to {most('open_s'):.1f} s for a network's plans and "
                     f"{most('first_s'):.1f} s for its first run")
    return ["to begin: " + ", ".join(words)] if words else []


def figures(doc):
    found = beginning(doc)
    if doc["roofline"]:
        found.append("copy {copy_gb_per_s:,.0f} GB/s, bf16 products {bf16_tflops:,.0f} TFLOP/s"
                     .format(**doc["roofline"]))
    if doc["tune"]:
        found.append("tuned {tuned} of {convolutions} convolutions: {first_ms:.1f} ms became "
                     "{ms:.1f}".format(**doc["tune"]))
    found += [speed_line(f) for f in doc["speed"]] + [fed_line(f) for f in doc["fed"]]
    for case in (doc["peers"] or {}).get("cases", []):
        found.append(line(case) if case["engines"] else f"{case['name']}: {case['absent']}")
    return found


def write_document(logs, out, commit):
    doc = document(logs, out, commit)
    name = (doc["device"] or {}).get("device", "no gpu")
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    save(doc, os.path.join(out, f"{slug}-{doc['date']}.json"))
    print("\n".join(figures(doc)))
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["device"] and len(sys.argv) == 3:
        sys.exit(print_differences(sys.argv[2]))
    if sys.argv[1:2] == ["all"] and len(sys.argv) == 5:
        sys.exit(write_document(*sys.argv[2:]))
    print(__doc__, file=sys.stderr)
    sys.exit(64)
