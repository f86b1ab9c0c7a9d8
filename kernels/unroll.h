/* Loops unrolled by the preprocessor.
 *
 * The sums of a tile have to live in registers. LLVM keeps an array there only if every index is a constant before its
 * optimiser begins; unrolled by pragma, the array is written to memory at each turn of the outer loops. UNROLL_PIXELS(X) is
 * X(0) X(1) ... X(27), UNROLL_BLOCKS(X, i) is X(i, 0) ... X(i, 7); X drops what is beyond the tile by a constant `if`. */
#define UNROLL_BLOCKS(X, i) X(i, 0) X(i, 1) X(i, 2) X(i, 3) X(i, 4) X(i, 5) X(i, 6) X(i, 7)
#define UNROLL_PIXELS(X) \
    X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) \
    X(14) X(15) X(16) X(17) X(18) X(19) X(20) X(21) X(22) X(23) X(24) X(25) X(26) X(27)
