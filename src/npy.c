/* The header is text such as
 *
 *     {'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, 224, 224), }
 *
 * with the three keys in any order. It is read by a cursor over untrusted bytes that never passes the
 * header's end; what is written is padded with spaces so that the data starts at a multiple of 64. */
#include "npy.h"

#include <stdio.h>
#include <string.h>

static const char magic[6] = {'\x93', 'N', 'U', 'M', 'P', 'Y'};
enum { ALIGNMENT = 64, PREFIX_V1 = 10, PREFIX_V2 = 12 };

static const struct {
    clarus_dtype dtype;
    const char *descr;
} descriptions[] = {
    {CLARUS_FLOAT32, "<f4"}, {CLARUS_FLOAT64, "<f8"}, {CLARUS_FLOAT16, "<f2"}, {CLARUS_UINT8, "|u1"},
    {CLARUS_INT8, "|i1"},    {CLARUS_UINT16, "<u2"},  {CLARUS_INT16, "<i2"},   {CLARUS_UINT32, "<u4"},
    {CLARUS_INT32, "<i4"},   {CLARUS_UINT64, "<u8"},  {CLARUS_INT64, "<i8"},   {CLARUS_BOOL, "|b1"},
};
enum { DESCRIPTIONS = sizeof descriptions / sizeof *descriptions };

typedef struct cursor {
    const char *at, *end;
} cursor;

typedef struct header {
    clarus_dtype dtype;
    char descr[16];
    int fortran_order;
    size_t rank;
    int64_t dims[CLARUS_MAX_RANK];
    int has_descr, has_order, has_shape;
} header;

static void skip_space(cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t'))
        c->at++;
}

static int take(cursor *c, char wanted)
{
    skip_space(c);
    if (c->at == c->end || *c->at != wanted)
        return 0;
    c->at++;
    return 1;
}

static int take_word(cursor *c, const char *word)
{
    size_t length = strlen(word);
    skip_space(c);
    if ((size_t)(c->end - c->at) < length || memcmp(c->at, word, length) != 0)
        return 0;
    c->at += length;
    return 1;
}

static int take_string(cursor *c, char *text, size_t room)
{
    skip_space(c);
    if (c->at == c->end || (*c->at != '\'' && *c->at != '"'))
        return 0;
    char quote = *c->at++;
    size_t length = 0;
    while (c->at < c->end && *c->at != quote && length + 1 < room)
        text[length++] = *c->at++;
    text[length] = '\0';
    return take(c, quote);
}

static int take_dimension(cursor *c, int64_t *value)
{
    skip_space(c);
    int64_t n = 0;
    const char *start = c->at;
    while (c->at < c->end && *c->at >= '0' && *c->at <= '9') {
        if (n > (INT64_MAX - 9) / 10)
            return 0;
        n = n * 10 + (*c->at++ - '0');
    }
    *value = n;
    return c->at > start;
}

static int take_shape(cursor *c, header *h)
{
    h->rank = 0;
    if (!take(c, '('))
        return 0;
    while (!take(c, ')')) {
        if (h->rank == CLARUS_MAX_RANK || !take_dimension(c, &h->dims[h->rank]))
            return 0;
        h->rank++;
        if (!take(c, ',')) /* a comma, or the end */
            return take(c, ')');
    }
    return 1;
}

static int take_order(cursor *c, header *h)
{
    h->fortran_order = take_word(c, "True");
    return h->fortran_order || take_word(c, "False");
}

static int take_entry(cursor *c, header *h)
{
    char key[16];
    if (!take_string(c, key, sizeof key) || !take(c, ':'))
        return 0;
    if (strcmp(key, "descr") == 0)
        return h->has_descr = take_string(c, h->descr, sizeof h->descr);
    if (strcmp(key, "fortran_order") == 0)
        return h->has_order = take_order(c, h);
    if (strcmp(key, "shape") == 0)
        return h->has_shape = take_shape(c, h);
    return 0;
}

static clarus_status parse_header(cursor c, header *h, clarus_error *error)
{
    int ok = take(&c, '{');
    while (ok && !take(&c, '}')) {
        ok = take_entry(&c, h);
        if (ok && !take(&c, ',')) {
            ok = take(&c, '}');
            break;
        }
    }
    if (!ok || !h->has_descr || !h->has_order || !h->has_shape)
        return error_set(
            error, CLARUS_E_FORMAT,
            "npy: the header is not a dictionary of descr, fortran_order and shape of at most %d "
            "dimensions",
            CLARUS_MAX_RANK);
    for (size_t i = 0; i < DESCRIPTIONS; i++)
        if (strcmp(h->descr, descriptions[i].descr) == 0)
            h->dtype = descriptions[i].dtype;
    if (!h->dtype)
        return error_set(error, CLARUS_E_UNSUPPORTED, "npy: elements of type '%s' are not supported",
                         h->descr);
    if (h->fortran_order && h->rank > 1)
        return error_set(error, CLARUS_E_UNSUPPORTED, "npy: Fortran order is not supported");
    return CLARUS_OK;
}

/* Finds the header's text; *data is the offset of what follows it. */
static clarus_status find_header(const unsigned char *bytes, size_t size, cursor *text, size_t *data,
                                 clarus_error *error)
{
    unsigned version = size > 6 ? bytes[6] : 0;
    size_t prefix = version == 1 ? PREFIX_V1 : PREFIX_V2, length = 0;
    if (version < 1 || version > 3)
        return error_set(error, CLARUS_E_UNSUPPORTED, "npy: version %u of the format is not supported",
                         version);
    if (size < prefix)
        return error_set(error, CLARUS_E_FORMAT, "npy: ends after %zu bytes, inside the header", size);
    for (size_t i = prefix; i-- > 8;)
        length = length << 8 | bytes[i];
    if (length > size - prefix)
        return error_set(error, CLARUS_E_FORMAT, "npy: ends after %zu bytes, inside the header of %zu bytes",
                         size, length);
    text->at = (const char *)bytes + prefix;
    text->end = text->at + length;
    *data = prefix + length;
    return CLARUS_OK;
}

int npy_is(const void *bytes, size_t size)
{
    return size >= sizeof magic && memcmp(bytes, magic, sizeof magic) == 0;
}

clarus_status npy_parse(clarus_context *context, const void *bytes, size_t size, clarus_tensor **tensor,
                        clarus_error *error)
{
    header h = {0};
    cursor text = {NULL, NULL};
    size_t data = 0;
    clarus_status status = find_header(bytes, size, &text, &data, error);
    if (status == CLARUS_OK)
        status = parse_header(text, &h, error);
    if (status != CLARUS_OK)
        return status;
    /* Compared before anything of the claimed size is allocated. */
    shape s = {h.rank, {0}};
    memcpy(s.dims, h.dims, sizeof s.dims);
    int64_t count = 0;
    size_t element = clarus_dtype_size(h.dtype);
    char shape_name[SHAPE_TEXT];
    if (!shape_count(&s, &count) || (uint64_t)count != (size - data) / element || (size - data) % element)
        return error_set(error, CLARUS_E_FORMAT, "npy: shape %s of %s does not match the %zu bytes of data",
                         shape_text(&s, shape_name), clarus_dtype_name(h.dtype), size - data);
    status = clarus_tensor_create(context, h.dtype, h.rank, h.dims, tensor, error);
    if (status == CLARUS_OK && size > data)
        memcpy((*tensor)->data, (const char *)bytes + data, size - data);
    return status;
}

static const char *find_description(clarus_dtype dtype)
{
    for (size_t i = 0; i < DESCRIPTIONS; i++)
        if (descriptions[i].dtype == dtype)
            return descriptions[i].descr;
    return NULL;
}

/* The whole header with magic number and padding; its length. */
static size_t format_header(const clarus_tensor *t, const char *descr, char *out, size_t room)
{
    int n = snprintf(out + PREFIX_V1, room - PREFIX_V1, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                     descr);
    size_t used = PREFIX_V1 + (size_t)n;
    for (size_t i = 0; i < t->shape.rank; i++)
        used += (size_t)snprintf(out + used, room - used, "%lld,%s", (long long)t->shape.dims[i],
                                 i + 1 < t->shape.rank ? " " : "");
    used += (size_t)snprintf(out + used, room - used, "), }");
    size_t total = (used + 1 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    memset(out + used, ' ', total - used);
    out[total - 1] = '\n';
    memcpy(out, magic, sizeof magic);
    out[6] = 1;
    out[7] = 0;
    out[8] = (char)((total - PREFIX_V1) & 255);
    out[9] = (char)((total - PREFIX_V1) >> 8);
    return total;
}

clarus_status npy_format(const clarus_tensor *tensor, void **bytes, size_t *size, clarus_error *error)
{
    char text[512];
    *bytes = NULL;
    const char *descr = find_description(tensor->dtype);
    if (!descr)
        return error_set(error, CLARUS_E_UNSUPPORTED, "npy: has no type for %s",
                         clarus_dtype_name(tensor->dtype));
    size_t header_size = format_header(tensor, descr, text, sizeof text);
    char *file = tensor->size_bytes < SIZE_MAX - header_size
                     ? memory_alloc(tensor->context, header_size + tensor->size_bytes, 1)
                     : NULL;
    if (!file)
        return error_memory(error, "npy");
    memcpy(file, text, header_size);
    if (tensor->size_bytes)
        memcpy(file + header_size, tensor->data, tensor->size_bytes);
    *bytes = file;
    *size = header_size + tensor->size_bytes;
    return CLARUS_OK;
}
