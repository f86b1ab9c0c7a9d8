#!/bin/sh
# clarus classify on pictures that break decoders.
if [ ! -d "${CLARUS_TEST_DATA:-}" ]; then
    echo "skipped: CLARUS_TEST_DATA names no folder" >&2
    exit 77
fi
data=$CLARUS_TEST_DATA
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"

# Whatever a file holds, it costs one line.
run 1 classify --model colours --json --max-pixels 20000000 "$data/decode"
"$query" path status error digest <out >lines
is "$(awk '$2 != "ok" && $2 != "error"' lines | head -3)" ""
is "$(wc -l <lines)" "$(find -L "$data/decode" -type f ! -path '*/.*' | grep -icE '\.(jpe?g|jpe|jfif|png)$')"
is "$(cut -d ' ' -f 1 <lines | LC_ALL=C sort -c 2>&1)" ""
has lines " ok "
has lines " error "
finish
