#!/bin/sh
# The program on the machine's own device: the same digests as the reference, whatever the batch and the plan.
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"
run 1 classify --model conv.onnx --json pictures
"$query" path status error digest top <out >reference

CLARUS_DEVICE=auto
"$clarus" devices --quiet >list || {
    echo "skipped: no usable device" >&2
    cat list >&2
    exit 77
}
for batch in 1 3; do
    run 1 classify --model conv.onnx --batch "$batch" --json pictures
    is "$("$query" path status error digest top <out)" "$(cat reference)"
    lacks out '"device":"reference"'
done
CLARUS_PLAN=plain
export CLARUS_PLAN
run 1 classify --model conv.onnx --json pictures
is "$("$query" path status error digest top <out)" "$(cat reference)"
unset CLARUS_PLAN

run 0 bench conv.onnx --seconds 0.05 --json
is "$("$query" peak_gflops fraction_of_peak launches ms_min <out |
    awk '{ for (i = 1; i <= NF; i++) if (!($i > 0)) print $i }')" ""
run 0 bench conv.onnx --seconds 0.05 --layers --json
is "$("$query" layer <out | grep -c '^-$')" 1 # the whole comes last
is "$("$query" ms bytes gbytes_per_s bandwidth_gbytes_per_s fraction_of_limit <out | sed '$d' |
    awk '{ for (i = 1; i <= NF; i++) if (!($i > 0)) print $i }')" ""
is "$("$query" limit <out | sed '$d' | grep -vc -x -e fma -e memory)" 0
# The convolution's multiply-adds are 221184, 24 are the matrix product's.
is "$("$query" macs <out | awk '{ sum += $1 } END { print sum }')" 221208
is "$("$query" ms layers_ms <out | awk '$1 > 0 { sum += $1 } $2 > 0 { all = $2 } END { print (sum - all)^2 < 1e-4 * all }')" 1
is "$("$query" ms_median layers_ms between_ms <out | tail -1 | awk '{ print ($1 - $2 - $3)^2 < 1e-6 }')" 1
layers=$(($(wc -l <out) - 1))
run 0 bench conv.onnx --seconds 0.05 --layers --csv
is "$(wc -l <out | tr -d ' ')" "$((layers + 1))"
is "$(awk -F, '{ print NF }' out | sort -u)" 11
run 0 bench conv.onnx --seconds 0.05 --layers
has out "of its limit"
has out "is not in them"
run 0 info conv.onnx --plan
has out "plan"
has out "conv"

# Without a home the program finds a private folder for PoCL's cache; empty variables are as good as none.
mkdir private
HOME=$work/nowhere XDG_CACHE_HOME='' POCL_CACHE_DIR='' TMPDIR=$work/private "$clarus" classify --model conv.onnx \
    --json pictures >out 2>err
is "$?" 1
is "$("$query" path status error digest top <out)" "$(cat reference)"
is "$(find private -path '*/clarus-pocl-*' -prune -perm 700 | wc -l | tr -d ' ')" 1

# Without /sys PoCL would abort the process; it is not asked, and one line says so. Needs a mount of one's own.
if unshare -rm mount -t tmpfs none /sys 2>/dev/null; then
    # shellcheck disable=SC2016 # for the inner shell to expand
    unshare -rm sh -c 'mount -t tmpfs none /sys && exec "$@"' - "$clarus" classify --model conv.onnx \
        --device pocl pictures/red.png >out 2>err
    is "$?" 4
    has err "would end the process without /sys/devices/system/cpu"
fi
finish
