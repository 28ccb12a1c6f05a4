// Reads a file of tzdata: the format TZif (RFC 8536), version 2 and later.
//
// The problem: the C library knows one zone at a time, and setting it (TZ, tzset) changes it for every thread, while an
// account may have any zone. What does it per zone was weighed: GLib's GTimeZone brings all of GLib into the daemon,
// cctz and Howard Hinnant's date are C++, and ICU has zones of its own in place of the system's, which an administrator
// keeps up to date; localtime_rz is NetBSD's. What is needed of the format fits here.
//
// A file is a header and a block of 32-bit times, which is skipped, then a header and a block of 64-bit times, and at
// last a rule for the time behind them, between two newlines. A block is arrays, one after the other: times of jumps,
// for each the number of its type, the types, their abbreviations, leap seconds, and two that only matter to a TZ
// without dates. All sizes are in the header and nothing is read beyond the bytes, whatever it says. A file with leap
// seconds ("right/") counts another time than Unix time, and is refused.
#include <string.h>

#include "zone/file.h"

enum {
    HEADER_SIZE = 44,
    COUNTS_AT = 20,
    TYPE_SIZE = 6,
    LEAP_SIZE = 4, // beside its time
    TYPES_MAX = 256
};

struct header {
    uint8_t version;
    uint32_t utc_count;
    uint32_t standard_count;
    uint32_t leap_count;
    uint32_t time_count;
    uint32_t type_count;
    uint32_t char_count;
};

static uint64_t read_number(const uint8_t *at, size_t size)
{
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++)
        number = number << 8 | at[i];
    return number;
}

static struct slice behind(struct slice bytes, size_t size)
{
    return slice_make(bytes.data + size, bytes.size - size);
}

static bool read_header(struct slice bytes, struct header *out)
{
    if (bytes.size < HEADER_SIZE || memcmp(bytes.data, "TZif", 4) != 0)
        return false;
    const uint8_t *counts = bytes.data + COUNTS_AT;
    *out = (struct header){.version = bytes.data[4],
                           .utc_count = (uint32_t)read_number(counts, 4),
                           .standard_count = (uint32_t)read_number(counts + 4, 4),
                           .leap_count = (uint32_t)read_number(counts + 8, 4),
                           .time_count = (uint32_t)read_number(counts + 12, 4),
                           .type_count = (uint32_t)read_number(counts + 16, 4),
                           .char_count = (uint32_t)read_number(counts + 20, 4)};
    return true;
}

// Counts have 32 bits, so the sum has room.
static uint64_t block_size(const struct header *header, uint64_t time_size)
{
    return header->time_count * (time_size + 1) + header->type_count * (uint64_t)TYPE_SIZE + header->char_count +
           header->leap_count * (time_size + LEAP_SIZE) + header->standard_count + (uint64_t)header->utc_count;
}

// Takes a header and the block behind it off. False when they are not all there.
static bool take_block(struct slice *bytes, uint64_t time_size, struct header *header, struct slice *block)
{
    if (!read_header(*bytes, header))
        return false;
    *bytes = behind(*bytes, HEADER_SIZE);
    uint64_t size = block_size(header, time_size);
    if (size > bytes->size)
        return false;
    *block = slice_make(bytes->data, (size_t)size);
    *bytes = behind(*bytes, (size_t)size);
    return true;
}

// --- the block of 64-bit times

static bool read_offsets(const struct header *header, const uint8_t *types, int32_t out[TYPES_MAX])
{
    for (uint32_t i = 0; i < header->type_count; i++) {
        out[i] = (int32_t)(uint32_t)read_number(types + (size_t)i * TYPE_SIZE, 4);
        if (out[i] < ZONE_OFFSET_MIN_S || out[i] > ZONE_OFFSET_MAX_S)
            return false;
    }
    return true;
}

// Before the first jump it is the first type. Jumps between equal offsets are left out.
static bool read_jumps(const struct header *header, struct slice block, struct zone *zone)
{
    const uint8_t *times = block.data;
    const uint8_t *numbers = times + (size_t)header->time_count * 8;
    int32_t offsets[TYPES_MAX];
    if (!read_offsets(header, numbers + header->time_count, offsets))
        return false;
    zone->jumps[0] = (struct zone_jump){INT64_MIN, offsets[0]};
    zone->count = 1;
    int64_t last_s = INT64_MIN;
    for (uint32_t i = 0; i < header->time_count; i++) {
        int64_t at_s = (int64_t)read_number(times + (size_t)i * 8, 8);
        if (at_s <= last_s || numbers[i] >= header->type_count)
            return false;
        last_s = at_s;
        if (i + 1 == header->time_count || offsets[numbers[i]] != zone->jumps[zone->count - 1].offset_s)
            zone->jumps[zone->count++] = (struct zone_jump){at_s, offsets[numbers[i]]};
    }
    return true;
}

// An empty rule: the last offset stays.
static bool read_footer(struct slice bytes, struct zone *zone)
{
    const uint8_t *end = bytes.size > 1 ? memchr(bytes.data + 1, '\n', bytes.size - 1) : NULL;
    if (end == NULL || bytes.data[0] != '\n')
        return false;
    struct slice text = slice_make(bytes.data + 1, (size_t)(end - bytes.data) - 1);
    zone->has_footer = text.size > 0;
    return text.size == 0 || zone_footer_parse(text, &zone->footer);
}

static bool is_readable(const struct header *header)
{
    return header->version >= '2' && header->leap_count == 0 && header->type_count >= 1 &&
           header->type_count <= TYPES_MAX;
}

enum status zone_parse(struct slice name, struct slice bytes, struct zone **out)
{
    struct header header;
    struct slice rest = bytes, block;
    *out = NULL;
    if (bytes.size > ZONE_FILE_MAX || !take_block(&rest, 4, &header, &block) || header.version < '2' ||
        !take_block(&rest, 8, &header, &block) || !is_readable(&header))
        return STATUS_DATA_LOSS;
    struct zone *zone = zone_new(name, (size_t)header.time_count + 1);
    if (zone == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    if (!read_jumps(&header, block, zone) || !read_footer(rest, zone)) {
        zone_free(zone);
        return STATUS_DATA_LOSS;
    }
    *out = zone;
    return STATUS_OK;
}
