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
        cmocka_unit_test(level_names_are_parsed),
        cmocka_unit_test(ten_lines_at_once_may_be_logged_and_then_one_a_second),
        cmocka_unit_test(random_bytes_fill_all_and_only_the_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
