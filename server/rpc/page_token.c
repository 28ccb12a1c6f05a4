// Makes and checks page tokens. Their MAC covers what a list was asked for, so a token from elsewhere is refused.
#include "rpc/page_token.h"

#include <string.h>

enum { FORMAT = 2, MASTER_AT = 1, MAC_AT = 5, CONTENT_MAX = 1024 };

static uint32_t read_u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void write_u32(uint8_t *bytes, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(value >> (24 - 8 * i));
}

struct content {
    uint8_t bytes[CONTENT_MAX];
    size_t used;
};

// Puts the length before the content, so that no two bindings give the same bytes.
static bool append(struct content *content, struct slice part)
{
    if (part.size > CONTENT_MAX - 4 || content->used > CONTENT_MAX - 4 - part.size)
        return false;
    write_u32(content->bytes + content->used, (uint32_t)part.size);
    if (part.size > 0)
        memcpy(content->bytes + content->used + 4, part.data, part.size);
    content->used += 4 + part.size;
    return true;
}

static enum status make_mac(const struct secret *secret, const struct page_token_binding *binding, const uint8_t *head,
                            struct slice position, uint8_t out[SECRET_HASH_SIZE])
{
    struct content content = {.used = 0};
    if (!append(&content, slice_make(head, MAC_AT)) || !append(&content, position) ||
        !append(&content, binding->call) || !append(&content, binding->query) || !append(&content, binding->caller))
        return STATUS_RESOURCE_EXHAUSTED;
    return secret_page_mac(secret, read_u32(head + MASTER_AT), slice_make(content.bytes, content.used), out);
}

enum status page_token_format(const struct secret *secret, const struct page_token_binding *binding,
                              struct slice position, uint8_t out[PAGE_TOKEN_MAX], size_t *size)
{
    if (position.size == 0 || position.size > PAGE_POSITION_MAX)
        return STATUS_INTERNAL;
    out[0] = FORMAT;
    write_u32(out + MASTER_AT, secret_newest_id(secret));
    memcpy(out + PAGE_TOKEN_HEAD, position.data, position.size);
    *size = PAGE_TOKEN_HEAD + position.size;
    return make_mac(secret, binding, out, position, out + MAC_AT);
}

bool page_token_parse(const struct secret *secret, const struct page_token_binding *binding, struct slice token,
                      struct slice *position)
{
    uint8_t mac[SECRET_HASH_SIZE];
    if (token.size <= PAGE_TOKEN_HEAD || token.size > PAGE_TOKEN_MAX || token.data[0] != FORMAT)
        return false;
    *position = slice_make(token.data + PAGE_TOKEN_HEAD, token.size - PAGE_TOKEN_HEAD);
    return make_mac(secret, binding, token.data, *position, mac) == STATUS_OK && secret_equal(mac, token.data + MAC_AT);
}
