#!/bin/bash
# coverage.sh -- which share of each file's lines the tests have run, from build-coverage.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -d build-coverage ] || { echo "coverage: run \`make coverage\`" >&2; exit 1; }

# A header is in the report of everyone who includes it: the best figure stands.
find build-coverage -name '*.gcda' -print0 | xargs -0 gcov -n -r -s "$PWD" 2>/dev/null | awk '
    /^File / { split($0, part, "\x27"); file = part[2] }
    /^Lines executed:/ && file !~ /^(tests\/|$)/ {
        split($2, share, /[:%]/)
        if (!(file in of) || share[2] + 0 > best[file])
            best[file] = share[2] + 0
        of[file] = $NF
        file = ""
    }
    END {
        for (f in of) {
            printf "%6.2f%% of %5d  %s\n", best[f], of[f], f | "sort -k 4"
            hit += best[f] * of[f]
            all += of[f]
        }
        close("sort -k 4")
        if (all)
            printf "%6.2f%% of %5d  in all\n", hit / all, all
        exit !all
    }'
