#!/bin/bash
# test_install.sh -- what `cmake --install` puts into a folder works there, and after the folder
# has moved: the programs and their networks, the libraries and what they show, the header in C
# and C++, the example built by pkg-config and by CMake, and that its answers are the program's.
set -uo pipefail
failed=0
source=$PWD build=$(realpath "$FN_BIN/..")
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
prefix=$root/moved

# check NAME COMMAND...
check() {
    local name=$1
    shift
    if "$@" >"$root/said" 2>&1; then
        echo "ok      $name"
    else
        printf 'not ok  %s: %s\n' "$name" "$*"
        tail -30 "$root/said"
        failed=1
    fi
}
equal() { diff <(echo "$1") <(echo "$2"); }
gives() { # STATUS TEXT COMMAND...: the exit code, and a text among what is printed
    local want=$1 text=$2 status=0 printed
    shift 2
    printed=$("$@" 2>&1) || status=$?
    [[ $status = "$want" && $printed == *"$text"* ]] ||
        { echo "$printed: exit code $status, wanted $want and '$text'"; return 1; }
}

check 'installs' cmake --install "$build" --prefix "$root/first"
mv "$root/first" "$prefix"
lib=$(dirname "$(find "$prefix" -name libfacenet.a)")
cd "$root" || exit 1 # away from the source's own networks

# --- what is there, and what the libraries show ---

listed=$(cd "$prefix" && find . -mindepth 1 ! -type d ! -name '*.yaml' ! -path '*/facenet/engines/*' | sed 's|^\./||' | sort)
base=${lib#"$prefix/"}
check 'these files and no others' equal "$listed" "$(printf '%s\n' bin/{eval,export,facenet,train} \
    include/facenet.h "$base"/libfacenet.{a,so,so.0,so.0.1.0} "$base/pkgconfig/facenet.pc" \
    "$base"/cmake/facenet/facenet-config{,-version}.cmake | sort)"
check 'every file of engines' equal "$(ls "$prefix/share/facenet/engines")" \
    "$(ls "$source/configs/engines" | grep '\.txt$')"
check 'every network' equal "$(ls "$prefix/share/facenet/nets")" "$(ls "$source/configs/nets")"

public=$(tr '\n' ' ' <"$prefix/include/facenet.h" | grep -o 'FN_API [^;#]*;' |
    grep -o 'fn_[a-z_]*(' | tr -d '(' | sort)
check 'the header declares enough' test "$(wc -l <<<"$public")" -ge 20
check 'the shared library shows the public names alone' equal "$public" \
    "$(nm -D --defined-only "$lib/libfacenet.so" | awk '{ print $3 }' | sort)"
check 'so does the static one' equal "$public" \
    "$(nm -g --defined-only "$lib/libfacenet.a" | awk 'NF == 3 { print $3 }' | sort)"
check 'its name has the version of its interface' \
    grep -q 'SONAME.*\[libfacenet.so.0\]' <(readelf -d "$lib/libfacenet.so")

# --- the header alone ---

strict="-Wall -Wextra -Wshadow -Wconversion -pedantic -Werror -fsyntax-only"
check 'the header is C11' gcc -std=c11 $strict -x c "$prefix/include/facenet.h"
check 'the header is C++17' g++ -std=c++17 $strict -x c++ "$prefix/include/facenet.h"

# --- the programs ---

cat >net.yaml <<'END'
name: tiny
input: 32x32x3
each: {norm: batch, act: relu}
layers:
  - conv: {name: a, out: 16, kernel: 5, stride: 2}
  - avgpool: {kernel: 0}
heads:
  embedding:
    - fc: {out: 16, act: none}
    - l2norm
END
cat >run.yaml <<'END'
net: net.yaml
run: run
data: {train: kept.h5, val: held.h5, threads: 1}
train: {steps: 4, people: 4, faces: 3}
val: {every: 4, pairs: 30}
END
bin=$prefix/bin
check 'draws faces' "$bin/facenet" data synth --people 20 --images 3 -o faces
check 'draws others' "$bin/facenet" data synth --people 20 --images 2 --first 101 -o others
check 'packs them' "$bin/facenet" data pack faces -o kept.h5
check 'packs the others' "$bin/facenet" data pack others -o held.h5
check 'trains' "$bin/train" --config run.yaml
check 'finds an installed network' gives 0 total "$bin/facenet" info nns2
check 'finds it when asked to train' "$bin/train" --config run.yaml --dry-run net=nns2-bn
check 'says where it looked' gives 66 "in configs/nets, $prefix/share/facenet/nets; did you" \
    "$bin/facenet" info nns9

# --- the example ---

one=$(find faces -name '*_0001.jpg' | sort | head -1)
two=$(find faces -name '*_0002.jpg' | sort | tail -1)
model=run/model.fnm

# The example says what the program says: distance, decision, threshold.
said_by_program() {
    "$bin/facenet" verify --model $model "$1" "$2" | awk '
        { v[$1] = $2 } /decision/ { what = /same/ ? "the same person" : "different people" }
        END { sub(",", "", v["threshold"]); printf "%s: squared distance %s, threshold %s\n",
              what, v["distance"], v["threshold"] }'
}
check_example() { # NAME PROGRAM
    check "$1: a face is itself" gives 0 'same person: squared distance 0.0000' "$2" $model "$one" "$one"
    check "$1: as facenet verify says" equal "$("$2" $model "$one" "$two")" \
        "$(said_by_program "$one" "$two")"
    check "$1: no such photograph" gives 2 'compare: absent.jpg: ' "$2" $model "$one" absent.jpg
}

export PKG_CONFIG_PATH=$lib/pkgconfig
flags=$(pkg-config --cflags facenet) shared=$(pkg-config --libs facenet)
needs=$(pkg-config --static --libs facenet)
example=$source/examples/compare.c
warn="-Wall -Wextra -Wconversion -pedantic -Werror"
check 'pkg-config has the version' pkg-config --exact-version 0.1.0 facenet
check 'C, shared' gcc -std=c11 $warn $example -o c $flags $shared -Wl,-rpath,"$lib"
check 'C++, shared' g++ -std=c++17 $warn -x c++ $example -o cxx $flags $shared -Wl,-rpath,"$lib"
check 'C, static' gcc -std=c11 $warn $example -o static $flags "$lib/libfacenet.a" \
    ${needs/-lfacenet/}
check 'static needs no libfacenet.so' gives 1 '' grep libfacenet <(ldd static)
check_example 'C, shared' ./c
check_example 'C++, shared' ./cxx
check_example 'C, static' ./static

for target in facenet static; do
    check "CMake finds facenet::$target" cmake -S "$source/examples" -B cmake-$target \
        -DCMAKE_PREFIX_PATH="$prefix" -DFACENET=facenet::$target
    check "CMake builds with facenet::$target" cmake --build cmake-$target
    check_example "CMake, $target" cmake-$target/compare
done
exit $failed
