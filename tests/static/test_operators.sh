#!/bin/sh
# docs/operators.md is what the tables say.
# Usage: test_operators.sh SOURCE BUILD
set -eu
"$2/tools/operators_doc" | diff -u "$1/docs/operators.md" - || {
    echo "run: build/tools/operators_doc >docs/operators.md" >&2
    exit 1
}
echo "docs/operators.md is current"
