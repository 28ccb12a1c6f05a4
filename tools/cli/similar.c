// Counts the mistakes between two words by a table of the distances of all their beginnings, of which three rows are
// kept.
#include "similar.h"

#include <string.h>

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t similar_distance(const char *a, const char *b)
{
    size_t rows[3][SIMILAR_SIZE_MAX], a_size = strlen(a), b_size = strlen(b);
    if (a_size >= SIMILAR_SIZE_MAX || b_size >= SIMILAR_SIZE_MAX)
        return SIMILAR_SIZE_MAX;
    for (size_t j = 0; j <= b_size; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *above_that = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            row[j] = least(above[j - 1] + (a[i - 1] != b[j - 1]), least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], above_that[j - 2] + 1);
        }
    }
    return rows[a_size % 3][b_size];
}

void similar_offer(struct similar *similar, const char *word, const char *candidate)
{
    size_t size = strlen(word), mistakes = size <= 2 ? 0 : size <= 4 ? 1 : 2;
    size_t distance = similar_distance(word, candidate);
    if (distance > mistakes || (similar->best != NULL && distance >= similar->distance))
        return;
    similar->best = candidate;
    similar->distance = distance;
}
