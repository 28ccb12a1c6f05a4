// health.
#include "command.h"

#include <stdio.h>

static void print_health(const struct postern_health_reply *reply)
{
    printf("%s", reply->serving ? "serving" : "not serving");
    if (reply->version[0] != '\0')
        printf(", version %s, up %llu s, store %s", reply->version, (unsigned long long)(reply->uptime_ms / 1000),
               reply->store);
    if (reply->clock_ahead_ms > 1000)
        printf(", clock %lld ms ahead of the wall clock", (long long)reply->clock_ahead_ms);
    if (reply->clock_jumps > 0)
        printf(", the wall clock jumped %u times", reply->clock_jumps);
    putchar('\n');
}

static int run_health(struct cli *cli)
{
    struct postern_health_reply *reply = NULL;
    int status = call_open(cli);
    if (status != CLI_DONE)
        return status;
    if (postern_health(cli->client, NULL, &reply, &cli->error) != POSTERN_OK)
        return call_failed(cli);
    if (cli->json)
        output_json(reply, NULL, NULL);
    else
        print_health(reply);
    status = reply->serving ? CLI_DONE : CLI_FAILED;
    postern_reply_free(reply);
    return status;
}

static const struct flag health_flags[] = {{0}};

const struct command command_health = {
    .words = "health",
    .operands = "",
    .summary = "ask whether posternd is serving",
    .flags = health_flags,
    .run = run_health,
};
