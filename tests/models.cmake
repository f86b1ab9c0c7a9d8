# Tests of models: the second oracle, conformance, whole networks, golden digests.
add_library(test_models STATIC
    double/check.c
    double/graph.c
    double/node.c
    double/operators.c
    double/ops_attention.c
    double/ops_binary.c
    double/ops_det.c
    double/ops_einsum.c
    double/ops_move.c
    double/ops_norm.c
    double/ops_pool.c
    double/ops_quantised.c
    double/ops_reduce.c
    double/ops_resize.c
    double/ops_sample.c
    double/ops_select.c
    double/ops_scatter.c
    double/ops_sums.c
    double/ops_unary.c
    double/tensor.c
    double/winograd.c
    generate.c
    golden/model_text.c
    networks/network_set.c
)
target_link_libraries(test_models PUBLIC clarus_objects PRIVATE clarus_flags)
target_include_directories(test_models PUBLIC ${generated} ${PROJECT_SOURCE_DIR})
set_source_files_properties(double/ops_sums.c double/winograd.c PROPERTIES COMPILE_OPTIONS -O3) # inner loops of whole networks

# clarus_model_test(NAME SOURCE): a program on the above, without a test of its own.
function(clarus_model_test name source)
    add_executable(test_${name} ${source})
    target_link_libraries(test_${name} PRIVATE test_models clarus_objects clarus_flags)
endfunction()

# clarus_model_run(NAME LABEL PROGRAM ARGUMENT...)
set(model_seconds 900)
if(CLARUS_SANITIZE) # whole networks, ten times slower
    set(model_seconds 7200)
endif()
function(clarus_model_run name label program)
    add_test(NAME ${name} COMMAND test_${program} ${ARGN})
    set_tests_properties(${name} PROPERTIES LABELS ${label} SKIP_RETURN_CODE 77 TIMEOUT ${model_seconds})
endfunction()

clarus_model_test(accuracy networks/accuracy.c)
clarus_model_test(conformance conformance/conformance.c)
clarus_model_test(digits networks/digits.c)
target_link_libraries(test_digits PRIVATE ZLIB::ZLIB)
clarus_model_test(double double/test_double.c)
clarus_model_test(double_integers double/test_double_integers.c)
clarus_model_test(double_operators double/test_double_operators.c)
clarus_model_test(fault test_fault.c)
clarus_model_test(golden golden/golden.c)
clarus_model_test(network_alloc test_network_alloc.c)
clarus_model_test(opencl_calls test_opencl_calls.c)
clarus_model_test(networks networks/networks.c)

# On the plain C reference, on PoCL, which is required, and on Intel's runtime where it is there.
set(passing ${CMAKE_CURRENT_SOURCE_DIR}/conformance/passing.txt)
set(digests ${CMAKE_CURRENT_SOURCE_DIR}/golden/digests.txt)
clarus_model_run(accuracy_pocl conformance accuracy --device pocl)
clarus_model_run(conformance_reference conformance conformance --device reference --passing ${passing})
clarus_model_run(conformance_pocl conformance conformance --device pocl --passing ${passing})
clarus_model_run(digits_pocl conformance digits --device pocl)
clarus_model_run(digits_reference conformance digits --device reference)
clarus_model_run(double conformance double)
clarus_model_run(double_integers conformance double_integers)
clarus_model_run(double_operators unit double_operators)
clarus_model_run(fault_reference unit fault reference)
clarus_model_run(fault_pocl device fault pocl)
clarus_model_run(golden_reference unit golden --device reference ${digests})
clarus_model_run(golden_pocl kernel golden --device pocl ${digests})
clarus_model_run(golden_intel kernel golden --device "Intel(R) OpenCL" ${digests})
clarus_model_run(network_alloc_reference unit network_alloc reference)
clarus_model_run(network_alloc_pocl device network_alloc pocl)
clarus_model_run(opencl_calls device opencl_calls)
clarus_model_run(networks_pocl conformance networks --device pocl)
clarus_model_run(networks_intel conformance networks --device "Intel(R) OpenCL")
