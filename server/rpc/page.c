#include "rpc/page.h"

#include <string.h>

enum { FORMAT = 1, MASTER_AT = 1, LAST_AT = 5, MAC_AT = LAST_AT + KEY_ID_SIZE, CONTENT_MAX = 1024 };

static uint32_t read_u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void write_u32(uint8_t *bytes, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(value >> (24 - 8 * i));
}

// Length before content, so that no two pairs give the same bytes.
static bool append(uint8_t *content, size_t *used, struct slice part)
{
    if (part.size > CONTENT_MAX - 4 || *used > CONTENT_MAX - 4 - part.size)
        return false;
    write_u32(content + *used, (uint32_t)part.size);
    if (part.size > 0)
        memcpy(content + *used + 4, part.data, part.size);
    *used += 4 + part.size;
    return true;
}

static enum status make_mac(const struct secret *secret, const struct page_binding *binding, const uint8_t *head,
                            uint8_t out[SECRET_HASH_SIZE])
{
    uint8_t content[CONTENT_MAX];
    size_t used = 0;
    if (!append(content, &used, slice_make(head, MAC_AT)) || !append(content, &used, binding->query) ||
        !append(content, &used, binding->caller))
        return STATUS_RESOURCE_EXHAUSTED;
    return secret_page_mac(secret, read_u32(head + MASTER_AT), slice_make(content, used), out);
}

enum status page_token_format(const struct secret *secret, const struct page_binding *binding,
                              const uint8_t last[KEY_ID_SIZE], uint8_t out[PAGE_TOKEN_SIZE])
{
    out[0] = FORMAT;
    write_u32(out + MASTER_AT, secret_newest_id(secret));
    memcpy(out + LAST_AT, last, KEY_ID_SIZE);
    return make_mac(secret, binding, out, out + MAC_AT);
}

bool page_token_parse(const struct secret *secret, const struct page_binding *binding, struct slice token,
                      uint8_t last[KEY_ID_SIZE])
{
    uint8_t mac[SECRET_HASH_SIZE];
    if (token.size != PAGE_TOKEN_SIZE || token.data[0] != FORMAT ||
        make_mac(secret, binding, token.data, mac) != STATUS_OK || !secret_equal(mac, token.data + MAC_AT))
        return false;
    memcpy(last, token.data + LAST_AT, KEY_ID_SIZE);
    return true;
}
