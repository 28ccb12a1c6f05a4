// Charts of characters: what is drawn, and that it fits.
#include "plot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { POINTS_MAX = 3000 };

static const uint64_t hour_ms = 3600000, day_ms = 86400000;
static const uint64_t start_ms = UINT64_C(1795417200000); // 2026-11-23T07:00Z

static struct plot_point points[POINTS_MAX];

static struct plot plot_of(size_t count, uint32_t bucket_s, size_t width)
{
    uint64_t step_ms = (uint64_t)bucket_s * 1000;
    for (size_t i = 0; i < count; i++)
        points[i].start_ms = start_ms + i * step_ms;
    return (struct plot){.title = "acme",
                         .points = points,
                         .count = count,
                         .from_ms = start_ms,
                         .to_ms = start_ms + count * step_ms,
                         .bucket_s = bucket_s,
                         .width = width};
}

// The chart as text; the caller frees it.
static char *draw(const struct plot *plot)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    assert_non_null(to);
    plot_print(plot, to);
    fclose(to);
    return text;
}

static void assert_draws(const struct plot *plot, const char *expected)
{
    char *text = draw(plot);
    assert_string_equal(text, expected);
    free(text);
}

static void assert_says(const struct plot *plot, const char *words)
{
    char *text = draw(plot);
    if (strstr(text, words) == NULL)
        fail_msg("\"%s\" is not in:\n%s", words, text);
    free(text);
}

static void allowed_and_refused_are_told_apart(void **state)
{
    (void)state;
    struct plot plot = plot_of(3, PLOT_HOUR_S, 40);
    points[0] = (struct plot_point){start_ms, 5, 0};
    points[1] = (struct plot_point){start_ms + hour_ms, 6, 4};
    points[2] = (struct plot_point){start_ms + 2 * hour_ms, 0, 2};
    assert_draws(&plot, "acme, calls per hour\n"
                        "2026-11-23T07:00Z to 2026-11-23T10:00Z\n"
                        "10 +      xxxxx\n"
                        "   |      xxxxx\n"
                        "   |      xxxxx\n"
                        "   |      xxxxx\n"
                        "   |      #####\n"
                        " 5 +##### #####\n"
                        "   |##### #####\n"
                        "   |##### #####\n"
                        "   |##### ##### xxxxx\n"
                        "   |##### ##### xxxxx\n"
                        " 0 +------+-----------\n"
                        "          08:00\n"
                        "# allowed 11   x refused 6\n"
                        "most: 10 in an hour, from 2026-11-23T08:00Z\n");
    plot.utf8 = true;
    assert_says(&plot, "10 ┤      ░░░░░\n");
    assert_says(&plot, " 0 ┼──────┬───────────\n");
}

static void the_rarest_refusal_is_seen(void **state)
{
    (void)state;
    struct plot plot = plot_of(2, PLOT_HOUR_S, 40);
    points[0] = (struct plot_point){start_ms, 100000, 1};
    points[1] = (struct plot_point){start_ms + hour_ms, 1, 0};
    assert_says(&plot, "100001 +xxxxx\n");
    assert_says(&plot, "       |##### #####\n");
}

static void buckets_without_a_call_leave_a_gap(void **state)
{
    (void)state;
    struct plot plot = plot_of(1, PLOT_HOUR_S, 40);
    points[0] = (struct plot_point){start_ms + 2 * hour_ms, 1, 0};
    plot.to_ms = start_ms + 4 * hour_ms;
    assert_says(&plot, "1 +            #####\n");
}

static void hours_share_a_column_where_there_is_no_room(void **state)
{
    (void)state;
    struct plot plot = plot_of(100, PLOT_HOUR_S, 40);
    for (size_t i = 0; i < 100; i++)
        points[i].allowed = 1, points[i].refused = 0;
    assert_says(&plot, "calls per 3 hours\n");
    assert_says(&plot, "# allowed 100   x refused 0\n");
    assert_says(&plot, "most: 3 in 3 hours, from 2026-11-23T09:00Z\n"); // to the hours of the day: 06, 09 …
}

static void a_day_has_the_date_of_its_noon(void **state)
{
    (void)state;
    struct plot plot = plot_of(30, PLOT_DAY_S, 80);
    for (size_t i = 0; i < 30; i++)
        points[i] = (struct plot_point){start_ms + 15 * hour_ms + i * day_ms, 1, 0}; // 22:00Z: at UTC+2
    plot.from_ms = points[0].start_ms;
    plot.to_ms = plot.from_ms + 30 * day_ms;
    assert_says(&plot, "\n   Nov 24  Nov 28");
}

// From the fourth on they begin an hour earlier, as where the clock is put forward; and then later again.
static void a_day_after_the_clock_was_put_forward_has_its_own_column(void **state)
{
    (void)state;
    struct plot plot = plot_of(9, PLOT_DAY_S, 80);
    for (size_t i = 0; i < 9; i++)
        points[i] = (struct plot_point){start_ms + 16 * hour_ms + i * day_ms - (i >= 3 ? hour_ms : 0), 1, 0};
    plot.from_ms = points[0].start_ms;
    plot.to_ms = plot.from_ms + 9 * day_ms;
    assert_says(&plot, "most: 1 ");
    assert_says(&plot, "allowed 9 ");
    for (size_t i = 5; i < 9; i++)
        points[i].start_ms += 2 * hour_ms;
    assert_says(&plot, "most: 1 ");
    assert_says(&plot, "allowed 9 ");
}

static void nothing_is_said_to_be_nothing(void **state)
{
    (void)state;
    struct plot plot = plot_of(0, PLOT_HOUR_S, 80);
    plot.to_ms = plot.from_ms + 5 * hour_ms;
    assert_draws(&plot, "acme, calls per hour\n2026-11-23T07:00Z to 2026-11-23T12:00Z\nNo calls in that time.\n");
}

static void assert_fits(const struct plot *plot)
{
    char *text = draw(plot);
    size_t lines = 0;
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"), lines++)
        if (lines >= 2 && strlen(line) > plot->width && strncmp(line, "most", 4) != 0)
            fail_msg("%zu points, width %zu: %s", plot->count, plot->width, line);
    assert_int_equal(lines, 16);
    free(text);
}

static void every_chart_fits_the_terminal(void **state)
{
    (void)state;
    for (size_t count = 1; count < 2200; count += count < 100 ? 1 : 37) {
        for (size_t width = 40; width < 200; width += 13) {
            struct plot plot = plot_of(count, count % 2 == 0 ? PLOT_HOUR_S : PLOT_DAY_S, width);
            for (size_t i = 0; i < count; i++)
                points[i].allowed = i * 7919 % 12345, points[i].refused = i * 31 % 7 + 1;
            assert_fits(&plot);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allowed_and_refused_are_told_apart),
        cmocka_unit_test(the_rarest_refusal_is_seen),
        cmocka_unit_test(buckets_without_a_call_leave_a_gap),
        cmocka_unit_test(hours_share_a_column_where_there_is_no_room),
        cmocka_unit_test(a_day_has_the_date_of_its_noon),
        cmocka_unit_test(a_day_after_the_clock_was_put_forward_has_its_own_column),
        cmocka_unit_test(nothing_is_said_to_be_nothing),
        cmocka_unit_test(every_chart_fits_the_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
