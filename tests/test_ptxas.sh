#!/bin/bash
# test_ptxas.sh -- every .cu compiles for an A100, an H100 and the newest GPU that nvcc knows, and no
# kernel spills registers or keeps an array in local memory, unless it is listed here.
set -uo pipefail

# file:kernel, and why: a part of the mangled name will do.
allowed='
mine.cu:4mine16fn_triplet_batch   48 bytes on sm_80 alone, used once an anchor
'

nvcc=$(command -v nvcc || ls "${CUDA_PATH:-/usr/local/cuda}/bin/nvcc" 2>/dev/null) || {
    echo "# skipped: there is no nvcc here"
    exit 77
}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
newest=$("$nvcc" --list-gpu-arch | sed 's/compute_//' | sort -n | tail -1)
export nvcc tmp newest allowed

# FILE: prints a line a kernel that leaves its registers, and one for the file.
compile() {
    local file=$1 log options=()
    log=$tmp/$(basename "$file").log
    for arch in 80 90 "$newest"; do
        options+=(-gencode "arch=compute_$arch,code=sm_$arch")
    done
    if ! "$nvcc" -std=c++17 -I. "${options[@]}" -Xptxas -v -c -o "$log.o" "$file" >"$log" 2>&1; then
        echo "not ok  $file does not compile:"
        grep -v '^ptxas info' "$log" | head -5
        return
    fi
    awk -v file="$(basename "$file")" -v allowed="$allowed" '
        function is_allowed(kernel,    line, n, i, part) {
            n = split(allowed, line, "\n")
            for (i = 1; i <= n; i++) {
                split(line[i], part, /[: ]/)
                if (part[1] == file && part[2] != "" && index(kernel, part[2]))
                    return 1
            }
            return 0
        }
        /Compiling entry function/ { split($0, part, "\047"); kernel = part[2]; arch = part[4]; all++ }
        /bytes stack frame/ && $1 + $5 + $9 > 0 && !is_allowed(kernel) {
            print "not ok  " file ", " kernel " for " arch ": " $0
            bad++
        }
        END {
            if (!all)
                print "not ok  " file ": no kernel in the log of ptxas"
            else if (!bad)
                print "ok      " file ": " all " kernels"
        }' "$log"
}
export -f compile

# An array whose places are known only when it runs has to be in memory.
cat >"$tmp/planted.cu" <<'CU'
__global__ void leaves_its_registers(int *to, const int *from, int count)
{
    int all[1024] = {};
    for (int i = 0; i < count; i++)
        all[from[i] & 1023] += i;
    to[threadIdx.x] = all[from[threadIdx.x] & 1023];
}
CU
said=$(compile "$tmp/planted.cu")
if [ "$(grep -c '^not ok.*leaves_its_registers.* for sm_.*stack frame' <<<"$said")" = 3 ]; then
    said="ok      a planted kernel that leaves its registers is seen"
else
    said="not ok  a planted kernel that leaves its registers: $said"
fi
# shellcheck disable=SC2016 # the inner shell expands it
said+=$'\n'$(printf '%s\0' kernels/*.cu | xargs -0 -n 1 -P 2 bash -c 'compile "$0"')
echo "$said"
! grep -q '^not ok' <<<"$said"
