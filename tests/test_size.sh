#!/bin/bash
# test_size.sh -- the tree keeps the limits of size, and tools/size.sh sees who does not.
set -uo pipefail
failed=0
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir "$root/nn"

# A file of functions of the given lengths, and comment lines to make it as long as $1.
write() {
    local lines=$1 n=0
    shift
    for length in "$@"; do
        printf 'static void f%d(void)\n{\n' "$n"
        for ((i = 2; i < length; i++)); do echo '    x++;'; done
        printf '}\n'
        n=$((n + length + 1))
    done >"$root/nn/a.c"
    for ((; n < lines; n++)); do echo '// x'; done >>"$root/nn/a.c"
}

# expect STATUS PART NAME
expect() {
    local said status=0
    said=$(tools/size.sh "$root") || status=$?
    if [ $status = "$1" ] && [[ $said == *"$2"* ]]; then
        echo "ok      $3"
    else
        printf 'not ok  %s: status %s\n%s\n' "$3" $status "$said"
        failed=1
    fi
}

if said=$(tools/size.sh); then
    echo "ok      this tree: ${said##*$'\n'}"
else
    printf 'not ok  this tree\n%s\n' "$said"
    failed=1
fi
write 400 70 5 9
expect 0 '400 lines, 3 functions of 9 lines in the middle' 'the limits themselves'
write 401 5
expect 1 'nn/a.c: 401 lines, over 400' 'a file that is too long'
write 100 71 5
expect 1 'nn/a.c:2: 71 lines, over 70: static void f0(void)' 'a function that is too long'
write 300 5 71
expect 1 'nn/a.c:8: 71 lines, over 70' 'the second function of a file'
write 100 5
printf '/*%98s*/\n' >"$root/nn/b.c" # 102
expect 1 'nn/b.c:1: 102 bytes, over 100' 'a line that is too long'
printf '/*%96s*/\n' >"$root/nn/b.c"
expect 0 '101 lines' 'the longest line'
exit $failed
