/* The bound of a convolution that may be computed by Winograd's F(4x4, 3x3).
 *
 * With matrices A, B, G the outputs of a tile are A'[sum over c of U .. V]A, U = GgG', V = B'dB. In float32,
 * with unit roundoff u, to first order: a line of V has at most 3 roundings, so V is off by 6u |B|'|d||B|; U
 * by u |U|; a sum over C channels by sum_error(C) of its magnitudes; a line of outputs has at most 4, so
 * those are off by 8u. All of it is at most (sum_error(C) + 16u) W with W = |A|'[sum over c of |U| ..
 * |B|'|d||B|]|A|, where |B|'|d||B| also bounds |V|. */
#include "double.h"

#include "cpu.h"

#include <stdlib.h>

enum { TILE = 4, SPAN = 6, POSITIONS = SPAN * SPAN };

typedef struct magnitudes {
    const dtensor *x, *w;
    const int64_t *in, *out, *begin;                               /* height, width */
    int64_t in_channels, out_channels, group_in, tiles_x, tiles_y; /* in: of all groups */
    double *u;     /* [output][input channel of its group][36] */
    double *bound; /* W, row-major as the output */
} magnitudes;

static const double abs_a[TILE][SPAN] = {
    {1, 1, 1, 1, 1, 0}, {0, 1, 1, 0.5, 2, 0}, {0, 1, 1, 0.25, 4, 0}, {0, 1, 1, 0.125, 8, 1}};
static const double abs_b[SPAN][SPAN] = {{1, 1.5, 2, 1.5, 1, 0}, {0, 1, 0.5, 2.5, 1, 0},
                                         {0, 1, 2.5, 0.5, 1, 0}, {0, 2, 1, 2, 1, 0},
                                         {0, 0.5, 1, 0.5, 1, 0}, {0, 1, 1.5, 2, 1.5, 1}};
static const double g[SPAN][3] = {{1, 0, 0},
                                  {1.0 / 3, 1.0 / 3, 1.0 / 3},
                                  {-1.0 / 3, 1.0 / 3, -1.0 / 3},
                                  {-16.0 / 15, -8.0 / 15, -4.0 / 15},
                                  {1.0 / 15, -2.0 / 15, 4.0 / 15},
                                  {0, 0, 1}};

/* y[rows][rows] = M x[n][n] M' of a matrix M[rows][n]. */
static void sandwich(const double *m, int rows, int n, const double *x, double *y)
{
    double t[POSITIONS];
    for (int i = 0; i < n; i++)
        for (int j = 0; j < rows; j++) {
            t[i * rows + j] = 0;
            for (int k = 0; k < n; k++)
                t[i * rows + j] += m[j * n + k] * x[i * n + k];
        }
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < rows; j++) {
            y[i * rows + j] = 0;
            for (int k = 0; k < n; k++)
                y[i * rows + j] += m[i * n + k] * t[k * rows + j];
        }
}

static void weight_range(void *user, int64_t from, int64_t end)
{
    const magnitudes *m = user;
    for (int64_t k = from; k < end; k++) {
        sandwich(g[0], SPAN, 3, m->w->v + k * 9, m->u + k * POSITIONS);
        for (int i = 0; i < POSITIONS; i++)
            m->u[k * POSITIONS + i] = fabs(m->u[k * POSITIONS + i]);
    }
}

/* |x| and its error, 0 outside the picture. */
static void read_tile(const magnitudes *m, int64_t plane, int64_t ty, int64_t tx, double d[POSITIONS])
{
    for (int64_t i = 0; i < POSITIONS; i++) {
        int64_t y = ty * TILE - m->begin[0] + i / SPAN, x = tx * TILE - m->begin[1] + i % SPAN;
        int inside = y >= 0 && y < m->in[0] && x >= 0 && x < m->in[1];
        approx a = inside ? get(m->x, (plane * m->in[0] + y) * m->in[1] + x) : exactly(0);
        d[i] = fabs(a.v) + a.e;
    }
}

/* A tile of all output channels. */
static void tile_range(void *user, int64_t from, int64_t end)
{
    const magnitudes *m = user;
    double *v = need((size_t)(m->in_channels * POSITIONS), sizeof *v);
    for (int64_t n = from; n < end; n++) {
        int64_t tx = n % m->tiles_x, ty = n / m->tiles_x % m->tiles_y, image = n / m->tiles_x / m->tiles_y;
        for (int64_t c = 0; c < m->in_channels; c++) {
            double d[POSITIONS];
            read_tile(m, image * m->in_channels + c, ty, tx, d);
            sandwich(abs_b[0], SPAN, SPAN, d, v + c * POSITIONS);
        }
        for (int64_t o = 0; o < m->out_channels; o++) {
            double sum[POSITIONS] = {0}, y[TILE * TILE];
            int64_t groups = m->in_channels / m->group_in, group = o / (m->out_channels / groups);
            const double *u = m->u + o * m->group_in * POSITIONS, *from = v + group * m->group_in * POSITIONS;
            for (int64_t c = 0; c < m->group_in; c++)
                for (int i = 0; i < POSITIONS; i++)
                    sum[i] += u[c * POSITIONS + i] * from[c * POSITIONS + i];
            sandwich(abs_a[0], TILE, SPAN, sum, y);
            for (int64_t i = 0; i < TILE * TILE; i++) {
                int64_t oy = ty * TILE + i / TILE, ox = tx * TILE + i % TILE;
                if (oy < m->out[0] && ox < m->out[1])
                    m->bound[((image * m->out_channels + o) * m->out[0] + oy) * m->out[1] + ox] = y[i];
            }
        }
    }
    free(v);
}

double *winograd_errors(const dtensor *x, const dtensor *w, const int64_t in[2], const int64_t out[2],
                        const int64_t begin[2], int threads)
{
    int64_t images = x->shape.dims[0], pairs = w->shape.dims[0] * w->shape.dims[1];
    magnitudes m = {.x = x, .w = w, .in = in, .out = out, .begin = begin};
    m.in_channels = x->shape.dims[1];
    m.group_in = w->shape.dims[1];
    m.out_channels = w->shape.dims[0];
    m.tiles_x = (out[1] + TILE - 1) / TILE;
    m.tiles_y = (out[0] + TILE - 1) / TILE;
    int64_t count = images * m.out_channels * out[0] * out[1];
    m.u = need((size_t)(pairs * POSITIONS), sizeof *m.u);
    m.bound = need((size_t)count, sizeof *m.bound);
    cpu_parallel(threads, pairs, weight_range, &m);
    cpu_parallel(threads, images * m.tiles_y * m.tiles_x, tile_range, &m);
    for (int64_t k = 0; k < count; k++)
        m.bound[k] *= sum_error(m.group_in) + 16 * UNIT;
    free(m.u);
    return m.bound;
}
