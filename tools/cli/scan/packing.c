// The table of packings. libarchive reads those that it can read by itself; what it would start another program for is
// only named, and so is what it does not know or would have to seek in.
#include "scan/packing.h"

#include <string.h>

#define ZLIB_CONST
#include <zlib.h>

// ----------------------------------------------------------------------------------------------------------- reading

static int support_content(const struct libarchive *lib, struct archive *archive)
{
    int result = lib->archive_read_support_format_raw(archive);
    return result == ARCHIVE_OK ? lib->archive_read_support_format_empty(archive)
                                : result; // nothing can be packed, too
}

// One filter and no more, so that no layer escapes the bounds.
static int support_filter(const struct libarchive *lib, struct archive *archive, const struct packing *packing)
{
    int result = lib->archive_read_append_filter(archive, packing->filter);
    return result == ARCHIVE_OK ? support_content(lib, archive) : result;
}

// This filter reads when it is appended, which is before there is anything to read: it must be asked for otherwise.
static int support_compress(const struct libarchive *lib, struct archive *archive, const struct packing *packing)
{
    (void)packing;
    int result = lib->archive_read_support_filter_compress(archive);
    return result == ARCHIVE_OK ? support_content(lib, archive) : result;
}

// `cat` may have made one of several.
static int support_tar(const struct libarchive *lib, struct archive *archive, const struct packing *packing)
{
    (void)packing;
    int result = lib->archive_read_support_format_tar(archive);
    return result == ARCHIVE_OK ? lib->archive_read_set_format_option(archive, "tar", "read_concatenated_archives", "1")
                                : result;
}

static int support_ar(const struct libarchive *lib, struct archive *archive, const struct packing *packing)
{
    (void)packing;
    return lib->archive_read_support_format_ar(archive);
}

static int support_zip(const struct libarchive *lib, struct archive *archive, const struct packing *packing)
{
    (void)packing;
    return lib->archive_read_support_format_zip_streamable(archive);
}

// ------------------------------------------------------------------------------------------------------- recognizing

// "BZh" may begin a text, too: a digit and the magic number of a block, or of the end, must follow.
static bool is_bzip2(const unsigned char *head, size_t size, bool is_all)
{
    (void)is_all;
    return size >= 10 && (memcmp(head + 4, "1AY&SY", 6) == 0 || memcmp(head + 4, "\x17rE8P\x90", 6) == 0);
}

// The dictionary is of 2^n or 2^n + 2^(n-1) bytes, as xz asks for; the size that follows is unknown or of this world.
static bool is_lzma(const unsigned char *head, size_t size, bool is_all)
{
    enum { DICTIONARY_AT = 1, SIZE_AT = 5, HEADER_SIZE = 13, DICTIONARY_MIN_LOG2 = 16, DICTIONARY_MAX_LOG2 = 30 };
    (void)is_all;
    if (size < HEADER_SIZE)
        return false;
    unsigned long dictionary = 0;
    for (size_t i = SIZE_AT; i-- > DICTIONARY_AT;)
        dictionary = dictionary << 8 | head[i];
    bool fits = false;
    for (unsigned n = DICTIONARY_MIN_LOG2; n <= DICTIONARY_MAX_LOG2; n++)
        fits = fits || dictionary == 1UL << n || dictionary == (1UL << n) + (1UL << (n - 1));
    bool is_unknown = memcmp(head + SIZE_AT, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8) == 0;
    return fits && (is_unknown || (head[HEADER_SIZE - 1] == 0 && head[HEADER_SIZE - 2] == 0));
}

// Those that libarchive takes.
static bool is_compress(const unsigned char *head, size_t size, bool is_all)
{
    enum { RESERVED_BITS = 0x60 };
    (void)is_all;
    return size > 2 && (head[2] & RESERVED_BITS) == 0;
}

// A tar has no magic number in its oldest form, but a checksum in each header.
static bool is_tar(const unsigned char *head, size_t size, bool is_all)
{
    enum { SUM_AT = 148, SUM_SIZE = 8 };
    unsigned long sum = 0, written = 0;
    (void)is_all;
    if (size < PACKING_HEAD_SIZE || head[0] == '\0')
        return false;
    for (size_t i = 0; i < PACKING_HEAD_SIZE; i++)
        sum += i >= SUM_AT && i < SUM_AT + SUM_SIZE ? ' ' : head[i];
    for (size_t i = SUM_AT; i < SUM_AT + SUM_SIZE; i++)
        if (head[i] >= '0' && head[i] <= '7')
            written = written * 8 + (head[i] - (unsigned char)'0');
    return sum == written;
}

static bool may_be_zlib(const unsigned char *head, size_t size)
{
    return size >= 2 && head[0] == 'x' && memchr("\x01\x5E\x9C\xDA", head[1], 4) != NULL;
}

static bool has_control_character(const unsigned char *head, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (head[i] < '\t' || (head[i] > '\r' && head[i] < ' ' && head[i] != '\x1B'))
            return true;
    return false;
}

// Returns what zlib says of the beginning of a stream.
static int try_to_inflate(const unsigned char *head, size_t size)
{
    unsigned char out[4096];
    z_stream stream = {.next_in = head, .avail_in = (unsigned)size};
    int result = inflateInit(&stream);
    while (result == Z_OK) {
        stream.next_out = out;
        stream.avail_out = sizeof out;
        result = inflate(&stream, Z_NO_FLUSH);
    }
    inflateEnd(&stream);
    explicit_bzero(out, sizeof out);
    return result;
}

// "x^2" begins a text, and has all that zlib asks of a header. So it must be whole, with its checksum; or it must go on
// for a whole head, which has no text's characters alone.
static bool is_zlib(const unsigned char *head, size_t size, bool is_all)
{
    if (!may_be_zlib(head, size))
        return false;
    int result = try_to_inflate(head, size);
    return result == Z_STREAM_END ||
           (result == Z_BUF_ERROR && !is_all && size == PACKING_HEAD_SIZE && has_control_character(head, size));
}

// ------------------------------------------------------------------------------------------------------------- table

#define MAGIC(bytes) .magic = (bytes), .magic_size = sizeof(bytes) - 1

static const struct packing packings[] = {
    {"gzip", MAGIC("\x1F\x8B\x08"), .filter = ARCHIVE_FILTER_GZIP, .support = support_filter},
    {"xz", MAGIC("\3757zXZ\0"), .filter = ARCHIVE_FILTER_XZ, .support = support_filter},
    {"zstd", MAGIC("\x28\xB5\x2F\xFD"), .filter = ARCHIVE_FILTER_ZSTD, .support = support_filter},
    {"bzip2", MAGIC("BZh"), .fits = is_bzip2, .filter = ARCHIVE_FILTER_BZIP2, .support = support_filter},
    {"lzma", MAGIC("\x5D\0\0"), .fits = is_lzma, .filter = ARCHIVE_FILTER_LZMA, .support = support_filter},
    {"lzip", MAGIC("LZIP\0"), .filter = ARCHIVE_FILTER_LZIP, .support = support_filter},
    {"lzip", MAGIC("LZIP\1"), .filter = ARCHIVE_FILTER_LZIP, .support = support_filter},
    {"lz4", MAGIC("\x04\x22\x4D\x18"), .filter = ARCHIVE_FILTER_LZ4, .support = support_filter},
    {"lz4", MAGIC("\x02\x21\x4C\x18"), .filter = ARCHIVE_FILTER_LZ4, .support = support_filter}, // of long ago
    {"compress", MAGIC("\x1F\x9D"), .fits = is_compress, .filter = ARCHIVE_FILTER_COMPRESS,
     .support = support_compress},
    {"zip", MAGIC("PK\3\4"), .has_entries = true, .is_partly_clear = true, .support = support_zip},
    {"ar", MAGIC("!<arch>\n"), .has_entries = true, .support = support_ar}, // .deb, .a
    {"tar", .fits = is_tar, .has_entries = true, .support = support_tar},
    {"compress", MAGIC("\x1F\x9D")},
    {"zlib", .fits = is_zlib},
    {"7z", MAGIC("7z\xBC\xAF\x27\x1C")},
    {"RAR", MAGIC("Rar!\x1A\x07")},
    {"squashfs", MAGIC("hsqs")},
    {"xar", MAGIC("xar!\0\x1C")},
    {"lzop", MAGIC("\x89LZO\0\r\n\x1A\n")},
    {"lrzip", MAGIC("LRZI\0")},
    {"cab", MAGIC("MSCF\0\0\0\0")},
    {"rpm", MAGIC("\xED\xAB\xEE\xDB")},
    {"a pack of git's", MAGIC("PACK\0\0\0\2")},
    {"a bundle of git's", MAGIC("# v2 git bundle\n")},
    {"a bundle of git's", MAGIC("# v3 git bundle\n")},
    {"PDF", MAGIC("%PDF-"), .sign = "/Filter"},
};

static bool is_packed_in(const struct packing *packing, const unsigned char *head, size_t size, bool is_all)
{
    bool has_magic = size >= packing->magic_size &&
                     (packing->magic_size == 0 || memcmp(head, packing->magic, packing->magic_size) == 0);
    return has_magic && (packing->fits == NULL || packing->fits(head, size, is_all));
}

const struct packing *packing_find(const unsigned char *head, size_t size, bool is_all)
{
    for (size_t i = 0; i < sizeof packings / sizeof packings[0]; i++)
        if (is_packed_in(&packings[i], head, size, is_all))
            return &packings[i];
    return NULL;
}

// A text has an end of line where a tar has the zeros behind its first name: it is soon clear that it is not packed,
// and somebody who follows a log need not wait for 512 bytes.
bool packing_may_be_told(const unsigned char *head, size_t size)
{
    enum { MAGIC_MAX = 16 };
    return size == PACKING_HEAD_SIZE ||
           (size >= MAGIC_MAX && memchr(head, '\n', size) != NULL && !may_be_zlib(head, size));
}

// A sign's first character is not in it again.
void packing_look_for_sign(struct packing_sign *sign, const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size && !sign->is_found; i++) {
        unsigned char wanted = (unsigned char)sign->text[sign->matched];
        sign->matched = bytes[i] == wanted ? sign->matched + 1 : bytes[i] == (unsigned char)sign->text[0];
        sign->is_found = sign->text[sign->matched] == '\0';
    }
}
