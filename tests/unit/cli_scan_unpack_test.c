// Streams within streams, and where it stops.
#include "scan/unpack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

enum { BYTES_MAX = 1 << 20, KEPT_MAX = 256, HEADER_SIZE = 512 };

// Bytes that are packed, layer by layer.
struct bytes {
    unsigned char *at;
    size_t size;
};

static struct bytes bytes_of(const void *at, size_t size)
{
    struct bytes bytes = {malloc(size + 1), size};
    assert_non_null(bytes.at);
    memcpy(bytes.at, at, size);
    return bytes;
}

static struct bytes text_of(const char *text)
{
    return bytes_of(text, strlen(text));
}

static struct bytes zeros_of(size_t size)
{
    struct bytes bytes = {calloc(1, size + 1), size};
    assert_non_null(bytes.at);
    return bytes;
}

static struct bytes gzip(struct bytes from)
{
    z_stream stream = {0};
    struct bytes to = {malloc(from.size + 1024), 0};
    assert_non_null(to.at);
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = from.at;
    stream.avail_in = (unsigned)from.size;
    stream.next_out = to.at;
    stream.avail_out = (unsigned)from.size + 1024;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    to.size = stream.total_out;
    deflateEnd(&stream);
    free(from.at);
    return to;
}

// An entry of a tar, of the oldest form.
static void put_entry(struct bytes *tar, const char *name, const char *content)
{
    size_t size = strlen(content), padded = (size + HEADER_SIZE - 1) / HEADER_SIZE * HEADER_SIZE;
    unsigned sum = 0;
    tar->at = realloc(tar->at, tar->size + HEADER_SIZE + padded);
    assert_non_null(tar->at);
    unsigned char *header = tar->at + tar->size;
    memset(header, 0, HEADER_SIZE + padded);
    snprintf((char *)header, 100, "%s", name);
    snprintf((char *)header + 100, 8, "%07o", 0644U);
    snprintf((char *)header + 108, 8, "%07o", 0U);
    snprintf((char *)header + 116, 8, "%07o", 0U);
    snprintf((char *)header + 124, 12, "%011o", (unsigned)size & 07777777777);
    snprintf((char *)header + 136, 12, "%011o", 0U);
    memset(header + 148, ' ', 8);
    for (size_t i = 0; i < HEADER_SIZE; i++)
        sum += header[i];
    snprintf((char *)header + 148, 8, "%06o", sum);
    memcpy(header + HEADER_SIZE, content, size);
    tar->size += HEADER_SIZE + padded;
}

static void end_tar(struct bytes *tar)
{
    tar->at = realloc(tar->at, tar->size + (size_t)2 * HEADER_SIZE);
    assert_non_null(tar->at);
    memset(tar->at + tar->size, 0, (size_t)2 * HEADER_SIZE);
    tar->size += (size_t)2 * HEADER_SIZE;
}

static struct bytes tar_of_two(void)
{
    struct bytes tar = {NULL, 0};
    put_entry(&tar, "one", "first content");
    put_entry(&tar, "dir/two", "second content");
    end_tar(&tar);
    return tar;
}

// ------------------------------------------------------------------------------------------------------------- taking

struct taken {
    char text[KEPT_MAX];     // "path:the beginning of its bytes;" of each stream
    char problems[KEPT_MAX]; // "path: why;"
    size_t sizes[8];
    size_t count, problem_count;
};

static void add(char text[KEPT_MAX], const char *more, size_t size)
{
    size_t used = strlen(text);
    snprintf(text + used, KEPT_MAX - used, "%.*s", (int)size, more);
}

// A stream that could not be unpacked, and comes as it is, has "raw " before it.
static void on_begin(void *context, const char *path, bool is_raw)
{
    struct taken *taken = context;
    if (is_raw)
        add(taken->text, "raw ", 4);
    add(taken->text, path, strlen(path));
    add(taken->text, ":", 1);
    assert_true(taken->count < 8);
}

static void on_take(void *context, const void *bytes, size_t size)
{
    struct taken *taken = context;
    taken->sizes[taken->count] += size;
    add(taken->text, bytes, size < 32 ? size : 32);
}

static void on_end(void *context)
{
    struct taken *taken = context;
    add(taken->text, ";", 1);
    taken->count++;
}

static void on_problem(void *context, const char *path, const char *why)
{
    struct taken *taken = context;
    add(taken->problems, path, strlen(path));
    add(taken->problems, ": ", 2);
    add(taken->problems, why, strlen(why));
    add(taken->problems, ";", 1);
    taken->problem_count++;
}

static struct taken unpack_bytes(struct bytes bytes, uint64_t bytes_max)
{
    struct taken taken = {.count = 0};
    const struct unpack_taker taker = {&taken, on_begin, on_take, on_end, on_problem};
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.at, 1, bytes.size, file), bytes.size);
    rewind(file);
    unpack(fileno(file), "x", bytes_max, &taker);
    fclose(file);
    free(bytes.at);
    return taken;
}

static void assert_taken(struct bytes bytes, const char *text)
{
    struct taken taken = unpack_bytes(bytes, BYTES_MAX);
    assert_string_equal(taken.problems, "");
    assert_string_equal(taken.text, text);
}

static void what_is_not_packed_is_taken_as_it_is(void **state)
{
    (void)state;
    assert_taken(text_of(""), "x:;");
    assert_taken(text_of("a"), "x:a;");
    assert_taken(text_of("a text\n"), "x:a text\n;");
    assert_taken(text_of("\x1F\x8B"), "x:\x1F\x8B;");
    assert_taken(text_of("BZh is how it begins"), "x:BZh is how it begins;");
    struct taken taken = unpack_bytes(zeros_of(200000), 10); // no bound
    assert_int_equal(taken.sizes[0], 200000);
    assert_int_equal(taken.problem_count, 0);
}

static void gzip_and_tar_are_unpacked_in_any_order(void **state)
{
    (void)state;
    struct bytes inner = gzip(text_of("content"));
    assert_taken(bytes_of(inner.at, inner.size), "x:content;");
    assert_taken(gzip(inner), "x:content;");
    assert_taken(tar_of_two(), "x!one:first content;x!dir/two:second content;");
    assert_taken(gzip(gzip(tar_of_two())), "x!one:first content;x!dir/two:second content;");
    assert_taken(gzip(text_of("")), "");
}

static struct bytes join(struct bytes first, struct bytes second)
{
    struct bytes both = {realloc(first.at, first.size + second.size), first.size + second.size};
    assert_non_null(both.at);
    memcpy(both.at + first.size, second.at, second.size);
    free(second.at);
    return both;
}

// As `cat a.gz b.gz` makes it.
static void several_in_one_are_all_unpacked(void **state)
{
    (void)state;
    assert_taken(join(gzip(text_of("first ")), gzip(text_of("second"))), "x:first second;");
    struct bytes last = {NULL, 0};
    put_entry(&last, "three", "last content");
    end_tar(&last);
    assert_taken(join(tar_of_two(), last), "x!one:first content;x!dir/two:second content;x!three:last content;");
}

static void what_breaks_off_is_told_once_and_the_beginning_is_taken(void **state)
{
    (void)state;
    struct bytes cut = gzip(zeros_of(100000));
    cut.size -= 20;
    assert_int_equal(unpack_bytes(cut, BYTES_MAX).problem_count, 1);
    struct bytes tar = tar_of_two();
    tar.size = HEADER_SIZE + HEADER_SIZE + HEADER_SIZE + 5;
    struct taken taken = unpack_bytes(bytes_of(tar.at, tar.size), BYTES_MAX);
    assert_int_equal(taken.problem_count, 1);
    assert_non_null(strstr(taken.text, "x!one:first content;"));
    taken = unpack_bytes(gzip(tar), BYTES_MAX);
    assert_int_equal(taken.problem_count, 1);
    cut = gzip(tar_of_two());
    cut.size -= 12;
    taken = unpack_bytes(cut, BYTES_MAX);
    assert_int_equal(taken.problem_count, 1);
    assert_non_null(strstr(taken.problems, "x: "));
}

static void damaged_data_is_told(void **state)
{
    (void)state;
    struct bytes damaged = gzip(text_of("a longer text that is packed, and then damaged in the middle"));
    memset(damaged.at + 12, 0xFF, 16);
    assert_int_equal(unpack_bytes(damaged, BYTES_MAX).problem_count, 1);
}

static void a_bomb_goes_off_only_as_far_as_the_bound(void **state)
{
    (void)state;
    struct taken taken = unpack_bytes(gzip(zeros_of(BYTES_MAX)), 100000);
    assert_int_equal(taken.problem_count, 1);
    assert_non_null(strstr(taken.problems, "x: too much"));
    assert_true(taken.sizes[0] <= 100000);
    taken = unpack_bytes(gzip(gzip(zeros_of(BYTES_MAX))), 100000);
    assert_int_equal(taken.problem_count, 1);
    taken = unpack_bytes(gzip(zeros_of(BYTES_MAX)), BYTES_MAX);
    assert_int_equal(taken.problem_count, 0);
    assert_int_equal(taken.sizes[0], BYTES_MAX);
}

static void layers_are_bounded(void **state)
{
    (void)state;
    struct bytes bytes = text_of("content");
    for (int i = 0; i < UNPACK_DEPTH_MAX; i++)
        bytes = gzip(bytes);
    assert_taken(bytes_of(bytes.at, bytes.size), "x:content;");
    struct taken taken = unpack_bytes(gzip(bytes), BYTES_MAX);
    assert_memory_equal(taken.text, "raw x:\x1F\x8B", 8);
    assert_int_equal(taken.problem_count, 1);
    assert_non_null(strstr(taken.problems, "more than 8 times"));
}

static void what_is_known_and_not_read_is_told_and_taken_as_it_is(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *name;
    } known[] = {{"7z\xBC\xAF\x27\x1C and so on", "7z"},
                 {"Rar!\x1A\x07 and so on", "RAR"},
                 {"\x89LZO and so on", NULL},
                 {"\x89LZO", NULL},
                 {"\x1F\x9D\xE0 and so on", "compress"},
                 {"# v2 git bundle\n and so on", "a bundle of git's"}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        char text[KEPT_MAX], why[KEPT_MAX];
        snprintf(text, sizeof text, "%sx:%s;", known[i].name != NULL ? "raw " : "", known[i].bytes);
        struct taken taken = unpack_bytes(text_of(known[i].bytes), BYTES_MAX);
        assert_string_equal(taken.text, text);
        assert_int_equal(taken.problem_count, known[i].name != NULL);
        snprintf(why, sizeof why, "x: %s is not read: ", known[i].name != NULL ? known[i].name : "");
        if (known[i].name != NULL)
            assert_non_null(strstr(taken.problems, why));
    }
}

#define BYTES(literal) bytes_of((literal), sizeof(literal) - 1)

// Each is the packing of "content", as its program writes it, but for "compress" by hand.
static const char lzma_content[] = "\x5D\x00\x00\x80\x00\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x00\x31\x9B\xCA\x19\xDA\xE9"
                                   "\xCA\xD7\x4C\xD1\x5F\xFF\xFD\x98\x30\x00";
static const char lz4_content[] = "\x04\x22\x4D\x18\x64\x40\xA7\x07\x00\x00\x80\x63\x6F\x6E\x74\x65\x6E\x74\x00\x00"
                                  "\x00\x00\x89\x6A\x80\xA1";
static const char lzip_content[] = "\x4C\x5A\x49\x50\x01\x0C\x00\x31\x9B\xCA\x19\xDA\xE9\xCA\xD7\x4C\xD1\x5F\xFF\xFD"
                                   "\x98\x30\x00\xA9\x30\xC5\xFE\x07\x00\x00\x00\x00\x00\x00\x00\x2B\x00\x00\x00\x00"
                                   "\x00\x00\x00";
// Nine bits for each character.
static const char compress_content[] = "\x1F\x9D\x09\x63\xDE\xB8\xA1\x53\xC6\x0D\x1D";
static const char zlib_content[] = "\x78\x9C\x4B\xCE\xCF\x2B\x49\xCD\x2B\x01\x00\x0B\xCB\x02\xFC";

static void what_libarchive_reads_by_itself_is_unpacked(void **state)
{
    (void)state;
    assert_taken(BYTES(lzma_content), "x:content;");
    assert_taken(BYTES(lz4_content), "x:content;");
    assert_taken(BYTES(lzip_content), "x:content;");
    assert_taken(BYTES(compress_content), "x:content;");
    assert_taken(join(BYTES(lz4_content), BYTES(lz4_content)), "x:contentcontent;");
    assert_taken(join(BYTES(lzip_content), BYTES(lzip_content)), "x:contentcontent;");
    assert_taken(gzip(BYTES(lzma_content)), "x:content;");
}

static void zlib_is_told_from_texts(void **state)
{
    (void)state;
    struct taken taken = unpack_bytes(BYTES(zlib_content), BYTES_MAX);
    assert_non_null(strstr(taken.problems, "x: zlib is not read: "));
    static const char *const texts[] = {"x^2 + y^2 = z^2\n",     "x^",      "x^2",
                                        "x\xDA\x80 is Arabic\n", "x\x9C\n", "x\x01 and so on"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char wanted[KEPT_MAX];
        snprintf(wanted, sizeof wanted, "x:%s;", texts[i]);
        assert_taken(text_of(texts[i]), wanted);
    }
    // With these characters it goes on and on without a fault that zlib could see.
    char longer[2048] = "x^2";
    memset(longer + 3, 'U', sizeof longer - 4);
    assert_int_equal(unpack_bytes(text_of(longer), BYTES_MAX).problem_count, 0);
    struct bytes packed = {malloc(8192), 8192};
    unsigned char noise[4096];
    for (size_t i = 0, seed = 1; i < sizeof noise; i++, seed = seed * 1103515245 + 12345)
        noise[i] = (unsigned char)(seed >> 16) % 64;
    assert_int_equal(compress(packed.at, &packed.size, noise, sizeof noise), Z_OK);
    assert_int_equal(unpack_bytes(packed, BYTES_MAX).problem_count, 1);
}

static void a_pdf_is_told_when_parts_of_it_are_packed(void **state)
{
    (void)state;
    assert_taken(text_of("%PDF-1.7\n1 0 obj <</Filt /Length 5>>\n"), "x:%PDF-1.7\n1 0 obj <</Filt /Length;");
    struct taken taken = unpack_bytes(text_of("%PDF-1.7\n<<//Filter/FlateDecode>>\n"), BYTES_MAX);
    assert_string_equal(taken.problems, "x: PDF has packed parts, which are not read: have it written out as text, and "
                                        "scan that;");
    assert_non_null(strstr(taken.text, "x:%PDF-1.7"));
}

// Takes them from a pipe, where nothing can be read again.
static struct taken unpack_from_pipe(struct bytes bytes)
{
    struct taken taken = {.count = 0};
    const struct unpack_taker taker = {&taken, on_begin, on_take, on_end, on_problem};
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_in_range(bytes.size, 0, 65536);
    assert_int_equal(write(ends[1], bytes.at, bytes.size), bytes.size);
    close(ends[1]);
    unpack(ends[0], "x", BYTES_MAX, &taker);
    close(ends[0]);
    free(bytes.at);
    return taken;
}

static void what_begins_like_something_packed_is_told_and_taken_as_it_is(void **state)
{
    (void)state;
    static const char *const beginnings[] = {"PK\3\4", "\x1F\x8B\x08",     "\3757zXZ",     "\x28\xB5\x2F\xFD",
                                             "LZIP\1", "\x04\x22\x4D\x18", "\x1F\x9D\x90", "BZh91AY&SY"};
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++) {
        char text[2048] = {0};
        size_t size = strlen(beginnings[i]) + (i == 2); // with the zero
        memcpy(text, beginnings[i], strlen(beginnings[i]));
        memset(text + size, 'a', sizeof text - size);
        struct taken taken = unpack_bytes(bytes_of(text, sizeof text), BYTES_MAX);
        assert_int_equal(taken.problem_count, 1);
        assert_non_null(strstr(taken.text, "raw x:"));
        assert_int_equal(taken.sizes[taken.count - 1], sizeof text);
        taken = unpack_from_pipe(bytes_of(text, sizeof text));
        assert_int_equal(taken.problem_count, 1);
        assert_int_equal(taken.sizes[taken.count - 1], sizeof text);
        taken = unpack_bytes(gzip(bytes_of(text, sizeof text)), BYTES_MAX);
        assert_int_equal(taken.problem_count, 1);
        assert_int_equal(taken.sizes[taken.count - 1], sizeof text);
    }
}

// The end of the packed part is not the end of the stream.
static void what_stands_behind_the_packed_part_is_told_and_taken_as_it_is(void **state)
{
    (void)state;
    struct bytes packed[] = {gzip(text_of("content")), BYTES(lzip_content), BYTES(lz4_content), BYTES(lzma_content)};
    for (size_t i = 0; i < sizeof packed / sizeof packed[0]; i++) {
        struct bytes both = join(packed[i], text_of(" and a text in clear"));
        struct taken taken = unpack_bytes(both, BYTES_MAX);
        assert_int_equal(taken.problem_count, 1);
        assert_non_null(strstr(taken.text, "x:content"));
        assert_int_equal(taken.sizes[taken.count - 1], both.size);
    }
}

static void of_what_is_too_long_to_be_kept_the_beginning_and_the_end_are_taken(void **state)
{
    (void)state;
    struct bytes text = {malloc(3 * UNPACK_KEPT_MAX), 3 * UNPACK_KEPT_MAX};
    assert_non_null(text.at);
    memset(text.at, 'a', text.size);
    memcpy(text.at, "PK\3\4", 4);
    struct bytes copy = bytes_of(text.at, text.size);
    struct taken taken = unpack_bytes(text, BYTES_MAX);
    assert_int_equal(taken.sizes[taken.count - 1], 3 * UNPACK_KEPT_MAX);
    taken = unpack_bytes(gzip(copy), UINT64_MAX);
    assert_int_equal(taken.problem_count, 1);
    assert_in_range(taken.sizes[taken.count - 1], UNPACK_KEPT_MAX, 3 * UNPACK_KEPT_MAX);
}

// One who follows a log sees at once what comes.
static void a_text_in_a_pipe_is_taken_as_it_comes(void **state)
{
    (void)state;
    struct taken taken = {.count = 0};
    const struct unpack_taker taker = {&taken, on_begin, on_take, on_end, on_problem};
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "one", 3), 3);
    close(ends[1]);
    unpack(ends[0], "-", BYTES_MAX, &taker);
    close(ends[0]);
    assert_string_equal(taken.text, "-:one;");
}

static void what_cannot_be_read_is_told(void **state)
{
    (void)state;
    struct taken taken = {.count = 0};
    const struct unpack_taker taker = {&taken, on_begin, on_take, on_end, on_problem};
    unpack(-1, "x", BYTES_MAX, &taker);
    assert_int_equal(taken.problem_count, 1);
    assert_string_equal(taken.text, "x:;");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_packed_is_taken_as_it_is),
        cmocka_unit_test(gzip_and_tar_are_unpacked_in_any_order),
        cmocka_unit_test(several_in_one_are_all_unpacked),
        cmocka_unit_test(what_breaks_off_is_told_once_and_the_beginning_is_taken),
        cmocka_unit_test(damaged_data_is_told),
        cmocka_unit_test(a_bomb_goes_off_only_as_far_as_the_bound),
        cmocka_unit_test(layers_are_bounded),
        cmocka_unit_test(what_is_known_and_not_read_is_told_and_taken_as_it_is),
        cmocka_unit_test(what_libarchive_reads_by_itself_is_unpacked),
        cmocka_unit_test(zlib_is_told_from_texts),
        cmocka_unit_test(a_pdf_is_told_when_parts_of_it_are_packed),
        cmocka_unit_test(what_begins_like_something_packed_is_told_and_taken_as_it_is),
        cmocka_unit_test(what_stands_behind_the_packed_part_is_told_and_taken_as_it_is),
        cmocka_unit_test(of_what_is_too_long_to_be_kept_the_beginning_and_the_end_are_taken),
        cmocka_unit_test(a_text_in_a_pipe_is_taken_as_it_comes),
        cmocka_unit_test(what_cannot_be_read_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
