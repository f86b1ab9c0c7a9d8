#!/bin/sh
# clarus classify: results, their order and forms, broken pictures, lists, files.
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"

# Known scores: the colour network gives the mean of each channel; softmax over (250, 10, 10) / 255.
run 0 classify --model colours --json pictures/red.png pictures/green.PNG pictures/more/blue.png
is "$("$query" path top.0.label status math numerics <out)" "pictures/red.png red ok exact 3
pictures/green.PNG green ok exact 3
pictures/more/blue.png blue ok exact 3"
is "$("$query" top.1.index top.2.index top.3 device <out | head -1)" "1 2 - reference"
is "$("$query" top.0.score <out | head -1 | cut -c 1-6)" "0.5616"
is "$("$query" digest <out | grep -cE '^[0-9a-f]{32}$')" 3
is "$("$query" ms.decode ms.prepare ms.infer <out | grep -c -- -)" 0
has err "3 pictures in"
has err "Device: reference"

# A network that ends in a softmax is not given another.
run 0 classify --model softmax.onnx --scale 1/255 --json pictures/red.png
is "$("$query" top.0.score <out | cut -c 1-6)" "0.5616"

# Without preprocessing: ImageNet's values, unless one of the three is given.
run 0 classify --model fixed.onnx --json --top 1 pictures/red.png
is "$("$query" top.0.index top.0.score <out | cut -c 1-6)" "0 0.96"
run 0 classify --model fixed.onnx --mean 0 --json --top 1 pictures/red.png
is "$("$query" top.0.score <out | cut -c 1-6)" "0.5616"
run 0 classify --model fixed.onnx --channels bgr --scale 1 --mean 10,10,250 --std 1,1,240 --json pictures/red.png
is "$("$query" top.0.index <out)" 0
run 0 classify --model fixed.onnx --channels bgr --json pictures/red.png
is "$("$query" top.0.index <out)" 2
run 0 classify --model grey.onnx --json pictures/red.png
is "$("$query" top.0.index top.0.score top.1 <out)" "0 1 -"
run 2 classify --model fixed.onnx --channels gray pictures/red.png
has err "the network takes pictures of 3 channels"
run 2 classify --model fixed.onnx --crop 20 pictures/red.png
has err "20x20"
run 0 classify --model fixed.onnx --size 40 --crop 32 pictures/red.png
run 0 classify --model fixed.onnx --size 32x32 --crop 0 --resample lanczos pictures/red.png

# Labels.
run 0 classify --model fixed.onnx --labels labels.txt --top 1 pictures/red.png
has out " %  red"
run 0 classify --model fixed.onnx --top 1 pictures/red.png
has out " %  class 0"
run 2 classify --model fixed.onnx --labels two.txt pictures/red.png
has err "2 labels for the network's 3 classes"
run 2 classify --model fixed.onnx --labels missing.txt pictures/red.png
has err "missing.txt"

# Folders: recursive, in the byte order of paths, hidden and other files left out; broken pictures do not stop
# the rest.
run 1 classify --model colours --json pictures/
is "$("$query" path status <out)" "pictures/green.PNG ok
pictures/more/blue.png ok
pictures/more/broken.png error
pictures/more/noise.png ok
pictures/red.png ok"
is "$("$query" error digest <out | sed -n 3p | cut -d : -f 1)" "pictures/more/broken.png"
has err "1 failed"
is "$("$query" top <out | sed -n 3p)" "-"
run 0 classify --model colours empty
has err "empty: no pictures"
is "$(cat out)" ""
run 1 classify --model colours --json pictures/notes.txt missing.png pictures/red.png
is "$("$query" path status <out)" "pictures/notes.txt error
missing.png error
pictures/red.png ok"

# A loop of links ends.
ln -s .. pictures/more/loop
run 1 classify --model colours --json pictures
is "$("$query" path <out | wc -l | tr -d ' ')" 5
rm pictures/more/loop

# Lists on standard input, between other arguments; empty lines are skipped.
printf 'pictures/red.png\n\nempty\npictures/more' |
    "$clarus" classify --model colours --json pictures/green.PNG - pictures/red.png >out 2>err
is "$?" 1
is "$("$query" path <out)" "pictures/green.PNG
pictures/red.png
pictures/more/blue.png
pictures/more/broken.png
pictures/more/noise.png
pictures/red.png"

# Paths that are no UTF-8, or hold what JSON and CSV must escape.
odd=$(printf 'odd \377 "\\,\t.png')
cp pictures/red.png "$odd"
run 0 classify --model colours --json "$odd"
has out '{"path":"odd \\xff \"\\,\u0009.png"'
is "$("$query" status <out)" ok
run 0 classify --model colours --csv --top 1 "$odd"
has out '.png",ok,1,0,red,0.56'
run 0 classify --model colours "$odd"
has out 'odd ? "\,?.png'

# CSV: one row per label.
run 1 classify --model colours --csv --top 2 pictures/more/broken.png pictures/red.png
is "$(tr -d '\r' <out | cut -d , -f 1-5 | sed 's/broken.png,error.*/broken.png,error/')" "path,status,rank,index,label
pictures/more/broken.png,error
pictures/red.png,ok,1,0,red
pictures/red.png,ok,2,1,green"

# No result depends on the batch, the threads, or the company.
for batch in 1 2 3 8; do
    run 1 classify --model conv.onnx --batch "$batch" --threads "$batch" --json --no-timing pictures
    cp out "batch$batch"
    cmp -s batch1 out || fail "batch $batch gives other results"
    checks=$((checks + 1))
done
run 1 classify --model conv.onnx --json --no-timing pictures
cmp -s batch1 out || fail "the chosen batch gives other results"
is "$("$query" ms <out | sort -u)" "-"
run 0 classify --model conv.onnx --json --no-timing pictures/red.png
is "$(cat out)" "$(tail -1 batch1)"
i=0
while [ "$i" -lt 200 ]; do
    printf 'pictures/more/broken.png\npictures/red.png\nmissing.png\n'
    i=$((i + 1))
done >list
"$clarus" classify --model conv.onnx --json --no-timing --quiet - <list >out 2>err
is "$?" 1
is "$("$query" path <out | cmp - list && echo same)" same
is "$(grep red.png out | sort -u)" "$(tail -1 batch1)"
is "$(cat err)" ""

# Limits.
run 1 classify --model colours --json --max-pixels 1000 pictures/red.png
has out "40x30 is more than the limit of 1000 pixels"

# Files: whole or not at all.
run 0 classify --model colours --json --output results.json pictures/red.png
is "$(cat out)" ""
is "$("$query" path <results.json)" "pictures/red.png"
printf old >kept.json
run 3 classify --model strange.onnx --json --output kept.json pictures/red.png
is "$(cat kept.json)" old
run 2 classify --model fixed.onnx --crop 20 --json --output kept.json pictures/red.png
is "$(cat kept.json)" old
run 6 classify --model colours --output missing/results.json pictures/red.png
has err "missing/results.json"
run 6 classify --model colours --output empty pictures/red.png
is "$(find . -name '*.tmp')" ""
if [ -c /dev/full ]; then
    run 6 classify --model colours --json --output /dev/full pictures
    has err "/dev/full: cannot write"
    "$clarus" classify --model colours --json pictures >/dev/full 2>err
    is "$?" 6
    has err "standard output: cannot write"
fi
"$clarus" classify --model colours --json pictures >&- 2>err
is "$?" 6
"$clarus" classify --model colours --json pictures/red.png 2>&- >out
is "$("$query" status <out)" ok

# A signal ends it, and leaves nothing half-written.
mkfifo pipe
"$clarus" classify --model colours --json --output kept.json - <pipe >out 2>err &
pid=$!
exec 3>pipe
echo pictures/red.png >&3
sleep 1
kill -TERM "$pid"
wait "$pid" 2>/dev/null
is "$?" 143
exec 3>&-
is "$(cat kept.json)" old
is "$(find . -name '*.tmp')" ""
finish
