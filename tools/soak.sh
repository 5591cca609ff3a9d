#!/bin/bash
# soak.sh -- does a long training keep its memory? Trains a small network on drawn faces, with a
# log line every 5 steps, validation, pictures and a checkpoint every 20; notes resident memory
# and open files every few seconds; stops it by SIGTERM. Fails where memory still grows after
# the warm-up, where files stay open, or where the run did not end as it should.
#   usage: tools/soak.sh [MINUTES] [FOLDER]      (60, build/soak)
#          tools/soak.sh judge SAMPLES           (again what was noted)
set -euo pipefail
cd "$(dirname "$0")/.."
limit=64   # KiB a minute: less than 4 MiB an hour
warm_up=40 # percent of the time: buffers grow to the largest batch, libraries load, and on a busy
           # machine the third checkpoint can be minutes away

# SAMPLES: a line "seconds KiB files" each. The slope is that of least squares.
judge() {
    awk -v limit=$limit -v warm_up=$warm_up '
        { t[NR] = $1; memory[NR] = $2; files[NR] = $3 }
        END {
            for (i = 1; i <= NR; i++) {
                if (t[i] < t[NR] * warm_up / 100)
                    continue
                n++
                x = t[i] / 60; y = memory[i]
                sx += x; sy += y; sxx += x * x; sxy += x * y
                if (n == 1) first = least = most = files[i]
                least = files[i] < least ? files[i] : least
                most = files[i] > most ? files[i] : most
                if (!peak || y > peak) peak = y
            }
            if (n < 10) {
                print "soak: only " n + 0 " samples after the warm-up: let it run longer"
                exit 1
            }
            slope = (n * sxy - sx * sy) / (n * sxx - sx * sx)
            printf "%.1f minutes, %d samples after the first %d %%\n", t[NR] / 60, n, warm_up
            printf "memory  %.1f MiB at most, slope %+.2f KiB a minute (limit %d)\n",
                peak / 1024, slope, limit
            printf "files   %d to %d open, %d at the end\n", least, most, files[NR]
            if (slope > limit) { print "soak: memory grows"; bad = 1 }
            if (files[NR] > first) { print "soak: files stay open"; bad = 1 }
            exit bad
        }' "$1"
}

if [ "${1:-}" = judge ]; then
    judge "$2"
    exit
fi
minutes=${1:-60}
out=${2:-build/soak}
bin=${FN_BIN:-build/bin}
rm -rf "$out"
mkdir -p "$out"
"$bin/facenet" data synth --people 80 --images 6 --seed 1 -o "$out/faces" >/dev/null
"$bin/facenet" data pack "$out/faces" -o "$out/faces.h5" >/dev/null
"$bin/facenet" data split "$out/faces.h5" --kept "$out/train.h5" --held "$out/held.h5" \
    --share 0.4 >/dev/null
cat >"$out/net.yaml" <<'NET'
name: small
input: 64x64x3
each: {norm: batch, act: relu}
layers:
  - conv: {name: a, out: 16, kernel: 5, stride: 2}
  - maxpool: {kernel: 3, stride: 2}
  - inception: {name: b, 1x1: 8, 3x3r: 8, 3x3: 16, 5x5r: 8, 5x5: 8, pool: l2, proj: 8}
  - avgpool: {kernel: 0}
heads:
  embedding:
    - fc: {out: 32, act: none}
    - l2norm
NET
cat >"$out/config.yaml" <<CONFIG
net: $out/net.yaml
run: $out/run
data: {train: $out/train.h5, val: $out/held.h5, threads: 2}
train: {steps: 999999999, people: 10, faces: 4}
optim: {kind: adamw, rate: 0.001}
augment: {view: 0.9, shift: 0.04, zoom: 0.06, brightness: 0.1, contrast: 0.2}
log: {every: 5, projector: 100}
val: {every: 20, pairs: 200}
save: {every: 20, keep: 2}
CONFIG
"$bin/train" --config "$out/config.yaml" 2>"$out/console.log" &
pid=$!
trap 'kill $pid 2>/dev/null || true' EXIT

every=$(awk -v m="$minutes" 'BEGIN { s = m * 60 / 400; print s < 0.5 ? 0.5 : s }')
start=$(date +%s.%N)
while kill -0 $pid 2>/dev/null; do
    seconds=$(awk -v a="$start" -v b="$(date +%s.%N)" 'BEGIN { printf "%.1f", b - a }')
    memory=$(awk '/^VmRSS/ { print $2 }' "/proc/$pid/status" 2>/dev/null) || break
    [ -n "$memory" ] || break
    echo "$seconds $memory $(ls "/proc/$pid/fd" | wc -l)" >>"$out/samples"
    awk -v s="$seconds" -v m="$minutes" 'BEGIN { exit s < m * 60 }' && break
    sleep "$every"
done
code=0
kill -TERM $pid 2>/dev/null || true
wait $pid || code=$?
trap - EXIT
tail -1 "$out/run/train.log"
if [ $code -ne 75 ]; then
    echo "soak: the training ended with $code instead of 75 (stopped, with a checkpoint):"
    tail -3 "$out/console.log"
    exit 1
fi
judge "$out/samples"
