// Unpacks by libarchive, one layer at a time: each layer is a stream that is read piece by piece from the layer around
// it, the outermost from a descriptor. What the first bytes of a stream say decides whether there is a layer in it.
#include "scan/unpack.h"

#include "pool.h"
#include "scan/packing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK_SIZE = 65536, PATH_SIZE_MAX = 4096, WHY_SIZE = 256 };

struct unpacking {
    const struct unpack_taker *taker;
    struct libarchive lib; // from the first layer on
    bool is_loaded;
    int descriptor;
    off_t start;   // of the descriptor, -1: it is read only once
    uint64_t left; // bytes that may still be unpacked
    bool full;     // no more may be
    unsigned char chunk[CHUNK_SIZE];
};

struct stream {
    struct unpacking *unpacking;
    struct stream *outer;    // NULL: it is the descriptor's
    struct archive *archive; // whose entry it is; NULL likewise
    bool counts;             // its bytes are more than those that it is unpacked from
    unsigned depth;
    const char *path;
    bool ended;
    bool broken;  // and the taker was told
    bool damaged; // what it is packed in
    bool head_given;
    size_t head_size;
    const unsigned char *rest; // what came behind the head, with its last bytes
    size_t rest_size;
    la_int64_t given;    // bytes, to libarchive
    unsigned char *kept; // what was unpacked of it, if it can be read only once
    size_t kept_size;
    unsigned char head[PACKING_HEAD_SIZE]; // its first bytes
};

// ---------------------------------------------------------------------------------------------------------- problems

// One problem breaks all the streams that are read through this one, and is told once.
static ssize_t break_off(struct stream *stream, const char *why)
{
    bool is_told = stream->broken || (stream->outer != NULL && stream->outer->broken);
    stream->broken = true;
    if (!is_told)
        stream->unpacking->taker->problem(stream->unpacking->taker->context, stream->path, why);
    return -1;
}

// What libarchive says of a stream, `packed`, breaks `stream` off, which is that one or an entry of it. When the stream
// itself could not be read there is no damage in it.
static ssize_t break_off_damaged(struct stream *stream, struct stream *packed, struct archive *archive)
{
    const char *error = packed->unpacking->lib.archive_error_string(archive);
    char why[WHY_SIZE];
    packed->damaged = !packed->broken;
    (void)snprintf(why, sizeof why,
                   "it cannot be unpacked, and is searched as it is: %s; unpack it yourself, and scan that",
                   error != NULL && error[0] != '\0' ? error : "it is damaged");
    return break_off(stream, why);
}

// ----------------------------------------------------------------------------------------------------------- reading

static ssize_t read_chunk(struct stream *stream, const void **bytes)
{
    struct unpacking *unpacking = stream->unpacking;
    ssize_t got;
    do
        got = read(unpacking->descriptor, unpacking->chunk, sizeof unpacking->chunk);
    while (got < 0 && errno == EINTR);
    *bytes = unpacking->chunk;
    return got < 0 ? break_off(stream, strerror(errno)) : got;
}

static ssize_t count_against_bound(struct stream *stream, size_t size)
{
    struct unpacking *unpacking = stream->unpacking;
    if (!stream->counts)
        return (ssize_t)size;
    if (size <= unpacking->left) {
        unpacking->left -= size;
        return (ssize_t)size;
    }
    unpacking->full = true;
    return break_off(stream, "too much is packed in it: unpack it yourself, and let standard input have it");
}

// Where a file has a hole there is no token, so holes are passed over.
static ssize_t read_entry(struct stream *stream, const void **bytes)
{
    const struct libarchive *lib = &stream->unpacking->lib;
    size_t size = 0;
    la_int64_t offset;
    int result = ARCHIVE_OK;
    while (size == 0 && (result == ARCHIVE_OK || result == ARCHIVE_WARN))
        result = lib->archive_read_data_block(stream->archive, bytes, &size, &offset);
    if (result == ARCHIVE_EOF)
        return 0;
    if (result != ARCHIVE_OK && result != ARCHIVE_WARN)
        return break_off_damaged(stream, stream->outer, stream->archive);
    return count_against_bound(stream, size);
}

// Returns how many bytes came, which stay until the next call; 0 at the end, -1 when no more can be read, which the
// taker was told.
static ssize_t read_more(struct stream *stream, const void **bytes)
{
    if (stream->ended || stream->broken)
        return stream->broken ? -1 : 0;
    ssize_t got = stream->archive != NULL ? read_entry(stream, bytes) : read_chunk(stream, bytes);
    stream->ended = got == 0;
    return got;
}

// Returns the next bytes as read_more does, but first the head, and then what was read behind it.
static ssize_t read_next(struct stream *stream, const void **bytes)
{
    if (!stream->head_given && stream->head_size > 0) {
        stream->head_given = true;
        *bytes = stream->head;
        return (ssize_t)stream->head_size;
    }
    if (stream->rest_size == 0)
        return read_more(stream, bytes);
    size_t size = stream->rest_size;
    *bytes = stream->rest;
    stream->rest_size = 0;
    return (ssize_t)size;
}

static bool is_read_once(const struct stream *stream)
{
    return stream->outer != NULL || stream->unpacking->start < 0;
}

static void keep(struct stream *stream, const void *bytes, size_t size)
{
    if (!is_read_once(stream))
        return;
    if (stream->kept == NULL)
        stream->kept = pool_need(malloc(UNPACK_KEPT_MAX));
    size_t room = UNPACK_KEPT_MAX - stream->kept_size;
    size_t kept = size < room ? size : room;
    memcpy(stream->kept + stream->kept_size, bytes, kept);
    stream->kept_size += kept;
}

static void drop_kept(struct stream *stream)
{
    if (stream->kept != NULL)
        explicit_bzero(stream->kept, stream->kept_size);
    free(stream->kept);
    stream->kept = NULL;
}

static la_ssize_t on_read(struct archive *archive, void *context, const void **bytes)
{
    struct stream *stream = context;
    ssize_t got = read_next(stream, bytes);
    if (got > 0)
        keep(stream, *bytes, (size_t)got);
    stream->given += got > 0 ? got : 0;
    if (got < 0)
        stream->unpacking->lib.archive_set_error(archive, EIO, "what it is packed in cannot be read");
    return got;
}

static void read_head(struct stream *stream)
{
    const void *bytes;
    ssize_t got;
    while (!packing_may_be_told(stream->head, stream->head_size) && (got = read_more(stream, &bytes)) > 0) {
        size_t room = PACKING_HEAD_SIZE - stream->head_size;
        size_t taken = (size_t)got < room ? (size_t)got : room;
        memcpy(stream->head + stream->head_size, bytes, taken);
        stream->head_size += taken;
        stream->rest = (const unsigned char *)bytes + taken;
        stream->rest_size = (size_t)got - taken;
    }
}

// ------------------------------------------------------------------------------------------------------------ layers

static void look_into(struct stream *stream);

static void pass_on(struct stream *stream, bool is_raw, struct packing_sign *sign)
{
    const struct unpack_taker *taker = stream->unpacking->taker;
    const void *bytes;
    ssize_t got;
    taker->begin(taker->context, stream->path, is_raw);
    if (stream->kept_size > 0)
        taker->take(taker->context, stream->kept, stream->kept_size);
    while ((got = read_next(stream, &bytes)) > 0) {
        taker->take(taker->context, bytes, (size_t)got);
        if (sign != NULL)
            packing_look_for_sign(sign, bytes, (size_t)got);
    }
    taker->end(taker->context);
}

// Passes on as it is what cannot be unpacked: a text may begin like something packed. What was taken of it is read
// again, or was kept; of what is longer than that the middle is lost.
static void pass_on_raw(struct stream *stream)
{
    if (!is_read_once(stream) && lseek(stream->unpacking->descriptor, stream->unpacking->start, SEEK_SET) >= 0) {
        stream->head_given = true;
        stream->rest_size = 0;
        stream->ended = false;
    }
    bool is_told = stream->broken;
    stream->broken = false;
    pass_on(stream, true, NULL);
    stream->broken = is_told;
}

// Names in an archive may be in any encoding, or missing.
static void name_entry(const struct stream *stream, struct archive_entry *entry, char path[PATH_SIZE_MAX])
{
    const struct libarchive *lib = &stream->unpacking->lib;
    const char *name = lib->archive_entry_pathname(entry);
    if (name == NULL)
        name = lib->archive_entry_pathname_utf8(entry);
    (void)snprintf(path, PATH_SIZE_MAX, "%s!%s", stream->path, name != NULL ? name : "?");
}

// Looks into one entry. False: it could not be read to its end.
static bool look_into_entry(struct stream *stream, struct archive *archive, struct archive_entry *entry,
                            const struct packing *packing)
{
    struct stream inner = {.unpacking = stream->unpacking,
                           .outer = stream,
                           .archive = archive,
                           .counts = packing->magic != NULL, // a tar is as large as what is in it
                           .depth = stream->depth + 1,
                           .path = stream->path};
    char path[PATH_SIZE_MAX];
    if (packing->has_entries) {
        name_entry(stream, entry, path);
        inner.path = path;
    }
    look_into(&inner);
    explicit_bzero(inner.head, sizeof inner.head);
    return !inner.broken;
}

static bool is_file(const struct libarchive *lib, struct archive_entry *entry, const struct packing *packing)
{
    unsigned type = lib->archive_entry_filetype(entry);
    return !packing->has_entries || type == AE_IFREG || type == 0;
}

// An archive often ends where one of its entries breaks off, which the taker was told already.
static void look_into_entries(struct stream *stream, struct archive *archive, const struct packing *packing)
{
    const struct libarchive *lib = &stream->unpacking->lib;
    struct archive_entry *entry;
    int result;
    bool is_whole = true;
    while ((result = lib->archive_read_next_header(archive, &entry)) == ARCHIVE_OK || result == ARCHIVE_WARN) {
        is_whole = !is_file(lib, entry, packing) || look_into_entry(stream, archive, entry, packing);
        if (stream->unpacking->full)
            return;
    }
    if (result == ARCHIVE_EOF)
        return;
    if (is_whole)
        break_off_damaged(stream, stream, archive);
    else
        stream->damaged = !stream->broken;
}

// Several filters take for an end what they do not understand: all of it, or what stands behind the packed part.
static void look_behind_end(struct stream *stream, struct archive *archive)
{
    const void *bytes;
    if (!stream->broken && on_read(archive, stream, &bytes) >= 0 &&
        stream->unpacking->lib.archive_filter_bytes(archive, -1) < stream->given) {
        break_off(stream,
                  "not all of it can be unpacked, and it is searched as it is: unpack it yourself, and scan that");
        stream->damaged = true;
    }
}

static void look_into_archive(struct stream *stream, const struct packing *packing)
{
    const struct libarchive *lib = &stream->unpacking->lib;
    char why[WHY_SIZE];
    struct archive *archive = pool_need(lib->archive_read_new());
    int result = packing->support(lib, archive, packing);
    if (result == ARCHIVE_WARN) { // it would start another program
        (void)snprintf(why, sizeof why, "libarchive does not read %s here: unpack it yourself, and scan that",
                       packing->name);
        break_off(stream, why);
        goto out;
    }
    if (result == ARCHIVE_OK)
        result = lib->archive_read_open(archive, stream, NULL, on_read, NULL);
    // What is damaged at its beginning is opened as if it were empty.
    if (result != ARCHIVE_OK || lib->archive_errno(archive) != 0)
        break_off_damaged(stream, stream, archive);
    else
        look_into_entries(stream, archive, packing);
    if (!packing->has_entries && !stream->damaged && !stream->unpacking->full)
        look_behind_end(stream, archive);
out:
    lib->archive_read_free(archive);
}

// Returns why what is packed is not unpacked; NULL: it is.
static const char *why_not_unpacked(struct stream *stream, const struct packing *packing, char why[WHY_SIZE])
{
    const char *error;
    struct unpacking *unpacking = stream->unpacking;
    if (packing->support == NULL) {
        (void)snprintf(why, WHY_SIZE, "%s is not read: unpack it yourself, and scan what comes out", packing->name);
        return why;
    }
    if (stream->depth == UNPACK_DEPTH_MAX) {
        (void)snprintf(why, WHY_SIZE, "it is packed more than %d times: unpack it yourself, and scan what comes out",
                       UNPACK_DEPTH_MAX);
        return why;
    }
    if (unpacking->is_loaded || (unpacking->is_loaded = libarchive_load(&unpacking->lib, &error)))
        return NULL;
    (void)snprintf(why, WHY_SIZE, "it is packed, and what unpacks it is missing (%s): install libarchive", error);
    return why;
}

static void look_into_packed(struct stream *stream, const struct packing *packing)
{
    char text[WHY_SIZE];
    const char *why = why_not_unpacked(stream, packing, text);
    stream->damaged = why != NULL;
    if (why != NULL)
        break_off(stream, why);
    else
        look_into_archive(stream, packing);
    if ((stream->damaged || (packing->is_partly_clear && !stream->broken)) && !stream->unpacking->full)
        pass_on_raw(stream);
    drop_kept(stream);
}

static void look_into_text(struct stream *stream, const struct packing *packing)
{
    char why[WHY_SIZE];
    struct packing_sign sign = {.text = packing->sign};
    pass_on(stream, false, &sign);
    if (!sign.is_found)
        return;
    (void)snprintf(why, sizeof why,
                   "%s has packed parts, which are not read: have it written out as text, and scan that",
                   packing->name);
    break_off(stream, why);
}

static void look_into(struct stream *stream)
{
    read_head(stream);
    const struct packing *packing = packing_find(stream->head, stream->head_size, stream->ended);
    if (packing == NULL)
        pass_on(stream, false, NULL);
    else if (packing->sign != NULL)
        look_into_text(stream, packing);
    else
        look_into_packed(stream, packing);
}

void unpack(int descriptor, const char *path, uint64_t bytes_max, const struct unpack_taker *taker)
{
    struct unpacking *unpacking = pool_need(malloc(sizeof *unpacking));
    struct stream stream = {.unpacking = unpacking, .path = path};
    unpacking->taker = taker;
    unpacking->descriptor = descriptor;
    unpacking->start = lseek(descriptor, 0, SEEK_CUR);
    unpacking->left = bytes_max;
    unpacking->full = false;
    unpacking->is_loaded = false;
    look_into(&stream);
    explicit_bzero(stream.head, sizeof stream.head);
    explicit_bzero(unpacking->chunk, sizeof unpacking->chunk);
    free(unpacking);
}
