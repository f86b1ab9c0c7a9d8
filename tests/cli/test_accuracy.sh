#!/bin/sh
# clarus classify on photographs whose classes are known.
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

# accuracy NAME ONE FIVE OPTIONS: a network of the data folder on its photographs. The class is in the file's
# name, as it is in the label.
accuracy()
{
    name=$1 first=$2 among=$3
    shift 3
    [ -f "$data/nets/$name.onnx" ] || return 0
    run 0 classify --model "$data/nets/$name.onnx" "$@" --labels "$data/labels/synset.txt" --csv \
        "$data/photos/imagenet100"
    tr -d '\r"' <out | awk -F, 'NR > 1 {
        n = split($1, part, "/"); split(part[n], name, "_"); split($5, label, " ")
        if (name[1] == label[1]) { five++; one += $3 == 1 } } END { print one, five }' >counts
    read -r one five <counts
    within "$name $* top 1" "$one" "$first"
    within "$name $* top 5" "$five" "$among"
}

accuracy mobilenet_v1_0.25_224-fp32-from-tfjs 62 84 --scale 1/127.5 --mean 1
accuracy squeezenet1.1-fp32-from-fp16 65 87 --channels bgr --scale 1 --mean 104,117,123
accuracy squeezenet1.1-fp32-from-fp16 62 88 --channels bgr --scale 1 --mean 104,117,123 --geometry rounded

# The class is the folder.
net=$data/nets/cifar10_resnet20-fp32-from-pytorch.onnx
if [ -f "$net" ]; then
    ls "$data/cifar10/test" >classes.txt
    run 0 classify --model "$net" --labels classes.txt --top 1 --csv "$data/cifar10/test"
    right=$(awk -F, 'NR > 1 { n = split($1, part, "/"); right += part[n - 1] == $5 } END { print right }' out)
    checks=$((checks + 1))
    [ "$right" -ge 900 ] || fail "cifar10_resnet20: $right of 1000 right"
fi

finish
