#include "packing.h"

#include "cpu.h"
#include "layout.h"
#include "winograd.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

/* ---- pieces ------------------------------------------------------------------------------------ */

/* Workers take one piece after the other from a counter, until one fails. */
typedef struct packing_job {
    const lowered_graph *graph;
    const packing *const *packings;
    float *const *out;
    size_t count;
    int64_t *ends; /* per packing: pieces of it and of those before */
    _Atomic int64_t next;
    pthread_mutex_t lock; /* of what follows */
    clarus_status status;
    clarus_error *error;
} packing_job;

/* A worker's memory for pieces that are read from a file. */
typedef struct piece_memory {
    float *data;
    size_t capacity;
} piece_memory;

static clarus_status pack_piece(const packing_job *job, size_t number, int64_t piece, piece_memory *memory,
                                clarus_error *error)
{
    const packing *p = job->packings[number];
    const lowered_value *v = &job->graph->values[p->value];
    int64_t first = p->form->first(p->what, piece), end = p->form->first(p->what, piece + 1);
    const float *from = v->data;
    if (from) {
        p->form->pack(p->what, piece, from + first, job->out[number]);
        return CLARUS_OK;
    }
    void *data = memory->data;
    int grown =
        memory_grow(job->graph->context, &data, &memory->capacity, (size_t)(end - first), sizeof *from);
    memory->data = data;
    clarus_status status = grown ? CLARUS_OK : error_memory(error, v->name);
    if (status == CLARUS_OK)
        status = lowered_read(job->graph, p->value, first, end - first, memory->data, error);
    if (status == CLARUS_OK)
        p->form->pack(p->what, piece, memory->data, job->out[number]);
    return status;
}

/* The first failure is the one that is told; there is nothing left for the others to take. */
static void stop_job(packing_job *job, clarus_status status, const clarus_error *error)
{
    pthread_mutex_lock(&job->lock);
    if (job->status == CLARUS_OK) {
        job->status = status;
        if (job->error)
            *job->error = *error;
    }
    pthread_mutex_unlock(&job->lock);
    atomic_store(&job->next, job->ends[job->count - 1]);
}

static void pack_pieces(void *user, int64_t begin, int64_t end)
{
    packing_job *job = user;
    piece_memory memory = {NULL, 0};
    clarus_error error = {0};
    clarus_status status = CLARUS_OK;
    size_t number = 0;
    (void)begin, (void)end;
    while (status == CLARUS_OK) {
        int64_t piece = atomic_fetch_add(&job->next, 1);
        while (number < job->count && piece >= job->ends[number])
            number++;
        if (number == job->count)
            break;
        status = pack_piece(job, number, number ? piece - job->ends[number - 1] : piece, &memory, &error);
    }
    if (status != CLARUS_OK)
        stop_job(job, status, &error);
    memory_free(job->graph->context, memory.data);
}

clarus_status packing_run(const lowered_graph *graph, const packing *const *packings, float *const *out,
                          size_t count, int threads, clarus_error *error)
{
    int64_t pieces = 0;
    packing_job job = {.graph = graph, .packings = packings, .out = out, .count = count, .error = error};
    job.ends = memory_alloc(graph->context, count, sizeof *job.ends);
    if (!job.ends)
        return error_memory(error, "packed weights");
    for (size_t i = 0; i < count; i++)
        job.ends[i] = pieces += packings[i]->form->pieces(packings[i]->what);
    if (threads > pieces)
        threads = pieces > 1 ? (int)pieces : 1;
    pthread_mutex_init(&job.lock, NULL);
    cpu_parallel(threads, threads, pack_pieces, &job);
    pthread_mutex_destroy(&job.lock);
    memory_free(graph->context, job.ends);
    return job.status;
}

/* Rows to columns: out[k][i] is from[i][k] for i < real, else 0; steps are between rows. */
static void transpose_block(const float *from, int64_t from_step, int64_t real, int64_t k_count, float *out,
                            int64_t out_step)
{
    for (int64_t k = 0; k < k_count; k++) {
        float *to = out + k * out_step;
        for (int64_t i = 0; i < real; i++)
            to[i] = from[i * from_step + k];
        for (int64_t i = real; i < LAYOUT_BLOCK; i++)
            to[i] = 0;
    }
}

/* ---- direct sums ------------------------------------------------------------------------------- */

static int64_t tile_pieces(const void *what)
{
    const weight_packing *pack = what;
    return pack->groups * pack->tiles;
}

static int64_t tile_first(const void *what, int64_t piece)
{
    const weight_packing *pack = what;
    int64_t output = piece / pack->tiles * pack->group_out + piece % pack->tiles * pack->width;
    return output * pack->group_in * pack->taps;
}

/* The outputs of a tile that are there. */
static int64_t real_outputs(int64_t outputs, int64_t width, int64_t tile)
{
    return min64(width, outputs - tile * width);
}

/* A block of channels of a block of outputs: [output][channel][tap] to [tap][channel][output]. */
static void pack_channels(const weight_packing *pack, const float *from, int64_t real, int64_t channels,
                          float *out)
{
    int64_t row = pack->group_in * pack->taps;
    if (pack->taps == 1) {
        transpose_block(from, row, real, channels, out, pack->width);
        return;
    }
    for (int64_t c = 0; c < channels; c++)
        transpose_block(from + c * pack->taps, row, real, pack->taps, out + c * pack->width,
                        channels * pack->width);
}

static void pack_tile(const void *what, int64_t piece, const float *from, float *out)
{
    const weight_packing *pack = what;
    int64_t row = pack->group_in * pack->taps;
    int64_t real = real_outputs(pack->group_out, pack->width, piece % pack->tiles);
    out += piece * pack->width * row;
    for (int64_t o = 0; o < pack->width; o += LAYOUT_BLOCK)
        for (int64_t c = 0; c < pack->group_in; c += LAYOUT_BLOCK) {
            int64_t rest = o < real ? min64(LAYOUT_BLOCK, real - o) : 0;
            pack_channels(pack, from + (rest ? o * row : 0) + c * pack->taps, rest,
                          min64(LAYOUT_BLOCK, pack->group_in - c), out + c * pack->taps * pack->width + o);
        }
}

const packing_form packing_tiles = {tile_pieces, tile_first, pack_tile};

static int64_t depthwise_pieces(const void *what)
{
    const weight_packing *pack = what;
    return div_up(pack->outputs, LAYOUT_BLOCK);
}

static int64_t depthwise_first(const void *what, int64_t piece)
{
    const weight_packing *pack = what;
    return min64(piece * LAYOUT_BLOCK, pack->outputs) * pack->group_in * pack->taps;
}

static void pack_depthwise(const void *what, int64_t piece, const float *from, float *out)
{
    const weight_packing *pack = what;
    int64_t row = pack->group_in * pack->taps, real = real_outputs(pack->outputs, LAYOUT_BLOCK, piece);
    out += piece * LAYOUT_BLOCK * row;
    for (int64_t c = 0; c < pack->group_in; c++)
        transpose_block(from + c * pack->taps, row, real, pack->taps, out + c * LAYOUT_BLOCK,
                        pack->group_in * LAYOUT_BLOCK);
}

const packing_form packing_depthwise = {depthwise_pieces, depthwise_first, pack_depthwise};

/* ---- Winograd ---------------------------------------------------------------------------------- */

static int64_t winograd_pieces(const void *what)
{
    const weight_packing *pack = what;
    return pack->groups / WINOGRAD_POSITIONS * pack->tiles;
}

/* Outputs of a group, which positions share. */
static int64_t winograd_outputs(const weight_packing *pack)
{
    return pack->outputs / (pack->groups / WINOGRAD_POSITIONS);
}

static int64_t winograd_first(const void *what, int64_t piece)
{
    const weight_packing *pack = what;
    int64_t output = piece / pack->tiles * winograd_outputs(pack) + piece % pack->tiles * pack->width;
    return output * pack->group_in * 9;
}

/* One tile of output channels at all positions, which are `step` elements apart. */
static void transform_tile(const weight_packing *pack, int64_t piece, const float *from, int64_t step,
                           float *out)
{
    int64_t real = real_outputs(winograd_outputs(pack), pack->width, piece % pack->tiles);
    for (int64_t o = 0; o < pack->width; o += WINOGRAD_LANES)
        for (int64_t c = 0; c < pack->group_in; c++) {
            float u[WINOGRAD_POSITIONS][WINOGRAD_LANES];
            int64_t rest = o < real ? min64(WINOGRAD_LANES, real - o) : 0;
            winograd_weights(from + (rest ? o : 0) * pack->group_in * 9 + c * 9, pack->group_in * 9, rest, u);
            for (int64_t i = 0; i < WINOGRAD_POSITIONS; i++)
                memcpy(out + i * step + c * pack->width + o, u[i], sizeof u[i]);
        }
}

static void pack_positions_first(const void *what, int64_t piece, const float *from, float *out)
{
    const weight_packing *pack = what;
    int64_t size = pack->group_in * pack->width;
    transform_tile(pack, piece, from, winograd_pieces(pack) * size, out + piece * size);
}

static void pack_tiles_first(const void *what, int64_t piece, const float *from, float *out)
{
    const weight_packing *pack = what;
    int64_t size = pack->group_in * pack->width;
    transform_tile(pack, piece, from, size, out + piece * WINOGRAD_POSITIONS * size);
}

const packing_form packing_positions_first = {winograd_pieces, winograd_first, pack_positions_first};
const packing_form packing_tiles_first = {winograd_pieces, winograd_first, pack_tiles_first};

/* ---- matrices ---------------------------------------------------------------------------------- */

/* Rows of [K][N] in a piece. */
static int64_t piece_rows(const matrix_packing *pack)
{
    enum { PIECE = 1 << 16 };
    return pack->n > 0 && pack->n < PIECE ? PIECE / pack->n : 1;
}

static int64_t matrix_pieces(const void *what)
{
    const matrix_packing *pack = what;
    return pack->matrices * div_up(pack->k, piece_rows(pack));
}

static int64_t matrix_first(const void *what, int64_t piece)
{
    const matrix_packing *pack = what;
    int64_t rows = piece_rows(pack), pieces = div_up(pack->k, rows);
    return (piece / pieces * pack->k + piece % pieces * rows) * pack->n;
}

static void pack_rows(const void *what, int64_t piece, const float *from, float *out)
{
    const matrix_packing *pack = what;
    int64_t rows = piece_rows(pack), pieces = div_up(pack->k, rows), tiles = div_up(pack->n, pack->width);
    int64_t first = piece % pieces * rows, end = min64(first + rows, pack->k);
    out += piece / pieces * tiles * pack->k * pack->width;
    for (int64_t k = first; k < end; k++, from += pack->n)
        for (int64_t tile = 0; tile < tiles; tile++) {
            float *to = out + (tile * pack->k + k) * pack->width;
            int64_t real = real_outputs(pack->n, pack->width, tile);
            memcpy(to, from + tile * pack->width, (size_t)real * sizeof *to);
            memset(to + real, 0, (size_t)(pack->width - real) * sizeof *to);
        }
}

const packing_form packing_matrix = {matrix_pieces, matrix_first, pack_rows};

static int64_t transposed_pieces(const void *what)
{
    const matrix_packing *pack = what;
    return pack->matrices * div_up(pack->n, pack->width);
}

static int64_t transposed_first(const void *what, int64_t piece)
{
    const matrix_packing *pack = what;
    int64_t tiles = div_up(pack->n, pack->width);
    return (piece / tiles * pack->n + piece % tiles * pack->width) * pack->k;
}

static void pack_columns(const void *what, int64_t piece, const float *from, float *out)
{
    const matrix_packing *pack = what;
    int64_t real = real_outputs(pack->n, pack->width, piece % div_up(pack->n, pack->width));
    out += piece * pack->k * pack->width;
    for (int64_t n = 0; n < pack->width; n += LAYOUT_BLOCK)
        for (int64_t k = 0; k < pack->k; k += LAYOUT_BLOCK) {
            int64_t rest = n < real ? min64(LAYOUT_BLOCK, real - n) : 0;
            transpose_block(from + (rest ? n * pack->k : 0) + k, pack->k, rest,
                            min64(LAYOUT_BLOCK, pack->k - k), out + k * pack->width + n, pack->width);
        }
}

const packing_form packing_transposed_matrix = {transposed_pieces, transposed_first, pack_columns};
