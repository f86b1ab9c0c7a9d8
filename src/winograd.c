#include "winograd.h"

#include "layout.h"

int64_t winograd_tiles(const conv_params *conv, int axis)
{
    return div_up(conv->window.out[axis], WINOGRAD_TILE);
}

/* 1 if the algorithm can compute it. */
static int is_possible(const conv_params *conv)
{
    const window *w = &conv->window;
    int possible = w->kernel[0] == 1 && w->in[0] == 1 && w->out[0] == 1;
    for (int i = 1; i < SPATIAL; i++)
        possible = possible && w->kernel[i] == 3 && w->stride[i] == 1 && w->dilation[i] == 1;
    return possible;
}

conv_algorithm winograd_choose(const conv_params *conv)
{
    enum { CHANNELS = 16, FEW_TILES = 4, TILES = 16, PAIRS = 1024 };
    int64_t in = conv->in_channels / conv->groups, out = conv->out_channels / conv->groups;
    int whole = conv->groups == 1 || (in % CHANNELS == 0 && out % CHANNELS == 0);
    int64_t tiles = winograd_tiles(conv, 1) * winograd_tiles(conv, 2);
    int64_t pixels = conv->window.out[1] * conv->window.out[2];
    return is_possible(conv) && whole && in >= CHANNELS && out >= CHANNELS && tiles >= FEW_TILES &&
                   (tiles >= TILES || in * out <= PAIRS * tiles) &&
                   WINOGRAD_TILE * WINOGRAD_TILE * tiles <= 2 * pixels
               ? CONV_WINOGRAD
               : CONV_DIRECT;
}

typedef double lanes[WINOGRAD_LANES];

/* Three weights to six positions; steps are distances between elements. */
static void transform_line(const lanes *g, int step, lanes *u, int u_step)
{
    for (int k = 0; k < WINOGRAD_LANES; k++) {
        double first = g[0][k], second = g[step][k], third = g[2 * step][k], ends = first + third;
        u[0][k] = first;
        u[u_step][k] = (ends + second) / 3;
        u[2 * u_step][k] = (second - ends) / 3;
        u[3 * u_step][k] = ((16 * first + 8 * second) + 4 * third) / -15;
        u[4 * u_step][k] = ((first - 2 * second) + 4 * third) / 15;
        u[5 * u_step][k] = third;
    }
}

void winograd_weights(const float *weights, int64_t step, int64_t count,
                      float transformed[WINOGRAD_POSITIONS][WINOGRAD_LANES])
{
    lanes g[9] = {{0}}, rows[3 * WINOGRAD_SPAN], u[WINOGRAD_POSITIONS];
    for (int64_t k = 0; k < count; k++)
        for (int i = 0; i < 9; i++)
            g[i][k] = (double)weights[k * step + i];
    for (int i = 0; i < 3; i++)
        transform_line(g + 3 * i, 1, rows + WINOGRAD_SPAN * i, 1);
    for (int j = 0; j < WINOGRAD_SPAN; j++)
        transform_line(rows + j, WINOGRAD_SPAN, u + j, WINOGRAD_SPAN);
    for (int i = 0; i < WINOGRAD_POSITIONS; i++)
        for (int k = 0; k < WINOGRAD_LANES; k++)
            transformed[i][k] = (float)u[i][k];
}
