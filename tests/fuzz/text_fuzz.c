// Addresses, networks, prefixes and scopes. The input is two texts with a newline between them.
#include <stdlib.h>
#include <string.h>

#include "account/account.h"
#include "key/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *newline = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t first_size = newline != NULL ? (size_t)(newline - data) : size;
    struct slice first = slice_make(data, first_size);
    struct slice second = newline != NULL ? slice_make(newline + 1, size - first_size - 1) : slice_empty();
    bool contains = key_network_contains(first, second);
    demand(!contains || (key_network_is_valid(first) && slice_equal(key_address_of(second), second)));
    struct slice address = key_address_of(first);
    demand(address.size == 0 || key_network_contains(address, address)); // an address is a network of one
    demand(slice_equal(key_address_of(address), address));
    bool covers = account_grant_covers(first, second);
    demand(!covers || !account_scope_is_valid(second) || !account_scope_is_reserved(second) ||
           slice_equal(first, second));
    demand(!account_scope_is_valid(first) || account_grant_is_valid(first));
    demand(!account_scope_is_valid(first) || account_grant_covers(first, first));
    demand(!key_prefix_is_valid(first) || slice_is_name(first, KEY_PREFIX_MAX));
    demand(!slice_is_text(first) || memchr(data, '\0', first_size == 0 ? 0 : first_size) == NULL);
    return 0;
}
