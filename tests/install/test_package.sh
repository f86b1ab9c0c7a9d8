#!/bin/sh
# Packs with cpack, unpacks the .tar.gz and, where the tools to make one are, the .deb, and runs the program of each. The
# list of installed files, by which uninstalling goes, must stay as it was.
# Usage: test_package.sh BUILD
set -eu
build=$1

fail()
{
    printf 'package: %s\n' "$*" >&2
    exit 1
}

work=$(mktemp -d)
manifest=$build/install_manifest.txt
[ -f "$manifest" ] || made=$manifest
trap 'rm -rf "$work" ${made:+"$made"}' EXIT
[ -f "$manifest" ] || echo "$work/installed" >"$manifest"
cp "$manifest" "$work/manifest"

cpack --config "$build/CPackConfig.cmake" -B "$work" >"$work/log" 2>&1 || fail "cpack failed: $(cat "$work/log")"
cmp -s "$manifest" "$work/manifest" || fail "cpack overwrote $manifest"

# A grey pixel, as a PNG.
base64 -d >"$work/pixel.png" <<'PNG'
iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==
PNG

# run PROGRAM: with its own library and network.
run()
{
    [ -x "$1" ] || fail "no $1"
    "$1" classify --device reference --quiet --json "$work/pixel.png" >"$work/log" 2>&1 || fail "$1: $(cat "$work/log")"
    grep -q '"status":"ok"' "$work/log" || fail "$1 printed: $(cat "$work/log")"
}

mkdir "$work/tar" "$work/deb"
tar -xf "$work"/clarus-*.tar.gz -C "$work/tar"
run "$(echo "$work"/tar/clarus-*/bin/clarus)"
if grep -q 'CPACK_GENERATOR ".*DEB' "$build/CPackConfig.cmake"; then
    dpkg-deb -x "$(echo "$work"/clarus_*.deb)" "$work/deb"
    run "$work/deb/usr/bin/clarus"
    echo "package: the .tar.gz and the .deb run"
else
    echo "package: the .tar.gz runs; no .deb without dpkg-dev and file"
fi
