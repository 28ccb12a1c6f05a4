// Tokens as posternd makes them, and what a scan has seen of them.
#ifndef SUPPORT_SCAN_TOKENS_H
#define SUPPORT_SCAN_TOKENS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "scan/find.h"

enum { TOKEN_ROOM = 128, FOUND_MAX = 16 };

// "acme_live_" and so on, then 58 characters that `seed` chooses, then the checksum.
static inline void make_token(const char *head, unsigned seed, char token[TOKEN_ROOM])
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    size_t size = strlen(head);
    memcpy(token, head, size);
    for (size_t i = 0; i < 58; i++, seed = seed * 1103515245 + 12345)
        token[size++] = digits[seed / 65536 % 62];
    uint32_t checksum = (uint32_t)crc32(0, (const unsigned char *)token, (unsigned)size);
    for (size_t i = 6; i-- > 0; checksum /= 62)
        token[size + i] = digits[checksum % 62];
    token[size + 6] = '\0';
}

struct seen {
    struct scan_token tokens[FOUND_MAX];
    size_t count;
};

static inline void note_seen(void *context, const struct scan_token *token)
{
    struct seen *seen = context;
    assert_true(seen->count < FOUND_MAX);
    seen->tokens[seen->count++] = *token;
}

static inline void assert_seen(const struct seen *seen, const char *token)
{
    assert_int_equal(seen->count, 1);
    assert_string_equal(seen->tokens[0].text, token);
}

#endif
