// What the tests of zones share: the system's zones, and small files of tzdata made by hand.
#ifndef UNIT_ZONE_FILE_H
#define UNIT_ZONE_FILE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "zone/zone.h"

enum { ZONE_HEADER_SIZE = 44 };

static inline size_t zone_read_system(const char *name, uint8_t out[ZONE_FILE_MAX])
{
    char path[256];
    (void)snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("%s: install tzdata", path);
    size_t size = fread(out, 1, ZONE_FILE_MAX, file);
    fclose(file);
    return size;
}

static inline struct zone *zone_of_system(const char *name)
{
    uint8_t *bytes = malloc(ZONE_FILE_MAX);
    struct zone *zone = NULL;
    assert_non_null(bytes);
    size_t size = zone_read_system(name, bytes);
    assert_int_equal(zone_parse(slice_text(name), slice_make(bytes, size), &zone), STATUS_OK);
    free(bytes);
    return zone;
}

static inline uint32_t zone_number(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

// Returns where the header of the 64-bit block is.
static inline size_t zone_second_header(const uint8_t *bytes)
{
    const uint8_t *counts = bytes + 20;
    return ZONE_HEADER_SIZE + zone_number(counts + 12) * 5 + zone_number(counts + 16) * 6 + zone_number(counts + 20) +
           zone_number(counts + 8) * 8 + zone_number(counts + 4) + zone_number(counts);
}

// Two empty blocks but for one type, and a rule.
struct zone_image {
    uint8_t bytes[512];
    size_t size;
};

static inline void zone_put(struct zone_image *image, const void *bytes, size_t size)
{
    memcpy(image->bytes + image->size, bytes, size);
    image->size += size;
}

static inline void zone_put_header(struct zone_image *image, uint8_t leaps, uint8_t types, uint8_t chars)
{
    uint8_t header[ZONE_HEADER_SIZE] = {'T', 'Z', 'i', 'f', '2'};
    header[31] = leaps;
    header[35] = types > 1 ? 1 : 0; // a jump to the second one
    header[39] = types;
    header[43] = chars;
    zone_put(image, header, sizeof header);
}

static inline void zone_image_build(struct zone_image *image, const char *footer, uint8_t leaps, int32_t offset_s)
{
    uint32_t offset = (uint32_t)offset_s;
    const uint8_t type[10] = {(uint8_t)(offset >> 24),
                              (uint8_t)(offset >> 16),
                              (uint8_t)(offset >> 8),
                              (uint8_t)offset,
                              0,
                              0,
                              'X',
                              'Y',
                              'Z',
                              0};
    static const uint8_t leap[12] = {0, 0, 0, 0, 4, 0x5e, 8, 0, 0, 0, 0, 1};
    *image = (struct zone_image){.size = 0};
    zone_put_header(image, 0, 0, 0);
    zone_put_header(image, leaps, 1, 4);
    zone_put(image, type, sizeof type);
    zone_put(image, leap, leaps * sizeof leap);
    zone_put(image, "\n", 1);
    zone_put(image, footer, strlen(footer));
    zone_put(image, "\n", 1);
}

// A zone in UTC whose clock is put back by an hour, once.
static inline struct zone *zone_put_back_at(int64_t t_s)
{
    static const uint8_t types[16] = {0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xf1, 0xf0, 0, 0, 'X', 'Y', 'Z', 0};
    struct zone_image image = {.size = 0};
    struct zone *zone = NULL;
    zone_put_header(&image, 0, 0, 0);
    zone_put_header(&image, 0, 2, 4);
    for (unsigned shift = 64; shift > 0; shift -= 8)
        zone_put(&image, &(uint8_t){(uint8_t)((uint64_t)t_s >> (shift - 8))}, 1);
    zone_put(&image, &(uint8_t){1}, 1);
    zone_put(&image, types, sizeof types);
    zone_put(&image, "\n\n", 2);
    assert_int_equal(zone_parse(slice_text("Test/Back"), slice_make(image.bytes, image.size), &zone), STATUS_OK);
    return zone;
}

static inline void zone_image_make(struct zone_image *image, const char *footer)
{
    zone_image_build(image, footer, 0, 0);
}

static inline void zone_image_make_leap(struct zone_image *image)
{
    zone_image_build(image, "UTC0", 1, 0);
}

static inline void zone_image_make_offset(struct zone_image *image, int32_t offset_s)
{
    zone_image_build(image, "", 0, offset_s);
}

#endif
