// Reads values of settings.
#include "config/value.h"

#include <string.h>

#include "base/text.h"

bool value_read_number(const char *text, uint64_t min, uint64_t max, const char **end, uint64_t *out)
{
    struct slice rest = slice_text(text);
    if (!text_take_number(&rest, out) || *out < min || *out > max || (end == NULL && rest.size > 0))
        return false;
    if (end != NULL)
        *end = (const char *)rest.data;
    return true;
}

enum status value_set_text(char *to, size_t size, const char *text, struct status_failure *failure)
{
    if (text[0] == '\0')
        return status_fail(failure, STATUS_INVALID_ARGUMENT, NULL, "is empty");
    if (strlen(text) >= size)
        return status_fail(failure, STATUS_INVALID_ARGUMENT, NULL, "is longer than %zu bytes", size - 1);
    memcpy(to, text, strlen(text) + 1);
    return STATUS_OK;
}

enum status value_set_size(uint64_t *to, const char *text, struct status_failure *failure)
{
    static const struct {
        const char *name;
        unsigned shift;
    } units[] = {{"", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}};
    const uint64_t min = UINT64_C(1) << 20, max = UINT64_C(1) << 46; // 64 TiB: half of the address space
    uint64_t value = 0;
    const char *unit = NULL;
    if (value_read_number(text, 1, max, &unit, &value))
        for (size_t i = 0; i < sizeof units / sizeof *units; i++)
            if (strcmp(unit, units[i].name) == 0 && value <= max >> units[i].shift && value << units[i].shift >= min) {
                *to = value << units[i].shift & ~UINT64_C(0xFFFF); // whole map pages, whatever their size
                return STATUS_OK;
            }
    return status_fail(failure, STATUS_INVALID_ARGUMENT, NULL,
                       "\"%s\" is not a size from 1MiB to 64TiB; for example 16GiB", text);
}

enum status value_set_number(uint32_t *to, const char *text, uint32_t min, uint32_t max, struct status_failure *failure)
{
    uint64_t value = 0;
    if (!value_read_number(text, min, max, NULL, &value))
        return status_fail(failure, STATUS_INVALID_ARGUMENT, NULL, "\"%s\" is not a number from %u to %u", text, min,
                           max);
    *to = (uint32_t)value;
    return STATUS_OK;
}
