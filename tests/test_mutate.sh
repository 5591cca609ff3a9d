#!/bin/bash
# test_mutate.sh -- every mistake of tools/mutate.sh can still be planted.
set -uo pipefail
if said=$(tools/mutate.sh --rows); then
    echo "ok      every row changes its file"
else
    printf 'not ok  every row changes its file\n%s\n' "$said"
    exit 1
fi
