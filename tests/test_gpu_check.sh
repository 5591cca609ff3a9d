#!/bin/bash
# test_gpu_check.sh -- tools/gpu-check where there is no GPU: every stage is reported, none hangs, and
# the document holds what the programs found on the emulated GPU. With PyTorch in build/venv-bench,
# bench/gpu.py too: the emulated GPU's steps are PyTorch's.
set -uo pipefail
root=$PWD
python=$root/build/venv/bin/python3
failed=0
if [ ! -x "$FN_BIN/emu_gpu_net" ]; then
    echo "# skipped: a build without CUDA"
    exit 77
fi
if nvidia-smi -L >/dev/null 2>&1; then
    echo "# skipped: there is a GPU here, and gpu-check takes nine minutes of it"
    exit 77
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# check NAME COMMAND...
check() {
    local name=$1
    shift
    if "$@" >"$tmp/said" 2>&1; then
        echo "ok      $name"
    else
        printf 'not ok  %s: %s\n' "$name" "$*"
        tail -20 "$tmp/said"
        failed=1
    fi
}

# --- all stages, as gpu-check packs them; the tests for a real GPU are not built here ---

to=$tmp/check
mkdir -p "$to/bin" "$to/tests/data"
cp tools/gpu-check "$to/"
cp -r configs bench "$to/"
cp -r tests/data/devices "$to/tests/data/"
for program in facenet bench_gpu bench_net gpu_feed gpu_net gpu_tune test_cudnn; do
    ln -s "$FN_BIN/$program" "$to/bin/"
done
ln -s "$FN_BIN/emu_gpu_device" "$to/bin/gpu_device"
printf '#!/bin/sh\nsleep 1000\n' >"$to/bin/gpu_roof"
chmod +x "$to/bin/gpu_roof"
echo planted >"$to/commit"
"$to/bin/facenet" data synth --people 20 --images 10 -o "$tmp/faces" >/dev/null
"$to/bin/facenet" data pack "$tmp/faces" -o "$to/faces.h5" >/dev/null

PATH=$(dirname "$python"):$PATH timeout 600 "$to/gpu-check" run "$tmp/out" >"$tmp/run" 2>&1
code=$?
check 'fails where there is no GPU' test $code = 1
stages=$(sed -n 's/^stages="\(.*\)"$/\1/p' tools/gpu-check)
for stage in $stages; do
    check "$stage is reported" grep -q "^$stage: \(passed\|skipped\|failed\)" "$tmp/out/summary.txt"
done
check 'the device is told' grep -q '^device: passed' "$tmp/out/summary.txt"
check 'a stage that hangs is ended' grep -q '^roofline: failed: more than 10 s' "$tmp/out/summary.txt"
check 'no GPU is the reason' grep -q '^tune: failed (68): gpu_tune: there is no driver' "$tmp/out/summary.txt"
check 'and told at once' grep -q '^    gpu_tune: there is no driver' "$tmp/run"
check 'logs are kept' tar -xzf "$tmp/out/logs.tar.gz" -C "$tmp"
check 'training got as far as the GPU' grep -q 'there is no driver of a GPU' "$tmp/logs/train.txt"
check 'one document' "$python" - "$tmp/out" $stages <<'END'
import glob, json, sys
[path] = glob.glob(sys.argv[1] + "/emulated-*.json")
doc = json.load(open(path))
assert sorted(s["stage"] for s in doc["stages"]) == sorted(sys.argv[2:]), doc["stages"]
assert doc["commit"] == "planted" and doc["device"]["device"] == "emulated"
assert doc["differences"] == ["tests/data/devices has no emulated"], doc["differences"]
assert doc["speed"] == [] and doc["roofline"] is None
END
cp -r "$to" "$tmp/without"
printf '#!/bin/sh\necho "# device.c:7: no device"; echo 1..1; exit 1\n' >"$tmp/without/none"
chmod +x "$tmp/without/none"
mv -f "$tmp/without/none" "$tmp/without/bin/gpu_device"
"$tmp/without/gpu-check" run "$tmp/alone" >"$tmp/run" 2>&1
check 'without a device nothing else is tried' test \
    "$(grep -c '	' <(tar -xzOf "$tmp/alone/logs.tar.gz" logs/stages))" = 1
check 'the first failed check is the reason' grep -q '^device: failed (1): # device.c:7: no device' "$tmp/run"
gives() { # STATUS COMMAND...
    local want=$1 status=0
    shift
    "$@" || status=$?
    [ $status = "$want" ]
}
check 'a stage that is none' gives 64 "$to/gpu-check" run "$tmp/other" device nothing
planned=$(sed -n '/^declare -A limit/,/)$/p' tools/gpu-check | grep -o ']=[0-9]*' | tr -d ']=' |
    awk '{ sum += $1 } END { print sum }')
check 'they have nine minutes' test "$planned" -le 540 -a "$planned" -gt 400

# --- the figures, of a small network on the emulated GPU ---

cat >"$tmp/tiny.yaml" <<'END'
name: tiny
input: 32x32x3
each: {norm: none, act: relu}
layers:
  - conv: {name: one, out: 16, kernel: 7, stride: 2}
  - maxpool: {kernel: 3, stride: 2}
  - lrn
  - inception: {name: a, 1x1: 16, 3x3r: 8, 3x3: 24, 5x5r: 8, 5x5: 16, pool: l2, proj: 8}
  - avgpool: {kernel: 0}
heads:
  embedding:
    - fc: {name: e, out: 16, act: none}
    - l2norm
END
cd "$tmp" || exit 1
mkdir -p figures/logs
"$FN_BIN/emu_gpu_tune" configs/engines 60 bf16 tiny.yaml:8 >figures/logs/tune.txt
"$FN_BIN/emu_gpu_device" figures/device.json >figures/logs/device.txt
"$FN_BIN/emu_gpu_roof" 1 64 >figures/logs/roofline.txt
# A driver's library that has counted half a joule more at each question.
mkdir driver
"${CC:-cc}" -shared -fPIC -x c -o driver/libnvidia-ml.so.1 - <<'END'
int nvmlInit_v2(void) { return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **device) { *device = (void *)&device; return i; }
int nvmlDeviceGetTotalEnergyConsumption(void *device, unsigned long long *millijoules)
{
    static unsigned long long all;
    *millijoules = all += 500;
    return device == 0;
}
END
LD_LIBRARY_PATH=driver "$FN_BIN/emu_bench_gpu" tiny.yaml 8 bf16 0 >figures/logs/speed.txt
check 'joules, for Python' env LD_LIBRARY_PATH=driver PYTHONPATH="$root/bench" "$python" -c \
    'import energy; m = energy.meter(); assert (m(), m()) == (1, 1.5)'
check 'no joules without the library' env PYTHONPATH="$root/bench" "$python" -c \
    'import energy; assert energy.meter() is None'
"$FN_BIN/emu_gpu_feed" "$to/faces.h5" tiny.yaml 4 bf16 2 0 >figures/logs/feed.txt
printf 'tune\t1\tpassed\nspeed\t2\tfailed: {"cut' >figures/logs/stages
echo '{"cut' >>figures/logs/speed.txt
check 'the report' "$python" "$root/bench/gpu_report.py" all figures/logs figures nowhere
check 'its figures' "$python" - <<'END'
import glob, json
[path] = glob.glob("figures/emulated-*.json")
doc = json.load(open(path))
tune, roof = doc["tune"], doc["roofline"]
assert tune["tuned"] == tune["convolutions"] > 10 and tune["no_time"] == 0, tune
assert tune["first_ms"] == 2 * tune["ms"] > 0, tune
chosen = [x for x in open("configs/engines/emulated.txt") if " -> 77 2=1; emulated" in x]
assert len(chosen) == tune["tuned"] == doc["device"]["engines"], "what was tuned is used"
assert [f["what"] for f in doc["speed"]] == ["forward", "step"], doc["speed"]
for f in doc["speed"]:
    assert f["joules_per_1000"] == round(500 / 24, 2), "half a joule, three runs of eight"
    share = f["images_per_s"] * f["mb_per_image"] * 1e6 / (roof["copy_gb_per_s"] * 1e9)
    assert abs(f["share_of_copy"] - share) < 1e-3 and f["batch"] == 8, f
assert "mining_share" not in doc["speed"][0] and 0 < doc["speed"][1]["mining_share"] < 1
[fed] = doc["fed"]
assert fed["of_alone"] > 0 and 0 <= fed["waited"] < 1, fed
assert fed["decoded_per_s"] > fed["images_per_s"] and fed["threads"] == 2, fed
assert doc["speed"][1]["mb_per_image"] > 2 * doc["speed"][0]["mb_per_image"]
assert [s["verdict"] for s in doc["stages"]] == ["passed", 'failed: {"cut'], doc["stages"]
END
cat >other.json <<'END'
{"deviceName": "NVIDIA H200", "warpSize": 64, "new": [1, 2]}
END
check 'a device that differs' grep -q '^warpSize: 64, ours 32$' \
    <("$python" "$root/bench/gpu_report.py" device other.json)
check 'and in what is new' grep -q '^new: \[1, 2\], ours null$' \
    <("$python" "$root/bench/gpu_report.py" device other.json)

# --- beside PyTorch ---

torch=$root/build/venv-bench/bin/python3
if "$torch" -c 'import torch, h5py, yaml' 2>/dev/null; then
    for type in fp32 bf16; do
        check "PyTorch agrees with the emulated GPU in $type" "$torch" "$root/bench/gpu.py" \
            --bin "$FN_BIN" --ours emu_gpu_net --work "$tmp/work" --device cpu --type $type --eager \
            --cases "forward:$tmp/tiny.yaml:4" "step:$tmp/tiny.yaml:8" --rounds 2 --turn 0 \
            --seconds 1200 --slowest 600
    done
    check 'both were timed' "$python" - work/peers.json <<'END'
import json, sys
cases = json.load(open(sys.argv[1]))["cases"]
assert len(cases) == 2 and all(len(c["ratios"]["torch eager"]) == 3 for c in cases), cases
assert all(len(e["seconds"]) == 2 for c in cases for e in c["engines"].values()), cases
END
else
    echo "# skipped, that PyTorch agrees: it is not in build/venv-bench"
fi
exit $failed
