# Sourced by the command-line tests. Usage of each: test_NAME.sh CLARUS MAKE_FILES JSON_QUERY FAKE_DRIVER
# shellcheck shell=sh disable=SC2034
set -u
clarus=$1 make_files=$2 query=$3 fake_driver=$4
checks=0 failures=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$make_files" "$work" || exit 1
cd "$work" || exit 1
# The reference needs no kernels to be compiled; what devices do is tested elsewhere.
CLARUS_DEVICE=reference
export CLARUS_DEVICE

fail()
{
    failures=$((failures + 1))
    printf '%s\n' "$*" >&2
}

# run CODE ARGUMENT...: runs the program, its output in out and err; the exit code must be CODE.
run()
{
    wanted=$1
    shift
    "$clarus" "$@" >out 2>err </dev/null
    code=$?
    checks=$((checks + 1))
    [ "$code" -eq "$wanted" ] || {
        fail "clarus $*: exit code $code, expected $wanted"
        cat err >&2
    }
}

# has FILE TEXT: FILE contains TEXT. lacks FILE TEXT: it does not.
has()
{
    checks=$((checks + 1))
    grep -qF -- "$2" "$1" || {
        fail "$1 does not say: $2"
        cat "$1" >&2
    }
}

lacks()
{
    checks=$((checks + 1))
    ! grep -qF -- "$2" "$1" || {
        fail "$1 says: $2"
        cat "$1" >&2
    }
}

# is TEXT EXPECTED
is()
{
    checks=$((checks + 1))
    [ "$1" = "$2" ] || fail "got:
$1
expected:
$2"
}

finish()
{
    echo "$checks checks, $failures failures"
    [ "$failures" -eq 0 ] && [ "$checks" -gt 0 ]
    exit
}
