/* XXH3-128 over elements in order. Which result is NaN is specified, its payload is not, so floating-point
 * elements pass through a small buffer in which every NaN becomes the canonical one. */
#include "tensor.h"

#include <string.h>
#include <xxhash.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "digests are over little-endian elements");

enum { CHUNK_BYTES = 16384 };

typedef union chunk {
    uint16_t u16[CHUNK_BYTES / 2];
    uint32_t u32[CHUNK_BYTES / 4];
    uint64_t u64[CHUNK_BYTES / 8];
} chunk;

static void canonical_16(chunk *c, size_t size, uint16_t infinity, uint16_t nan)
{
    for (size_t i = 0; i < size / 2; i++)
        if ((c->u16[i] & 0x7FFF) > infinity)
            c->u16[i] = nan;
}

static void canonical_32(chunk *c, size_t size)
{
    for (size_t i = 0; i < size / 4; i++)
        if ((c->u32[i] & 0x7FFFFFFF) > 0x7F800000)
            c->u32[i] = 0x7FC00000;
}

static void canonical_64(chunk *c, size_t size)
{
    for (size_t i = 0; i < size / 8; i++)
        if ((c->u64[i] & INT64_MAX) > UINT64_C(0x7FF0000000000000))
            c->u64[i] = UINT64_C(0x7FF8000000000000);
}

static void add_elements(XXH3_state_t *state, clarus_dtype dtype, const char *data, size_t size)
{
    chunk c;
    while (size) {
        size_t n = size < sizeof c ? size : sizeof c;
        memcpy(&c, data, n);
        if (dtype == CLARUS_FLOAT32)
            canonical_32(&c, n);
        else if (dtype == CLARUS_FLOAT64)
            canonical_64(&c, n);
        else if (dtype == CLARUS_FLOAT16)
            canonical_16(&c, n, 0x7C00, 0x7E00);
        else if (dtype == CLARUS_BFLOAT16)
            canonical_16(&c, n, 0x7F80, 0x7FC0);
        XXH3_128bits_update(state, &c, n);
        data += n;
        size -= n;
    }
}

/* The part of the data that belongs to one item. */
static clarus_status find_part(const clarus_tensor *t, int64_t item, int64_t items, const char **data,
                               size_t *size, clarus_error *error)
{
    *data = t->data;
    *size = t->size_bytes;
    if (items <= 1)
        return CLARUS_OK;
    if (t->shape.rank == 0 || t->shape.dims[0] % items != 0) {
        char text[SHAPE_TEXT];
        return error_set(error, CLARUS_E_SHAPE,
                         "digest: the first dimension of %s cannot be cut into %lld parts",
                         shape_text(&t->shape, text), (long long)items);
    }
    *size /= (size_t)items;
    *data += *size * (size_t)item;
    return CLARUS_OK;
}

clarus_status clarus_tensors_digest(const clarus_tensor *const *tensors, size_t count, int64_t item,
                                    int64_t items, clarus_digest *digest, clarus_error *error)
{
    static const char digits[] = "0123456789abcdef";
    if (!digest || (count && !tensors))
        return error_set(error, CLARUS_E_ARGUMENT, "digest: a pointer is NULL");
    memset(digest, 0, sizeof *digest);
    if (items > 1 && (item < 0 || item >= items))
        return error_set(error, CLARUS_E_ARGUMENT, "digest: item %lld of %lld", (long long)item,
                         (long long)items);
    XXH3_state_t *state = XXH3_createState();
    if (!state)
        return error_memory(error, "digest");
    XXH3_128bits_reset(state);
    clarus_status status = CLARUS_OK;
    for (size_t i = 0; i < count && status == CLARUS_OK; i++) {
        const char *data = NULL;
        size_t size = 0;
        status = find_part(tensors[i], item, items, &data, &size, error);
        if (status == CLARUS_OK)
            add_elements(state, tensors[i]->dtype, data, size);
    }
    if (status == CLARUS_OK) {
        XXH128_canonical_t hash;
        XXH128_canonicalFromHash(&hash, XXH3_128bits_digest(state));
        for (size_t i = 0; i < sizeof hash.digest; i++) {
            digest->hex[2 * i] = digits[hash.digest[i] >> 4];
            digest->hex[2 * i + 1] = digits[hash.digest[i] & 15];
        }
    }
    XXH3_freeState(state);
    return status;
}
