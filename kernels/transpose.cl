/* A value from row-major to blocked layout (BLOCKED 1) or back (BLOCKED 0).
 *
 * 16 channels by 16 pixels at a time: sixteen vectors are transposed in registers by four rounds, each of which shuffles
 * vectors i and i + 8 together. Dimension 0: 16 pixels of a row, dimension 1: row, dimension 2: image and channel
 * block. Channels beyond the value's come out as copies of the last one.
 *
 * Parameters: BLOCKED. LANES is 16. */
#include "lanes.h"
#include "share.h"

inline void transpose16(float16 *v)
{
    for (int round = 0; round < 4; round++) {
        float16 w[16];
        for (int i = 0; i < 8; i++) {
            const float16 a = v[i], b = v[i + 8];
            w[2 * i] = (float16)(a.s0, b.s0, a.s1, b.s1, a.s2, b.s2, a.s3, b.s3, a.s4, b.s4, a.s5, b.s5, a.s6, b.s6,
                                 a.s7, b.s7);
            w[2 * i + 1] = (float16)(a.s8, b.s8, a.s9, b.s9, a.sa, b.sa, a.sb, b.sb, a.sc, b.sc, a.sd, b.sd, a.se,
                                     b.se, a.sf, b.sf);
        }
        for (int i = 0; i < 16; i++)
            v[i] = w[i];
    }
}

CLARUS_KERNEL void transpose(__global const float *restrict x, __global float *restrict y, SHARE,
                             __global const int *restrict p)
{
    /* The table: see launch_generic.c. Distances of the row-major value, then of the blocked one. */
    const int channels = p[0], blocks = p[1], width = p[2];
    const int offset = p[3], image = p[4], plane = p[5], row = p[6];
    const int b_offset = p[7], b_image = p[8], b_plane = p[9], b_row = p[10];

    FOR_EACH_ITEM(item) {
        const int3 where = share_place(item, share);
        const int pixel = where.x * 16, line = where.y;
        const int n = where.z / blocks, block = where.z % blocks;
        const int there = channels - block * 16 < 16 ? channels - block * 16 : 16;
        const int pixels = width - pixel < 16 ? width - pixel : 16;
        const int at = offset + n * image + block * 16 * plane + line * row + pixel;
        const int b_at = b_offset + n * b_image + block * b_plane + line * b_row + pixel * 16;
        float16 v[16];
#if BLOCKED
        for (int c = 0; c < 16; c++)
            v[c] = LOADU(x + at + (c < there ? c : there - 1) * plane);
        transpose16(v);
        for (int i = 0; i < 16; i++)
            if (i < pixels)
                STOREV(v[i], y + b_at + i * 16);
#else
        for (int i = 0; i < 16; i++)
            v[i] = LOADV(x + b_at + (i < pixels ? i : pixels - 1) * 16);
        transpose16(v);
        for (int c = 0; c < 16; c++)
            if (c < there)
                store_lanes(v[c], y + at + c * plane, pixels);
#endif
    }
}
