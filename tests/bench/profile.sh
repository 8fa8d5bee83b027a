#!/bin/sh
# SPDX-License-Identifier: ISC
# Where gatepostd spends its time while 4 KiB messages pass, a new session each, 20 in parallel.
#
#   profile.sh [--callgrind] [bench.py options: --gatepostd FILE, --cells 100k-reused-20 ...]
#
# perf samples user and kernel (root, or kernel.perf_event_paranoid <= 1); where perf does not work,
# or with --callgrind, callgrind counts instructions in user space. Functions of gatepostd have
# names if it was built with -g and not stripped. OUT (default: a new directory) keeps the data.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
out=${OUT:-$(mktemp -d /tmp/gatepost-profile.XXXXXX)}
scenario=${SCENARIO:-gatepost}
lines=${LINES_SHOWN:-40}
tool=perf
if [ "${1:-}" = --callgrind ]; then
    tool=callgrind
    shift
elif ! perf record -o "$out/probe" -- true >/dev/null 2>&1; then
    echo "perf cannot record here: callgrind instead" >&2
    tool=callgrind
fi

measure() {
    /usr/bin/python3 "$here/bench.py" --only "$scenario" --cells 4k-new-20 --rounds 1 --parts load \
        --json "$out/results.json" "$@" >"$out/bench.txt" 2>"$out/bench.err" ||
        { cat "$out/bench.err" >&2; exit 1; }
    sed -n '/msg\/s/,/^$/p' "$out/bench.txt"
}

perf_profile() {
    measure --seconds 5 --attach "exec perf record -q -g -F 997 -o '$out/perf.data' -p {pid}" "$@"
    if [ ! -s "$out/perf.data" ]; then
        cat "$out/bench.err" >&2
        exit 1
    fi
    report_by "shared object" dso
    report_by "function, time in itself" dso,symbol
    echo "callers: perf report -i $out/perf.data"
}

report_by() {
    printf '\nby %s\n' "$1"
    perf report -i "$out/perf.data" --stdio --no-children -g none --sort "$2" 2>/dev/null |
        sed '/^#/d; /^$/d' | head -n "$lines"
}

callgrind_profile() {
    measure --messages 2000 --wrap "valgrind --tool=callgrind --callgrind-out-file=$out/callgrind" \
        "$@"
    if [ ! -s "$out/callgrind" ]; then
        cat "$out/bench.err" >&2
        exit 1
    fi
    callgrind_annotate "$out/callgrind" | sed -n "/Ir.*function/,\$p" | head -n "$lines"
    echo "callers: callgrind_annotate --tree=caller $out/callgrind"
}

"${tool}_profile" "$@"
