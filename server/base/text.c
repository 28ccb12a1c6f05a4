// Reads numbers and bytes, and writes these and times, without C strings where text comes from outside.
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

bool text_take_number(struct slice *rest, uint64_t *out)
{
    size_t size = 0;
    *out = 0;
    while (size < rest->size && rest->data[size] >= '0' && rest->data[size] <= '9') {
        uint64_t digit = rest->data[size++] - (uint64_t)'0';
        if (*out > (UINT64_MAX - digit) / 10)
            return false;
        *out = *out * 10 + digit;
    }
    *rest = slice_make(rest->data + size, rest->size - size);
    return size > 0;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool text_take_hex(struct slice *rest, uint8_t *out, size_t size)
{
    if (rest->size / 2 < size)
        return false;
    for (size_t i = 0; i < size; i++) {
        int high = hex_digit(rest->data[2 * i]);
        int low = hex_digit(rest->data[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high * 16 + low);
    }
    *rest = slice_make(rest->data + 2 * size, rest->size - 2 * size);
    return true;
}

void text_format_hex(const uint8_t *bytes, size_t size, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * size] = '\0';
}

// --- times

const char *text_format_moment(uint64_t at_ms, char out[TEXT_TIME_SIZE])
{
    time_t at_s = (time_t)(at_ms / 1000);
    struct tm parts = {0};
    unsigned rest_ms = (unsigned)(at_ms % 1000);
    size_t used = gmtime_r(&at_s, &parts) != NULL ? strftime(out, TEXT_TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &parts) : 0;
    if (rest_ms > 0)
        (void)snprintf(out + used, TEXT_TIME_SIZE - used, ".%03uZ", rest_ms);
    else
        (void)snprintf(out + used, TEXT_TIME_SIZE - used, "Z");
    return out;
}

// "12.5 s": seconds without zeros at the end of their fraction.
static void format_seconds(uint64_t span_ms, char out[TEXT_TIME_SIZE])
{
    int used = snprintf(out, TEXT_TIME_SIZE, "%" PRIu64 ".%03u", span_ms / 1000, (unsigned)(span_ms % 1000));
    while (out[used - 1] == '0')
        used--;
    used -= out[used - 1] == '.';
    (void)snprintf(out + used, TEXT_TIME_SIZE - (size_t)used, " s");
}

const char *text_format_span(uint64_t span_ms, char out[TEXT_TIME_SIZE])
{
    static const struct {
        uint64_t ms;
        const char *one, *many;
    } units[] = {{86400000, "day", "days"}, {3600000, "h", "h"}, {60000, "min", "min"}, {1000, "s", "s"}};
    size_t i = 0;
    while (i < 3 && span_ms < units[i].ms)
        i++;
    if (i == 3) {
        format_seconds(span_ms, out);
        return out;
    }
    uint64_t count = span_ms / units[i].ms, rest = span_ms % units[i].ms / units[i + 1].ms;
    int used = snprintf(out, TEXT_TIME_SIZE, "%" PRIu64 " %s", count, count == 1 ? units[i].one : units[i].many);
    if (rest > 0)
        (void)snprintf(out + used, TEXT_TIME_SIZE - (size_t)used, " %" PRIu64 " %s", rest, units[i + 1].one);
    return out;
}
