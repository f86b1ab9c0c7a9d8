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

/* Lines i and j of a tile: READ(i, j) and PRODUCT(i, j) are its inputs and sums, WRITE(i, j, value) and END(i, j, value)
 * take its positions and outputs; t holds what the rows gave. */
#define INPUT_ROW(i) { \
        const floatv d0 = READ(i, 0), d1 = READ(i, 1), d2 = READ(i, 2), d3 = READ(i, 3), d4 = READ(i, 4), d5 = READ(i, 5); \
        TRANSFORM_INPUT(t[i][0], t[i][1], t[i][2], t[i][3], t[i][4], t[i][5], d0, d1, d2, d3, d4, d5) }
#define INPUT_COLUMN(j) { \
        floatv r0, r1, r2, r3, r4, r5; \
        TRANSFORM_INPUT(r0, r1, r2, r3, r4, r5, t[0][j], t[1][j], t[2][j], t[3][j], t[4][j], t[5][j]) \
        WRITE(0, j, r0) WRITE(1, j, r1) WRITE(2, j, r2) WRITE(3, j, r3) WRITE(4, j, r4) WRITE(5, j, r5) }
#define OUTPUT_ROW(i) { \
        const floatv m0 = PRODUCT(i, 0), m1 = PRODUCT(i, 1), m2 = PRODUCT(i, 2), m3 = PRODUCT(i, 3), m4 = PRODUCT(i, 4), \
                     m5 = PRODUCT(i, 5); \
        TRANSFORM_OUTPUT(t[i][0], t[i][1], t[i][2], t[i][3], m0, m1, m2, m3, m4, m5) }
#define OUTPUT_COLUMN(j) { \
        floatv y0, y1, y2, y3; \
        TRANSFORM_OUTPUT(y0, y1, y2, y3, t[0][j], t[1][j], t[2][j], t[3][j], t[4][j], t[5][j]) \
        END(0, j, y0) END(1, j, y1) END(2, j, y2) END(3, j, y3) }
