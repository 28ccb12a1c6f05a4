// Prints figures as they come, as a line for people or as a member of the one JSON object.
#include "report.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

static void start_member(struct report *report, const char *key)
{
    printf("%s\"%s\": ", report->first ? "" : ", ", key);
    report->first = false;
}

static void print_json_text(const char *text)
{
    putchar('"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            putchar('\\');
        putchar((unsigned char)*text < 0x20 ? ' ' : *text);
    }
    putchar('"');
}

void report_open(struct report *report, const char *benchmark, bool json)
{
    report->json = json;
    report->first = true;
    if (!json) {
        printf("postern-bench %s\n", benchmark);
        return;
    }
    putchar('{');
    report_text(report, "benchmark", "", benchmark);
}

void report_text(struct report *report, const char *key, const char *label, const char *text)
{
    if (!report->json) {
        printf("  %-38s %s\n", label, text);
        return;
    }
    start_member(report, key);
    print_json_text(text);
}

void report_figure(struct report *report, const char *key, const char *label, const char *unit, int decimals,
                   double value)
{
    if (!report->json) {
        printf("  %-38s %.*f %s\n", label, decimals, value, unit);
        fflush(stdout);
        return;
    }
    start_member(report, key);
    printf("%.*f", decimals, value);
}

void report_series(struct report *report, const char *key, const char *label, const char *unit, const double *values,
                   size_t count)
{
    if (report->json)
        start_member(report, key);
    printf(report->json ? "[" : "  %-38s", label);
    for (size_t i = 0; i < count; i++)
        printf("%s%.0f", report->json ? (i == 0 ? "" : ", ") : " ", values[i]);
    if (report->json)
        putchar(']');
    else
        printf(" %s\n", unit);
}

static const char *const words[] = {"at least", "below", "at most"}; // by enum report_bound
static const char *const keys[] = {"at_least", "below", "at_most"};

static bool is_reached(double value, enum report_bound bound, double target)
{
    switch (bound) {
    case REPORT_AT_LEAST:
        return value >= target;
    case REPORT_BELOW:
        return value < target;
    case REPORT_AT_MOST:
        break;
    }
    return value <= target;
}

void report_target(struct report *report, const char *key, const char *label, const char *unit, double value,
                   enum report_bound bound, double target)
{
    const bool reached = is_reached(value, bound, target);
    if (!report->json) {
        printf("  %-38s %.2f %s%s(target: %s %g: %s)\n", label, value, unit, *unit == '\0' ? "" : " ", words[bound],
               target, reached ? "reached" : "not reached");
        fflush(stdout);
        return;
    }
    start_member(report, key);
    printf("{\"value\": %.3f, \"%s\": %g, \"reached\": %s}", value, keys[bound], target, reached ? "true" : "false");
}

void report_comparison_head(struct report *report)
{
    if (!report->json)
        printf("  %-54s %9s / %9s %-8s %5s  floor\n", "figure, ours / theirs", "ours", "theirs", "", "ratio");
}

void report_comparison(struct report *report, const struct report_comparison *row)
{
    const double ratio = row->ours / row->theirs;
    const bool reached = is_reached(ratio, row->bound, row->target);
    const int decimals = row->ours < 1000 && row->theirs < 1000 ? 1 : 0;
    if (!report->json) {
        printf("  %-54s %9.*f / %9.*f %-8s %5.2f  %s %g: %s\n", row->label, decimals, row->ours, decimals, row->theirs,
               row->unit, ratio, words[row->bound], row->target, reached ? "reached" : "not reached");
        return;
    }
    start_member(report, row->key);
    printf("{\"unit\": \"%s\", \"ours\": %.3f, \"theirs\": %.3f, \"ratio\": %.3f, \"%s\": %g, \"reached\": %s}",
           row->unit, row->ours, row->theirs, ratio, keys[row->bound], row->target, reached ? "true" : "false");
}

// --- the machine

static const char *file_system(const char *dir)
{
    static const struct {
        unsigned long magic;
        const char *name;
    } known[] = {{0xEF53, "ext4"},      {0x01021994, "tmpfs"},     {0x58465342, "xfs"},
                 {0x9123683E, "btrfs"}, {0x794C7630, "overlayfs"}, {0x2FC12FC1, "zfs"}};
    struct statfs facts;
    if (statfs(dir, &facts) != 0)
        return "unknown";
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if ((unsigned long)facts.f_type == known[i].magic)
            return known[i].name;
    }
    return "other";
}

static void read_processor(char *out, size_t size)
{
    char line[256];
    snprintf(out, size, "unknown processor");
    FILE *file = fopen("/proc/cpuinfo", "r");
    if (file == NULL)
        return;
    while (fgets(line, sizeof line, file) != NULL) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || colon == NULL)
            continue;
        snprintf(out, size, "%.*s", (int)strcspn(colon + 1 + strspn(colon + 1, " "), "\n"),
                 colon + 1 + strspn(colon + 1, " "));
        break;
    }
    fclose(file);
}

void report_close(struct report *report, const char *dir)
{
    char processor[128];
    char date[32];
    char text[512];
    struct utsname name;
    struct tm utc;
    const time_t now = time(NULL);
    read_processor(processor, sizeof processor);
    if (uname(&name) != 0 || gmtime_r(&now, &utc) == NULL || strftime(date, sizeof date, "%Y-%m-%d %H:%MZ", &utc) == 0)
        return;
    snprintf(text, sizeof text, "%ld cores, %s, %s %s%s%s, %s", sysconf(_SC_NPROCESSORS_ONLN), processor, name.sysname,
             name.release, dir != NULL ? ", data on " : "", dir != NULL ? file_system(dir) : "", date);
    if (report->json) {
        report_text(report, "machine", "", text);
        printf("}\n");
    } else {
        printf("machine: %s\n", text);
    }
}
