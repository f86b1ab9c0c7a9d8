#!/bin/sh
# Every C file and header is as clang-format leaves it.
# Usage: test_format.sh SOURCE
set -eu
format=$(command -v clang-format-15 || command -v clang-format) || {
    echo "skipped: clang-format is not installed" >&2
    exit 77
}
cd "$1"
find include src fallback devices tools tests examples -name '*.[ch]' | sort | xargs "$format" --dry-run --Werror
echo "clang-format: all files"
