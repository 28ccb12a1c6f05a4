// A packed Verify that is sent again and again, and the replies to it.
//
// Threads: what is made once may be read by several at once.
#ifndef BENCH_SAMPLE_H
#define BENCH_SAMPLE_H

#include "wire.h"

enum { SAMPLE_MAX = 512 };

struct sample {
    uint8_t bytes[SAMPLE_MAX];
    size_t size;
    size_t charge_id_at; // where the charge_id is that each call has of its own; 0 = it has none
};

// `scope` may be NULL; `charged`: with a charge_id, as libpostern asks. False: printed on stderr.
bool sample_verify(const char *token, const char *scope, bool charged, struct sample *out);
// The sample's bytes, with a fresh charge_id.
void sample_copy(const struct sample *sample, uint8_t *out);

// For a struct load_plan whose context is the sample.
nng_msg *sample_make(void *sample, uint64_t n);
bool sample_check(void *sample, uint64_t n, const uint8_t *reply, size_t size);

#endif
