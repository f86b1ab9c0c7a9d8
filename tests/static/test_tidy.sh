#!/bin/sh
# clang-tidy over every C file that the build compiles, with the checks of .clang-tidy.
# Usage: test_tidy.sh SOURCE BUILD
set -eu
tidy=$(command -v clang-tidy-15 || command -v clang-tidy) || {
    echo "skipped: clang-tidy is not installed" >&2
    exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# One process per file, so that all cores are busy.
sed -n 's/^ *"file": "\(.*\.c\)".*/\1/p' "$2/compile_commands.json" | grep -v "^$2/" | sort -u >"$work/files"
if ! xargs -P "$(nproc)" -n 1 "$tidy" -p "$2" --quiet <"$work/files" >"$work/out" 2>"$work/err"; then
    cat "$work/out"
    grep -v 'warnings\? generated\.$' "$work/err" >&2 || true
    exit 1
fi
printf 'clang-tidy: %d files\n' "$(wc -l <"$work/files")"
