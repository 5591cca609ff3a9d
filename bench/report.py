"""report.py -- the machine, a line as each case ends, the table of docs/benchmarks.md."""
import datetime
import json
import os
import platform
import re
import subprocess

from cases import MORE_PEERS, PEERS, ROOT

BEGIN, END = "<!-- written by make bench -->", "<!-- end -->"
TELLING = ["avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_bf16"]


def command(*words):
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT)
    return done.stdout.strip() if done.returncode == 0 else ""


def cpu():
    """Name and flags, as Linux has them."""
    with open("/proc/cpuinfo") as f:
        text = f.read()
    one = dict(re.findall(r"^([^\t\n]+)\t*: *(.*)$", text.partition("\n\n")[0], re.M))
    name = one.get("model name", platform.machine())
    if "model" in one and not re.search(r"\d", name):  # a cloud's name for its processor
        name += f" family {one['cpu family']} model {one['model']}"
    return name, set(one.get("flags", one.get("Features", "")).split())


def machine():
    name, flags = cpu()
    with open("/proc/meminfo") as f:
        memory = int(f.readline().split()[1])
    return {"cpu": name, "flags": [f for f in TELLING if f in flags],
            "cores": len(os.sched_getaffinity(0)), "memory_gb": round(memory / 2**20, 1),
            "kernel": platform.release(), "compiler": command("cc", "--version").partition("\n")[0],
            "onednn": command("pkg-config", "--modversion", "dnnl") or debian("libdnnl-dev"),
            "load": os.getloadavg()[0], "commit": command("git", "describe", "--always", "--dirty"),
            "date": datetime.date.today().isoformat()}


def debian(package):
    return command("dpkg-query", "-W", "-f=${Version}", package)


def no_bf16(flags):
    """Why bf16 is not compared; None where it is."""
    if flags & {"avx512_bf16", "amx_bf16"}:
        return None
    return "this processor has neither avx512_bf16 nor amx_bf16"


def no_u8(flags):
    """Why u8 is not compared; None where it is."""
    if flags & {"avx512_vnni", "avx_vnni"}:
        return None
    return "this processor has neither avx512_vnni nor avx_vnni"


def rate(case, name):
    return case["images"] / case["engines"][name]["median"]


def figure(x):
    return f"{x:,.0f}" if x >= 100 else f"{x:.3g}"


def line(case):
    words = [f"{case['name']:24} facenet {figure(rate(case, 'facenet'))} images/s"]
    for name, (middle, least, most) in case["ratios"].items():
        words.append(f"{name} {figure(rate(case, name))} (x{middle:.2f}, {least:.2f}-{most:.2f})")
    words += [f"{name}: {why}" for name, why in case["absent"].items()]
    return "; ".join(words)


def table(cases):
    peers = [p for p in [*PEERS, *MORE_PEERS] if any(p in c["engines"] for c in cases)]
    rows = ["| case | facenet | " + " | ".join(peers) + " |", "|---" * (len(peers) + 2) + "|"]
    for c in cases:
        cells = [c["name"], figure(rate(c, "facenet"))]
        for p in peers:
            if p in c["ratios"]:
                middle, least, most = c["ratios"][p]
                cells.append(f"{figure(rate(c, p))}: **{middle:.2f}** ({least:.2f}–{most:.2f})")
            else:
                cells.append("" if p not in c["absent"] else "absent")
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def text(report):
    m, cases = report["machine"], report["cases"]
    versions = sorted({e["version"] for c in cases for e in c["engines"].values()})
    lines = [f"{m['date']}, commit {m['commit']}: {m['cpu']}, {m['cores']} cores "
             f"({' '.join(m['flags'])}), {m['memory_gb']} GB, Linux {m['kernel']}, "
             f"{m['compiler']}, oneDNN {m['onednn']}; load {m['load']:.1f} at the start; "
             f"{report['rounds']} rounds.", "", "Versions: " + ", ".join(versions) + ".", "",
             table(cases), ""]
    lines += [f"- {what}: {why}" for what, why in report["notes"]]
    for c in cases:
        lines += [f"- {c['name']}, {name}: {why}" for name, why in c["absent"].items()]
    return "\n".join(lines).rstrip() + "\n"


def save(report, path):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".tmp", "w") as f:
        json.dump(report, f, indent=1)
        f.write("\n")
    os.replace(path + ".tmp", path)


def results_path(m):
    name = re.sub(r"[^a-z0-9]+", "-", m["cpu"].lower()).strip("-")
    return os.path.join(ROOT, "bench", "results", f"{name}-{m['date']}.json")


def put(path, words):
    """Replaces what stands between the marks of a document."""
    with open(path) as f:
        before, _, rest = f.read().partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise SystemExit(f"{path}: the lines '{BEGIN}' and '{END}' are missing: put them back")
    with open(path + ".tmp", "w") as f:
        f.write(f"{before}{BEGIN}\n{words}{END}{after}")
    os.replace(path + ".tmp", path)
