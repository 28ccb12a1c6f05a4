#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/random.h"

struct pipe {
    int read_end;
    struct log log;
};

static struct pipe open_pipe(enum log_level level)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    return (struct pipe){.read_end = ends[0], .log = {.level = level, .fd = ends[1]}};
}

static void close_and_read(struct pipe *pipe, char *out, size_t size)
{
    close(pipe->log.fd);
    ssize_t got = read(pipe->read_end, out, size - 1);
    assert_true(got >= 0);
    out[got] = '\0';
    close(pipe->read_end);
}

static void line_has_time_level_and_message(void **state)
{
    (void)state;
    char line[2048];
    struct pipe pipe = open_pipe(LOG_LEVEL_INFO);
    log_line(&pipe.log, LOG_LEVEL_WARNING, "disk %d%% full", 80);
    close_and_read(&pipe, line, sizeof line);
    int used = 0;
    int year, month, day, hour, minute, second, millisecond;
    assert_int_equal(sscanf(line, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ %n", &year, &month, &day, &hour, &minute, &second,
                            &millisecond, &used),
                     7);
    assert_string_equal(line + used, "warning disk 80% full\n");
}

static void lines_above_the_level_are_dropped(void **state)
{
    (void)state;
    char line[2048];
    struct pipe pipe = open_pipe(LOG_LEVEL_WARNING);
    log_line(&pipe.log, LOG_LEVEL_INFO, "not wanted");
    log_line(NULL, LOG_LEVEL_ERROR, "nowhere");
    close_and_read(&pipe, line, sizeof line);
    assert_string_equal(line, "");
}

static void message_cannot_fake_a_second_line(void **state)
{
    (void)state;
    char line[2048];
    struct pipe pipe = open_pipe(LOG_LEVEL_INFO);
    log_line(&pipe.log, LOG_LEVEL_INFO, "name %s", "a\nb\x1B[2J\xC2\x9B");
    close_and_read(&pipe, line, sizeof line);
    assert_non_null(strstr(line, " info name a?b?[2J??\n"));
}

static void long_message_is_cut_and_still_one_line(void **state)
{
    (void)state;
    char line[4096];
    char message[3000];
    memset(message, 'x', sizeof message - 1);
    message[sizeof message - 1] = '\0';
    struct pipe pipe = open_pipe(LOG_LEVEL_INFO);
    log_line(&pipe.log, LOG_LEVEL_INFO, "%s", message);
    close_and_read(&pipe, line, sizeof line);
    assert_in_range(strlen(line), 900, 1024);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void logging_leaves_errno_alone(void **state)
{
    (void)state;
    struct log log = {.level = LOG_LEVEL_INFO, .fd = -1};
    errno = ENOSPC;
    log_line(&log, LOG_LEVEL_INFO, "to a closed descriptor");
    assert_int_equal(errno, ENOSPC);
}

// Returns what is behind the time and the level.
static const char *behind_level(const char *line)
{
    const char *at = strstr(line, "warning");
    assert_non_null(at);
    return at + strlen("warning");
}

static void write_event(enum log_format format, const char *value, char *line, size_t size)
{
    struct pipe pipe = open_pipe(LOG_LEVEL_INFO);
    const struct log_field fields[] = {
        {"reason", slice_text("RATE_LIMITED")}, {"none", slice_empty()}, {"account", slice_text(value)}};
    pipe.log.format = format;
    log_event(&pipe.log, LOG_LEVEL_WARNING, "a decision", fields, sizeof fields / sizeof *fields);
    log_event(&pipe.log, LOG_LEVEL_DEBUG, "not wanted", fields, sizeof fields / sizeof *fields);
    close_and_read(&pipe, line, size);
}

static void fields_stand_behind_the_message_and_empty_ones_nowhere(void **state)
{
    (void)state;
    char line[2048];
    write_event(LOG_FORMAT_TEXT, "acme", line, sizeof line);
    assert_string_equal(behind_level(line), " a decision reason=RATE_LIMITED account=acme\n");
    write_event(LOG_FORMAT_LOGFMT, "acme", line, sizeof line);
    assert_int_equal(strncmp(line, "time=20", 7), 0);
    assert_string_equal(behind_level(line), " message=\"a decision\" reason=RATE_LIMITED account=acme\n");
    write_event(LOG_FORMAT_JSON, "acme", line, sizeof line);
    assert_int_equal(strncmp(line, "{\"time\": \"20", 12), 0);
    assert_string_equal(behind_level(line), "\", \"message\": \"a decision\", \"reason\": \"RATE_LIMITED\", "
                                            "\"account\": \"acme\"}\n");
}

static void value_cannot_end_its_field(void **state)
{
    (void)state;
    char line[2048];
    static const char evil[] = "a\" b=c\\\n\xC3\xA9\xC3";
    write_event(LOG_FORMAT_TEXT, evil, line, sizeof line);
    assert_non_null(strstr(line, " account=\"a\\\" b=c\\\\?\xC3\xA9?\"\n"));
    write_event(LOG_FORMAT_LOGFMT, evil, line, sizeof line);
    assert_non_null(strstr(line, " account=\"a\\\" b=c\\\\?\xC3\xA9?\"\n"));
    write_event(LOG_FORMAT_JSON, evil, line, sizeof line);
    assert_non_null(strstr(line, ", \"account\": \"a\\\" b=c\\\\?\xC3\xA9?\"}\n"));
}

// Of whatever length the message is, and whatever it holds.
static void long_line_of_json_still_ends_as_an_object(void **state)
{
    (void)state;
    static const char *const parts[] = {"x", "\"", "\xE2\x82\xAC"};
    for (size_t part = 0; part < sizeof parts / sizeof *parts; part++)
        for (size_t count = 200; count < 1100; count += 7) {
            char message[4096] = "", line[4096];
            for (size_t i = 0; i < count; i++)
                strcat(message, parts[part]);
            struct pipe pipe = open_pipe(LOG_LEVEL_INFO);
            pipe.log.format = LOG_FORMAT_JSON;
            const struct log_field field = {"reason", slice_text("RATE_LIMITED")};
            log_line(&pipe.log, LOG_LEVEL_WARNING, "%s", message);
            log_event(&pipe.log, LOG_LEVEL_WARNING, message, &field, 1);
            close_and_read(&pipe, line, sizeof line);
            char *end = strchr(line, '\n');
            assert_non_null(end);
            assert_int_equal(strncmp(end - 2, "\"}", 2), 0);
            assert_true(end - 3 >= line && end[-3] != '\\');
            assert_int_equal(strncmp(line + strlen(line) - 3, "\"}\n", 3), 0);
            assert_true(strlen(line) <= 2048);
            assert_true(slice_is_text(slice_make(line, (size_t)(end - line))));
        }
}

static void format_names_are_parsed(void **state)
{
    (void)state;
    assert_int_equal(log_format_parse("text"), LOG_FORMAT_TEXT);
    assert_int_equal(log_format_parse("logfmt"), LOG_FORMAT_LOGFMT);
    assert_int_equal(log_format_parse("json"), LOG_FORMAT_JSON);
    assert_int_equal(log_format_parse("xml"), -1);
    assert_int_equal(log_format_parse(NULL), -1);
}

static void level_names_are_parsed(void **state)
{
    (void)state;
    assert_int_equal(log_level_parse("error"), LOG_LEVEL_ERROR);
    assert_int_equal(log_level_parse("warning"), LOG_LEVEL_WARNING);
    assert_int_equal(log_level_parse("info"), LOG_LEVEL_INFO);
    assert_int_equal(log_level_parse("debug"), LOG_LEVEL_DEBUG);
    assert_int_equal(log_level_parse("Info"), -1);
    assert_int_equal(log_level_parse(""), -1);
    assert_int_equal(log_level_parse(NULL), -1);
}

static void ten_lines_at_once_may_be_logged_and_then_one_a_second(void **state)
{
    (void)state;
    struct log_limit limit = {0};
    uint64_t now_ms = 5000000;
    for (int i = 0; i < 10; i++)
        assert_true(log_may(&limit, now_ms));
    assert_false(log_may(&limit, now_ms));
    assert_false(log_may(&limit, now_ms + 999));
    assert_true(log_may(&limit, now_ms + 1000));
    assert_false(log_may(&limit, now_ms + 1000));
    now_ms += 60000; // what was not used is not saved up
    for (int i = 0; i < 10; i++)
        assert_true(log_may(&limit, now_ms));
    assert_false(log_may(&limit, now_ms));
}

static void random_bytes_fill_all_and_only_the_buffer(void **state)
{
    (void)state;
    uint8_t seen[1000] = {0};
    for (int round = 0; round < 4; round++) {
        uint8_t bytes[1000] = {0};
        random_fill(bytes, sizeof bytes - 1);
        for (size_t i = 0; i < sizeof bytes; i++)
            seen[i] |= bytes[i];
    }
    for (size_t i = 0; i + 1 < sizeof seen; i++)
        assert_int_not_equal(seen[i], 0); // four zeros in a row: once in four million runs
    assert_int_equal(seen[sizeof seen - 1], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_has_time_level_and_message),
        cmocka_unit_test(lines_above_the_level_are_dropped),
        cmocka_unit_test(message_cannot_fake_a_second_line),
        cmocka_unit_test(long_message_is_cut_and_still_one_line),
        cmocka_unit_test(logging_leaves_errno_alone),
        cmocka_unit_test(fields_stand_behind_the_message_and_empty_ones_nowhere),
        cmocka_unit_test(value_cannot_end_its_field),
        cmocka_unit_test(long_line_of_json_still_ends_as_an_object),
        cmocka_unit_test(format_names_are_parsed),
        cmocka_unit_test(level_names_are_parsed),
        cmocka_unit_test(ten_lines_at_once_may_be_logged_and_then_one_a_second),
        cmocka_unit_test(random_bytes_fill_all_and_only_the_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
