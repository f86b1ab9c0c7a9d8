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
has out '"layer":'
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
finish
