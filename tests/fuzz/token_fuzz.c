// Presented tokens and key ids: what is read is exactly what formatting makes.
#include <stdlib.h>
#include <string.h>

#include "key/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_make(data, size);
    char again[KEY_ID_TEXT_SIZE + 1];
    uint8_t id[KEY_ID_SIZE];
    bool whole = false;
    if (key_id_parse(text, id)) {
        key_id_format(id, again);
        if (size != KEY_ID_TEXT_SIZE || memcmp(again, data, size) != 0)
            abort();
    }
    if (!key_token_find_id(text, id, &whole) || !whole)
        return 0;
    key_id_format(id, again);
    const size_t digits = KEY_ID_TEXT_SIZE - (sizeof "key_" - 1);
    if (size < KEY_BODY_SIZE || memcmp(again + KEY_ID_TEXT_SIZE - digits, data + size - KEY_BODY_SIZE, digits) != 0)
        abort();
    return 0;
}
