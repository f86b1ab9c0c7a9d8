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
    int possible = conv->groups == 1 && w->kernel[0] == 1 && w->in[0] == 1 && w->out[0] == 1;
    for (int i = 1; i < SPATIAL; i++)
        possible = possible && w->kernel[i] == 3 && w->stride[i] == 1 && w->dilation[i] == 1;
    return possible;
}

conv_algorithm winograd_choose(const conv_params *conv)
{
    enum { CHANNELS = 16, PAIRS = 1024, TILES = 16 };
    int64_t in = conv->in_channels, out = conv->out_channels;
    int64_t tiles = winograd_tiles(conv, 1) * winograd_tiles(conv, 2);
    int64_t pixels = conv->window.out[1] * conv->window.out[2];
    return is_possible(conv) && in >= CHANNELS && out >= CHANNELS && in * out >= PAIRS && tiles >= TILES &&
                   WINOGRAD_TILE * WINOGRAD_TILE * tiles <= 2 * pixels
               ? CONV_WINOGRAD
               : CONV_DIRECT;
}

/* Three weights to six positions; steps are distances between elements. */
static void transform_line(const double *g, int step, double *u, int u_step)
{
    double first = g[0], second = g[step], third = g[2 * step], ends = first + third;
    u[0] = first;
    u[u_step] = (ends + second) / 3;
    u[2 * u_step] = (second - ends) / 3;
    u[3 * u_step] = ((16 * first + 8 * second) + 4 * third) / -15;
    u[4 * u_step] = ((first - 2 * second) + 4 * third) / 15;
    u[5 * u_step] = third;
}

void winograd_weights(const float weights[9], float transformed[WINOGRAD_POSITIONS])
{
    double g[9], rows[3 * WINOGRAD_SPAN], u[WINOGRAD_POSITIONS];
    for (int i = 0; i < 9; i++)
        g[i] = (double)weights[i];
    for (int i = 0; i < 3; i++)
        transform_line(g + 3 * i, 1, rows + WINOGRAD_SPAN * i, 1);
    for (int j = 0; j < WINOGRAD_SPAN; j++)
        transform_line(rows + j, WINOGRAD_SPAN, u + j, WINOGRAD_SPAN);
    for (int i = 0; i < WINOGRAD_POSITIONS; i++)
        transformed[i] = (float)u[i];
}
