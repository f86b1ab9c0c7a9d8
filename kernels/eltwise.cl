__kernel void eltwise(__global float *y) { y[get_global_id(0)] = 0.0f; }
