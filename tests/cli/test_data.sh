#!/bin/sh
# clarus classify on real files: photographs with known classes, and pictures that break decoders.
if [ ! -d "${CLARUS_TEST_DATA:-}" ]; then
    echo "skipped: CLARUS_TEST_DATA names no folder" >&2
    exit 77
fi
data=$CLARUS_TEST_DATA
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"

# within NAME VALUE EXPECTED: one picture more or less.
within()
{
    checks=$((checks + 1))
    if [ "$2" -lt $(($3 - 1)) ] || [ "$2" -gt $(($3 + 1)) ]; then
        fail "$1: $2, expected $3"
    fi
}

# The class is in the file's name, as it is in the label.
net=$data/nets/mobilenet_v1_0.25_224-fp32-from-tfjs.onnx
if [ -f "$net" ]; then
    run 0 classify --model "$net" --scale 1/127.5 --mean 1 --labels "$data/labels/synset.txt" --csv \
        "$data/photos/imagenet100"
    tr -d '\r"' <out | awk -F, 'NR > 1 {
        n = split($1, part, "/"); split(part[n], name, "_"); split($5, label, " ")
        if (name[1] == label[1]) { five++; one += $3 == 1 } } END { print one, five }' >counts
    read -r one five <counts
    within "mobilenet_v1 top 1" "$one" 63
    within "mobilenet_v1 top 5" "$five" 84
fi

# The class is the folder.
net=$data/nets/cifar10_resnet20-fp32-from-pytorch.onnx
if [ -f "$net" ]; then
    ls "$data/cifar10/test" >classes.txt
    run 0 classify --model "$net" --labels classes.txt --top 1 --csv "$data/cifar10/test"
    right=$(awk -F, 'NR > 1 { n = split($1, part, "/"); right += part[n - 1] == $5 } END { print right }' out)
    checks=$((checks + 1))
    [ "$right" -ge 900 ] || fail "cifar10_resnet20: $right of 1000 right"
fi

# Whatever a file holds, it costs one line.
run 1 classify --model colours --json --max-pixels 20000000 "$data/decode"
"$query" path status error digest <out >lines
is "$(awk '$2 != "ok" && $2 != "error"' lines | head -3)" ""
is "$(wc -l <lines)" "$(find -L "$data/decode" -type f ! -path '*/.*' | grep -icE '\.(jpe?g|jpe|jfif|png)$')"
is "$(cut -d ' ' -f 1 <lines | LC_ALL=C sort -c 2>&1)" ""
has lines " ok "
has lines " error "
finish
