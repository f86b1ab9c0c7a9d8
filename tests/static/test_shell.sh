#!/bin/sh
# Runs shellcheck over every shell script of the project.
# Usage: test_shell.sh SOURCE
set -eu
command -v shellcheck >/dev/null || {
    echo "skipped: shellcheck is not installed" >&2
    exit 77
}
cd "$1"
{ grep -rlE '^#!/bin/(ba)?sh' .ci tools tests && echo tools/setup.sh; } | sort | xargs shellcheck -x
echo "shellcheck: all scripts"
