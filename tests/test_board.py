"""test_board.py -- TensorBoard's own reader on our event files: every scalar and text of one
run, of a run resumed at an earlier step, and of one whose last record was torn."""
import glob
import math
import os
import shutil
import subprocess
import sys
import tempfile

try:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
except ImportError as e:
    print(f"# skipped: {e} (tools/setup.sh installs it)")
    sys.exit(77)

PROGRAM = os.path.join(os.environ.get("FN_BIN", "build/bin"), "test_board")
failed = 0


def check(name, got, want):
    global failed
    ok = got == want
    failed += not ok
    print(("ok " if ok else "not ok ") + name + ("" if ok else f": {got!r}, expected {want!r}"))


def drive(folder, first, last, shift=0):
    env = dict(os.environ, FN_BOARD=folder, FN_BOARD_FIRST=str(first),
               FN_BOARD_LAST=str(last), FN_BOARD_SHIFT=str(shift))
    done = subprocess.run([PROGRAM, "drive"], env=env, capture_output=True, text=True)
    check(f"write steps {first} to {last}", (done.returncode, "SKIP" in done.stdout), (0, False))


def read(folder):
    a = EventAccumulator(folder, size_guidance={"scalars": 0, "tensors": 0})
    a.Reload()
    return a


def scalars(a, tag):
    return [(e.step, e.value) for e in a.Scalars(tag)]


def texts(a):
    return [(e.step, e.tensor_proto.string_val[0].decode()) for e in a.Tensors("note")]


def val(first, last, shift=0):
    return [(s, 1000.0 + s + shift) for s in range(first, last + 1)]


def note(*steps):
    return [(s, f"step *{s}* \u00e9") for s in steps]


def files(folder):
    return sorted(glob.glob(os.path.join(folder, "*tfevents*")))


def tear(path, keep=None):
    """Cuts the last record off in its middle."""
    size = os.path.getsize(path)
    os.truncate(path, size - 5 if keep is None else keep)


def one_run(folder):
    drive(folder, 0, 9)
    a = read(folder)
    check("tags", sorted(a.Tags()["scalars"] + a.Tags()["tensors"]), ["note", "train/loss", "val"])
    loss = scalars(a, "train/loss")
    check("a NaN stays one", (loss[0][0], math.isnan(loss[0][1])), (0, True))
    check("loss", [(s, round(v * s, 6)) for s, v in loss[1:]], [(s, 1.0) for s in range(1, 10)])
    check("val", scalars(a, "val"), val(0, 9))
    check("texts", texts(a), note(0, 9))
    plugin = a.SummaryMetadata("note").plugin_data.plugin_name
    check("the text tab knows them", plugin, "text")
    events = list(EventFileLoader(files(folder)[0]).Load())
    check("version", events[0].file_version, "brain.Event:2")
    check("start", (events[1].session_log.status, events[1].step), (1, 0))
    check("one event each", len(events), 2 + 10 + 10 + 2)


def resumed(folder):
    """Steps 1..10, then the run goes on after a checkpoint of step 5: nothing twice."""
    drive(folder, 1, 10)
    drive(folder, 6, 12, shift=500)
    a = read(folder)
    check("resumed: two files", len(files(folder)), 2)
    check("resumed: val", scalars(a, "val"), val(1, 5) + val(6, 12, 500))
    check("resumed: loss steps", [s for s, _ in scalars(a, "train/loss")], list(range(1, 13)))
    drive(folder, 13, 14)
    check("resumed again: val", scalars(read(folder), "val"),
          val(1, 5) + val(6, 12, 500) + val(13, 14))


def torn(folder):
    drive(folder, 1, 10)
    last = files(folder)[-1]
    tear(last)  # the note of step 10
    before = open(last, "rb").read()
    a = read(folder)
    check("torn: the rest is there", scalars(a, "val"), val(1, 10))
    check("torn: the text is lost", texts(a), note(1))
    drive(folder, 8, 12, shift=500)
    a = read(folder)
    check("torn and resumed: val", scalars(a, "val"), val(1, 7) + val(8, 12, 500))
    check("torn and resumed: texts", [t for t in texts(a) if t[0] >= 8], note(8, 12))
    check("torn and resumed: untouched", open(last, "rb").read() == before, True)


def torn_at_the_start(folder):
    """Killed while the first record was written."""
    drive(folder, 1, 3)
    tear(files(folder)[-1], keep=7)
    drive(folder, 1, 4)
    check("torn at the start: val", scalars(read(folder), "val"), val(1, 4))


def followed(folder):
    """A TensorBoard that watches while the run is killed and resumed."""
    drive(folder, 1, 10)
    a = read(folder)
    check("followed: before", scalars(a, "val"), val(1, 10))
    drive(folder, 6, 12, shift=500)
    a.Reload()
    check("followed: after", scalars(a, "val"), val(1, 5) + val(6, 12, 500))


for test in one_run, resumed, torn, torn_at_the_start, followed:
    work = tempfile.mkdtemp(prefix="fn_board_")
    try:
        test(work)
    finally:
        shutil.rmtree(work)
sys.exit(failed > 0)
