#!/bin/sh
# clarus info, bench, devices and verify on the reference.
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"

run 0 info conv.onnx --json
is "$("$query" opset inputs.0.name inputs.0.dtype inputs.0.shape outputs.0.name operators parameters macs unsupported <out)" \
    '13 x float32 ["d0",3,32,32] y {"Conv":1,"Flatten":1,"Gemm":1,"GlobalAveragePool":1,"Relu":1} 240 221208 []'
run 0 info conv.onnx --batch 2 --json
is "$("$query" macs <out)" 442416
run 0 info colours
has out "Names colours."
has out "x: float32 d0x3x32x32"
run 0 info conv.onnx --shape x=3x3x32x32 --json
is "$("$query" macs <out)" 663624
run 2 info conv.onnx --shape q=3
has err '--shape: "q=3" is not an input and its shape'
run 2 info conv.onnx --shape x=3x
run 3 info strange.onnx --json
is "$("$query" macs <out)" null
is "$("$query" unsupported.0 <out | grep -c Frobnicate)" 1
run 3 info strange.onnx
has out "unsupported"
run 3 info missing.onnx

# What image networks do not have is listed, all of it, whatever is asked for.
cat >expected <<'END'
node "optimiser" (Adam), domain ai.onnx.preview.training opset 0: training operators are not supported
node "loss" (SoftmaxCrossEntropyLoss), opset 20: training operators are not supported
node "words" (StringSplit), opset 20: strings are not supported
node "list" (SequenceConstruct), opset 20: sequences are not supported
node "dice" (RandomNormalLike), opset 20: random numbers are not supported
node "memory" (LSTM), opset 20: recurrent layers are not supported
node "again" (Loop), opset 20: loops are not supported
END
run 3 info refused.onnx
is "$(sed -n 's/.*node "/node "/p' out)" "$(cat expected)"
run 3 info refused.onnx --json
is "$("$query" unsupported.0 unsupported.6 <out)" "$(sed -n '1p;7p' expected | paste -sd' ')"
for words in "run refused.onnx --input a.npy" "classify --model refused.onnx pictures" "bench refused.onnx"; do
    # shellcheck disable=SC2086 # words are words
    run 3 $words
    is "$(sed -n 's/^clarus [a-z]*: refused.onnx: //p' err)" "$(cat expected)"
done

# float64 is carried in float32, which is said.
run 0 info double.onnx
has out "float64       computed values are carried in float32"
run 0 info double.onnx --json
is "$("$query" float64 inputs.0.dtype <out)" "computed values are carried in float32 float64"
run 0 info sum.onnx
is "$(grep -c float64 out)" 0
run 6 info conv.onnx --output missing/info

run 0 bench conv.onnx --batch 2 --seconds 0.05 --json
is "$("$query" model device math batch gmacs peak_gflops fraction_of_peak launches <out)" \
    "conv.onnx reference exact 2 0.000442 null null 0"
is "$("$query" ms_min ms_median images_per_s gflops load_ms first_run_ms peak_bytes <out |
    awk '{ for (i = 1; i <= NF; i++) if (!($i > 0)) print $i }')" ""
run 0 bench fixed.onnx --seconds 0.05
has out "throughput"
run 2 bench fixed.onnx --batch 2
has err 'batch 2: input "x" fixes it at 1'
run 0 bench fixed.onnx --batch 1 --seconds 0.05
run 2 bench fixed.onnx --seconds x
run 3 bench strange.onnx --seconds 0.05
has err "Frobnicate"
run 4 bench fixed.onnx --device "no such device"

# With or without an OpenCL device the reference is in the list, last.
"$clarus" devices --json >out 2>err
code=$?
[ "$code" -eq 0 ] || [ "$code" -eq 4 ] || fail "devices: exit code $code"
is "$("$query" index name type status auto <out | tail -1)" "$(($(wc -l <out) - 1)) reference reference ok false"
is "$("$query" auto <out | grep -c true)" "$([ "$code" -eq 0 ] && echo 1 || echo 0)"
is "$("$query" platform vendor driver reason <out | grep -c '^-')" 0
run 4 verify --device "no such device"
finish
