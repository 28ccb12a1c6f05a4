// The witness file: a signed checkpoint of the chain. It is kept beside the keyring, apart from the store. Private to
// the room.
//
// It has a line for each master secret of the keyring, all of one checkpoint, each ended by "\n":
//   postern-witness 1 seq=12 mac=HEX time=1700000000000 master=1 public=HEX signature=HEX
// seq and mac are those of the newest change, time is in Unix milliseconds, public is the Ed25519 public key of the
// master secret, and the signature is over the text before " signature=". With the public key anybody can verify it.
// Threads: one at a time.
#ifndef REGISTRY_CHAIN_WITNESS_H
#define REGISTRY_CHAIN_WITNESS_H

#include "registry/pack/pack.h"
#include "registry/state.h"

struct witness {
    uint64_t seq; // 0: there is no file
    uint8_t mac[SECRET_HASH_SIZE];
    size_t lines;
};

// Reads and verifies the file. A missing file is no error: then out->seq is 0.
// Errors:
//   DATA_LOSS    it is damaged or signed with another keyring
//   UNAVAILABLE  it cannot be read
STATUS_MUST_CHECK enum status witness_read(const char *path, const struct secret *secret, struct witness *out,
                                           struct status_failure *failure);
// Does the chain still have the witness's change?
// Errors:
//   DATA_LOSS  it has not; the failure says what
//   others     those of chain_read_link
STATUS_MUST_CHECK enum status witness_verify(const char *path, const struct witness *witness, struct store_txn *txn,
                                             struct arena *arena, struct status_failure *failure);

#endif
