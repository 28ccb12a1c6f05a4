// How long a well-behaved client waits: CALLS verifications one after the other, on THREADS threads of one client.
//
//   latency URL CALLS THREADS < token      prints "p50_us p99_us max_us"
#include "postern/postern.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TOKEN_MAX = 256, THREADS_MAX = 64, TIMEOUT_MS = 600000 };

struct measurer {
    struct postern *client;
    const char *token;
    uint64_t *us; // one per call
    size_t calls;
    bool good;
};

static uint64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static void *measure(void *argument)
{
    struct measurer *measurer = argument;
    struct postern_verify_request ask = {.api_key = measurer->token, .peek = true};
    size_t i;

    measurer->good = true;
    for (i = 0; i < measurer->calls; i++) {
        struct postern_verify_reply *reply = NULL;
        struct postern_error error;
        uint64_t begin = now_us();

        if (postern_verify(measurer->client, &ask, &reply, &error) != POSTERN_OK) {
            fprintf(stderr, "latency: %s: %s\n", postern_status_name(error.status), error.message);
            measurer->good = false;
        } else if (!reply->allowed) {
            fprintf(stderr, "latency: refused: %s\n", postern_reason_name(reply->reason));
            measurer->good = false;
        }
        measurer->us[i] = now_us() - begin;
        postern_reply_free(reply);
    }
    return NULL;
}

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return left < right ? -1 : left > right;
}

static bool read_token(char token[TOKEN_MAX + 1])
{
    if (fgets(token, TOKEN_MAX + 1, stdin) == NULL)
        return false;
    token[strcspn(token, "\n")] = '\0';
    return true;
}

static bool run(struct postern *client, const char *token, size_t calls, size_t threads)
{
    struct measurer measurers[THREADS_MAX];
    pthread_t ids[THREADS_MAX];
    uint64_t *us = calloc(calls * threads, sizeof(*us));
    bool good = us != NULL;
    size_t i;

    for (i = 0; good && i < threads; i++) {
        measurers[i] = (struct measurer){.client = client, .token = token, .us = us + i * calls, .calls = calls};
        if (pthread_create(&ids[i], NULL, measure, &measurers[i]) != 0)
            abort();
    }
    for (i = 0; us != NULL && i < threads; i++) {
        pthread_join(ids[i], NULL);
        good = good && measurers[i].good;
    }
    if (good) {
        qsort(us, calls * threads, sizeof(*us), compare);
        printf("%llu %llu %llu\n", (unsigned long long)us[calls * threads / 2],
               (unsigned long long)us[calls * threads * 99 / 100], (unsigned long long)us[calls * threads - 1]);
    }
    free(us);
    return good;
}

int main(int argc, char **argv)
{
    struct postern_options options = {.url = argc > 1 ? argv[1] : NULL, .timeout_ms = TIMEOUT_MS};
    struct postern *client = NULL;
    struct postern_error error;
    char token[TOKEN_MAX + 1];
    size_t calls = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
    size_t threads = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
    bool good;

    if (calls == 0 || calls > 1000000 || threads == 0 || threads > THREADS_MAX || !read_token(token)) {
        fputs("usage: latency URL CALLS THREADS < token\n", stderr);
        return 2;
    }
    if (postern_open(&options, &client, &error) != POSTERN_OK) {
        fprintf(stderr, "latency: %s\n", error.message);
        return 1;
    }
    good = run(client, token, calls, threads);
    postern_close(client);
    return good ? 0 : 1;
}
