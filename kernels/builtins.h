/* The built-in functions that kernels use, declared here where the driver's own header is kept out
 * (BUILTINS_GUARD of devices/): clang's declares all of OpenCL C, and reading it takes longer than compiling a small
 * kernel. What is declared means the same either way. */
#define DECLARE __attribute__((overloadable))
#define DECLARE_PURE __attribute__((overloadable, const))
#define DECLARE_LOAD __attribute__((overloadable, pure))

size_t DECLARE_PURE get_global_id(uint dimension);
size_t DECLARE_PURE get_global_size(uint dimension);
int DECLARE_PURE min(int x, int y);
int DECLARE_PURE max(int x, int y);
int DECLARE atomic_inc(volatile __global int *p);
int DECLARE atomic_or(volatile __global int *p, int bits);
int DECLARE atomic_max(volatile __global int *p, int value);

#define DECLARE_REAL(n) \
    float##n DECLARE_PURE fma(float##n x, float##n y, float##n z); \
    float##n DECLARE_PURE floor(float##n x); \
    float##n DECLARE_PURE rint(float##n x); \
    float##n DECLARE_PURE sqrt(float##n x); \
    float##n DECLARE_PURE convert_float##n##_rte(int##n x); \
    int##n DECLARE_PURE convert_int##n##_rte(float##n x);
#define DECLARE_MEMORY(type, n) \
    type##n DECLARE_LOAD vload##n(size_t i, const __global type *p); \
    type##n DECLARE_LOAD vload##n(size_t i, const __constant type *p); \
    type##n DECLARE_LOAD vload##n(size_t i, const __private type *p); \
    void DECLARE vstore##n(type##n x, size_t i, __global type *p); \
    void DECLARE vstore##n(type##n x, size_t i, __private type *p);
/* Every type that elements are moved as: the compiler would convert a pointer to one that is missing. */
#define DECLARE_VECTOR(n) \
    DECLARE_REAL(n) \
    DECLARE_MEMORY(float, n) \
    DECLARE_MEMORY(int, n) \
    DECLARE_MEMORY(uchar, n) \
    DECLARE_MEMORY(ushort, n) \
    DECLARE_MEMORY(uint, n) \
    DECLARE_MEMORY(ulong, n)
DECLARE_REAL()
DECLARE_VECTOR(4)
DECLARE_VECTOR(8)
DECLARE_VECTOR(16)

float DECLARE_PURE convert_float_rte(uint x);
float DECLARE_PURE convert_float_rte(long x);
float DECLARE_PURE convert_float_rte(ulong x);
