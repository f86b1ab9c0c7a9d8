#!/bin/sh
# Installs into a prefix, builds the example against it with CMake and with pkg-config, moves the prefix,
# runs everything from there, and uninstalls.
# Usage: test_install.sh SOURCE BUILD COMPILER
set -eu
source=$1 build=$2 compiler=$3

fail()
{
    printf 'install: %s\n' "$*" >&2
    exit 1
}

work=$(mktemp -d)
manifest=$build/install_manifest.txt
# The manifest of a real installation from this build folder must survive the test.
[ ! -f "$manifest" ] || cp "$manifest" "$work/manifest"
finish()
{
    rm -f "$manifest"
    [ ! -f "$work/manifest" ] || cp "$work/manifest" "$manifest"
    rm -rf "$work"
}
trap finish EXIT

cmake --install "$build" --prefix "$work/first" >"$work/log" || fail "cmake --install failed"
mv "$work/first" "$work/moved prefix"
prefix="$work/moved prefix"
export CLARUS_DEVICE=reference

# A grey pixel, as a PNG.
base64 -d >"$work/pixel.png" <<'PNG'
iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==
PNG

# Each way of building must find the header and the library in the moved prefix, and nowhere else.
cmake -S "$source/examples" -B "$work/by_cmake" -DCMAKE_C_COMPILER="$compiler" \
    -DCMAKE_PREFIX_PATH="$prefix" >"$work/log" || fail "find_package(clarus) failed"
cmake --build "$work/by_cmake" >"$work/log" || fail "the example does not build with CMake"
grep -q "^clarus_DIR:PATH=$prefix/" "$work/by_cmake/CMakeCache.txt" || fail "CMake found another clarus"

mkdir "$work/by_pkgconfig"
config=$(find "$prefix" -name pkgconfig -type d)
flags=$(PKG_CONFIG_PATH="$config" pkg-config --cflags --libs clarus) || fail "pkg-config does not find clarus"
eval "$compiler ${CFLAGS-} -std=c11 '$source/examples/classify.c' $flags -o '$work/by_pkgconfig/classify'" ||
    fail "the example does not build with pkg-config"

library=$(dirname "$(find "$prefix" -name libclarus.so)")
for way in by_cmake by_pkgconfig; do
    LD_LIBRARY_PATH="$library" "$work/$way/classify" "$work/pixel.png" >"$work/labels" ||
        fail "the example built $way does not run"
    [ "$(grep -c pixel.png "$work/labels")" = 3 ] || fail "the example built $way printed: $(cat "$work/labels")"
done

# The program finds the library by itself, and the library its network.
"$prefix/bin/clarus" --version >"$work/log" || fail "the installed program does not run"
"$prefix/bin/clarus" classify --quiet --json "$work/pixel.png" >"$work/log" || fail "the installed program does not classify"
grep -q '"status":"ok"' "$work/log" || fail "the installed program printed: $(cat "$work/log")"

mv "$prefix" "$work/first"
cmake --build "$build" --target uninstall >"$work/log" || fail "uninstalling failed"
left=$(find "$work/first" -type f -o -type l)
[ -z "$left" ] || fail "uninstalling left $left"
[ ! -e "$work/first/share/clarus" ] || fail "uninstalling left the folder share/clarus"
printf 'install: built both ways, ran from a moved prefix, uninstalled\n'
