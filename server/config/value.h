// Room-private: values that several settings have in common, read from text.
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

// A decimal number without sign or blanks, within bounds. `end`: what is behind it; NULL: nothing may be.
bool value_read_number(const char *text, uint64_t min, uint64_t max, const char **end, uint64_t *out)
    __attribute__((warn_unused_result));

// Each takes the value, a size as "16GiB" and in whole map pages.
// Errors of all of them: INVALID_ARGUMENT whose text shows the value, and an example or the bounds.
STATUS_MUST_CHECK enum status value_set_text(char *to, size_t size, const char *text, struct status_failure *failure);
STATUS_MUST_CHECK enum status value_set_number(uint32_t *to, const char *text, uint32_t min, uint32_t max,
                                               struct status_failure *failure);
STATUS_MUST_CHECK enum status value_set_size(uint64_t *to, const char *text, struct status_failure *failure);

#endif
