#!/bin/bash
# test_layers.sh -- the tree keeps its layers, and tools/check-layers.sh sees who does not.
set -uo pipefail
failed=0
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

ok() {
    echo "ok      $1"
}

not_ok() {
    echo "not ok  $1"
    failed=1
}

# catches PART FILE LINE...: with FILE made of these lines, the check fails and says PART.
catches() {
    local part=$1 file=$2 said
    shift 2
    mkdir -p "$root/${file%/*}"
    printf '%s\n' "$@" >"$root/$file"
    if said=$(tools/check-layers.sh "$root") || [[ $said != "$file:"*"$part"* ]]; then
        not_ok "$file with '$*' said '$said'"
    else
        ok "$said"
    fi
    rm "$root/$file"
}

# allows FILE LINE...
allows() {
    local file=$1 said
    shift
    mkdir -p "$root/${file%/*}"
    printf '%s\n' "$@" >"$root/$file"
    if said=$(tools/check-layers.sh "$root"); then ok "$file: $1"; else not_ok "$said"; fi
    rm "$root/$file"
}

if said=$(tools/check-layers.sh); then ok "this tree"; else not_ok "this tree: $said"; fi

mkdir -p "$root/core"
echo '#include <stdio.h>' >"$root/core/quiet.c"
catches 'kernels may not include nn' kernels/a.c '#include "nn/graph.h"'
catches 'core may not include data' core/a.h '#include "data/image.h"'
catches 'data may not include nn' data/a.c '#include "nn/graph.h"'
catches 'export may not include infer' export/a.c '  #  include "infer/session.h"'
catches 'eval may not include train' eval/a.c '#include "train/loss.h"'
catches 'not a path from the root' nn/a.c '#include "graph.h"'
catches 'not a path from the root' nn/a.c '#include "detect/box.h"'
catches 'belongs in core/h5' data/a.c '#include <hdf5.h>'
catches 'belongs in core/yaml.c' core/field.c '#include <yaml.h>'
catches 'belongs in kernels/' nn/a.c '#include <oneapi/dnnl/dnnl.h>'
catches 'belongs in kernels/ train/' data/a.c '#include <omp.h>'
catches 'new dependency' train/a.c '#include <curl/curl.h>'
catches 'may use printf' nn/a.c 'int f(void)' '{' '    printf("x");' '}'
catches 'may use stderr' train/a.c '    fputs("x", stderr);'
catches 'may use exit' infer/a.c '    exit(1);'
catches 'may use malloc' data/a.c '    p = malloc(4);'
catches '4: only' data/a.c '/* one' ' * two' ' */' '    abort();'
allows kernels/a.c '#include "core/mem.h"' '#include "kernels/op.h"' '#include <dnnl.h>'
allows train/a.c '#include "data/loader.h"' '#include <jansson.h>' '    free(text);'
allows cli/a.c '#include <argp.h>' '    printf("x");' '    exit(1);'
allows core/h5_read.c '#include <hdf5.h>'
allows nn/a.c '    snprintf(s, n, "x");' '    t->exit(1);' '    /* printf("x") */'
allows nn/a.c '/* Calls' ' * exit(1), some day. */' 'static const char s[] = "abort()";'
exit $failed
