#!/bin/sh
# Kernels call nothing but the primitives of docs/numerics.md section 1, what computes nothing, and each other: whatever else a
# device's library offers may differ from device to device. Usage: test_primitives.sh COMPILER KERNELS-FOLDER
set -eu
compiler=$1
kernels=$2

# min, max and atomics are those of integers; float ones are clarus_min and clarus_max.
primitives='fma floor rint trunc sqrt min max atomic_max atomic_inc atomic_or vload_half vload_half4 vload_half8 vload_half16
    vstore_half_rte vstore_half4_rte vstore_half8_rte vstore_half16_rte
    vload4 vload8 vload16 vstore4 vstore8 vstore16
    as_float as_float4 as_float8 as_float16 as_int as_int4 as_int8 as_int16
    convert_float_rte convert_float4_rte convert_float8_rte convert_float16_rte
    convert_int_rte convert_int4_rte convert_int8_rte convert_int16_rte
    get_global_id get_global_size get_local_id get_local_size get_group_id barrier __builtin_prefetch'
syntax='if for while switch return sizeof __attribute__ aligned min_vector_width'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
checked=0
failed=0
for file in "$kernels"/*.cl; do
    # Every branch of #if: vectors and scalars, each parameter off and on.
    for options in '-DLANES=16 -DCLARUS_LANES=16 -DFAMILY_INTEGER' '-DLANES=1 -DFAMILY_DIVISION -DAVERAGE=1 -DBLOCKED=1 -DFUNCTION=1 -DCLARUS_SOFT_DIVIDE'; do
        # shellcheck disable=SC2086
        "$compiler" -E -P -x c -w -D__OPENCL_VERSION__=120 -DTP=2 -DTC=2 -DG=2 $options -I "$kernels" "$file" |
            grep -v '^#pragma' >"$work/text"
        tr -s '\n\t ' ' ' <"$work/text" >"$work/line"
        # Functions defined here: a type, a name, parameters without parentheses, a brace.
        grep -oE '[A-Za-z_0-9]+ \*?[A-Za-z_0-9]+\([^()]*\) \{' "$work/line" |
            sed -E 's/^[A-Za-z_0-9]+ \*?([A-Za-z_0-9]+)\(.*/\1/' >"$work/allowed"
        # shellcheck disable=SC2086 # one word a line
        printf '%s\n' $primitives $syntax >>"$work/allowed"
        grep -oE '[A-Za-z_][A-Za-z_0-9]* ?\(' "$work/line" | tr -d ' (' | sort -u >"$work/called"
        checked=$((checked + $(wc -l <"$work/called")))
        if grep -vxF -f "$work/allowed" "$work/called" >"$work/strange"; then
            failed=1
            echo "$file ($options) calls what is no primitive: $(tr '\n' ' ' <"$work/strange")" >&2
        fi
    done
done
echo "$checked calls checked"
[ "$checked" -gt 0 ] && [ "$failed" -eq 0 ]
