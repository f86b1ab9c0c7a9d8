#!/bin/sh
# Help, versions, wrong usage, exit codes.
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"

run 2
has err "Usage: clarus COMMAND"
run 2 frobnicate
has err '"frobnicate" is not a command'
run 0 --help
for command in classify run bench devices verify info; do
    has out "  $command "
done
for command in embed doctor tune; do # not there yet, so not offered
    lacks out "  $command "
done
run 0 --version
has out "clarus "
has out "numerics 3"
has out "libjpeg"
has out "libpng"

for command in classify run bench devices verify info; do
    run 0 "$command" --help
    has out "Usage: clarus $command"
    has out "  --json "
    is "$(awk 'length > 80' out)" ""
    cp out help
    run 0 help "$command"
    cmp -s out help || fail "clarus help $command differs from clarus $command --help"
    run 2 "$command" --frobnicate
    has err "clarus $command: --frobnicate: unknown option"
    run 2 "$command" --json=1
    has err "takes no value"
    run 2 "$command" --threads
    has err "--threads: a value is missing"
    run 2 "$command" --threads 0
    has err '"0" is not a whole number from 1 to 1024'
done

run 2 help frobnicate
has err '"frobnicate" is not a command'
run 2 classify --json --csv pictures/red.png
has err "clarus classify: --json and --csv exclude each other"
is "$(cat out)" ""
run 2 classify
has err "PATH...: missing"
run 2 info
has err "MODEL: missing"
run 2 devices extra
has err "extra: one argument too many"
run 2 classify --model fixed.onnx --top x pictures/red.png
has err 'clarus classify: --top: "x" is not a whole number from 1 to 1000000'
run 2 classify --model fixed.onnx --top 5x pictures/red.png
run 2 classify --model fixed.onnx --top 99999999999999999999 pictures/red.png
run 2 classify --model fixed.onnx --math exactly pictures/red.png
has err '"exactly" is neither exact nor fast'
run 2 classify --model fixed.onnx --size 0 pictures/red.png
run 2 classify --model fixed.onnx --size 32x pictures/red.png
run 2 classify --model fixed.onnx --size -5 pictures/red.png
run 2 classify --model fixed.onnx --mean 1,2 pictures/red.png
has err '--mean: "1,2" is not one number or three'
run 2 classify --model fixed.onnx --mean 1,,2 pictures/red.png
run 2 classify --model fixed.onnx --std 0 pictures/red.png
run 2 classify --model fixed.onnx --scale 1/0 pictures/red.png
run 2 classify --model fixed.onnx --scale nan pictures/red.png
run 2 classify --model fixed.onnx --channels rbg pictures/red.png
run 2 classify --model fixed.onnx --resample cubic pictures/red.png
run 2 classify --model fixed.onnx --geometry round pictures/red.png
has err '--geometry: "round" is not torchvision, huggingface or rounded'

run 4 classify --model fixed.onnx --device "no such device" pictures/red.png
has err "no such device"
has err "clarus devices shows what is there"
run 4 verify --device reference
has err "the reference device is what others are compared with"
# A driver that ends the process, as LLVM does where a disk is full.
mkdir vendors
echo "$fake_driver" >vendors/fake.icd
OCL_ICD_VENDORS=$work/vendors
CLARUS_FAKE='exit'
export OCL_ICD_VENDORS CLARUS_FAKE
run 4 classify --model fixed.onnx --device auto pictures/red.png
has err "clarus: an OpenCL driver ended the process"
unset OCL_ICD_VENDORS CLARUS_FAKE

run 3 classify --model missing.onnx pictures/red.png
has err "missing.onnx"
run 3 classify --model labels.txt pictures/red.png
has err "labels.txt"
run 3 classify --model strange.onnx pictures/red.png
has err "Frobnicate"
finish
