/* A walk over the wire format, guided by the message descriptors that protobuf-c generates. It finds damage
 * with its byte, and counts: a message of two bytes becomes a struct of some hundred, so a small hostile file
 * could otherwise fill the memory. Graphs nest in attributes; how deep is bounded, for every reader's stack.
 */
#include "onnx_parts.h"

enum { MAX_FIELDS = 1 << 22, MAX_MESSAGES = 1 << 20, MAX_DEPTH = 64 };

typedef struct scan {
    const uint8_t *p, *end;
    size_t fields, messages;
    int depth, too_deep;
} scan;

static int read_varint(scan *s, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 70 && s->p < s->end; shift += 7) {
        uint8_t byte = *s->p++;
        if (shift < 64)
            *value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80)
            return 1;
    }
    return 0;
}

static int scan_message(scan *s, const ProtobufCMessageDescriptor *descriptor, const uint8_t *end);

/* A field of known length: a message, or bytes to step over. */
static int scan_bytes(scan *s, const ProtobufCFieldDescriptor *field)
{
    uint64_t length;
    if (!read_varint(s, &length) || length > (uint64_t)(s->end - s->p))
        return 0;
    const uint8_t *end = s->p + length;
    if (!field || field->type != PROTOBUF_C_TYPE_MESSAGE) {
        s->p = end;
        return 1;
    }
    s->messages++;
    s->too_deep |= s->depth == MAX_DEPTH;
    if (s->too_deep)
        return 0;
    s->depth++;
    int good = scan_message(s, field->descriptor, end);
    s->depth--;
    return good;
}

static int scan_field(scan *s, const ProtobufCMessageDescriptor *descriptor)
{
    enum { VARINT, FIXED64, BYTES, START_GROUP, END_GROUP, FIXED32 };
    uint64_t tag, skipped;
    if (!read_varint(s, &tag) || tag > UINT32_MAX || tag < 8)
        return 0;
    size_t width = (tag & 7) == FIXED64 ? 8 : 4;
    switch (tag & 7) {
    case VARINT:
        return read_varint(s, &skipped);
    case BYTES:
        return scan_bytes(s, protobuf_c_message_descriptor_get_field(descriptor, (unsigned)(tag >> 3)));
    case FIXED64:
    case FIXED32:
        if ((size_t)(s->end - s->p) < width)
            return 0;
        s->p += width;
        return 1;
    default:
        return 0;
    }
}

static int scan_message(scan *s, const ProtobufCMessageDescriptor *descriptor, const uint8_t *end)
{
    const uint8_t *outer = s->end;
    s->end = end;
    while (s->p < end)
        if (++s->fields > MAX_FIELDS || s->messages > MAX_MESSAGES || !scan_field(s, descriptor))
            return 0;
    s->end = outer;
    return 1;
}

clarus_status onnx_scan(const ProtobufCMessageDescriptor *descriptor, const uint8_t *bytes, size_t size,
                        clarus_error *error)
{
    scan s = {bytes, bytes + size, 0, 0, 0, 0};
    if (scan_message(&s, descriptor, bytes + size))
        return CLARUS_OK;
    if (s.too_deep)
        return error_set(error, CLARUS_E_LIMIT, "messages nest deeper than %d at byte %zu", MAX_DEPTH,
                         (size_t)(s.p - bytes));
    if (s.fields > MAX_FIELDS || s.messages > MAX_MESSAGES)
        return error_set(error, CLARUS_E_LIMIT,
                         "more than %d fields or %d messages: too many for an image network", MAX_FIELDS,
                         MAX_MESSAGES);
    return error_set(error, CLARUS_E_FORMAT, "%s, or damaged or truncated: wrong at byte %zu of %zu",
                     descriptor == &onnx__model__descriptor ? "not an ONNX file"
                                                            : "neither .npy nor a tensor of ONNX",
                     (size_t)(s.p - bytes), size);
}

/* Unpacking allocates from an arena, where freeing does nothing: the message lives as long as its graph. */
typedef struct unpacking {
    arena *arena;
    int out_of_memory;
} unpacking;

static void *unpack_alloc(void *user, size_t size)
{
    unpacking *u = user;
    void *memory = arena_alloc(u->arena, size, 1, size < 1024 ? 16 : 64);
    u->out_of_memory |= !memory;
    return memory;
}

static void unpack_free(void *user, void *memory)
{
    (void)user, (void)memory;
}

clarus_status onnx_unpack(const ProtobufCMessageDescriptor *descriptor, const void *bytes, size_t size,
                          arena *arena, ProtobufCMessage **message, clarus_error *error)
{
    clarus_status status = onnx_scan(descriptor, bytes, size, error);
    if (status != CLARUS_OK)
        return status;
    unpacking u = {arena, 0};
    ProtobufCAllocator allocator = {unpack_alloc, unpack_free, &u};
    *message = protobuf_c_message_unpack(descriptor, &allocator, size, bytes);
    if (*message)
        return CLARUS_OK;
    return u.out_of_memory ? error_memory(error, "model")
                           : error_set(error, CLARUS_E_FORMAT, "a field of the ONNX file has a wrong type");
}
