// Options whose value is a moment. A span of time, "30d", counts from posternd's clock and not from the one of this
// machine, so that reading such an option may ask posternd for its time.
#include "cli.h"

static bool read_flag(struct cli *cli, const char *name, bool past, const char *more, struct value_moment *moment)
{
    const char *text = argument_text(cli, name);
    uint64_t span_ms;
    if (text == NULL || !cli_good(cli))
        return false;
    uint64_t now_ms = value_span(text, &span_ms) || span_ms == UINT64_MAX ? call_server_time_ms(cli) : 0;
    if (!cli_good(cli))
        return false;
    if (!value_moment(text, past, now_ms, moment))
        return misuse(cli, "--%s \"%s\" is no time: %s%s", name, text, moment->wrong,
                      moment->is_unlike_any ? more : "");
    char at[OUTPUT_TIME_SIZE];
    if (moment->is_utc_assumed && argument_note_first(cli, name))
        fprintf(stderr, "%s: --%s \"%s\" is in UTC: %s\n", cli->name, name, text, output_time(moment->ms, "", at));
    return true;
}

uint64_t moment_flag(struct cli *cli, const char *name, bool past)
{
    struct value_moment moment = {0};
    if (read_flag(cli, name, past, "", &moment) && moment.ms == 0)
        misuse(cli, "--%s \"%s\": leave the option out, or give a time", name, argument_text(cli, name));
    return moment.ms;
}

uint64_t moment_flag_or_never(struct cli *cli, const char *name)
{
    struct value_moment moment = {0};
    return read_flag(cli, name, false, ", or never", &moment) ? moment.ms : 0;
}
