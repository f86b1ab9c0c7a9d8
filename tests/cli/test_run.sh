#!/bin/sh
# clarus run: tensors in, tensors out, compared.
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"

run 0 run sum.onnx --input a.npy --input b=b.npy --output sum=s.npy --output d.npy --json
is "$("$query" outputs.0.name outputs.0.dtype outputs.0.shape outputs.1.name outputs.2 math numerics device <out)" \
    "sum float32 [2,3] difference - exact 3 reference"
cmp -s s.npy sum.npy || fail "the sum is wrong"
first=$("$query" outputs.0.digest outputs.1.digest <out)

# Names in any order, ONNX tensors, expectations.
run 0 run sum.onnx --input b=b.npy --input a=a.pb --json --expect sum.npy --expect difference.pb
is "$("$query" outputs.0.digest outputs.1.digest <out)" "$first"
is "$("$query" outputs.0.as_expected outputs.1.as_expected <out)" "true true"
run 5 run sum.onnx --input a.npy --input b.npy --expect difference=sum.npy --json
has err 'output "difference" differs from sum.npy'
is "$("$query" outputs.0.as_expected outputs.1.as_expected <out)" "- false"
run 0 run sum.onnx --input a.npy --input b.npy --expect difference=sum.npy --atol 1
run 5 run sum.onnx --input a.npy --input b.npy --expect difference=sum.npy --atol 0.99
run 5 run sum.onnx --input a.npy --input b.npy --expect flat.npy
has err "shape 2x3, expected 6"

# Several sets.
run 0 run sum.onnx --input a.npy --input b.npy --input b.npy --input a.npy --output d.npy --output x.npy \
    --output d2.npy --output x2.npy --json
is "$("$query" outputs.0.digest <out | uniq | wc -l | tr -d ' ')" 1
is "$("$query" outputs.1.digest <out | uniq | wc -l | tr -d ' ')" 2
run 2 run sum.onnx --input a.npy --input b.npy --input b.npy
has err "every input needs a file"
run 2 run sum.onnx --input a=a.npy --input b=b.npy --input a=a.npy --input b=b.npy --output sum=s.npy
has err 'output: 1 files for "sum", but there are 2 sets'

# Sets of different batches, by one session.
run 0 run conv.onnx --input single.npy --input pair.npy --input single.npy --json
is "$("$query" outputs.0.shape <out | tr '\n' ' ')" "[1,3] [2,3] [1,3] "
is "$("$query" outputs.0.digest <out | sort | uniq | wc -l | tr -d ' ')" 2

# What is missing or does not fit is named.
run 2 run sum.onnx --input a.npy
has err "b: float32 2x3, missing"
run 2 run sum.onnx
has err "a: float32 2x3, missing"
run 2 run sum.onnx --input a.npy --input flat.npy
has err 'input "b": flat.npy is float32 6, expected float32 2x3'
run 2 run sum.onnx --input a.npy --input missing.npy
has err "missing.npy"
run 2 run sum.onnx --input a.npy --input labels.txt
has err "labels.txt"
run 3 run strange.onnx --input a.npy
has err "Frobnicate"
run 6 run sum.onnx --input a.npy --input b.npy --output missing/s.npy
has err "missing/s.npy"
run 2 run sum.onnx --input a.npy --input b.npy --rtol -1
[ ! -c /dev/full ] || {
    "$clarus" run sum.onnx --input a.npy --input b.npy --json >/dev/full 2>err
    is "$?" 6
}
finish
