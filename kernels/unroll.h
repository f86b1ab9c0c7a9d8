/* Loops unrolled by the preprocessor.
 *
 * The sums of a tile have to live in registers. LLVM keeps an array there only if every index is a constant before its
 * optimiser begins; unrolled by pragma, the array is written to memory at each turn of the outer loops. UNROLL_PIXELS(X) is
 * X(0) ... X(TP - 1), UNROLL_BLOCKS(X, i) is X(i, 0) ... X(i, TC - 1). */
#define UNROLL_PIXELS(X) UNROLL_TIMES(TP)(X)
#define UNROLL_TIMES(n) UNROLL_JOIN(n)
#define UNROLL_JOIN(n) UNROLL_##n
#define UNROLL_1(X) X(0)
#define UNROLL_2(X) UNROLL_1(X) X(1)
#define UNROLL_3(X) UNROLL_2(X) X(2)
#define UNROLL_4(X) UNROLL_3(X) X(3)
#define UNROLL_5(X) UNROLL_4(X) X(4)
#define UNROLL_6(X) UNROLL_5(X) X(5)
#define UNROLL_7(X) UNROLL_6(X) X(6)
#define UNROLL_8(X) UNROLL_7(X) X(7)
#define UNROLL_9(X) UNROLL_8(X) X(8)
#define UNROLL_10(X) UNROLL_9(X) X(9)
#define UNROLL_11(X) UNROLL_10(X) X(10)
#define UNROLL_12(X) UNROLL_11(X) X(11)
#define UNROLL_13(X) UNROLL_12(X) X(12)
#define UNROLL_14(X) UNROLL_13(X) X(13)

#define UNROLL_BLOCKS(X, i) UNROLL_BLOCKS_TIMES(TC)(X, i)
#define UNROLL_BLOCKS_TIMES(n) UNROLL_BLOCKS_JOIN(n)
#define UNROLL_BLOCKS_JOIN(n) UNROLL_BLOCKS_##n
#define UNROLL_BLOCKS_1(X, i) X(i, 0)
#define UNROLL_BLOCKS_2(X, i) UNROLL_BLOCKS_1(X, i) X(i, 1)
#define UNROLL_BLOCKS_3(X, i) UNROLL_BLOCKS_2(X, i) X(i, 2)
#define UNROLL_BLOCKS_4(X, i) UNROLL_BLOCKS_3(X, i) X(i, 3)
#define UNROLL_BLOCKS_5(X, i) UNROLL_BLOCKS_4(X, i) X(i, 4)
#define UNROLL_BLOCKS_6(X, i) UNROLL_BLOCKS_5(X, i) X(i, 5)
#define UNROLL_BLOCKS_7(X, i) UNROLL_BLOCKS_6(X, i) X(i, 6)
#define UNROLL_BLOCKS_8(X, i) UNROLL_BLOCKS_7(X, i) X(i, 7)
