#!/bin/bash
# test_soak.sh -- what tools/soak.sh says of memory that grows, of files that stay open, of a run
# that was too short; and a few seconds of the real thing.
set -euo pipefail
work=$(mktemp -d /tmp/fn_soak_XXXXXX)
trap 'rm -rf "$work"' EXIT
failed=0

expect() { # name, exit code, words, samples from an awk expression for (memory, files) at minute t
    awk "BEGIN { for (i = 0; i <= 200; i++) { t = i / 4; print t * 60, $4 } }" >"$work/samples"
    code=0
    tools/soak.sh judge "$work/samples" >"$work/said" || code=$?
    if [ $code -ne "$2" ] || ! grep -q -- "$3" "$work/said"; then
        echo "not ok $1: exit $code"
        cat "$work/said"
        failed=1
    fi
}

expect "flat" 0 'slope +0.00 ' '100000, 12'
expect "noise" 0 'slope' '100000 + 2000 * (i % 2), 12 + i % 2'
expect "grows in the warm-up alone" 0 'slope +0.00' '(t < 20 ? 50000 + 2500 * t : 100000), 12'
expect "just below the limit" 0 'slope +63.00' '100000 + 63 * t, 12'
expect "just over it" 1 'memory grows' '100000 + 65 * t, 12'
expect "shrinks" 0 'slope -10.00' '100000 - 10 * t, 12'
expect "a file stays open" 1 'files stay open' '100000, 12 + (t > 40)'
head -3 "$work/samples" >"$work/few"
if tools/soak.sh judge "$work/few" >"$work/said" || ! grep -q 'only 2 samples' "$work/said"; then
    echo "not ok three samples:" && cat "$work/said" && failed=1
fi
# A few seconds say nothing about memory, but the rest of it has to work.
tools/soak.sh 0.15 "$work/run" >"$work/said" 2>&1 || true
if ! grep -q 'samples after the' "$work/said" || grep -q 'ended with' "$work/said"; then
    echo "not ok nine seconds:" && cat "$work/said" && failed=1
fi
exit $failed
