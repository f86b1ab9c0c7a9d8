/* The outline of an ONNX file: the file without the bytes of its large tensors, which stay where they are. In
 * the place of such a tensor's raw_data stand two fields of our own (onnx.proto): where in the file they
 * begin, and how many they are. Lengths of the messages around shrink with it; a length may be written with
 * more bytes than it needs, so each is put right where it stands.
 *
 * Whatever is wrong, the outline is given up: who then reads the file whole says what it is. */
#include "onnx_parts.h"

#include <string.h>

enum { WINDOW = 64 << 10, MAX_DEPTH = 64, VARINT_BYTES = 10 };

typedef struct outline {
    const data_file *file;
    uint64_t at; /* the next byte to read */
    uint8_t *window;
    uint64_t window_start;
    size_t window_size;
    uint8_t *out;
    size_t used, capacity;
    int depth;
} outline;

/* The bytes at hand, at least one and at most `most`; 0 at the end of the file. */
static size_t look(outline *o, uint64_t most, const uint8_t **bytes)
{
    if (o->at < o->window_start || o->at - o->window_start >= o->window_size) {
        uint64_t left = o->at < o->file->size_bytes ? o->file->size_bytes - o->at : 0;
        size_t size = left < WINDOW ? (size_t)left : WINDOW;
        o->window_size = 0;
        if (data_file_read(o->file, o->at, o->window, size, NULL) != CLARUS_OK)
            return 0;
        o->window_start = o->at;
        o->window_size = size;
    }
    size_t skipped = (size_t)(o->at - o->window_start), there = o->window_size - skipped;
    *bytes = o->window + skipped;
    return there < most ? there : (size_t)most;
}

static int put(outline *o, const void *bytes, size_t size)
{
    void *out = o->out;
    if (size > SIZE_MAX - o->used || !memory_grow(o->file->context, &out, &o->capacity, o->used + size, 1))
        return 0;
    o->out = out;
    memcpy(o->out + o->used, bytes, size);
    o->used += size;
    return 1;
}

static int copy(outline *o, uint64_t count)
{
    const uint8_t *bytes;
    while (count) {
        size_t there = look(o, count, &bytes);
        if (!there || !put(o, bytes, there))
            return 0;
        o->at += there;
        count -= there;
    }
    return 1;
}

/* A number, and the bytes that it is written in. */
typedef struct varint {
    uint64_t value;
    uint8_t bytes[VARINT_BYTES];
    size_t size;
} varint;

static int read_varint(outline *o, uint64_t end, varint *v)
{
    const uint8_t *byte;
    *v = (varint){.size = 0};
    while (v->size < VARINT_BYTES && o->at < end && look(o, 1, &byte)) {
        v->value |= (uint64_t)(*byte & 0x7F) << 7 * v->size;
        v->bytes[v->size++] = *byte;
        o->at++;
        if (v->bytes[v->size - 1] < 0x80)
            return 1;
    }
    return 0;
}

/* In exactly `size` bytes. */
static void write_varint(uint64_t value, uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++, value >>= 7)
        bytes[i] = (uint8_t)((value & 0x7F) | (i + 1 < size ? 0x80 : 0));
}

static unsigned field_number(const char *name)
{
    return protobuf_c_message_descriptor_get_field_by_name(&onnx__tensor__descriptor, name)->id;
}

static int put_fixed(outline *o, unsigned number, uint64_t value)
{
    enum { FIXED64 = 1 };
    uint8_t bytes[2 + 8];
    write_varint(number << 3 | FIXED64, bytes, 2);
    for (int i = 0; i < 8; i++)
        bytes[2 + i] = (uint8_t)(value >> 8 * i);
    return put(o, bytes, sizeof bytes);
}

static int outline_message(outline *o, const ProtobufCMessageDescriptor *descriptor, uint64_t end);

/* A field of known length, whose tag has been read. */
static int outline_bytes(outline *o, const ProtobufCMessageDescriptor *descriptor, const varint *tag,
                         uint64_t end)
{
    varint length;
    unsigned number = (unsigned)(tag->value >> 3);
    if (!read_varint(o, end, &length) || length.value > end - o->at)
        return 0;
    if (descriptor == &onnx__tensor__descriptor && number == field_number("raw_data") &&
        length.value >= LEAST_LEFT_BYTES) {
        uint64_t offset = o->at;
        o->at += length.value;
        return put_fixed(o, field_number("file_offset"), offset) &&
               put_fixed(o, field_number("file_bytes"), length.value);
    }
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(descriptor, number);
    if (!put(o, tag->bytes, tag->size) || !put(o, length.bytes, length.size))
        return 0;
    if (!field || field->type != PROTOBUF_C_TYPE_MESSAGE)
        return copy(o, length.value);
    size_t start = o->used;
    if (++o->depth > MAX_DEPTH || !outline_message(o, field->descriptor, o->at + length.value))
        return 0;
    o->depth--;
    write_varint(o->used - start, o->out + start - length.size, length.size);
    return 1;
}

static int outline_field(outline *o, const ProtobufCMessageDescriptor *descriptor, uint64_t end)
{
    enum { VARINT, FIXED64, BYTES, START_GROUP, END_GROUP, FIXED32 };
    varint tag, value;
    if (!read_varint(o, end, &tag) || tag.value > UINT32_MAX || tag.value < 8)
        return 0;
    if (descriptor == &onnx__tensor__descriptor && tag.value >> 3 >= field_number("file_offset"))
        return 0; /* ours, or unheard of */
    uint64_t width = (tag.value & 7) == FIXED64 ? 8 : 4;
    switch (tag.value & 7) {
    case VARINT:
        return read_varint(o, end, &value) && put(o, tag.bytes, tag.size) && put(o, value.bytes, value.size);
    case BYTES:
        return outline_bytes(o, descriptor, &tag, end);
    case FIXED64:
    case FIXED32:
        return end - o->at >= width && put(o, tag.bytes, tag.size) && copy(o, width);
    default:
        return 0;
    }
}

static int outline_message(outline *o, const ProtobufCMessageDescriptor *descriptor, uint64_t end)
{
    while (o->at < end)
        if (!outline_field(o, descriptor, end))
            return 0;
    return 1;
}

void *onnx_outline(const data_file *file, size_t *size)
{
    outline o = {.file = file, .window = memory_alloc(file->context, WINDOW, 1)};
    int good = o.window && outline_message(&o, &onnx__model__descriptor, file->size_bytes);
    memory_free(file->context, o.window);
    *size = o.used;
    if (good)
        return o.out;
    memory_free(file->context, o.out);
    return NULL;
}
