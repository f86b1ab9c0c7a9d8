#!/bin/sh
# The library's dynamic symbols are the functions that its header declares, no more and no fewer.
# Usage: test_symbols.sh HEADER LIBRARY
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A declaration starts with CLARUS_API; the word before the first "(" is its name.
sed -n 's/^CLARUS_API[^(]*[ *]\([a-z0-9_]*\)(.*/\1/p' "$1" | sort >"$work/declared"
nm -D --defined-only "$2" | awk '{ print $3 }' | sort >"$work/exported"
[ -s "$work/declared" ] || {
    printf 'symbols: no declaration found in %s\n' "$1" >&2
    exit 1
}
diff "$work/declared" "$work/exported" >"$work/differences" || {
    printf 'symbols: declared (<) and exported (>) differ:\n' >&2
    grep '^[<>]' "$work/differences" >&2
    exit 1
}
printf 'symbols: %d functions\n' "$(wc -l <"$work/exported")"
