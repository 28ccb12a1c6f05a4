// Draws a chart of characters that fits the terminal: buckets of time are merged until they fit the columns, values are
// scaled to the rows, and labels are set where they do not touch each other.
#include "plot.h"

#include <string.h>
#include <time.h>

enum {
    ROWS = 10,
    CELL_MAX = 6,       // so that few columns stay narrow
    LABEL_WIDTH = 6,    // "Nov 23", "06:00"
    LABEL_DISTANCE = 2, // between labels
    HOUR_MS = 3600 * 1000,
    DAY_HOURS = 24,
    TIME_SIZE = 32
};

struct column {
    uint64_t allowed;
    uint64_t refused;
};

struct chart {
    const struct plot *plot;
    uint64_t start_ms; // of the first column
    uint64_t step_ms;  // of one
    unsigned merged;   // buckets in one
    size_t count;      // of columns
    size_t cell;       // characters for each, the gap included
    size_t room;       // characters beside the labels on the left
    size_t axis_width; // of the labels on the left
    uint64_t max;      // of one column
    size_t max_at;
    uint64_t allowed, refused; // of all
    struct column columns[PLOT_WIDTH_MAX];
};

struct glyphs {
    const char *allowed, *refused, *side, *side_tick, *corner, *floor, *floor_tick;
};

static const struct glyphs ascii = {"#", "x", "|", "+", "+", "-", "+"};
static const struct glyphs blocks = {"█", "░", "│", "┤", "┼", "─", "┬"};

// --- layout

static uint64_t bucket_ms(const struct plot *plot)
{
    return (uint64_t)plot->bucket_s * 1000;
}

// Returns how many columns there may be: the first one may begin before the time that was asked for.
static size_t columns_for(size_t buckets, unsigned merged)
{
    return (buckets + 2 * (size_t)(merged - 1)) / merged;
}

// Returns how many buckets share a column: the fewest that fit and make round times.
static unsigned buckets_per_column(const struct plot *plot, size_t buckets, size_t room)
{
    static const unsigned hours[] = {1, 2, 3, 4, 6, 12, 24, 48, 168, 336, 672}, days[] = {1, 2, 7, 14, 28, 91, 364};
    bool by_hour = plot->bucket_s == PLOT_HOUR_S;
    const unsigned *round = by_hour ? hours : days;
    size_t count = by_hour ? sizeof hours / sizeof hours[0] : sizeof days / sizeof days[0];
    unsigned merged = 1;
    for (size_t i = 0; i < count && columns_for(buckets, merged) > room; i++)
        merged = round[i];
    while (columns_for(buckets, merged) > room)
        merged *= 2;
    return merged;
}

static void lay_out(struct chart *chart, size_t axis_width)
{
    const struct plot *plot = chart->plot;
    size_t width = plot->width < PLOT_WIDTH_MAX ? plot->width : PLOT_WIDTH_MAX;
    size_t room = width > axis_width + 10 ? width - axis_width - 2 : 8;
    chart->room = room;
    size_t buckets = (size_t)((plot->to_ms - plot->from_ms + bucket_ms(plot) - 1) / bucket_ms(plot));
    chart->axis_width = axis_width;
    chart->merged = buckets_per_column(plot, buckets, room);
    chart->step_ms = chart->merged * bucket_ms(plot);
    bool aligned = plot->bucket_s == PLOT_HOUR_S && chart->merged > 1; // to the hours of UTC's day
    chart->start_ms = plot->from_ms - (aligned ? plot->from_ms % chart->step_ms : 0);
    chart->count = (size_t)((plot->to_ms - chart->start_ms + chart->step_ms - 1) / chart->step_ms);
    chart->cell = room / chart->count < CELL_MAX ? room / chart->count : CELL_MAX;
}

// A day may begin some hours off the others, where the clock was put forward or back.
static void fill_columns(struct chart *chart)
{
    uint64_t slack_ms = chart->plot->bucket_s == PLOT_DAY_S ? bucket_ms(chart->plot) / 2 : 0;
    memset(chart->columns, 0, sizeof chart->columns);
    chart->max = chart->allowed = chart->refused = 0;
    for (size_t i = 0; i < chart->plot->count; i++) {
        const struct plot_point *point = &chart->plot->points[i];
        uint64_t after_ms = point->start_ms + slack_ms;
        if (after_ms < chart->start_ms || (after_ms - chart->start_ms) / chart->step_ms >= chart->count)
            continue;
        size_t at = (size_t)((after_ms - chart->start_ms) / chart->step_ms);
        struct column *column = &chart->columns[at];
        chart->allowed += point->allowed;
        chart->refused += point->refused;
        column->allowed += point->allowed;
        column->refused += point->refused;
        if (column->allowed + column->refused > chart->max) {
            chart->max = column->allowed + column->refused;
            chart->max_at = at;
        }
    }
}

// The labels' width depends on the largest column, and that on how many fit beside the labels.
static void build_chart(struct chart *chart, const struct plot *plot)
{
    size_t axis_width = 1;
    chart->plot = plot;
    for (unsigned turn = 0; turn < 4; turn++) {
        lay_out(chart, axis_width);
        fill_columns(chart);
        size_t digits = (size_t)snprintf(NULL, 0, "%llu", (unsigned long long)chart->max);
        if (digits <= axis_width)
            return;
        axis_width = digits;
    }
}

// --- the columns

static size_t height_of(const struct chart *chart, uint64_t count)
{
    size_t height = (size_t)((double)count * (double)ROWS / (double)chart->max + 0.5);
    return count > 0 && height == 0 ? 1 : height;
}

static const char *glyph_at(const struct chart *chart, size_t column, size_t row, const struct glyphs *glyphs)
{
    const struct column *of = &chart->columns[column];
    size_t height = height_of(chart, of->allowed + of->refused);
    size_t refused = height_of(chart, of->refused);
    if (of->allowed > 0 && height > 1 && refused >= height)
        refused = height - 1;
    if (row > height)
        return " ";
    return row + refused > height ? glyphs->refused : glyphs->allowed;
}

static void print_repeated(FILE *to, const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++)
        fputs(text, to);
}

// Prints what the top of a row stands for; nothing where that is no whole number.
static void print_side(const struct chart *chart, size_t row, const struct glyphs *glyphs, FILE *to)
{
    bool labelled = row == ROWS || (row == ROWS / 2 && chart->max % 2 == 0);
    if (labelled)
        fprintf(to, "%*llu %s", (int)chart->axis_width, (unsigned long long)(chart->max * row / ROWS),
                glyphs->side_tick);
    else
        fprintf(to, "%*s %s", (int)chart->axis_width, "", glyphs->side);
}

static void print_row(const struct chart *chart, size_t row, const struct glyphs *glyphs, FILE *to)
{
    size_t bar = chart->cell > 1 ? chart->cell - 1 : 1;
    size_t blanks = 0; // none at the end of a line
    print_side(chart, row, glyphs, to);
    for (size_t i = 0; i < chart->count; i++) {
        const char *glyph = glyph_at(chart, i, row, glyphs);
        if (glyph[0] == ' ') {
            blanks += chart->cell;
            continue;
        }
        fprintf(to, "%*s", (int)blanks, "");
        print_repeated(to, glyph, bar);
        blanks = chart->cell - bar;
    }
    fputc('\n', to);
}

// --- the times below

enum precision { DATE, HOUR, MINUTE };

static void format_utc(uint64_t at_ms, enum precision precision, char text[TIME_SIZE])
{
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm tm = {0};
    (void)gmtime_r(&seconds, &tm); // all that posternd sends is in the years that it knows
    (void)strftime(text, TIME_SIZE, precision == DATE ? "%b %d" : precision == HOUR ? "%H:%M" : "%Y-%m-%dT%H:%MZ", &tm);
}

// Returns how many columns lie between two labels: the fewest that leave room for a label and are a round time.
static size_t label_every(const struct chart *chart)
{
    static const unsigned hours[] = {1, 2, 3, 6, 12, 24, 48, 96, 168, 336, 672, 2016};
    size_t least = (LABEL_WIDTH + LABEL_DISTANCE + chart->cell - 1) / chart->cell;
    if (chart->plot->bucket_s == PLOT_DAY_S)
        return least;
    unsigned step = (unsigned)(chart->step_ms / HOUR_MS);
    for (size_t i = 0; i < sizeof hours / sizeof hours[0]; i++)
        if (hours[i] % step == 0 && hours[i] / step >= least)
            return hours[i] / step;
    return least;
}

static bool has_label(const struct chart *chart, size_t column, size_t every)
{
    if (chart->plot->bucket_s == PLOT_DAY_S)
        return column % every == 0;
    return (chart->start_ms / chart->step_ms + column) % every == 0;
}

// A day begins in the installation's time zone; its date is that of its noon.
static void format_label(const struct chart *chart, size_t column, char text[TIME_SIZE])
{
    uint64_t at_ms = chart->start_ms + column * chart->step_ms;
    bool by_day = chart->plot->bucket_s == PLOT_DAY_S;
    if (by_day || at_ms / HOUR_MS % DAY_HOURS == 0)
        format_utc(at_ms + (by_day ? DAY_HOURS / 2 * (uint64_t)HOUR_MS : 0), DATE, text);
    else
        format_utc(at_ms, HOUR, text);
}

static void print_floor(const struct chart *chart, size_t every, const struct glyphs *glyphs, FILE *to)
{
    fprintf(to, "%*d %s", (int)chart->axis_width, 0, glyphs->corner);
    for (size_t i = 0; i < chart->count; i++) {
        fputs(has_label(chart, i, every) ? glyphs->floor_tick : glyphs->floor, to);
        print_repeated(to, glyphs->floor, chart->cell - 1);
    }
    fputc('\n', to);
}

static void print_times(const struct chart *chart, size_t every, FILE *to)
{
    char text[TIME_SIZE];
    size_t at = 0; // the next character's place, from the first column
    fprintf(to, "%*s", (int)chart->axis_width + 2, "");
    for (size_t i = 0; i < chart->count; i++) {
        if (!has_label(chart, i, every) || i * chart->cell + LABEL_WIDTH > chart->room)
            continue;
        format_label(chart, i, text);
        fprintf(to, "%*s%s", (int)(i * chart->cell - at), "", text);
        at = i * chart->cell + strlen(text);
    }
    fputc('\n', to);
}

// --- words

// "per hour", "in an hour"; "per 4 hours", "in 4 hours".
static void print_unit(const struct chart *chart, const char *one_hour, const char *one_day, FILE *to)
{
    bool by_day = chart->plot->bucket_s == PLOT_DAY_S;
    if (chart->merged == 1)
        fputs(by_day ? one_day : one_hour, to);
    else
        fprintf(to, "%u %s", chart->merged, by_day ? "days" : "hours");
}

static void print_title(const struct chart *chart, FILE *to)
{
    char from[TIME_SIZE], until[TIME_SIZE];
    format_utc(chart->plot->from_ms, MINUTE, from);
    format_utc(chart->plot->to_ms, MINUTE, until);
    fprintf(to, "%s, calls per ", chart->plot->title);
    print_unit(chart, "hour", "day", to);
    fprintf(to, "\n%s to %s\n", from, until);
}

static void print_legend(const struct chart *chart, const struct glyphs *glyphs, FILE *to)
{
    char at[TIME_SIZE];
    format_utc(chart->start_ms + chart->max_at * chart->step_ms, MINUTE, at);
    fprintf(to, "%s allowed %llu   %s refused %llu\nmost: %llu in ", glyphs->allowed,
            (unsigned long long)chart->allowed, glyphs->refused, (unsigned long long)chart->refused,
            (unsigned long long)chart->max);
    print_unit(chart, "an hour", "a day", to);
    fprintf(to, ", from %s\n", at);
}

void plot_print(const struct plot *plot, FILE *to)
{
    struct chart chart = {.max = 0};
    const struct glyphs *glyphs = plot->utf8 ? &blocks : &ascii;
    build_chart(&chart, plot);
    print_title(&chart, to);
    if (chart.max == 0) {
        fputs("No calls in that time.\n", to);
        return;
    }
    size_t every = label_every(&chart);
    for (size_t row = ROWS; row > 0; row--)
        print_row(&chart, row, glyphs, to);
    print_floor(&chart, every, glyphs, to);
    print_times(&chart, every, to);
    print_legend(&chart, glyphs, to);
}
