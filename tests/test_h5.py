"""test_h5.py -- HDF5 between us and h5py: files that reach outside themselves or lie about their
size, which only another writer makes, are refused by test_h5; what we write, h5py reads."""
import os
import subprocess
import sys
import tempfile

import h5py
import numpy as np

BIN = os.environ.get("FN_BIN", "build/bin")
FOUR = np.arange(4, dtype="<f4")
bad = 0


def check(what, ok):
    global bad
    if not ok:
        bad += 1
        print("not ok", what)


def foreign(folder, name, says, make):
    path = os.path.join(folder, name + ".h5")
    with h5py.File(path, "w") as f:
        make(f)
    with open(path[:-3] + ".says", "w") as out:
        out.write(says)


def external(f, folder):
    secret = os.path.join(folder, "secret")
    with open(secret, "wb") as out:
        out.write(b"0123456789abcdef")
    f.create_dataset("w", (4,), "<f4", external=[(secret, 0, 16)])


def virtual(f):
    layout = h5py.VirtualLayout((4,), "<f4")
    layout[:] = h5py.VirtualSource("other", "w", (4,))
    f.create_virtual_dataset("w", layout)


def link(f, kind, **where):
    f["v"] = FOUR
    f["w"] = kind(*where.values())


def make_foreign(folder):
    def one(name, says, make):
        foreign(folder, name, says, make)

    one("plain", "fine", lambda f: f.create_dataset("w", data=FOUR))
    one("checked", "fine", lambda f: f.create_dataset("w", data=FOUR, fletcher32=True))
    one("square", "fine", lambda f: f.create_dataset("w", data=FOUR.reshape(2, 2)))
    outside = "keeps its bytes in another file"
    one("external", outside, lambda f: external(f, folder))
    one("virtual", outside, virtual)
    links = "links of a kind that we never write"
    one("softlink", links, lambda f: link(f, h5py.SoftLink, path="/v"))
    one("outerlink", links, lambda f: link(f, h5py.ExternalLink, file="plain.h5", path="/w"))
    one("deeplink", links, lambda f: link(f.create_group("a/b"), h5py.SoftLink, path="/v"))
    filtered = "filter that we never use"
    one("gzip", filtered, lambda f: f.create_dataset("w", data=FOUR, compression="gzip"))
    one("shuffle", filtered, lambda f: f.create_dataset("w", data=FOUR, shuffle=True))
    lies = "declares more than the file holds"
    one("terabytes", lies, lambda f: f.create_dataset("w", (1 << 40,), "<f4", chunks=(1024,)))
    one("unwritten", lies, lambda f: f.create_dataset("w", (4,), "<f4", chunks=(2,)))
    one("overflow", lies, lambda f: f.create_dataset("w", (1 << 62,), "<f4", chunks=(1024,)))
    shaped = "has a shape that we never write"
    one("rank5", shaped, lambda f: f.create_dataset("w", data=FOUR.reshape(4, 1, 1, 1, 1)))
    one("product", shaped,
        lambda f: f.create_dataset("w", (1 << 40, 1 << 40), "<f4", chunks=(1, 1024)))
    one("null", shaped, lambda f: f.create_dataset("w", data=h5py.Empty("<f4")))
    typed = "is of another type"
    for kind in "<f8", "<f2", ">f4", "<i4", "S4":
        one("type" + kind[1:] + kind[0].replace("<", "le").replace(">", "be"), typed,
            lambda f, kind=kind: f.create_dataset("w", (4,), kind))
    one("words", typed, lambda f: f.create_dataset("w", data=["a", "b", "c", "d"]))
    one("group", "cannot open dataset 'w'", lambda f: f.create_group("w"))
    one("short", "has 3 elements, not the 4", lambda f: f.create_dataset("w", data=FOUR[:3]))
    one("absent", "has no dataset 'w'", lambda f: f.create_dataset("v", data=FOUR))


def check_ours(path):
    with h5py.File(path) as f:
        check("texts", f.attrs["note"].decode() == "words, é" and f.attrs["none"] == b"")
        check("reals", np.array_equal(f["reals"][:], np.array(
            [[1, -2.5, 3e-30], [4e30, 0, -0.0]], "f4")))
        check("ints", f["deep/er/ints"].dtype == "<i4" and f["deep/er/ints"].shape == (1, 2, 1, 2)
              and f["deep/er/ints"][0, 1, 0, 1] == -2**31)
        check("longs", list(f["deep/er/longs"]) == [2**63 - 1, -2**63, 42])
        check("bytes", list(f["deep/bytes"][:, 0, 0]) == [0, 1, 127, 128, 255])
        check("empty", f["empty"].shape == (0, 7))
        for name in "reals", "deep/er/ints", "deep/er/longs", "deep/bytes":
            check("checksum of " + name, f[name].fletcher32)


with tempfile.TemporaryDirectory(prefix="fn_h5_py_") as work:
    make_foreign(work)
    run = subprocess.run([os.path.join(BIN, "test_h5"), "foreign_files"], text=True,
                         capture_output=True, env={**os.environ, "FN_TEST_H5": work}, timeout=60)
    print(run.stdout, run.stderr)
    check("test_h5 foreign_files", run.returncode == 0 and "ok 1 foreign_files\n" in run.stdout)
    check_ours(os.path.join(work, "ours"))
sys.exit(bad > 0)
