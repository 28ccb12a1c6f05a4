// Prints findings, a line for each and one more for what to do.
#include "doctor/report.h"

#include "terminal.h"

#include <stdarg.h>

static void print_line(enum report_state state, const char *check, const char *text, const char *advice)
{
    static const struct {
        const char *word, *colour;
    } states[] = {
        [REPORT_OK] = {"ok", "\033[32m"}, [REPORT_NOTE] = {"note", "\033[33m"}, [REPORT_WRONG] = {"WRONG", "\033[31m"}};
    bool has_colour = terminal_has_colours();
    printf("%s%-5s%s  %-12s  %s\n", has_colour ? states[state].colour : "", states[state].word,
           has_colour ? TERMINAL_COLOUR_END : "", check, text);
    if (advice != NULL)
        printf("                     -> %s\n", advice);
}

void report_add(struct report *report, enum report_state state, const char *check, const char *advice,
                const char *format, ...)
{
    static const char *const words[] = {[REPORT_OK] = "OK", [REPORT_NOTE] = "NOTE", [REPORT_WRONG] = "WRONG"};
    char text[OUTPUT_LIST_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    report->any_wrong = report->any_wrong || state == REPORT_WRONG;
    if (!report->cli->json)
        print_line(state, check, text, advice);
    else
        json_array_append_new(report->checks,
                              json_pack("{s:s, s:s, s:o, s:o}", "check", check, "state", words[state], "message",
                                        json_text(text), "advice", json_text(advice != NULL ? advice : "")));
}

void report_end(struct report *report)
{
    struct cli *cli = report->cli;
    if (cli_good(cli) && report->any_wrong)
        cli->status = CLI_FAILED;
    if (cli->json)
        json_print(json_pack("{s:b, s:b, s:O}", "fine", cli->status == CLI_DONE, "asked", cli->status != CLI_NOT_ASKED,
                             "checks", report->checks));
    json_decref(report->checks);
}
