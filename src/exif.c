/* EXIF is a TIFF file: byte order ("II" or "MM"), the number 42, the offset of the first directory; a
 * directory is a count and as many entries of 12 bytes: tag, type, count, and the value itself where it fits
 * in 4 bytes. Orientation is tag 0x0112 of the first directory. */
#include "exif.h"

enum { TAG_ORIENTATION = 0x0112, TYPE_BYTE = 1, TYPE_SHORT = 3, TYPE_LONG = 4, ENTRY_BYTES = 12 };

static uint32_t read_number(const uint8_t *p, size_t count, int little)
{
    uint32_t value = 0;
    for (size_t i = 0; i < count; i++)
        value = value << 8 | p[little ? count - 1 - i : i];
    return value;
}

static int entry_value(const uint8_t *entry, int little)
{
    uint32_t type = read_number(entry + 2, 2, little);
    size_t bytes = type == TYPE_BYTE ? 1 : type == TYPE_SHORT ? 2 : type == TYPE_LONG ? 4 : 0;
    uint32_t value = read_number(entry + 8, bytes, little);
    return value >= 1 && value <= 8 ? (int)value : 1;
}

int exif_orientation(const uint8_t *tiff, size_t size_bytes)
{
    if (size_bytes < 8 || tiff[0] != tiff[1] || (tiff[0] != 'I' && tiff[0] != 'M'))
        return 1;
    int little = tiff[0] == 'I';
    size_t directory = read_number(tiff + 4, 4, little);
    if (read_number(tiff + 2, 2, little) != 42 || directory > size_bytes - 2)
        return 1;
    size_t count = read_number(tiff + directory, 2, little);
    size_t room = (size_bytes - directory - 2) / ENTRY_BYTES;
    for (size_t i = 0; i < count && i < room; i++) {
        const uint8_t *entry = tiff + directory + 2 + i * ENTRY_BYTES;
        if (read_number(entry, 2, little) == TAG_ORIENTATION)
            return entry_value(entry, little);
    }
    return 1;
}
