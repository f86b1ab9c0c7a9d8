#!/bin/sh
# tools/setup.sh, with stand-ins for dpkg-query, apt-get and id: what it installs, and what it says without root.
# Usage: test_setup.sh SOURCE
set -eu
cd "$1"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail()
{
    printf 'setup: %s\n' "$*" >&2
    exit 1
}

# stand_in NAME BODY: a program of that name.
stand_in()
{
    printf '#!/bin/sh\n%s\n' "$2" >"$work/$1"
    chmod +x "$work/$1"
}

# run COMMAND: with the stand-ins; sets $status and leaves the output in $work/out.
run()
{
    status=0
    PATH="$work:$PATH" "$@" >"$work/out" 2>&1 || status=$?
}

install='name=try; . tools/setup.sh; install_packages build'
stand_in apt-get "echo \"\$*\" >>'$work/calls'"
stand_in dpkg-query 'echo installed'
run sh -c "$install"
[ "$status" = 0 ] || fail "failed with everything installed: $(cat "$work/out")"
[ ! -e "$work/calls" ] || fail "called apt-get with nothing missing"

# shellcheck disable=SC2016 # for the stand-in to expand
stand_in dpkg-query 'for last; do :; done; [ "$last" != cmake ] && echo installed'
stand_in id 'echo 1000'
run tools/quickstart
[ "$status" = 1 ] || fail "exit status $status without root"
grep -q '^    sudo apt-get install --no-install-recommends cmake$' "$work/out" ||
    fail "does not say what to type: $(cat "$work/out")"
[ ! -e "$work/calls" ] || fail "called apt-get without root"

stand_in id 'echo 0'
run sh -c "$install"
[ "$status" = 0 ] || fail "failed to install: $(cat "$work/out")"
grep -q 'install --no-install-recommends cmake$' "$work/calls" || fail "called apt-get $(cat "$work/calls")"

stand_in apt-get 'exit 100'
run sh -c "$install"
[ "$status" = 1 ] || fail "exit status $status when apt-get fails"

run tools/quickstart "$work/no such photo"
[ "$status" = 2 ] || fail "exit status $status for a photograph that does not exist"
echo "setup: installs what is missing, and nothing else"
