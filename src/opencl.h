/* OpenCL's header, and its errors by name. */
#ifndef CLARUS_OPENCL_H
#define CLARUS_OPENCL_H

#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>
#include <CL/cl_ext.h> /* CL_PLATFORM_NOT_FOUND_KHR */

#include "error.h"

/* As "CL_OUT_OF_RESOURCES"; "unknown OpenCL error" for others. */
const char *opencl_error_name(cl_int code);
/* "clCreateBuffer: CL_OUT_OF_RESOURCES (-5)"; CLARUS_E_MEMORY for allocation failures, CLARUS_E_OPENCL
 * otherwise. */
clarus_status opencl_error(clarus_error *error, const char *call, cl_int code);
/* Waits until nothing is in flight, once more if that fails: what it uses is released next, and not every
 * driver holds on to it. */
void opencl_drain(cl_command_queue queue);
/* The same, then releases the queue; NULL is allowed. */
void opencl_release_queue(cl_command_queue queue);

#endif
