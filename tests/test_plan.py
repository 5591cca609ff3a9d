"""test_plan.py -- what `facenet info --plan` prints: its columns, its totals, and what changes
with fusion, training and the batch; and that docs/networks.md is true."""
import re

import cli_rig
from cli_rig import NET, check, run, write


def plans(path):
    """One line a node, and totals; a plan that is not fused has more nodes."""
    lines = {}
    for name, args in {"fused": (), "plain": ("--no-fuse",), "train": ("--train",),
                       "large": ("--batch", 8)}.items():
        r = run("info", "--plan", *args, path)
        check(f"plan: {name}", r.returncode == 0, r.stderr)
        rows = [line.split(None, 7) for line in r.stdout.splitlines()]
        check(f"plan: {name}: head", rows[0][:7] == ["node", "op", "output", "format", "value",
                                                     "notes", "scratch"], rows[0])
        check(f"plan: {name}: totals", [x[0] for x in rows[-3:]] == ["arena", "scratch",
                                                                     "weights"], rows[-3:])
        nodes = {x[0]: x for x in rows[1:-3]}
        check(f"plan: {name}: numbers", all(len(x) == 8 and "".join(x[4:7]).isdigit() for x in
                                            nodes.values()), nodes)
        check(f"plan: {name}: scratch is the most of any node",
              int(rows[-2][1]) == max(int(x[6]) for x in nodes.values()), rows[-2])
        lines[name] = nodes, int(rows[-3][1]), int(rows[-1][1])
    fused, plain, train, large = (lines[k] for k in ("fused", "plain", "train", "large"))
    check("plan: shapes", fused[0]["a/conv"][2] == "24x20x16", fused[0])
    check("plan: names of implementations", len(fused[0]["a/conv"][7]) > 4 and
          fused[0]["maxpool"][7] == "own", fused[0])
    check("plan: fusion", "a/relu" in plain[0] and "a/relu" not in fused[0])
    check("plan: backward", "b/fork" in train[0] and "b/fork" not in fused[0], train[0])
    check("plan: a batch of 8 is 8 times as large",
          int(large[0]["b/concat"][4]) == 8 * int(fused[0]["b/concat"][4]))
    check("plan: training needs more", train[1] > fused[1] and train[2] > plain[2], lines)


def words():
    """Every word of --rows is a row; docs/networks.md names it, and its network is one."""
    with open("docs/networks.md", encoding="ascii") as f:
        page = f.read()
    lines = run("info", "--rows").stdout.splitlines()
    found = [line for line in lines if not line.startswith(" ")]
    check("rows: layers and ops", {"conv", "fc", "inception", "lrn", "softmax"} <= set(found) and
          "fork" not in found and len(found) == len(set(found)), found)
    check("rows: the page has all", all(f"`{word}`" in page for word in found), found)
    check("rows: attributes", ["kernel", "(needed)", "an", "integer", "in", "[1,", "64]"] in
          [line.split() for line in lines], lines)
    return re.search("```yaml\n(.*?)```", page, re.DOTALL).group(1)


def page():
    """Its network."""
    r = run("info", write("page.yaml", words()))
    check("the page's network", r.returncode == 0 and "1x1x64" in r.stdout, r.stderr)


cli_rig.main(lambda: plans(write("tiny.yaml", NET)), page)
