// What somebody may have meant who mistyped a word.
#ifndef CLI_SIMILAR_H
#define CLI_SIMILAR_H

#include <stddef.h>

enum { SIMILAR_SIZE_MAX = 64 }; // of a word; longer ones are like none

// The candidate that is most like the word, so far.
struct similar {
    const char *best; // NULL: none is like it
    size_t distance;
};

// Returns how many characters have to be inserted, removed, replaced or swapped with their neighbour to make one word
// of the other (optimal string alignment); SIMILAR_SIZE_MAX when one of them is too long.
size_t similar_distance(const char *a, const char *b);
// Compares one more candidate, which must live as long as the result. Of equals the first stays. A word of up to four
// characters may have one mistake, others two, and one of two characters none.
void similar_offer(struct similar *similar, const char *word, const char *candidate);

#endif
