// A route for "/admin/**" is worth nothing when the server behind the proxy takes "/x/..%2fadmin", "//admin" or
// "/admin;x" for the same: whatever servers read in more than one way is refused, not mended.
#include "path.h"

#include "http.h"

#include <string.h>

// ----------------------------------------------------------------------------------------------------- clean

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static const char *find_fault_of_text(const char *clean)
{
    for (const char *c = clean; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7F)
            return "a control character";
        if (*c == '\\')
            return "a backslash";
        if (*c == '%' && is_hex(c[1]) && is_hex(c[2]))
            return "an escape within an escape";
    }
    return NULL;
}

static const char *find_fault_of_segments(const char *clean)
{
    for (const char *segment = clean; *segment == '/';) {
        size_t size = strcspn(++segment, "/");
        if (size == 0 && segment[size] == '/')
            return "an empty segment (//)";
        if ((size == 1 && segment[0] == '.') || (size == 2 && segment[0] == '.' && segment[1] == '.'))
            return "a segment . or ..";
        segment += size;
    }
    return NULL;
}

static const char *find_fault(struct pool *pool, const char *path, const char **clean)
{
    if (path[0] != '/')
        return "it does not begin with /";
    if (strpbrk(path, ";#?") != NULL)
        return "one of ; # ?";
    if (strcasestr(path, "%2f") != NULL)
        return "an encoded slash";
    *clean = http_decode(pool, path, strlen(path), false);
    if (*clean == NULL)
        return "a broken escape";
    const char *fault = find_fault_of_text(*clean);
    return fault != NULL ? fault : find_fault_of_segments(*clean);
}

const char *path_clean(struct pool *pool, const char *path, const char **why)
{
    const char *clean = NULL;
    *why = find_fault(pool, path, &clean);
    return *why == NULL ? clean : NULL;
}

// ---------------------------------------------------------------------------------------------------- patterns

static bool is_segment(const char *segment, size_t size, const char *text)
{
    return size == strlen(text) && memcmp(segment, text, size) == 0;
}

bool path_fits(struct pool *pool, const char *pattern, const char *path, struct path_match *match)
{
    match->segment_count = 0;
    match->rest = NULL;
    while (*pattern == '/' && pattern[1] != '\0') {
        size_t wanted = strcspn(++pattern, "/");
        if (is_segment(pattern, wanted, "**")) {
            match->rest = path;
            return true;
        }
        if (path[0] != '/' || path[1] == '\0')
            return false;
        size_t size = strcspn(++path, "/");
        if (is_segment(pattern, wanted, "*")) {
            if (match->segment_count < match->segment_max)
                match->segments[match->segment_count++] = pool_copy(pool, path, size);
        } else if (wanted != size || memcmp(pattern, path, size) != 0) {
            return false;
        }
        pattern += wanted;
        path += size;
    }
    return path[0] == '\0' || (path[0] == '/' && path[1] == '\0');
}
const char *path_check_pattern(const char *pattern)
{
    if (pattern[0] != '/')
        return "begins without /";
    for (const char *segment = pattern; *segment == '/';) {
        size_t size = strcspn(++segment, "/");
        if (memchr(segment, '*', size) != NULL && !is_segment(segment, size, "*") && !is_segment(segment, size, "**"))
            return "has a * that is no segment of its own";
        if (size == 2 && segment[0] == '*' && segment[2] != '\0')
            return "has ** before its end";
        if (size == 0 && segment[0] == '/')
            return "has an empty segment";
        segment += size;
    }
    return find_fault_of_text(pattern) != NULL ? "has an escape or a control character: write it decoded" : NULL;
}
