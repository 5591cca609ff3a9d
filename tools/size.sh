#!/bin/bash
# size.sh [ROOT] -- lines and functions a folder, and the house's limits: a function of more
# than 70 lines, a file of more than 400 or a line of C of more than 100 bytes fails. A
# function's lines are those from its opening to its closing brace, both in the first column.
set -euo pipefail
cd "${1:-$(dirname "$0")/..}"

files=()
while IFS= read -r -d '' f; do
    files+=("$f")
done < <(find include core kernels nn data infer eval train export cli tests bench \
    examples tools \
    \( -name '*.[ch]' -o -name '*.cu' -o -name '*.py' -o -name '*.sh' \) -print0 \
    2>/dev/null | sort -z)
[ ${#files[@]} -gt 0 ] || { echo "size: no sources in $PWD" >&2; exit 1; }

awk '
    function file_ends() {
        if (lines > 400)
            complain(file ": " lines " lines, over 400: split it by idea")
    }
    function complain(what) {
        print what
        bad = 1
    }
    FNR == 1 {
        file_ends()
        file = FILENAME
        folder = substr(file, 1, index(file, "/") - 1)
        if (!(folder in n_file))
            order[n_folder++] = folder
        n_file[folder]++
    }
    { lines = FNR; n_line[folder]++ }
    length($0) > 100 && file ~ /\.(c|h|cu)$/ {
        complain(file ":" FNR ": " length($0) " bytes, over 100: break it")
    }
    /^{$/ { opened = FNR; name = before }
    /^}$/ && opened {
        length_of = FNR - opened + 1
        if (length_of > 70)
            complain(file ":" opened ": " length_of " lines, over 70: " name)
        n_function[folder]++
        count[length_of]++
        functions++
        opened = 0
    }
    { before = $0 }
    END {
        file_ends()
        printf "%-8s %6s %6s %9s\n", "folder", "files", "lines", "functions"
        for (i = 0; i < n_folder; i++) {
            f = order[i]
            printf "%-8s %6d %6d %9d\n", f, n_file[f], n_line[f], n_function[f]
            all += n_line[f]
        }
        for (median = 0; seen * 2 < functions; median++)
            seen += count[median]
        printf "%d lines, %d functions of %d lines in the middle\n", all, functions, median - 1
        exit bad
    }' "${files[@]}"
