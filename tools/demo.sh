#!/bin/sh
# demo.sh -- the whole path on drawn faces: make them, pack, train, evaluate, export, verify.
# Run by `make demo`, from the project's root, after the build. Leaves build/demo/.
set -eu
facenet=build/bin/facenet
out=build/demo

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
run() { printf '$ %s\n' "$*"; "$@"; }

rm -rf "$out"
mkdir -p "$out"

say "1/6  Draw faces: 420 people to learn from, 60 to hold out, 100 nobody trains on"
run $facenet data synth --people 480 --images 16 --seed 1 -o $out/faces
run $facenet data synth --people 100 --images 8 --first 100001 --seed 1 -o $out/test

say "2/6  Pack them, and hold some people out for validation"
run $facenet data pack $out/faces -o $out/faces.h5
run $facenet data split $out/faces.h5 --kept $out/train.h5 --held $out/held.h5 --share 0.125

say "3/6  Train by triplet loss with online semi-hard mining"
run build/bin/train --config configs/demo.yaml

say "4/6  Evaluate on people it has never seen, beside pixels and an untrained network"
run build/bin/train --config configs/demo.yaml train.steps=0 run=$out/untrained
run build/bin/eval --lfw $out/test/pairs.txt --images $out/test --pixels
run build/bin/eval --lfw $out/test/pairs.txt --images $out/test --model $out/untrained/model.fnm
run build/bin/eval --lfw $out/test/pairs.txt --images $out/test --model $out/run/model.fnm \
    --json $out/result.json --roc $out/roc.svg

say "5/6  Export"
run build/bin/export --format onnx --model $out/run/model.fnm -o $out/model.onnx

say "6/6  Do two pictures show the same person?"
one=$out/test/synth_100001
two=$out/test/synth_100002
run $facenet verify --model $out/run/model.fnm \
    $one/synth_100001_0001.jpg $one/synth_100001_0002.jpg || test $? -eq 1
run $facenet verify --model $out/run/model.fnm \
    $one/synth_100001_0001.jpg $two/synth_100002_0001.jpg || test $? -eq 1

printf '\nAll of it is under %s. Your own faces: README.md, "Your own faces".\n' "$out"
