# Shared by tools/quickstart and tools/check, which source it: packages, build, photographs.
# Expects the repository's root as working folder and $name, the calling script's name.
# shellcheck shell=sh disable=SC2154

build=build

say()
{
    printf '%s\n' "$*"
}

fail()
{
    printf '%s: %s\n' "$name" "$*" >&2
    exit 1
}

# packages GROUP...: their names, one a line.
packages()
{
    for group; do
        sed -n "s/^$group \([^ ]*\).*/\1/p" tools/packages
    done
}

# Those of the packages of GROUP... that are not installed.
missing_packages()
{
    packages "$@" | while read -r package; do
        status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || status=none
        [ "$status" = installed ] || say "$package"
    done
}

# install_packages GROUP...: installs what is missing; asks for nothing and needs root only then.
install_packages()
{
    command -v dpkg-query >/dev/null ||
        fail "this is not Debian: install what tools/packages lists, then build with cmake"
    missing=$(missing_packages "$@" | paste -s -d " " -)
    if [ -z "$missing" ]; then
        say "Packages: all there"
        return
    fi
    if [ "$(id -u)" != 0 ]; then
        fail "these packages are missing, and only root can install them. Type
    sudo apt-get update
    sudo apt-get install --no-install-recommends $missing
and then tools/$name again."
    fi
    say "Packages: installing $missing"
    export DEBIAN_FRONTEND=noninteractive
    log=$(mktemp)
    # Without a network an update fails, but what is missing may be at hand all the same.
    # shellcheck disable=SC2086 # one word per package
    if { apt-get -qq update || say "no update, going on with what is known"; } >"$log" 2>&1 &&
        apt-get -qq install --no-install-recommends $missing >>"$log" 2>&1; then
        rm -f "$log"
    else
        cat "$log" >&2
        rm -f "$log"
        fail "apt-get could not install $missing"
    fi
}

# Runs a command with its output in a file, which is shown only if the command fails.
quietly()
{
    "$@" >"$build/$name.log" 2>&1 || {
        tail -n 40 "$build/$name.log" >&2
        fail "$1 failed; the whole output is in $build/$name.log"
    }
}

# Configures the first time, and builds what changed.
build_project()
{
    if [ -x "$build/tools/clarus" ] && [ ! -w "$build" ]; then
        say "Build: $build/ belongs to somebody else, taken as it is"
        return
    fi
    mkdir -p "$build" || fail "cannot write here: work on a copy of your own"
    if [ ! -f "$build/build.ninja" ] && [ ! -f "$build/Makefile" ]; then
        say "Build: compiling, about a minute"
        quietly cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release
    fi
    quietly cmake --build "$build" --parallel
    say "Build: up to date in $build/"
}

# Sets $photos to photographs out of Debian's packages, fetched into the build folder once.
fetch_photos()
{
    photos=
    while read -r group package path; do
        [ "$group" = photo ] || continue
        photo=$build/photos/${path##*/}
        [ -f "$photo" ] || fetch_photo "$package" "$path" "$photo"
        photos="$photos $photo"
    done <tools/packages
}

# fetch_photo PACKAGE PATH FILE
fetch_photo()
{
    unpacked=$build/photos/$1
    if [ ! -f "$unpacked/$2" ]; then
        say "Photographs: fetching Debian's package $1"
        rm -rf "$unpacked" # the rest of an interrupted one
        mkdir -p "$unpacked" || fail "cannot write to $build/: name photographs, as in tools/$name PHOTO"
        (cd "$unpacked" && apt-get -qq -o APT::Sandbox::User=root download "$1" && dpkg -x ./*.deb . &&
            rm ./*.deb) || fail "no photographs without a network: name some, as in tools/$name PHOTO"
    fi
    cp "$unpacked/$2" "$3"
}
