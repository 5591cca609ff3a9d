#!/bin/bash
# check-layers.sh [ROOT] -- who may include whom, where each third party lives, and what the
# library never does (docs/architecture.md, docs/style.md). Silent when all is well.
set -euo pipefail
cd "${1:-$(dirname "$0")/..}"

# Folder, then the folders that it may include from beside itself and include/.
layers='
include:
core:
kernels: core
nn:      core kernels
data:    core
infer:   core kernels nn data
eval:    core kernels nn data infer
train:   core kernels nn data infer eval
export:  core kernels nn data
cli:     core kernels nn data infer eval train export
tests:   core kernels nn data infer eval train export
bench:   core kernels nn data infer eval train export tests'

# Header that is neither C nor POSIX, then the files or folders that may include it.
pins='
argp.h:        cli/
dlfcn.h:       bench/energy.h
dnnl:          kernels/
oneapi/:       kernels/
omp.h:         kernels/ train/
cuda_runtime:  core/device_cuda.c kernels/cudnn kernels/cublas.c tests/emu/ tests/test_cuda_runtime.c
cuda_bf16.h:   kernels/launch.cuh tests/emu/
cudnn:         kernels/cudnn_backend.h
cublas:        kernels/cublas.c
hdf5.h:        core/h5
yaml.h:        core/yaml.c
jpeglib.h:     data/jpeg.c
jerror.h:      data/jpeg.c
png.h:         data/png.c
jansson.h:     infer/vectors.c eval/report.c train/ export/safetensors.c
openssl/:      core/digest.c'

system='assert ctype errno float inttypes limits locale math setjmp signal stdarg stdatomic
stdbool stddef stdint stdio stdlib string time dirent fcntl pthread strings unistd sys/file
sys/mman sys/resource sys/stat sys/time sys/types sys/utsname sys/wait'

# Word that is called, then the files or folders that may call it.
calls='
printf puts putchar perror: cli/ tests/ bench/
exit _exit abort:           cli/ tests/ bench/
stdout stderr:              cli/ tests/ bench/
malloc calloc realloc strdup aligned_alloc posix_memalign: core/mem.c tests/ bench/'

files=()
while IFS= read -r -d '' f; do
    files+=("$f")
done < <(find include core kernels nn data infer eval train export cli tests bench \
    -name '*.[ch]' -print0 -o -name '*.cu' -print0 -o -name '*.cuh' -print0 2>/dev/null | sort -z)
[ ${#files[@]} -gt 0 ] || { echo "check-layers: no sources in $PWD" >&2; exit 1; }

awk -v layers="$layers" -v pins="$pins" -v system_headers="$system" -v calls="$calls" '
    # Reads a table "name name: home home" into to[name] = " home home ".
    function table(text, to,    lines, n, i, k, side, name) {
        n = split(text, lines, "\n")
        for (i = 1; i <= n; i++) {
            if (split(lines[i], side, ":") < 2)
                continue
            gsub(/ +/, " ", side[2])
            for (k = split(side[1], name, " "); k > 0; k--)
                to[name[k]] = side[2] " "
        }
    }
    function at_home(homes,    home, k) {
        for (k = split(homes, home, " "); k > 0; k--)
            if (index(FILENAME, home[k]) == 1)
                return 1
        return 0
    }
    function complain(what) {
        print FILENAME ":" FNR ": " what
        bad = 1
    }
    function house(path,    from, to) {
        from = substr(FILENAME, 1, index(FILENAME, "/") - 1)
        to = substr(path, 1, index(path, "/") - 1)
        if (!(to in may))
            complain("\"" path "\" is not a path from the root")
        else if (to != from && to != "include" && !index(may[from], " " to " "))
            complain(from " may not include " to ": \"" path "\"")
    }
    function third(path,    p) {
        if (path in standard)
            return
        for (p in pin)
            if (index(path, p) == 1) {
                if (!at_home(pin[p]))
                    complain("<" path "> belongs in" pin[p] "alone")
                return
            }
        complain("<" path "> is a new dependency: add it to docs/architecture.md and here")
    }
    function words(line,    w) {
        gsub(/"([^"\\]|\\.)*"/, "", line)
        gsub(/\/\*.*\*\//, "", line)
        for (w in call)
            if (line ~ ("(^|[^_A-Za-z0-9>.])" w (w ~ /^std/ ? "" : " *\\(") ) && !at_home(call[w]))
                complain("only" call[w] "may use " w)
    }
    BEGIN {
        table(layers, may)
        table(pins, pin)
        table(calls, call)
        for (k = split(system_headers, header, /[ \n]+/); k > 0; k--)
            standard[header[k] ".h"] = 1
    }
    FNR == 1 { comment = 0 }
    /^ *# *include *"/ { split($0, part, "\""); house(part[2]); next }
    /^ *# *include *</ { split($0, part, /[<>]/); third(part[2]); next }
    # A comment of several lines ends where its line says so.
    comment { comment = !/\*\//; next }
    /^ *\/\*/ && !/\*\// { comment = 1; next }
    { words($0) }
    END { exit bad }' "${files[@]}"
