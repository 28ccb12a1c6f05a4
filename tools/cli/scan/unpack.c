// Unpacks by libarchive, one layer at a time: each layer is a stream that is read piece by piece from the layer around
// it, the outermost from a descriptor. What the first bytes of a stream say decides whether there is a layer in it.
#include "scan/unpack.h"

#include "pool.h"
#include "scan/libarchive.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEAD_SIZE = 512, CHUNK_SIZE = 65536, PATH_SIZE_MAX = 4096, WHY_SIZE = 256 };

struct unpacking {
    const struct unpack_taker *taker;
    struct libarchive lib; // from the first layer on
    bool is_loaded;
    int descriptor;
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
    bool broken; // and the taker was told
    bool head_given;
    size_t head_size;
    const unsigned char *rest; // what came behind the head, with its last bytes
    size_t rest_size;
    unsigned char head[HEAD_SIZE]; // its first bytes
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

static const char *why_of(const struct libarchive *lib, struct archive *archive)
{
    const char *why = lib->archive_error_string(archive);
    return why != NULL && why[0] != '\0' ? why : "it is damaged";
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
        return break_off(stream, why_of(lib, stream->archive));
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

static la_ssize_t on_read(struct archive *archive, void *context, const void **bytes)
{
    struct stream *stream = context;
    ssize_t got = read_next(stream, bytes);
    if (got < 0)
        stream->unpacking->lib.archive_set_error(archive, EIO, "what it is packed in cannot be read");
    return got;
}

// ---------------------------------------------------------------------------------------------------------- packings

struct packing {
    const char *name;
    const char *magic;
    size_t magic_size;
    int filter; // of libarchive, for what is compressed as a whole
    // For what has entries; with neither it is only known, and not read.
    int (*support)(const struct libarchive *lib, struct archive *archive);
};

// `cat` may have made one of several.
static int support_tar(const struct libarchive *lib, struct archive *archive)
{
    int result = lib->archive_read_support_format_tar(archive);
    return result == ARCHIVE_OK ? lib->archive_read_set_format_option(archive, "tar", "read_concatenated_archives", "1")
                                : result;
}

static int support_zip(const struct libarchive *lib, struct archive *archive)
{
    return lib->archive_read_support_format_zip_streamable(archive);
}

static const struct packing packings[] = {
    {"gzip", "\x1F\x8B\x08", 3, ARCHIVE_FILTER_GZIP, NULL},
    {"xz", "\3757zXZ\0", 6, ARCHIVE_FILTER_XZ, NULL},
    {"zstd", "\x28\xB5\x2F\xFD", 4, ARCHIVE_FILTER_ZSTD, NULL},
    {"bzip2", "BZh", 3, ARCHIVE_FILTER_BZIP2, NULL},
    {"zip", "PK\3\4", 4, 0, support_zip},
    {"tar", NULL, 0, 0, support_tar},
    {"7z", "7z\xBC\xAF\x27\x1C", 6, 0, NULL},
    {"RAR", "Rar!\x1A\x07", 6, 0, NULL},
    {"lz4", "\x04\x22\x4D\x18", 4, 0, NULL},
    {"lzip", "LZIP\1", 5, 0, NULL},
    {"compress", "\x1F\x9D\x90", 3, 0, NULL},
    {"cab", "MSCF\0\0\0\0", 8, 0, NULL},
};

// A tar has no magic number in its oldest form, but a checksum in each header.
static bool is_tar(const unsigned char *head, size_t size)
{
    enum { SUM_AT = 148, SUM_SIZE = 8 };
    unsigned long sum = 0, written = 0;
    if (size < HEAD_SIZE || head[0] == '\0')
        return false;
    for (size_t i = 0; i < HEAD_SIZE; i++)
        sum += i >= SUM_AT && i < SUM_AT + SUM_SIZE ? ' ' : head[i];
    for (size_t i = SUM_AT; i < SUM_AT + SUM_SIZE; i++)
        if (head[i] >= '0' && head[i] <= '7')
            written = written * 8 + (head[i] - (unsigned char)'0');
    return sum == written;
}

static bool has_magic(const struct packing *packing, const unsigned char *head, size_t size)
{
    if (packing->magic == NULL)
        return is_tar(head, size);
    if (size < packing->magic_size || memcmp(head, packing->magic, packing->magic_size) != 0)
        return false;
    // "BZh" may begin a text, too: a digit and the magic number of a block, or of the end, must follow.
    return packing->filter != ARCHIVE_FILTER_BZIP2 ||
           (size >= 10 && (memcmp(head + 4, "1AY&SY", 6) == 0 || memcmp(head + 4, "\x17rE8P\x90", 6) == 0));
}

// Returns what the stream is packed in; NULL: in nothing.
static const struct packing *find_packing(const struct stream *stream)
{
    for (size_t i = 0; i < sizeof packings / sizeof packings[0]; i++)
        if (has_magic(&packings[i], stream->head, stream->head_size))
            return &packings[i];
    return NULL;
}

// A text has an end of line where a tar has the zeros behind its first name: it is soon clear that it is not packed,
// and somebody who follows a log need not wait for 512 bytes.
static bool is_head_enough(const struct stream *stream)
{
    enum { MAGIC_MAX = 10 };
    size_t size = stream->head_size;
    return size == HEAD_SIZE || (size >= MAGIC_MAX && memchr(stream->head, '\n', size) != NULL);
}

static void read_head(struct stream *stream)
{
    const void *bytes;
    ssize_t got;
    while (!is_head_enough(stream) && (got = read_more(stream, &bytes)) > 0) {
        size_t room = HEAD_SIZE - stream->head_size;
        size_t taken = (size_t)got < room ? (size_t)got : room;
        memcpy(stream->head + stream->head_size, bytes, taken);
        stream->head_size += taken;
        stream->rest = (const unsigned char *)bytes + taken;
        stream->rest_size = (size_t)got - taken;
    }
}

// ------------------------------------------------------------------------------------------------------------ layers

static void look_into(struct stream *stream);

static void pass_on(struct stream *stream)
{
    const struct unpack_taker *taker = stream->unpacking->taker;
    const void *bytes;
    ssize_t got;
    taker->begin(taker->context, stream->path);
    while ((got = read_next(stream, &bytes)) > 0)
        taker->take(taker->context, bytes, (size_t)got);
    taker->end(taker->context);
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
    if (packing->support != NULL) {
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
    return packing->support == NULL || type == AE_IFREG || type == 0;
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
    if (result != ARCHIVE_EOF && is_whole)
        break_off(stream, why_of(lib, archive));
}

// One filter and no more, so that no layer escapes the bounds.
static int support_packing(const struct libarchive *lib, struct archive *archive, const struct packing *packing)
{
    if (packing->support != NULL)
        return packing->support(lib, archive);
    int result = lib->archive_read_append_filter(archive, packing->filter);
    if (result == ARCHIVE_OK)
        result = lib->archive_read_support_format_raw(archive);
    if (result == ARCHIVE_OK)
        result = lib->archive_read_support_format_empty(archive); // nothing can be packed, too
    return result;
}

static bool load_lib(struct stream *stream)
{
    struct unpacking *unpacking = stream->unpacking;
    const char *error;
    char why[WHY_SIZE];
    if (unpacking->is_loaded || (unpacking->is_loaded = libarchive_load(&unpacking->lib, &error)))
        return true;
    (void)snprintf(why, sizeof why, "it is packed, and what unpacks it is missing (%s): install libarchive", error);
    break_off(stream, why);
    return false;
}

static void look_into_packed(struct stream *stream, const struct packing *packing)
{
    const struct libarchive *lib = &stream->unpacking->lib;
    if (!load_lib(stream))
        return;
    struct archive *archive = pool_need(lib->archive_read_new());
    int result = support_packing(lib, archive, packing);
    if (result == ARCHIVE_OK)
        result = lib->archive_read_open(archive, stream, NULL, on_read, NULL);
    // What is damaged at its beginning is opened as if it were empty.
    if (result != ARCHIVE_OK || lib->archive_errno(archive) != 0)
        break_off(stream, why_of(lib, archive));
    else
        look_into_entries(stream, archive, packing);
    lib->archive_read_free(archive);
}

static void look_into(struct stream *stream)
{
    char why[WHY_SIZE];
    read_head(stream);
    const struct packing *packing = find_packing(stream);
    if (packing == NULL) {
        pass_on(stream);
    } else if (packing->support == NULL && packing->filter == 0) {
        (void)snprintf(why, sizeof why, "%s is not read: unpack it yourself, and have that scanned", packing->name);
        break_off(stream, why);
    } else if (stream->depth == UNPACK_DEPTH_MAX) {
        (void)snprintf(why, sizeof why, "it is packed more than %d times", UNPACK_DEPTH_MAX);
        break_off(stream, why);
    } else {
        look_into_packed(stream, packing);
    }
}

void unpack(int descriptor, const char *path, uint64_t bytes_max, const struct unpack_taker *taker)
{
    struct unpacking *unpacking = pool_need(malloc(sizeof *unpacking));
    struct stream stream = {.unpacking = unpacking, .path = path};
    unpacking->taker = taker;
    unpacking->descriptor = descriptor;
    unpacking->left = bytes_max;
    unpacking->full = false;
    unpacking->is_loaded = false;
    look_into(&stream);
    explicit_bzero(stream.head, sizeof stream.head);
    explicit_bzero(unpacking->chunk, sizeof unpacking->chunk);
    free(unpacking);
}
