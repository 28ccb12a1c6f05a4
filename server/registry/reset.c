// Which meters were reset. A record of an account or a key notes each resource whose meters were reset, with the change
// that did it last: "requests=12 tokens=15". That number is a part of the meters' names, so from that change on
// decisions count on meters that nobody has spent from yet.
#include "registry/stored.h"

#include <string.h>

static struct slice rest_behind(struct slice text, size_t size)
{
    return size < text.size ? slice_make(text.data + size, text.size - size) : slice_empty();
}

bool registry_reset_next(struct slice *resets, struct slice *resource, struct slice *seq)
{
    const uint8_t *equals = resets->size > 0 ? memchr(resets->data, '=', resets->size) : NULL;
    if (equals == NULL)
        return false;
    *resource = slice_make(resets->data, (size_t)(equals - resets->data));
    struct slice rest = rest_behind(*resets, resource->size + 1);
    const uint8_t *space = rest.size > 0 ? memchr(rest.data, ' ', rest.size) : NULL;
    *seq = space != NULL ? slice_make(rest.data, (size_t)(space - rest.data)) : rest;
    *resets = rest_behind(rest, seq->size + 1);
    return true;
}

struct slice registry_reset_of(struct slice resets, struct slice resource)
{
    struct slice found, seq;
    while (registry_reset_next(&resets, &found, &seq))
        if (slice_equal(found, resource))
            return seq;
    return slice_empty();
}
