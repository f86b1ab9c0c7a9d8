/* The transforms of Winograd's convolution F(4x4, 3x3), one line of a tile at a time (docs/numerics.md section 5). After
 * lanes.h. */
/* X(0) ... X(5), X(0) ... X(3): indices have to be constants before the optimiser begins, see unroll.h. */
#define UNROLL_SPAN(X) X(0) X(1) X(2) X(3) X(4) X(5)
#define UNROLL_TILE(X) X(0) X(1) X(2) X(3)

#define TIMES(k, x, z) fma((floatv)(k), x, z)

/* Six inputs to six positions. */
#define TRANSFORM_INPUT(r0, r1, r2, r3, r4, r5, d0, d1, d2, d3, d4, d5) { \
        const floatv even = d4 - d2, odd = d3 - d1; \
        r0 = TIMES(1.5f, odd, TIMES(-2.0f, d2, d4 + d0)); \
        r1 = TIMES(2.5f, d3, TIMES(0.5f, d2, d4 - d1)); \
        r2 = TIMES(-2.5f, d2, TIMES(0.5f, d3, d4 + d1)); \
        r3 = TIMES(2.0f, odd, even); \
        r4 = TIMES(-0.5f, odd, even); \
        r5 = TIMES(1.5f, even, TIMES(-2.0f, d3, d5 + d1)); }

/* Six positions to four outputs. */
#define TRANSFORM_OUTPUT(y0, y1, y2, y3, m0, m1, m2, m3, m4, m5) { \
        const floatv sum = m1 + m2, difference = m1 - m2; \
        y0 = (m0 + sum) + (m3 + m4); \
        y1 = TIMES(-2.0f, m4, TIMES(0.5f, m3, difference)); \
        y2 = TIMES(4.0f, m4, TIMES(0.25f, m3, sum)); \
        y3 = TIMES(-8.0f, m4, TIMES(0.125f, m3, difference)) + m5; }
