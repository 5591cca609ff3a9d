"""test_board_run.py -- a short run on drawn faces, cut off and resumed, as TensorBoard reads it:
every kind of summary, checked against metrics.csv, the pack and the model."""
import csv
import glob
import io
import os
import shutil
import sys

try:
    import h5py
    import numpy as np
    from PIL import Image
    from google.protobuf import text_format
    from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
    from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator
    from tensorboard.context import RequestContext
    from tensorboard.plugins.base_plugin import TBContext
    from tensorboard.plugins.hparams import (api_pb2, backend_context, get_experiment,
                                             list_session_groups, metadata)
    from tensorboard.plugins.pr_curve import metadata as pr_metadata
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig
    from tensorboard.util import tensor_util
except ImportError as e:
    print(f"# skipped: {e} (tools/setup.sh installs it)")
    sys.exit(77)

import cli_rig as rig
from cli_rig import at, check, passes, work, write

CONFIG = """net: {at}/tiny.yaml
run: {at}/runs/one
data: {{train: {at}/train.h5, val: {at}/held.h5}}
train: {{people: 8, faces: 4, steps: 8}}
augment: {{flip: false}}
optim: {{kind: adamw, rate: 0.003}}
val: {{every: 4, pairs: 200}}
save: {{every: 4}}
log: {{every: 2, images: 3, projector: 50}}
"""


def read(folder):
    a = EventAccumulator(folder, size_guidance={"tensors": 0})
    a.Reload()
    return a


def steps(a, tag):
    return [e.step for e in a.Tensors(tag)]


def last(a, tag):
    return tensor_util.make_ndarray(a.Tensors(tag)[-1].tensor_proto)


def metrics(folder):
    with open(os.path.join(folder, "metrics.csv")) as f:
        return {int(r["step"]): {k: float(v) for k, v in r.items()} for r in csv.DictReader(f)}


def train():
    rig.make_faces(60, 5)
    passes("data", "split", at("faces.h5"), "--kept", at("train.h5"), "--held", at("held.h5"),
           "--share", 0.5)
    write("tiny.yaml", rig.small("batch"))
    write("c.yaml", CONFIG.format(at=work))
    passes("train", "--config", at("c.yaml"))
    # The newest checkpoint is taken away, as if a crash had kept it from being written: steps 5
    # to 8 are run again.
    shutil.rmtree(at("runs/one/checkpoints/step_000000008"))
    passes("train", "--config", at("c.yaml"), "--resume", "train.steps=12")
    passes("train", "--config", at("c.yaml"), f"run={at('runs/two')}", "optim.rate=0.01")


def histograms(a):
    """Rows of left, right, count: the mean of the distances lies within the bins' bounds."""
    m = metrics(at("runs/one"))
    for tag, mean in ("distance/anchor_positive", "d_ap"), ("distance/anchor_negative", "d_an"):
        check(f"{tag}: steps, none twice", steps(a, tag) == sorted(m), steps(a, tag))
        for e in a.Tensors(tag):
            left, right, count = tensor_util.make_ndarray(e.tensor_proto).T
            want = m[e.step]
            check(f"{tag} {e.step}: all triplets", count.sum() == want["triplets"], count.sum())
            low, high = (left * count).sum(), (right * count).sum()
            check(f"{tag} {e.step}: around the mean of metrics.csv",
                  low / count.sum() - 1e-4 <= want[mean] <= high / count.sum() + 1e-4, want)
            check(f"{tag} {e.step}: narrow bins in order",
                  (right - left < 0.0501).all() and (left[1:] == right[:-1]).all())
        check(f"{tag}: plugin",
              a.SummaryMetadata(tag).plugin_data.plugin_name == "histograms")


def curve(a):
    content = a.SummaryMetadata("val/pairs").plugin_data
    check("curve: plugin", content.plugin_name == "pr_curves")
    points = pr_metadata.parse_plugin_metadata(content.content).num_thresholds
    c = last(a, "val/pairs")
    check("curve: shape", points == 201 and c.shape == (6, 201), c.shape)
    tp, fp, tn, fn, precision, recall = c
    same, other = last(a, "distance/val_same"), last(a, "distance/val_different")
    check("curve: pairs", (tp + fn == same[:, 2].sum()).all() and
          (fp + tn == other[:, 2].sum()).all())
    check("curve: everything is accepted at 0", (fn[0], tn[0]) == (0, 0))
    check("curve: it falls", (np.diff(tp) <= 0).all() and (np.diff(fp) <= 0).all())
    with np.errstate(invalid="ignore"):
        check("curve: precision", np.allclose(precision, np.nan_to_num(tp / (tp + fp))))
    check("curve: recall", np.allclose(recall, tp / (tp + fn)))
    # Distances are squared and binned by 0.05; a step of the curve is 0.02 of them.
    for i in range(0, 201, 5):
        d = 4 * (1 - i / 200)
        inside, touching = same[same[:, 1] < d, 2].sum(), same[same[:, 0] <= d, 2].sum()
        check(f"curve {i}: agrees with the histogram", inside <= tp[i] <= touching,
              (inside, tp[i], touching))
    auc = -np.trapezoid(recall, fp / (fp + tn)) if hasattr(np, "trapezoid") else \
        -np.trapz(recall, fp / (fp + tn))
    check("curve: the AUC", abs(auc - last(a, "val/auc")) < 0.02, auc)
    check("curve: steps", steps(a, "val/pairs") == [4, 8, 12], steps(a, "val/pairs"))


def face(name):
    """What the network sees of an image, without augmentation: all of it, here at 48 x 40."""
    with h5py.File(at("train.h5")) as f:
        offset = f["offset"][:]
        names = bytes(f["names"][:]).split(b"\0")[:-1]
        i = names.index(name.encode())
        image = Image.open(io.BytesIO(bytes(f["bytes"][offset[i]:offset[i + 1]])))
    return np.asarray(image.convert("RGB").resize((40, 48), Image.BILINEAR), float)


def hardest(a):
    check("images: steps", steps(a, "triplets/hardest") == [4, 8, 12])
    check("images: plugin",
          a.SummaryMetadata("triplets/hardest").plugin_data.plugin_name == "images")
    for e, text in zip(a.Tensors("triplets/hardest"), a.Tensors("triplets/names")):
        png = e.tensor_proto.string_val[2]
        picture = np.asarray(Image.open(io.BytesIO(png)), float)
        lines = text.tensor_proto.string_val[0].decode().splitlines()[4:]
        check("images: size", picture.shape == (52 * len(lines) - 4, 44 * 3 - 4, 3),
              picture.shape)
        check("images: some", 1 <= len(lines) <= 3, lines)
        gaps = []
        for i, line in enumerate(lines):
            cells = [c.strip() for c in line.strip("|").split("|")]
            people = [c.split("`")[1] for c in cells[:3]]
            check("names: same, same, other", people[0] == people[1] != people[2], people)
            gaps.append(float(cells[4]) - float(cells[3]))
            for k in range(3):
                tile = picture[52 * i:52 * i + 48, 44 * k:44 * k + 40]
                off = np.abs(tile - face(cells[k].split("`")[3])).mean()
                check(f"images {e.step}: face {i},{k} is the one named", off < 3, off)
        # The table has four decimals, so a gap may be off by 0.0001, or seem to be 0.
        check("names: semi-hard, hardest first",
              all(0 <= g < 0.2001 for g in gaps) and
              all(y - x > -0.0002 for x, y in zip(gaps, gaps[1:])), gaps)


def texts(a):
    text = [e.tensor_proto.string_val[0].decode() for e in a.Tensors("config")]
    check("config: at each start", steps(a, "config") == [0, 5], steps(a, "config"))
    with open(at("runs/one/config.yaml")) as f:
        check("config: the resolved file", text[-1] == "```\n" + f.read() + "```\n", text[-1])
    check("config: plugin", a.SummaryMetadata("config").plugin_data.plugin_name == "text")


def sessions():
    """The HPARAMS tab's own requests over both runs."""
    mux = plugin_event_multiplexer.EventMultiplexer().AddRunsFromDirectory(at("runs"))
    mux.Reload()
    provider = data_provider.MultiplexerDataProvider(mux, at("runs"))
    context = backend_context.Context(TBContext(data_provider=provider, logdir=at("runs")))
    meta = context.hparams_metadata(RequestContext(), "")
    start = metadata.parse_session_start_info_plugin_data(
        meta["one"]["_hparams_/session_start_info"])
    h = start.hparams
    check("hparams: kinds", (h["optim.rate"].number_value, h["optim.kind"].string_value,
                             h["augment.flip"].bool_value) == (0.003, "adamw", False))
    check("hparams: all keys but run", len(h) > 30 and "run" not in h, sorted(h))
    end = metadata.parse_session_end_info_plugin_data(meta["one"]["_hparams_/session_end_info"])
    check("hparams: ended well", end.status == api_pb2.STATUS_SUCCESS and
          end.end_time_secs >= start.start_time_secs > 1e9)
    experiment = get_experiment.Handler(RequestContext(), context, "",
                                        api_pb2.GetExperimentRequest()).run()
    found = [m.name.tag for m in experiment.metric_infos]
    check("hparams: metrics", "val/accuracy" in found, found)
    rate = next(i for i in experiment.hparam_infos if i.name == "optim.rate")
    check("hparams: a number", rate.type == api_pb2.DATA_TYPE_FLOAT64, rate)
    request = api_pb2.ListSessionGroupsRequest(
        start_index=0, slice_size=10, allowed_statuses=[api_pb2.STATUS_SUCCESS],
        col_params=[api_pb2.ColParams(metric=m.name) for m in experiment.metric_infos])
    groups = list_session_groups.Handler(RequestContext(), context, "", request).run()
    got = {g.name: (g.hparams["optim.rate"].number_value,
                    next(v.value for v in g.metric_values if v.name.tag == "val/accuracy"))
           for g in groups.session_groups}
    want = {n: (r, last(read(at("runs", n)), "val/accuracy"))
            for n, r in (("one", 0.003), ("two", 0.01))}
    check("hparams: both runs with their accuracy", got == want, (got, want))


def projector():
    home = at("runs/one")
    with open(os.path.join(home, "projector_config.pbtxt")) as f:
        e = text_format.Parse(f.read(), ProjectorConfig()).embeddings[0]
    tensors = np.loadtxt(os.path.join(home, e.tensor_path), delimiter="\t")
    check("projector: shape", tensors.shape == tuple(e.tensor_shape) == (50, 16), tensors.shape)
    with open(os.path.join(home, e.metadata_path)) as f:
        rows = [line.rstrip("\n").split("\t") for line in f]
    check("projector: names", rows[0] == ["person", "image"] and len(rows) == 51, rows[:2])
    paths = [os.path.join(at("faces"), *r) for r in rows[1:]]
    r = passes("embed", "--model", os.path.join(home, "model.fnm"), *paths)
    want = np.array([line.split(",")[-16:] for line in r.stdout.splitlines()], float)
    check("projector: the final model's embeddings", np.abs(want - tensors).max() < 1e-4,
          np.abs(want - tensors).max())
    sprite = np.asarray(Image.open(os.path.join(home, e.sprite.image_path)), float)
    side = e.sprite.single_image_dim[0]
    columns = sprite.shape[1] // side
    check("projector: a square sprite", columns == 8 and sprite.shape == (7 * 32, 8 * 32, 3),
          sprite.shape)
    for i in 0, 9, 49:
        tile = sprite[i // columns * side:, i % columns * side:][:side, :side]
        image = Image.open(paths[i]).convert("RGB").resize((side, side), Image.BILINEAR)
        off = np.abs(tile - np.asarray(image, float)).mean()
        check(f"projector: picture {i}", off < 3, off)


def everything():
    train()
    if rig.failed:
        return
    one = read(at("runs/one"))
    check("two starts, two files", len(glob.glob(at("runs/one/*tfevents*"))) == 2)
    for test in histograms, curve, hardest, texts:
        test(one)
    sessions()
    projector()
    passes("train", "--config", at("c.yaml"), f"run={at('bare')}", "log.images=0", "log.projector=0")
    check("switched off", not os.path.exists(at("bare/projector_config.pbtxt")) and
          "triplets/hardest" not in read(at("bare")).Tags()["tensors"])


rig.main(everything)
