/* The fixed order of reductions (docs/numerics.md section 6): element i of a run of 4,096 goes to lane i mod 32, the
 * lanes are joined by a halving tree, the runs in order. After lanes.h.
 *
 * Two ways to hold the 32 lanes of a run. "Along": elements lie side by side and the lanes of 32 / LANES vectors are the
 * run's lanes. "Across": LANES outputs lie side by side and each of 32 vectors is one lane of all of them.
 *
 * Parameters: REDUCTION, a REDUCTION_ number. */
enum { RUN = 4096, RUN_LANES = 32, RUN_VECTORS = RUN_LANES / LANES };

enum { REDUCTION_SUM, REDUCTION_MAX, REDUCTION_MIN, REDUCTION_PROD, REDUCTION_SUM_SQUARE, REDUCTION_L1 };

inline real neutral_of(int reduction)
{
    return reduction == REDUCTION_MAX    ? -CLARUS_INF
           : reduction == REDUCTION_MIN  ? CLARUS_INF
           : reduction == REDUCTION_PROD ? (real)(1.0f)
                                         : (real)(0.0f);
}

inline real accumulate(int reduction, real lane, real x)
{
    switch (reduction) {
    case REDUCTION_MAX:
        return clarus_max(lane, x);
    case REDUCTION_MIN:
        return clarus_min(lane, x);
    case REDUCTION_PROD:
        return lane * x;
    case REDUCTION_SUM_SQUARE:
        return fma(x, x, lane);
    case REDUCTION_L1:
        return lane + clarus_abs(x);
    }
    return lane + x;
}

inline real join_pair(int reduction, real a, real b)
{
    return reduction == REDUCTION_MAX    ? clarus_max(a, b)
           : reduction == REDUCTION_MIN  ? clarus_min(a, b)
           : reduction == REDUCTION_PROD ? a * b
                                         : a + b;
}

/* Across: the tree over vectors. */
inline real join_across(int reduction, real *lane)
{
#pragma unroll
    for (int h = RUN_LANES / 2; h > 0; h /= 2)
#pragma unroll
        for (int j = 0; j < h; j++)
            lane[j] = join_pair(reduction, lane[j], lane[j + h]);
    return lane[0];
}

#if LANES > 1
__constant int lane_numbers[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
#define LANE_NUMBERS CLARUS_TYPE(vload, LANES, )(0, lane_numbers)
#else
#define LANE_NUMBERS 0
#endif

/* Along: the last `count` elements of a run less `origin`, fewer than 32, to the lanes of `sum`. All loops over its
 * vectors are unrolled, or it would lie in memory. */
inline void accumulate_rest(int reduction, real *sum, __global const float *x, int count, real origin)
{
#pragma unroll
    for (int v = 0; v < RUN_VECTORS; v++) {
        const int left = count - v * LANES;
        if (left > 0) {
            const real next = accumulate(reduction, sum[v], LOADU(x + v * LANES) - origin);
            sum[v] = LANE_NUMBERS < (ints)(left) ? next : sum[v];
        }
    }
}

#if LANES > 1
#define FIRST_LANE(v) ((v).s0)
#else
#define FIRST_LANE(v) (v)
#endif

/* Along: the halves of a vector joined, whose lanes from h on are not used any more. */
inline real join_lanes(int reduction, real v)
{
#if LANES == 16
    v = join_pair(reduction, v, v.s89abcdef89abcdef);
    v = join_pair(reduction, v, v.s4567456745674567);
    v = join_pair(reduction, v, v.s2323232323232323);
    v = join_pair(reduction, v, v.s1111111111111111);
#elif LANES == 8
    v = join_pair(reduction, v, v.s45674567);
    v = join_pair(reduction, v, v.s23232323);
    v = join_pair(reduction, v, v.s11111111);
#elif LANES == 4
    v = join_pair(reduction, v, v.s2323);
    v = join_pair(reduction, v, v.s1111);
#endif
    return v;
}

/* Along: the tree; the result is in the first lane. Vectors are joined while there are several. */
inline real join_along(int reduction, real *sum)
{
#pragma unroll
    for (int h = RUN_VECTORS / 2; h > 0; h /= 2)
#pragma unroll
        for (int j = 0; j < h; j++)
            sum[j] = join_pair(reduction, sum[j], sum[j + h]);
    return join_lanes(reduction, sum[0]);
}

/* Along: n elements side by side, less `origin` (+0 changes nothing); the result is in the first lane. */
inline real reduce_row(int reduction, __global const float *x, int n, real origin)
{
    real total = neutral_of(reduction);
    for (int first = 0; first < n; first += RUN) {
        const int end = n - first < RUN ? n : first + RUN;
        real sum[RUN_VECTORS];
#pragma unroll
        for (int v = 0; v < RUN_VECTORS; v++)
            sum[v] = neutral_of(reduction);
        int i = first;
        for (; i + RUN_LANES <= end; i += RUN_LANES)
#pragma unroll
            for (int v = 0; v < RUN_VECTORS; v++)
                sum[v] = accumulate(reduction, sum[v], LOADU(x + i + v * LANES) - origin);
        accumulate_rest(reduction, sum, x + i, end - i, origin);
        const real result = join_along(reduction, sum);
        total = first == 0 ? result : join_pair(reduction, total, result);
    }
    return total;
}
