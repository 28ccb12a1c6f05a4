// Presented tokens: what is accepted is exactly what formatting makes.
#include <stdlib.h>
#include <string.h>

#include "key/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct key_token token;
    bool id_known = false;
    struct slice text = slice_make(data, size);
    char again[KEY_TOKEN_MAX + 1];
    uint8_t id[KEY_ID_SIZE];
    if (key_id_parse(text, id)) {
        key_id_format(id, again);
        if (size != KEY_ID_TEXT_SIZE || memcmp(again, data, size) != 0)
            abort();
    }
    if (!key_token_parse(text, &token, &id_known))
        return 0;
    if (!id_known || key_token_format(&token, again) != size || memcmp(again, data, size) != 0)
        abort();
    return 0;
}
