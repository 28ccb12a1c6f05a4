// Proves from what clients were told that no limit was exceeded, and that nobody was refused for nothing.
//
//   limit_check SPECIFICATION KILLS LEDGER...    exit 0 when both hold; figures on stdout, what is wrong on stderr
//
// SPECIFICATION, one limit per line: "NAME fixed|sliding|bucket AMOUNT BURST WINDOW_MS METER CALL:COST ...": which
// calls of the workers' plan (from 0) charge it, and its name in the ledgers. KILLS, one per line: "BEGIN_US END_US".
// What is proved, and how: support/limit_proof.h.
#include "support/limit_proof.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { METERS_MAX = 32, KILLS_MAX = 1000, LINE_MAX_SIZE = 512 };

static bool read_algorithm(const char *word, enum proof_algorithm *out)
{
    static const char *const words[] = {
        [PROOF_FIXED] = "fixed", [PROOF_SLIDING] = "sliding", [PROOF_BUCKET] = "bucket"};

    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        *out = (enum proof_algorithm)i;
        if (strcmp(word, words[i]) == 0)
            return true;
    }
    return false;
}

static bool read_costs(char *text, struct proof_meter *meter)
{
    char *rest = NULL;

    for (char *word = strtok_r(text, " \n", &rest); word != NULL; word = strtok_r(NULL, " \n", &rest)) {
        int call;
        int64_t cost;

        if (sscanf(word, "%d:%" SCNd64, &call, &cost) != 2 || call < 0 || call >= PROOF_CALLS_MAX)
            return false;
        meter->cost_of[call] = cost;
    }
    return true;
}

static bool read_meter(char *line, struct proof_meter *meter)
{
    char algorithm[16];
    int64_t window_ms;
    int at = 0;

    *meter = (struct proof_meter){.amount = 0};
    if (sscanf(line, "%31s %15s %" SCNd64 " %" SCNd64 " %" SCNd64 " %64s%n", meter->name, algorithm, &meter->amount,
               &meter->burst, &window_ms, meter->match, &at) != 6)
        return false;
    meter->window_us = window_ms * 1000;
    return meter->amount > 0 && window_ms > 0 && read_algorithm(algorithm, &meter->algorithm) &&
           read_costs(line + at, meter);
}

static bool read_specification(const char *path, struct proof *proof)
{
    char line[LINE_MAX_SIZE];
    FILE *file = fopen(path, "r");
    bool good = file != NULL;

    proof->meters = calloc(METERS_MAX, sizeof(*proof->meters));
    good = good && proof->meters != NULL;
    while (good && proof->meter_count < METERS_MAX && fgets(line, sizeof(line), file) != NULL)
        good = read_meter(line, &proof->meters[proof->meter_count++]);
    if (file != NULL)
        fclose(file);
    return good && proof->meter_count > 0;
}

static bool read_kills(const char *path, struct proof *proof)
{
    FILE *file = fopen(path, "r");
    struct proof_kill kill;

    proof->kills = calloc(KILLS_MAX, sizeof(*proof->kills));
    while (file != NULL && proof->kills != NULL && proof->kill_count < KILLS_MAX &&
           fscanf(file, "%" SCNd64 " %" SCNd64, &kill.begin_us, &kill.end_us) == 2)
        proof->kills[proof->kill_count++] = kill;
    if (file != NULL)
        fclose(file);
    return file != NULL && proof->kills != NULL;
}

static bool read_all(int argc, char **argv, struct proof *proof)
{
    const char *path = argv[1];
    bool good = read_specification(path, proof);

    if (good)
        good = read_kills(path = argv[2], proof);
    for (int i = 3; i < argc && good; i++)
        good = limit_ledger_read(path = argv[i], &proof->ledger);
    proof->clients = argc - 3;
    if (!good)
        fprintf(stderr, "limit_check: %s cannot be read, or holds a line that has no place there\n", path);
    return good;
}

static void show_meter(const struct proof_meter *meter)
{
    int64_t units = 0;

    for (size_t i = 0; i < meter->admitted.count; i++)
        units += meter->admitted.at[i].cost;
    printf("%-14s %6" PRId64 " units admitted, %6zu calls refused, at most %4" PRId64 " of %4" PRId64 " in one window",
           meter->name, units, meter->denied, meter->largest,
           meter->algorithm == PROOF_BUCKET ? meter->burst : meter->amount);
    if (meter->algorithm == PROOF_BUCKET)
        printf(" beyond the rate\n");
    else
        printf(", %zu windows, %zu of them full\n", meter->windows, meter->full_windows);
}

static void show(const struct proof *proof)
{
    size_t admitted = 0, unanswered = 0;

    for (size_t i = 0; i < proof->ledger.count; i++) {
        admitted += proof->ledger.entries[i].verdict == 'A';
        unanswered += proof->ledger.entries[i].verdict == 'U';
    }
    for (size_t i = 0; i < proof->meter_count; i++)
        show_meter(&proof->meters[i]);
    printf("%zu calls: %zu admitted, %zu refused, %zu without an answer; %zu kills\n", proof->ledger.count, admitted,
           proof->refusals, unanswered, proof->kill_count);
}

int main(int argc, char **argv)
{
    struct proof proof = {.offset_us = 0};
    size_t found = 1;

    if (argc < 4) {
        fputs("usage: limit_check SPECIFICATION KILLS LEDGER...\n", stderr);
        return 2;
    }
    if (read_all(argc, argv, &proof) && proof_prepare(&proof)) {
        found = proof_find_over_admissions(&proof);
        found += proof_find_unjustified_refusals(&proof);
        show(&proof);
    }
    proof_wipe(&proof);
    return found == 0 ? 0 : 1;
}
