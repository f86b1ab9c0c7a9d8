#!/bin/sh
# The C program that README.md shows is the one in examples/, and every file that the documents link to exists.
# Usage: test_readme.sh SOURCE
set -eu
cd "$1"
# shellcheck disable=SC2016 # backquotes of Markdown
sed -n '/^```c$/,/^```$/p' README.md | sed '1d;$d' | diff - examples/classify.c || {
    echo "README.md: its example differs from examples/classify.c" >&2
    exit 1
}
broken=$(
    for page in *.md docs/*.md kernels/*.md devices/*.md; do
        grep -o '](\([a-zA-Z0-9_./-]*\))' "$page" | sed 's/^](//; s/)$//' | while read -r link; do
            [ -e "$(dirname "$page")/$link" ] || echo "$page: $link does not exist"
        done
    done
)
[ -z "$broken" ] || {
    printf '%s\n' "$broken" >&2
    exit 1
}
echo "README.md: the example is the real one, links lead somewhere"
