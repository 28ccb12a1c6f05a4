// Copyright 2026 The Postern authors. SPDX-License-Identifier: Apache-2.0
// libpostern: asks posternd "may this key do this, now?" and administers its keys.
//
//     struct postern *client = NULL;
//     struct postern_error error;
//     if (postern_open(&(struct postern_options){.url = "ipc:///run/postern/postern.sock"}, &client, &error) !=
//     POSTERN_OK)
//         die(error.message);
//     struct postern_verify_request ask = {.api_key = token_from_the_client, .remote_address = "192.0.2.7"};
//     struct postern_verify_reply *reply = NULL;
//     if (postern_verify(client, &ask, &reply, &error) != POSTERN_OK)
//         answer(503, error.message);         // could not ask: posternd did not decide
//     else if (!reply->allowed)
//         answer(reply->http_status, postern_reason_name(reply->reason)); // asked, and refused
//     else
//         serve(reply->account);
//     postern_reply_free(reply);
//
// FAILURE AND REFUSAL are different types. A call returns an enum postern_status: POSTERN_OK means that there is an
// answer in *reply. Whether the key may is in the answer: `allowed` and `reason`.
//
// DEADLINE. Every call ends within its timeout (options, default 5 s; call.timeout_ms overrides it for one call). Only
// the look-up of a host's name may take longer, and a call that asks for a wait (wait_ms) may take so much longer.
// Until then the library connects, reconnects and repeats by itself: when the connection is lost, when an answer fails
// to come, on UNAVAILABLE, and when posternd is OVERLOADED. A repetition carries the same request_id (changes) or
// charge_id (Verify, RateCheck), by which posternd knows it.
//
// CHARGED ONCE. Whatever may charge carries a charge_id, the caller's or one that the library makes, from the first try
// on: so a repetition after a lost answer is told what the first one was told, and charges nothing. posternd knows the
// newest 2,000 charges or so of an account by RateCheck, and as many by Verify, until it ends: what it has forgotten
// may be charged twice by a repetition, never admitted beyond the limit, and is not given back: charge what may have to
// be given back late by RateCheck. Repeat a call of your own under the same charge_id to the same effect, soon; never
// use one for two different charges (ALREADY_EXISTS).
//
// UNITS. *_ms that name a moment are Unix milliseconds, 0 = none; *_ms that name a span are milliseconds. Amounts and
// costs are at most 2^53 - 1. Text is UTF-8 and NUL-terminated. Bounds of every field: proto/postern.proto.
//
// OWNERSHIP. Requests belong to the caller and are read only during the call; zero what you do not set. A NULL string
// is the empty one. A reply is one heap object with everything that it points to; postern_reply_free wipes and frees
// it. On any status but POSTERN_OK *reply is NULL. In a reply no string is NULL; what was not valid text came out as
// '?', so that it may be shown on a terminal. Enums in replies may hold numbers that this header does not know.
//
// THREADS. One handle serves any number of threads at once, over one connection: of those that wait for an answer one
// receives for all. postern_close: when no other thread is in a call. The library starts no thread, installs no signal
// handler (no SIGPIPE comes of it) and prints nothing.
//
// EVENT LOOPS. A handle that was opened with `event_loop` never waits, but for the look-up of a host's name: give it an
// address in numbers, or ipc, and it never does. See postern_process below.
//
// PROCESSES. After fork a child may go on with the handle: its next call opens a connection of its own, and nothing of
// the parent's is read, written or ended. What the parent had started is the parent's alone.
//
// COMPATIBILITY. Members are only ever added at the end of structs, with a new soname.
#ifndef POSTERN_POSTERN_H
#define POSTERN_POSTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define POSTERN_API        __attribute__((visibility("default")))
#define POSTERN_MUST_CHECK __attribute__((warn_unused_result))

#define POSTERN_ID_SIZE            16    // bytes of a request_id and of a charge_id
#define POSTERN_SHA256_SIZE        32    // bytes of the digest of an imported token
#define POSTERN_RESOURCE_MAX       64    // bytes of a resource's name
#define POSTERN_LIMIT_TEXT_MAX     160   // bytes of a limit's text form
#define POSTERN_REQUEST_MAX        65532 // bytes of a request on the wire
#define POSTERN_AMOUNT_MAX         UINT64_C(9007199254740991)
#define POSTERN_WINDOW_S_MAX       2678400 // 31 days
#define POSTERN_TIMEOUT_MS_DEFAULT 5000
#define POSTERN_BATCH_MAX          64 // calls of one VerifyBatch, keys of one Import

// ------------------------------------------------------------------------------------------------------- failure

// Whether the call worked: canonical gRPC codes (https://grpc.io/docs/guides/status-codes/). Those that posternd gives,
// and what they ask of you, are listed at message Status in proto/postern.proto. Those that the library gives by
// itself:
//   UNKNOWN             posternd gave a number that this header does not know
//   INVALID_ARGUMENT    no URL, a file of TLS that cannot be used, a request larger than POSTERN_REQUEST_MAX, two
//   subjects where one is needed, a limit's
//                       text that is none
//   DEADLINE_EXCEEDED   connected and sent, but no answer until the deadline
//   RESOURCE_EXHAUSTED  out of memory, or of descriptors until the deadline
//   INTERNAL            the system gave no random bytes, or a batch's answer does not fit its calls
//   UNAVAILABLE         no connection, or it was lost each time, until the deadline (with `fail_fast` at once); or what
//                       answers is not posternd, or one side refuses the other's certificate, at once. The message
//                       tells: no such socket, nobody listens, lost, which certificate and why
//   PERMISSION_DENIED   the socket may not be opened, at once; the message has its owner and mode
//   FAILED_PRECONDITION a call of the other kind of handle (event_loop)
//   CANCELLED           the handle was closed before a call that was started was answered
enum postern_status {
    POSTERN_OK = 0,
    POSTERN_CANCELLED = 1,
    POSTERN_UNKNOWN = 2,
    POSTERN_INVALID_ARGUMENT = 3,
    POSTERN_DEADLINE_EXCEEDED = 4,
    POSTERN_NOT_FOUND = 5,
    POSTERN_ALREADY_EXISTS = 6,
    POSTERN_PERMISSION_DENIED = 7,
    POSTERN_RESOURCE_EXHAUSTED = 8,
    POSTERN_FAILED_PRECONDITION = 9,
    POSTERN_ABORTED = 10,
    POSTERN_OUT_OF_RANGE = 11,
    POSTERN_UNIMPLEMENTED = 12,
    POSTERN_INTERNAL = 13,
    POSTERN_UNAVAILABLE = 14,
    POSTERN_DATA_LOSS = 15,
    POSTERN_UNAUTHENTICATED = 16
};

// What went wrong. Filled by every call, nothing to free; a NULL pointer for it is fine. Zero after POSTERN_OK, except
// when POSTERN_FAIL_OPEN decided: then it says why posternd could not be asked. Never contains a secret.
struct postern_error {
    enum postern_status status;
    bool answered;           // posternd said it; false: this library did
    bool outcome_unknown;    // sent, but the answer never came: it may have been carried out
    uint32_t retry_after_ms; // span before a repetition can help; 0 = no statement
    char reason[64];         // for programs: a stable upper-case word, may be empty
    char field[128];         // path of the request's field at fault, e.g. "create.limits[2].resource", may be empty
    char message[512];       // for people: what was wrong and what to do. One line, no full stop needed
};

// Upper-case name, e.g. "NOT_FOUND"; "UNKNOWN" for a number that has none.
POSTERN_API const char *postern_status_name(enum postern_status status);

// -------------------------------------------------------------------------------------------------------- handle

// A client of one posternd.
struct postern;

// What Verify and RateCheck answer when posternd cannot be asked (UNAVAILABLE or DEADLINE_EXCEEDED, also when posternd
// itself says so). Any other failure is the caller's to mend and stays a failure under both, and so does that of a
// refund.
enum postern_policy {
    POSTERN_FAIL_CLOSED = 0, // the call returns the status, no reply: nobody gets in
    POSTERN_FAIL_OPEN = 1    // the call returns POSTERN_OK and a reply with `allowed` and `decided_by_policy` set
};

struct postern_options {
    const char *url;     // ipc:///path, tcp://host:port or tls+tcp://host:port. NULL: POSTERN_URL of the environment
    const char *api_key; // token of the caller's own secret key; white space at its end does not count. NULL:
                         // POSTERN_API_KEY of the environment; "" or unset: the authority of the connection (over ipc:
                         // of the uid)
    uint32_t timeout_ms; // per call, repetitions included; 0: POSTERN_TIMEOUT_MS_DEFAULT
    enum postern_policy policy;
    bool event_loop; // for postern_fd, postern_process and the _start calls; such a handle never waits, see EVENT LOOPS
    bool fail_fast;  // gRPC's wait_for_ready switched off: a call fails at once while posternd cannot be reached
    // For tls+tcp. NULL: what POSTERN_TLS_CA, POSTERN_TLS_CERT, POSTERN_TLS_KEY and POSTERN_TLS_SERVER_NAME of the
    // environment say.
    const char *tls_ca_file;          // PEM; none: the authorities that the system trusts
    const char *tls_certificate_file; // PEM, our own, with its chain; none: we show none
    const char *tls_key_file;         // PEM, its key, for its owner alone (0600); none: it is in the certificate's file
    const char *tls_server_name;      // what the server's certificate must be for; none: the URL's host
    // With event_loop: a _start call sends nothing, postern_process does, what several calls have in one go. For
    // programs that start many before they wait again.
    bool gather;
};

// Makes a handle; the first call connects. `options` may be NULL. The strings are copied. INVALID_ARGUMENT: the URL is
// missing or malformed, or a file of TLS cannot be used; RESOURCE_EXHAUSTED.
POSTERN_API POSTERN_MUST_CHECK enum postern_status postern_open(const struct postern_options *options,
                                                                struct postern **client, struct postern_error *error);
// Disconnects, wipes the credential, frees. Calls that were started and are not answered end with CANCELLED. NULL-safe.
POSTERN_API void postern_close(struct postern *client);
// The URL in use; lives as long as the handle.
POSTERN_API const char *postern_url(const struct postern *client);

// For one call; all zero means the handle's options.
struct postern_call {
    uint32_t timeout_ms;       // 0: the handle's
    uint64_t min_seq;          // answer from a state at least this new (a reply's seq), else UNAVAILABLE; 0 = any
    const char *traceparent;   // W3C trace context, at most 128 bytes
    const uint8_t *request_id; // POSTERN_ID_SIZE bytes; NULL: random. Give your own to repeat a change after a crash
    const char *api_key;       // token of the secret key on whose behalf the call is made; NULL: the handle's
};

// --------------------------------------------------------------------------------------------------------- words

// Why a decision fell; the lowest that applies. An unknown number acts by its block of ten: 10-19 as HTTP 401, 30-39 as
// 403, 50-59 as 429.
enum postern_reason {
    POSTERN_REASON_UNSPECIFIED = 0,
    POSTERN_REASON_ALLOWED = 1,
    POSTERN_REASON_MISSING_API_KEY = 10,
    POSTERN_REASON_INVALID_API_KEY = 11,
    POSTERN_REASON_REVOKED_API_KEY = 12,
    POSTERN_REASON_EXPIRED_API_KEY = 13,
    POSTERN_REASON_DISABLED_API_KEY = 14,
    POSTERN_REASON_NOT_YET_VALID_API_KEY = 15,
    POSTERN_REASON_ACCOUNT_SUSPENDED = 30,
    POSTERN_REASON_WRONG_ACCOUNT = 31,
    POSTERN_REASON_WRONG_ENVIRONMENT = 32,
    POSTERN_REASON_SECRET_KEY_REQUIRED = 33,
    POSTERN_REASON_ADDRESS_NOT_ALLOWED = 34,
    POSTERN_REASON_INSUFFICIENT_SCOPE = 35,
    POSTERN_REASON_RATE_LIMITED = 50,
    POSTERN_REASON_COST_EXCEEDS_LIMIT = 51
};

enum postern_environment {
    POSTERN_ENVIRONMENT_UNSPECIFIED = 0, // Create: test; Verify and List: any
    POSTERN_ENVIRONMENT_TEST = 1,
    POSTERN_ENVIRONMENT_LIVE = 2
};

enum postern_key_type {
    POSTERN_KEY_TYPE_UNSPECIFIED = 0, // secret
    POSTERN_KEY_TYPE_SECRET = 1,
    POSTERN_KEY_TYPE_PUBLIC = 2
};

enum postern_key_state {
    POSTERN_KEY_STATE_UNSPECIFIED = 0, // List: any
    POSTERN_KEY_STATE_ACTIVE = 1,
    POSTERN_KEY_STATE_ROLLING = 2,
    POSTERN_KEY_STATE_DISABLED = 3,
    POSTERN_KEY_STATE_EXPIRED = 4,
    POSTERN_KEY_STATE_REVOKED = 5,
    POSTERN_KEY_STATE_PENDING = 6
};

enum postern_algorithm {
    POSTERN_ALGORITHM_UNSPECIFIED = 0, // posternd chooses: sliding window up to an hour, fixed window above
    POSTERN_ALGORITHM_FIXED_WINDOW = 1,
    POSTERN_ALGORITHM_SLIDING_WINDOW = 2,
    POSTERN_ALGORITHM_TOKEN_BUCKET = 3
};

// Calendar alignment of a fixed window.
// By the local clock of the account's time zone, its tier's or posternd's. Without one a fixed window (12 h, 2 d, 7 d)
// is counted from 1970-01-01T00:00:00Z.
enum postern_period {
    POSTERN_PERIOD_UNSPECIFIED = 0,
    POSTERN_PERIOD_MINUTE = 1,
    POSTERN_PERIOD_HOUR = 2,
    POSTERN_PERIOD_DAY = 3,
    POSTERN_PERIOD_MONTH = 4,
    POSTERN_PERIOD_WEEK = 5, // from Monday
    POSTERN_PERIOD_YEAR = 6,
    POSTERN_PERIOD_TOTAL = 7 // never begins again
};

// Whom a meter counts for.
enum postern_subject {
    POSTERN_SUBJECT_UNSPECIFIED = 0,
    POSTERN_SUBJECT_ACCOUNT = 1,
    POSTERN_SUBJECT_KEY = 2,
    POSTERN_SUBJECT_CUSTOM = 3
};

// What stands out in an hour of a key, by default the running one, compared with its own past.
enum postern_unusual {
    POSTERN_UNUSUAL_UNSPECIFIED = 0,
    POSTERN_UNUSUAL_VOLUME = 1,     // far more calls than usual
    POSTERN_UNUSUAL_REFUSALS = 2,   // far more refusals than usual
    POSTERN_UNUSUAL_NEW_ADDRESS = 3 // a network that it was never used from before
};

enum postern_rate_check_mode {
    POSTERN_RATE_CHECK_CONSUME = 0, // charge
    POSTERN_RATE_CHECK_PEEK = 2,    // decide and report only
    POSTERN_RATE_CHECK_REFUND = 3,  // give back what charge_id charged
    POSTERN_RATE_CHECK_SETTLE = 4,  // correct it to what the work really cost
    // Operators: give back so much of whatever is counted, the newest first; charge_id as with CONSUME
    POSTERN_RATE_CHECK_REFUND_AMOUNT = 5
};

// Names as in the protocol without their prefix: "REVOKED_API_KEY", "LIVE", "SECRET", "ACTIVE", "DAY", "KEY". "UNKNOWN"
// for a number that has none.
POSTERN_API const char *postern_reason_name(enum postern_reason reason);
POSTERN_API const char *postern_environment_name(enum postern_environment environment);
POSTERN_API const char *postern_key_type_name(enum postern_key_type type);
POSTERN_API const char *postern_key_state_name(enum postern_key_state state);
POSTERN_API const char *postern_period_name(enum postern_period period);
POSTERN_API const char *postern_subject_name(enum postern_subject subject);
POSTERN_API const char *postern_unusual_name(enum postern_unusual unusual);

struct postern_entry {
    const char *key;
    const char *value;
};

// Makes a request_id or charge_id: random bytes, never the same again. INTERNAL: the system gave none.
POSTERN_API POSTERN_MUST_CHECK enum postern_status postern_id_make(uint8_t id[POSTERN_ID_SIZE],
                                                                   struct postern_error *error);

// ---------------------------------------------------------------------------------------------------- limits

// One unit of work to charge.
struct postern_charge {
    const char *resource;
    uint64_t cost; // 0 means 1
};

// What a subject may spend.
struct postern_limit {
    char resource[POSTERN_RESOURCE_MAX + 1];
    enum postern_algorithm algorithm;
    uint64_t amount;            // per window; 0 forbids
    uint32_t window_s;          // 1 to POSTERN_WINDOW_S_MAX; 0 with a period
    enum postern_period period; // fixed window only
    uint64_t burst;             // token bucket only; 0 = amount
    bool unlimited;             // counted, never refused; then everything but the resource is 0
    bool shadow;                // counted, never refuses, and says when it would have: to try a limit out
};

// Text form: RESOURCE=AMOUNT/WINDOW[:ALGORITHM[,burst=N]][:shadow] or RESOURCE=unlimited. WINDOW is an optional number
// and one of s sec second m min minute h hour d day w week month year total. Examples: requests=60/min,
// requests=2000/day, x=10/90s, requests=0/day, requests=300/min:token_bucket,burst=50, requests=60/min:fixed_window,
// requests=30/min:shadow, credits=5000/total. Without an algorithm posternd chooses; exactly one day, week, month, year
// or total then is a calendar period, with fixed_window also exactly one minute or hour.
// INVALID_ARGUMENT: error->message shows what is wrong and an example; *limit is then all zero.
POSTERN_API POSTERN_MUST_CHECK enum postern_status postern_limit_parse(const char *text, struct postern_limit *limit,
                                                                       struct postern_error *error);
// The canonical text; what posternd makes of it is the same limit. Names the algorithm where it is not the one that
// posternd would choose. Returns the length.
POSTERN_API size_t postern_limit_format(const struct postern_limit *limit, char text[POSTERN_LIMIT_TEXT_MAX + 1]);

// The running state of one limit for one subject.
struct postern_meter {
    const char *resource;
    enum postern_algorithm algorithm;
    uint32_t window_s;
    enum postern_period period;
    uint64_t limit;
    uint64_t remaining;
    uint64_t reset_at_ms;    // moment when it is full again, if nothing more is spent
    uint64_t retry_after_ms; // span after which this call's cost fits, if nobody else spends; 0 = now, or never
    enum postern_subject subject;
    bool unlimited;    // then limit, remaining and reset_at_ms are 0
    uint64_t burst;    // token_bucket: the most that fits at once, and `remaining` when it is full; otherwise 0
    bool shadow;       // of a limit that never refuses,
    bool would_refuse; // but would have refused this call, which is not counted on it
};

// ---------------------------------------------------------------------------------------------------- replies

// First member of every reply.
struct postern_reply_base {
    uint64_t seq;            // of the registry after the call: the number of its newest change
    uint64_t server_time_ms; // posternd's time when it answered
    // Of a refusal: "expired_at" and "not_before" (RFC 3339), "key_id", "header"; "hint": what is wrong with the
    // token's text.
    const struct postern_entry *details;
    size_t detail_count;
    const struct postern_reply_box *box; // the library's
};

// Wipes and frees any reply of this library, with all that it points to. NULL-safe; nothing happens with what is part
// of another reply.
POSTERN_API void postern_reply_free(void *reply);

// Receives a reply field by field. `name` is the protocol's (proto/postern.proto), NULL for the outermost object and
// for members of lists; it and `text` are valid only during the call. No member may be NULL.
struct postern_visitor {
    void *context;
    void (*object_begin)(void *context, const char *name);
    void (*object_end)(void *context);
    void (*list_begin)(void *context, const char *name);
    void (*list_end)(void *context);
    void (*text)(void *context, const char *name, const char *text);
    void (*integer)(void *context, const char *name, int64_t value);
    void (*boolean)(void *context, const char *name, bool value);
    void (*absent)(void *context, const char *name);
};

// Shows every field of posternd's answer to the visitor, in the order of the protocol, zeros and empty lists included;
// an object that is not there is `absent`. Enums are text, their names without prefix ("REVOKED_API_KEY", "LIVE"), or
// an integer when the number has no name; bytes (page tokens) are Base64 text. Integers above INT64_MAX, which the
// protocol does not allow, are given as INT64_MAX.
POSTERN_API void postern_reply_walk(const void *reply, const struct postern_visitor *visitor);

// ---------------------------------------------------------------------------------------------- authorization

// Scopes of which any one is enough.
struct postern_scope_alternatives {
    const char *const *scopes;
    size_t scope_count;
};

// May this key do this, now? Key, scopes, account, environment, address and all limits are one decision; a denied call
// costs nothing.
struct postern_verify_request {
    struct postern_call call;
    const char *api_key;       // the presented token
    const char *const *scopes; // all are needed
    size_t scope_count;
    const char *account; // the key must belong to it; empty: any
    enum postern_environment environment;
    bool secret_only;
    // IPv4 or IPv6 text; a port and a zone do not count. A key with an address list is refused without it, and with
    // what is no address.
    const char *remote_address;
    const struct postern_charge *charges;
    size_t charge_count;      // 0 means one `requests`
    bool peek;                // decide and report, charge nothing
    const uint8_t *charge_id; // POSTERN_ID_SIZE bytes; NULL: the library makes one
    // At most 8. Besides all of `scopes`, of each of these one is needed.
    const struct postern_scope_alternatives *scope_alternatives;
    size_t scope_alternatives_count;
};

struct postern_verify_reply {
    struct postern_reply_base base;
    bool allowed;
    bool decided_by_policy; // posternd could not be asked and POSTERN_FAIL_OPEN decided; nothing below is known
    enum postern_reason reason;
    uint32_t http_status; // that a gateway would answer
    const char *key_id;
    const char *key_name;
    const char *account;
    const char *tier;
    enum postern_environment environment;
    enum postern_key_type type;
    const char *const *scopes;
    size_t scope_count;
    const char *const *missing_scopes; // alternatives as one text, with '|' between them
    size_t missing_scope_count;
    const struct postern_entry *metadata;
    size_t metadata_count;
    uint64_t expires_at_ms;
    const struct postern_meter *meters;
    size_t meter_count;
    const struct postern_meter *binding_meter; // the one that decides (denies, or has the least left); NULL: none
    uint64_t retry_after_ms;                   // with RATE_LIMITED
    const char *successor_key_id;       // of a key that is being rolled and works until expires_at_ms: the newest
                                        // successor that works; empty: none does
    uint8_t charge_id[POSTERN_ID_SIZE]; // what to name in a refund, if it is allowed
    bool has_charge_id;                 // false for a peek
};

POSTERN_API POSTERN_MUST_CHECK enum postern_status postern_verify(struct postern *client,
                                                                  const struct postern_verify_request *request,
                                                                  struct postern_verify_reply **reply,
                                                                  struct postern_error *error);

// Up to POSTERN_BATCH_MAX Verify calls in one round trip, each decided by itself or, `atomic`, all or nothing.
struct postern_verify_batch_request {
    struct postern_call call;
    const struct postern_verify_request *calls; // their own `call` is not read
    size_t call_count;
    bool atomic; // one refusal or failure charges nobody: only when all are allowed is any of them to be let in
};

// Whether one call of a batch could be decided. Where not, its reply is not allowed, and nothing was charged for it.
struct postern_batch_status {
    enum postern_status status; // POSTERN_OK: its reply is the decision
    uint32_t retry_after_ms;    // this and the rest as in postern_error
    const char *reason;
    const char *field; // e.g. "verify_batch.calls[2].charges[0].resource"
    const char *message;
};

struct postern_verify_batch_reply {
    struct postern_reply_base base;
    const struct postern_verify_reply *replies; // in the order of the calls; parts of this reply
    size_t reply_count;
    const struct postern_batch_status *statuses; // one per reply. What failed so is not repeated by the library; where
                                                 // the policy decided, the status says why
};

POSTERN_API POSTERN_MUST_CHECK enum postern_status
postern_verify_batch(struct postern *client, const struct postern_verify_batch_request *request,
                     struct postern_verify_batch_reply **reply, struct postern_error *error);

// A free subject of rate limiting: no account, no key, the limits come with the call, also with that of a refund.
struct postern_custom {
    const char *space;      // the protocol's `namespace`
    const char *identifier; // 1 to 128 bytes
    const struct postern_limit *limits;
    size_t limit_count;
    bool relaxed;                   // do not wait for the disk: a crash may then admit again what was spent
    const char *const *limit_texts; // the same as text, e.g. "requests=5/min"; they come after `limits`
    size_t limit_text_count;
};

// Charges, looks at or gives back units. Exactly one of api_key, key_id, account and custom.
//
// A refund gives back what the charge_id of an allowed Verify or RateCheck was charged, once: to the same subject (of a
// Verify its key_id, where the key has limits of its own), by the same caller, in the same run of posternd, while it
// knows the charge (CHARGED ONCE), as far as the windows that were charged are still current. Else FAILED_PRECONDITION,
// and error->reason says why: CHARGE_UNKNOWN, CHARGE_OF_KEY, CHARGE_GIVEN_BACK, CHARGE_WINDOW_OVER or CHARGE_DIFFERS.
// CHARGE_GIVEN_BACK comes with outcome_unknown when an earlier try of the same call, whose answer was lost, may be what
// gave it back.
//
// To settle corrects a charge, an estimate, to the costs in `charges`, once, under the same conditions: less gives the
// difference back, more takes it, also beyond the limit, and is on disk before the answer. Resources that are not named
// stay as charged; a cost of 0 is none. It can be repeated to the same effect. CHARGE_DIFFERS: it was settled before to
// other costs, or did not charge one of these resources.
//
// `overdraw` charges what is known only afterwards: no limit refuses it, and it is on disk before the answer. The
// policy grants none of these: what was not answered was perhaps not counted.
struct postern_rate_check_request {
    struct postern_call call;
    const char *api_key;
    const char *key_id;
    const char *account;
    const struct postern_custom *custom;
    // At least one. Of a refund none, for the whole charge, or the same as then; of a peek none, to see all limits; to
    // settle, the real costs.
    const struct postern_charge *charges;
    size_t charge_count;
    enum postern_rate_check_mode mode;
    const uint8_t *charge_id; // POSTERN_ID_SIZE bytes. Refund, settle: the charge. Consume: NULL: the library makes one
    bool overdraw;            // consume only
};

struct postern_rate_check_reply {
    struct postern_reply_base base;
    bool allowed;
    bool decided_by_policy; // as in postern_verify_reply
    enum postern_reason reason;
    uint32_t http_status;
    const char *account;
    const char *key_id;
    const char *tier;
    const struct postern_meter *meters;
    size_t meter_count;
    const struct postern_meter *binding_meter;
    uint64_t retry_after_ms;
    uint8_t charge_id[POSTERN_ID_SIZE];
    bool has_charge_id; // false for a peek
};

POSTERN_API POSTERN_MUST_CHECK enum postern_status postern_rate_check(struct postern *client,
                                                                      const struct postern_rate_check_request *request,
                                                                      struct postern_rate_check_reply **reply,
                                                                      struct postern_error *error);

// ------------------------------------------------------------------------------------------------------- keys

// An hour of a key, and what is usual for it: medians of the same time of day.
struct postern_activity {
    uint64_t hour_start_ms;
    uint64_t calls;
    uint64_t refusals;
    bool judged; // false: known for less than a day; then the next two are 0
    uint64_t usual_calls;
    uint64_t usual_refusals;
};

// The record. Never contains a secret key's token.
struct postern_key {
    const char *key_id;
    const char *account;
    const char *name;
    enum postern_key_state state;
    enum postern_environment environment;
    enum postern_key_type type;
    const char *const *scopes;
    size_t scope_count;
    uint64_t created_at_ms;
    const char *created_by; // "uid:1000" or a key id
    uint64_t expires_at_ms;
    uint64_t revoked_at_ms;
    const char *revoke_reason;
    bool enabled;
    const char *successor_key_id;
    const char *predecessor_key_id;
    const char *lineage_id; // kept over rolls; per-key limits count by it
    const struct postern_limit *limits;
    size_t limit_count;
    const char *const *allowed_addresses;
    size_t allowed_address_count;
    const struct postern_entry *metadata;
    size_t metadata_count;
    uint64_t last_used_at_ms;
    const char *last_used_address;
    uint64_t version;         // seq of its last change
    const char *public_token; // public keys only
    // From List with `with_unusual` or `unusual` only:
    const enum postern_unusual *unusual;
    size_t unusual_count;
    const struct postern_activity *activity; // NULL: not asked for
    uint64_t not_before_ms;                  // it works from this moment on; 0 = at once
    uint64_t expiry_set_at_ms;               // by an update or a roll; 0: when the key was made
};

// Makes a key.
struct postern_create_request {
    struct postern_call call;
    const char *account;
    const char *name;
    enum postern_environment environment;
    enum postern_key_type type;
    const char *const *scopes; // none: those that the catalogue marks as default
    size_t scope_count;
    uint64_t expires_at_ms; // 0 = never
    const char *prefix;     // first part of the token; empty: the installation's default
    const struct postern_entry *metadata;
    size_t metadata_count;
    const struct postern_limit *limits; // the key's own, on top of the account's
    size_t limit_count;
    const char *const *allowed_addresses; // networks, e.g. "10.0.0.0/8"; none: any address
    size_t allowed_address_count;
    uint64_t not_before_ms; // it works from this moment on; 0 = at once
};

struct postern_create_reply {
    struct postern_reply_base base;
    const char *api_key; // the token, this once: nobody can show it again
    struct postern_key key;
};

POSTERN_API POSTERN_MUST_CHECK enum postern_status postern_create(struct postern *client,
                                                                  const struct postern_create_request *request,
                                                                  struct postern_create_reply **reply,
                                                                  struct postern_error *error);

// NOT_FOUND: no such key, or a deleted one.
struct postern_get_request {
    struct postern_call call;
    const char *key_id;  // this,
    const char *api_key; // or a token, to learn whose it is: nothing is charged, and its state does not matter
};

struct postern_get_reply {
    struct postern_reply_base base;
    struct postern_key key;
};

POSTERN_API POSTERN_MUST_CHECK enum postern_status postern_get(struct postern *client,
                                                               const struct postern_get_request *request,
                                                               struct postern_get_reply **reply,
                                                               struct postern_error *error);

// Keys in the order of their ids. A page may be empty and still not be the last.
struct postern_list_request {
    struct postern_call call;
    const char *account;       // empty: all accounts (operators)
    uint32_t page_size;        // 0 = 100; at most 500
    const uint8_t *page_token; // next_page_token of the page before
    size_t page_token_size;
    // Filters; those set must all hold.
    enum postern_key_state state;
    enum postern_environment environment;
    uint64_t created_before_ms;
    uint64_t expires_before_ms;
    bool never_used;
    uint64_t last_rolled_before_ms;
    bool with_unusual; // fill in what is unusual about each key and its activity; a page then has at most 100 keys
    bool unusual;      // only keys with something unusual, with both; page_size: how many a page examines, at most 250
    uint64_t unusual_at_ms; // in the hour to compare; 0 = the running one
    const char *name_prefix;
    const char *scope;                    // that the key has by its name, a wildcard or "admin"
    const struct postern_entry *metadata; // all of these
    size_t metadata_count;
    uint64_t expires_after_ms;    // or at this moment
    uint64_t expiry_set_after_ms; // or at this moment: by creation, import, update or roll
};

struct postern_list_reply {
    struct postern_reply_base base;
    const struct postern_key *keys;
    size_t key_count;
    const uint8_t *next_page_token;
    size_t next_page_token_size; // 0: this was the last page
    uint64_t complete_until_ms;  // the page shows all changes up to this moment, and no other is of an earlier one
};

// NOT_FOUND: there is no such account.
POSTERN_API POSTERN_MUST_CHECK enum postern_status postern_list(struct postern *client,
                                                                const struct postern_list_request *request,
                                                                struct postern_list_reply **reply,
                                                                struct postern_error *error);

// At once and for ever. Exactly one of key_id and api_key; naming the key by its own token needs no other authority.
struct postern_revoke_request {
    struct postern_call call;
    const char *key_id;
    const char *api_key;
    const char *reason;
    uint64_t if_version; // must be current, else ABORTED; 0 = any
};

struct postern_revoke_reply {
    struct postern_reply_base base;
    struct postern_key key;
};

POSTERN_API POSTERN_MUST_CHECK enum postern_status postern_revoke(struct postern *client,
                                                                  const struct postern_revoke_request *request,
                                                                  struct postern_revoke_reply **reply,
                                                                  struct postern_error *error);

// What an update sets.
enum postern_update_field {
    POSTERN_UPDATE_NAME = 1,
    POSTERN_UPDATE_SCOPES = 2,
    POSTERN_UPDATE_METADATA = 4,
    POSTERN_UPDATE_EXPIRES_AT = 8,
    POSTERN_UPDATE_ALLOWED_ADDRESSES = 16,
    POSTERN_UPDATE_LIMITS = 32,
    POSTERN_UPDATE_ENABLED = 64,
    POSTERN_UPDATE_NOT_BEFORE = 128
};

// Sets what `fields` names, lists as a whole; an empty one takes all away. FAILED_PRECONDITION: the key is revoked or
// expired, or was rolled and the expiry would get longer.
struct postern_update_request {
    struct postern_call call;
    const char *key_id;
    uint64_t if_version; // must be current, else ABORTED; 0 = any
    unsigned fields;     // enum postern_update_field, or'ed
    const char *name;
    const char *const *scopes;
    size_t scope_count;
    const struct postern_entry *metadata;
    size_t metadata_count;
    uint64_t expires_at_ms; // 0 = never
    const char *const *allowed_addresses;
    size_t allowed_address_count;
    const struct postern_limit *limits;
    size_t limit_count;
    bool enabled;
    uint64_t not_before_ms; // it works from this moment on; 0 = at once
};

struct postern_update_reply {
    struct postern_reply_base base;
    struct postern_key key;
};

POSTERN_API POSTERN_MUST_CHECK enum postern_status postern_update(struct postern *client,
                                                                  const struct postern_update_request *request,
                                                                  struct postern_update_reply **reply,
                                                                  struct postern_error *error);

#define POSTERN_GRACE_MS_DEFAULT UINT64_C(43200000)   // 12 hours
#define POSTERN_GRACE_MS_MAX     UINT64_C(2592000000) // 30 days

// Makes a successor with the same name, scopes, limits, metadata, budgets and, unless another one is given, expiry; the
// old key works for the grace, then is expired. FAILED_PRECONDITION: the key is revoked, expired or disabled, or has a
// successor already.
struct postern_roll_request {
    struct postern_call call;
    const char *key_id;
    bool has_grace; // false: POSTERN_GRACE_MS_DEFAULT
    uint64_t grace_ms;
    uint64_t if_version;
    bool has_expiry;        // false: the old key's
    uint64_t expires_at_ms; // the successor's; 0 = never
};

struct postern_roll_reply {
    struct postern_reply_base base;
    const char *api_key; // the successor's token, this once
    struct postern_key key;
    struct postern_key predecessor;
};

POSTERN_API POSTERN_MUST_CHECK enum postern_status postern_roll(struct postern *client,
                                                                const struct postern_roll_request *request,
                                                                struct postern_roll_reply **reply,
                                                                struct postern_error *error);

// Revokes the key and takes it out of all lists; its token is refused as revoked for ever.
struct postern_delete_request {
    struct postern_call call;
    const char *key_id;
    uint64_t if_version;
};

struct postern_delete_reply {
    struct postern_reply_base base;
    struct postern_key key;
};

POSTERN_API POSTERN_MUST_CHECK enum postern_status postern_delete(struct postern *client,
                                                                  const struct postern_delete_request *request,
                                                                  struct postern_delete_reply **reply,
                                                                  struct postern_error *error);

// A key of another system. Exactly one of sha256 and api_key.
struct postern_import_key {
    const uint8_t *sha256;             // of its token, POSTERN_SHA256_SIZE bytes
    const char *api_key;               // the token itself, 16 to 256 bytes, without white space or "Bearer" around it
    struct postern_create_request key; // its own `call` is not read
};

// Takes over up to POSTERN_BATCH_MAX keys, all or nothing. Those whose token the account has already are skipped; one
// of another account is POSTERN_ALREADY_EXISTS. When one cannot be taken, error->field begins with its place:
// "import.keys[3]".
struct postern_import_request {
    struct postern_call call;
    const struct postern_import_key *keys;
    size_t key_count;
};

struct postern_import_reply {
    struct postern_reply_base base;
    const struct postern_key *keys; // the new ones, in the order of the request
    size_t key_count;
    uint32_t skipped; // how many were there already
};

POSTERN_API POSTERN_MUST_CHECK enum postern_status postern_import(struct postern *client,
                                                                  const struct postern_import_request *request,
                                                                  struct postern_import_reply **reply,
                                                                  struct postern_error *error);

// --------------------------------------------------------------------------------------------------- accounts

struct postern_account {
    const char *account;
    const char *display_name;
    const char *tier;
    const enum postern_environment *environments;
    size_t environment_count;
    bool suspended;
    const struct postern_limit *limits; // each replaces the tier's limit with the same resource and window
    size_t limit_count;
    uint32_t max_keys;
    bool no_default_public_key;
    const struct postern_entry *metadata;
    size_t metadata_count;
    uint64_t created_at_ms;
    uint64_t version;
    uint64_t revoked_before_ms; // keys created up to then are revoked; 0 = none
    const char *time_zone;      // of its calendar periods; empty: its tier's
};

// Creates the account or changes its settings. update_mask names the members that are set, lists as a whole, by their
// names here ("limits", "environments"); others stay, or get their default where the account is new. The name itself
// ("account") may be among them, which sets nothing. Without a mask all are set, but a suspension is never lifted.
// To add to a list, read the account and send its version. It is the same for tiers and scopes.
struct postern_put_account_request {
    struct postern_call call;
    const char *account;
    const char *display_name;
    // Empty: a new account takes the default tier, if there is one, an existing one keeps its own; with "tier" in
    // update_mask it has none. Without any limits an account is unlimited: what it charges is only counted.
    const char *tier;
    const enum postern_environment *environments; // none: test only
    size_t environment_count;
    bool suspended; // false lifts a suspension only with "suspended" in update_mask
    const struct postern_limit *limits;
    size_t limit_count;
    uint32_t max_keys; // 0 = 1,000
    bool no_default_public_key;
    const struct postern_entry *metadata;
    size_t metadata_count;
    uint64_t if_version; // must be current, else ABORTED; 0 = any
    const char *const *update_mask;
    size_t update_mask_count;
    const char *time_zone; // e.g. "Europe/Berlin"; empty: its tier's, or else the installation's
};

struct postern_put_account_reply {
    struct postern_reply_base base;
    struct postern_account account;
    const struct postern_key *default_public_key; // that came with a new account; NULL: none
};

POSTERN_API POSTERN_MUST_CHECK enum postern_status
postern_put_account(struct postern *client, const struct postern_put_account_request *request,
                    struct postern_put_account_reply **reply, struct postern_error *error);

// NOT_FOUND: no such account, or a deleted one.
struct postern_get_account_request {
    struct postern_call call;
    const char *account;
};

struct postern_get_account_reply {
    struct postern_reply_base base;
    struct postern_account account;
};

POSTERN_API POSTERN_MUST_CHECK enum postern_status
postern_get_account(struct postern *client, const struct postern_get_account_request *request,
                    struct postern_get_account_reply **reply, struct postern_error *error);

// In the order of their ids.
struct postern_list_accounts_request {
    struct postern_call call;
    uint32_t page_size;        // 0 = 100; at most 500
    const uint8_t *page_token; // next_page_token of the page before
    size_t page_token_size;
};

struct postern_list_accounts_reply {
    struct postern_reply_base base;
    const struct postern_account *accounts;
    size_t account_count;
    const uint8_t *next_page_token;
    size_t next_page_token_size; // 0: this was the last page
};

POSTERN_API POSTERN_MUST_CHECK enum postern_status
postern_list_accounts(struct postern *client, const struct postern_list_accounts_request *request,
                      struct postern_list_accounts_reply **reply, struct postern_error *error);

// Revokes every key of the account that was created up to a moment: one change, whatever their number.
struct postern_revoke_all_request {
    struct postern_call call;
    const char *account;
    uint64_t created_before_ms; // 0 = now
    const char *reason;
};

struct postern_revoke_all_reply {
    struct postern_reply_base base;
    struct postern_account account;
};

POSTERN_API POSTERN_MUST_CHECK enum postern_status postern_revoke_all(struct postern *client,
                                                                      const struct postern_revoke_all_request *request,
                                                                      struct postern_revoke_all_reply **reply,
                                                                      struct postern_error *error);

// Hides it; its name may be used again, its keys stay revoked. FAILED_PRECONDITION: it has keys that are neither
// revoked nor expired.
struct postern_delete_account_request {
    struct postern_call call;
    const char *account;
    uint64_t if_version;
};

struct postern_delete_account_reply {
    struct postern_reply_base base;
    struct postern_account account;
};

POSTERN_API POSTERN_MUST_CHECK enum postern_status
postern_delete_account(struct postern *client, const struct postern_delete_account_request *request,
                       struct postern_delete_account_reply **reply, struct postern_error *error);

// Lets the meters of a resource begin as if nothing was spent: those of the account, or of the key's account and the
// key's own limits. Of account and key_id exactly one. What was charged before is neither settled nor given back any
// more. PERMISSION_DENIED: no operator, nor an account-admin with the scope postern:meter-reset.
// Or, for operators: removes a custom subject, named by space and identifier alone, with all its meters.
struct postern_reset_meters_request {
    struct postern_call call;
    const char *account;
    const char *key_id;
    const char *resource;
    const char *space; // namespace
    const char *identifier;
};

struct postern_reset_meters_reply {
    struct postern_reply_base base;
    const char *account;
    uint64_t meters; // of a custom subject: how many were on disk
};

POSTERN_API POSTERN_MUST_CHECK enum postern_status
postern_reset_meters(struct postern *client, const struct postern_reset_meters_request *request,
                     struct postern_reset_meters_reply **reply, struct postern_error *error);

struct postern_tier {
    const char *tier;
    const struct postern_limit *limits;
    size_t limit_count;
    bool is_default;
    uint64_t version;
    const char *time_zone; // of the calendar periods of its accounts; empty: the installation's
};

// Creates or changes a tier, as update_mask says; is_default takes the mark from the tier that had it.
struct postern_put_tier_request {
    struct postern_call call;
    const char *tier;
    const struct postern_limit *limits;
    size_t limit_count;
    bool is_default;
    uint64_t if_version;
    const char *const *update_mask; // as of an account
    size_t update_mask_count;
    const char *time_zone; // likewise
};

struct postern_put_tier_reply {
    struct postern_reply_base base;
    struct postern_tier tier;
};

POSTERN_API POSTERN_MUST_CHECK enum postern_status postern_put_tier(struct postern *client,
                                                                    const struct postern_put_tier_request *request,
                                                                    struct postern_put_tier_reply **reply,
                                                                    struct postern_error *error);

// In the order of their names.
struct postern_list_tiers_request {
    struct postern_call call;
    uint32_t page_size;        // 0 = 100; at most 500
    const uint8_t *page_token; // next_page_token of the page before
    size_t page_token_size;
};

struct postern_list_tiers_reply {
    struct postern_reply_base base;
    const struct postern_tier *tiers;
    size_t tier_count;
    const uint8_t *next_page_token;
    size_t next_page_token_size; // 0: this was the last page
};

POSTERN_API POSTERN_MUST_CHECK enum postern_status postern_list_tiers(struct postern *client,
                                                                      const struct postern_list_tiers_request *request,
                                                                      struct postern_list_tiers_reply **reply,
                                                                      struct postern_error *error);

// FAILED_PRECONDITION: accounts are on it.
struct postern_delete_tier_request {
    struct postern_call call;
    const char *tier;
    uint64_t if_version;
};

struct postern_delete_tier_reply {
    struct postern_reply_base base;
    struct postern_tier tier;
};

POSTERN_API POSTERN_MUST_CHECK enum postern_status
postern_delete_tier(struct postern *client, const struct postern_delete_tier_request *request,
                    struct postern_delete_tier_reply **reply, struct postern_error *error);

// A permission of the catalogue.
struct postern_scope {
    const char *scope;
    const char *description;
    const char *const *implies;
    size_t implies_count;
    bool is_default;  // keys that are made without scopes have it
    bool public_safe; // public keys may have it
    uint64_t version;
};

// Creates or changes a scope of the catalogue, as update_mask says.
struct postern_put_scope_request {
    struct postern_call call;
    const char *scope;
    const char *description;
    const char *const *implies; // whoever has this one has them too
    size_t implies_count;
    bool is_default;
    bool public_safe;
    uint64_t if_version;
    const char *const *update_mask; // as of an account
    size_t update_mask_count;
};

struct postern_put_scope_reply {
    struct postern_reply_base base;
    struct postern_scope scope;
};

POSTERN_API POSTERN_MUST_CHECK enum postern_status postern_put_scope(struct postern *client,
                                                                     const struct postern_put_scope_request *request,
                                                                     struct postern_put_scope_reply **reply,
                                                                     struct postern_error *error);

// In the order of their names.
struct postern_list_scopes_request {
    struct postern_call call;
    uint32_t page_size;        // 0 = 100; at most 500
    const uint8_t *page_token; // next_page_token of the page before
    size_t page_token_size;
};

struct postern_list_scopes_reply {
    struct postern_reply_base base;
    const struct postern_scope *scopes;
    size_t scope_count;
    const uint8_t *next_page_token;
    size_t next_page_token_size; // 0: this was the last page
};

POSTERN_API POSTERN_MUST_CHECK enum postern_status
postern_list_scopes(struct postern *client, const struct postern_list_scopes_request *request,
                    struct postern_list_scopes_reply **reply, struct postern_error *error);

// Keys that hold it keep it; from now on it covers its own name and nothing else.
struct postern_delete_scope_request {
    struct postern_call call;
    const char *scope;
    uint64_t if_version;
};

struct postern_delete_scope_reply {
    struct postern_reply_base base;
    struct postern_scope scope;
};

POSTERN_API POSTERN_MUST_CHECK enum postern_status
postern_delete_scope(struct postern *client, const struct postern_delete_scope_request *request,
                     struct postern_delete_scope_reply **reply, struct postern_error *error);

// ------------------------------------------------------------------------------------------------- operations

// Is posternd serving? Anyone may ask.
struct postern_health_request {
    struct postern_call call;
};

struct postern_health_reply {
    struct postern_reply_base base;
    bool serving;
    // Operators only, else empty or 0:
    const char *version;
    uint64_t uptime_ms;
    const char *store;      // "ok", or what is wrong with it
    int64_t clock_ahead_ms; // of the daemon's clock before the wall clock
    uint32_t clock_jumps;
};

// `request` may be NULL here.
POSTERN_API POSTERN_MUST_CHECK enum postern_status postern_health(struct postern *client,
                                                                  const struct postern_health_request *request,
                                                                  struct postern_health_reply **reply,
                                                                  struct postern_error *error);

struct postern_counter {
    const char *name;
    uint64_t value;
};

// Counts since posternd started, and what it holds now.
struct postern_meter_stats {
    uint64_t meters; // in memory
    uint64_t bytes;
    uint64_t decisions;      // how often limits were asked, peeks and calls that waited included
    uint64_t waits;          // how often the answer was to wait for the disk
    uint64_t records;        // handed to the disk
    uint64_t custom_meters;  // of custom subjects, on disk, as last counted
    uint64_t custom_callers; // who have made them
};

// Tallies of an hour, of a key or an account.
struct postern_usage_stats {
    uint64_t entries; // in memory
    uint64_t entries_max;
    uint64_t waiting;  // that the disk does not have yet
    uint64_t overflow; // counts that found no room, and are missing
    uint64_t written;
    uint64_t removed; // by age
    uint64_t damaged;
    uint64_t would_refuse; // decisions that a shadow limit would have refused
};

struct postern_store_stats {
    const char *name; // "registry", "meters"
    uint64_t used_bytes;
    uint64_t size_bytes;
    uint64_t commits;
    uint64_t jobs;
    const char *last_commit; // "OK", or why it failed
};

// An account or a key, and its running hour.
struct postern_busy {
    const char *account; // empty: nobody known
    const char *key_id;  // of a key only
    const char *key_name;
    uint64_t calls;
    uint64_t refusals;
};

// How requests came in: counts since posternd started, but for the first three. See ConnectionStats in
// proto/postern.proto.
struct postern_connection_stats {
    uint64_t connections; // open now
    uint64_t calls_in_flight;
    uint64_t memory_bytes; // of all connections' buffers
    uint64_t accepted;
    uint64_t requests;
    uint64_t overloaded; // refused because a bound was reached
    uint64_t expired;    // their time had passed before they were begun
    uint64_t refused;    // connections that came when all were taken
    uint64_t closed_no_greeting;
    uint64_t closed_bad_frame;
    uint64_t closed_half_frame;
    uint64_t closed_stuck; // took no replies
    uint64_t closed_no_memory;
    uint64_t tls_failures;
    uint64_t accept_failures; // descriptors or memory were out
    uint64_t displaced;       // idle ones that had to go when all were taken and somebody came
};

struct postern_stats_request {
    struct postern_call call;
    uint32_t top; // how many of the busiest accounts, and of the busiest keys; at most 256
    bool metrics; // fill in the reply's metrics
};

struct postern_stats_reply {
    struct postern_reply_base base;
    const struct postern_counter *counters; // decisions by reason
    size_t counter_count;
    const char *version;
    uint64_t uptime_ms;
    uint64_t decisions; // without peeks
    uint64_t refusals;  // of them
    struct postern_meter_stats meters;
    struct postern_usage_stats usage;
    const struct postern_store_stats *stores;
    size_t store_count;
    int64_t clock_ahead_ms;
    uint32_t clock_jumps;
    uint64_t hour_start_ms;
    const struct postern_busy *accounts; // the busiest first
    size_t account_count;
    const struct postern_busy *keys;
    size_t key_count;
    struct postern_connection_stats connections;
    const char *const *metrics; // all of this and more: the lines of Prometheus' text format
    size_t metrics_count;
};

// For operators.
POSTERN_API POSTERN_MUST_CHECK enum postern_status postern_stats(struct postern *client,
                                                                 const struct postern_stats_request *request,
                                                                 struct postern_stats_reply **reply,
                                                                 struct postern_error *error);

// One change of the registry: who, on whose behalf, what, and how it was before and after.
struct postern_change {
    uint64_t seq;
    uint64_t time_ms;
    const char *actor; // "uid:1000" or a key id
    const char *on_behalf_of;
    const char *what; // the call's name: "create", "put_tier", ...
    const char *account;
    const char *key_id;
    const struct postern_entry *before; // field by field, no secrets
    size_t before_count;
    const struct postern_entry *after;
    size_t after_count;
};

#define POSTERN_WAIT_MS_MAX 60000

// Oldest first; the filters that are set must all hold. One change that touched several records is several in the list.
struct postern_list_changes_request {
    struct postern_call call;
    uint32_t page_size;        // 0 = 100; at most 500
    const uint8_t *page_token; // next_page_token of the page before
    size_t page_token_size;
    uint64_t from_ms;
    uint64_t to_ms;
    const char *actor;
    const char *account;
    const char *key_id;
    uint64_t after_seq; // only changes behind this one
    // While there is no change to list, posternd waits for one so long, at most POSTERN_WAIT_MS_MAX; the call may then
    // take so much longer than its timeout says. With no change in the last page go on behind base.seq.
    uint32_t wait_ms;
};

struct postern_list_changes_reply {
    struct postern_reply_base base;
    const struct postern_change *changes;
    size_t change_count;
    const uint8_t *next_page_token;
    size_t next_page_token_size; // 0: this was the last page
};

POSTERN_API POSTERN_MUST_CHECK enum postern_status
postern_list_changes(struct postern *client, const struct postern_list_changes_request *request,
                     struct postern_list_changes_reply **reply, struct postern_error *error);

struct postern_usage_bucket {
    uint64_t start_ms;
    const struct postern_counter *reasons; // how often each reason was the answer: "ALLOWED", "RATE_LIMITED", ...
    size_t reason_count;
    const struct postern_counter *costs; // what was admitted of each resource
    size_t cost_count;
    uint64_t would_refuse; // calls that a shadow limit would have refused, whatever their reason
};

// How often a key, or all keys of an account, were answered what. `key_id` wins over `account`; with neither it is the
// account of the credential.
struct postern_get_usage_request {
    struct postern_call call;
    const char *account;
    const char *key_id;
    uint64_t from_ms;  // 0 = all that is kept
    uint64_t to_ms;    // 0 = up to now
    uint32_t bucket_s; // 3600 (also 0) or 86400
    uint64_t life;     // with account: the change that its life began with, which may be over; 0 = the present one
};

struct postern_get_usage_reply {
    struct postern_reply_base base;
    const struct postern_usage_bucket *buckets; // oldest first; those without a call are left out
    size_t bucket_count;
};

POSTERN_API POSTERN_MUST_CHECK enum postern_status postern_get_usage(struct postern *client,
                                                                     const struct postern_get_usage_request *request,
                                                                     struct postern_get_usage_reply **reply,
                                                                     struct postern_error *error);

// ------------------------------------------------------------------------------------------------- event loops

// For programs that wait in one place (poll, epoll, libevent …), as with libpq or hiredis. Open the handle with
// `event_loop`; it belongs to one thread. Wait until postern_fd is ready for postern_events, or postern_wait_ms has
// passed, then call postern_process. All three may have changed after any call that takes the handle: ask again.
//
//     while (running) {
//         struct pollfd ready = {.fd = postern_fd(client), .events = to_poll(postern_events(client))};
//         poll(&ready, 1, (int)postern_wait_ms(client));
//         postern_process(client);
//     }
//
// A _start call copies the request and returns at once (it may connect). When it has returned OK, `done` is called
// exactly once: from postern_process, or from postern_close with CANCELLED. `reply` is NULL unless error->status is OK
// (or the policy has decided), and belongs to the callee: postern_reply_free. `error` lives until `done` returns.
// `done` may start other calls; it may not close the handle.
// Errors of _start itself:
//   INVALID_ARGUMENT     as of the call
//   RESOURCE_EXHAUSTED   as of the call
//   INTERNAL             as of the call
//   FAILED_PRECONDITION  the handle was opened without `event_loop`
enum postern_event { POSTERN_WANT_READ = 1, POSTERN_WANT_WRITE = 2 };

// -1: there is no connection now. It is the library's to close.
POSTERN_API int postern_fd(const struct postern *client);
// enum postern_event, or'ed.
POSTERN_API unsigned postern_events(const struct postern *client);
// Span in ms after which postern_process is due even if nothing happens; -1: none.
POSTERN_API int64_t postern_wait_ms(const struct postern *client);
// Connects, sends, receives, repeats, and calls back, as far as that goes without waiting (but for the look-up of a
// host's name, each time that it connects: the system's resolver cannot be asked without).
POSTERN_API void postern_process(struct postern *client);

// Each call of above, started: it asks and answers the same.
POSTERN_API POSTERN_MUST_CHECK enum postern_status
postern_verify_start(struct postern *client, const struct postern_verify_request *request,
                     void (*done)(void *context, struct postern_verify_reply *reply, const struct postern_error *error),
                     void *context, struct postern_error *error);
POSTERN_API POSTERN_MUST_CHECK enum postern_status postern_verify_batch_start(
    struct postern *client, const struct postern_verify_batch_request *request,
    void (*done)(void *context, struct postern_verify_batch_reply *reply, const struct postern_error *error),
    void *context, struct postern_error *error);
POSTERN_API POSTERN_MUST_CHECK enum postern_status postern_rate_check_start(
    struct postern *client, const struct postern_rate_check_request *request,
    void (*done)(void *context, struct postern_rate_check_reply *reply, const struct postern_error *error),
    void *context, struct postern_error *error);
POSTERN_API POSTERN_MUST_CHECK enum postern_status postern_put_account_start(
    struct postern *client, const struct postern_put_account_request *request,
    void (*done)(void *context, struct postern_put_account_reply *reply, const struct postern_error *error),
    void *context, struct postern_error *error);
POSTERN_API POSTERN_MUST_CHECK enum postern_status postern_get_account_start(
    struct postern *client, const struct postern_get_account_request *request,
    void (*done)(void *context, struct postern_get_account_reply *reply, const struct postern_error *error),
    void *context, struct postern_error *error);
POSTERN_API POSTERN_MUST_CHECK enum postern_status postern_list_accounts_start(
    struct postern *client, const struct postern_list_accounts_request *request,
    void (*done)(void *context, struct postern_list_accounts_reply *reply, const struct postern_error *error),
    void *context, struct postern_error *error);
POSTERN_API POSTERN_MUST_CHECK enum postern_status postern_revoke_all_start(
    struct postern *client, const struct postern_revoke_all_request *request,
    void (*done)(void *context, struct postern_revoke_all_reply *reply, const struct postern_error *error),
    void *context, struct postern_error *error);
POSTERN_API POSTERN_MUST_CHECK enum postern_status postern_reset_meters_start(
    struct postern *client, const struct postern_reset_meters_request *request,
    void (*done)(void *context, struct postern_reset_meters_reply *reply, const struct postern_error *error),
    void *context, struct postern_error *error);
POSTERN_API POSTERN_MUST_CHECK enum postern_status postern_delete_account_start(
    struct postern *client, const struct postern_delete_account_request *request,
    void (*done)(void *context, struct postern_delete_account_reply *reply, const struct postern_error *error),
    void *context, struct postern_error *error);
POSTERN_API POSTERN_MUST_CHECK enum postern_status
postern_create_start(struct postern *client, const struct postern_create_request *request,
                     void (*done)(void *context, struct postern_create_reply *reply, const struct postern_error *error),
                     void *context, struct postern_error *error);
POSTERN_API POSTERN_MUST_CHECK enum postern_status
postern_get_start(struct postern *client, const struct postern_get_request *request,
                  void (*done)(void *context, struct postern_get_reply *reply, const struct postern_error *error),
                  void *context, struct postern_error *error);
POSTERN_API POSTERN_MUST_CHECK enum postern_status
postern_list_start(struct postern *client, const struct postern_list_request *request,
                   void (*done)(void *context, struct postern_list_reply *reply, const struct postern_error *error),
                   void *context, struct postern_error *error);
POSTERN_API POSTERN_MUST_CHECK enum postern_status
postern_update_start(struct postern *client, const struct postern_update_request *request,
                     void (*done)(void *context, struct postern_update_reply *reply, const struct postern_error *error),
                     void *context, struct postern_error *error);
POSTERN_API POSTERN_MUST_CHECK enum postern_status
postern_roll_start(struct postern *client, const struct postern_roll_request *request,
                   void (*done)(void *context, struct postern_roll_reply *reply, const struct postern_error *error),
                   void *context, struct postern_error *error);
POSTERN_API POSTERN_MUST_CHECK enum postern_status
postern_revoke_start(struct postern *client, const struct postern_revoke_request *request,
                     void (*done)(void *context, struct postern_revoke_reply *reply, const struct postern_error *error),
                     void *context, struct postern_error *error);
POSTERN_API POSTERN_MUST_CHECK enum postern_status
postern_delete_start(struct postern *client, const struct postern_delete_request *request,
                     void (*done)(void *context, struct postern_delete_reply *reply, const struct postern_error *error),
                     void *context, struct postern_error *error);
POSTERN_API POSTERN_MUST_CHECK enum postern_status postern_put_tier_start(
    struct postern *client, const struct postern_put_tier_request *request,
    void (*done)(void *context, struct postern_put_tier_reply *reply, const struct postern_error *error), void *context,
    struct postern_error *error);
POSTERN_API POSTERN_MUST_CHECK enum postern_status postern_list_tiers_start(
    struct postern *client, const struct postern_list_tiers_request *request,
    void (*done)(void *context, struct postern_list_tiers_reply *reply, const struct postern_error *error),
    void *context, struct postern_error *error);
POSTERN_API POSTERN_MUST_CHECK enum postern_status postern_delete_tier_start(
    struct postern *client, const struct postern_delete_tier_request *request,
    void (*done)(void *context, struct postern_delete_tier_reply *reply, const struct postern_error *error),
    void *context, struct postern_error *error);
POSTERN_API POSTERN_MUST_CHECK enum postern_status postern_put_scope_start(
    struct postern *client, const struct postern_put_scope_request *request,
    void (*done)(void *context, struct postern_put_scope_reply *reply, const struct postern_error *error),
    void *context, struct postern_error *error);
POSTERN_API POSTERN_MUST_CHECK enum postern_status postern_list_scopes_start(
    struct postern *client, const struct postern_list_scopes_request *request,
    void (*done)(void *context, struct postern_list_scopes_reply *reply, const struct postern_error *error),
    void *context, struct postern_error *error);
POSTERN_API POSTERN_MUST_CHECK enum postern_status postern_delete_scope_start(
    struct postern *client, const struct postern_delete_scope_request *request,
    void (*done)(void *context, struct postern_delete_scope_reply *reply, const struct postern_error *error),
    void *context, struct postern_error *error);
POSTERN_API POSTERN_MUST_CHECK enum postern_status
postern_health_start(struct postern *client, const struct postern_health_request *request,
                     void (*done)(void *context, struct postern_health_reply *reply, const struct postern_error *error),
                     void *context, struct postern_error *error);
POSTERN_API POSTERN_MUST_CHECK enum postern_status postern_list_changes_start(
    struct postern *client, const struct postern_list_changes_request *request,
    void (*done)(void *context, struct postern_list_changes_reply *reply, const struct postern_error *error),
    void *context, struct postern_error *error);
POSTERN_API POSTERN_MUST_CHECK enum postern_status postern_get_usage_start(
    struct postern *client, const struct postern_get_usage_request *request,
    void (*done)(void *context, struct postern_get_usage_reply *reply, const struct postern_error *error),
    void *context, struct postern_error *error);
POSTERN_API POSTERN_MUST_CHECK enum postern_status
postern_stats_start(struct postern *client, const struct postern_stats_request *request,
                    void (*done)(void *context, struct postern_stats_reply *reply, const struct postern_error *error),
                    void *context, struct postern_error *error);
POSTERN_API POSTERN_MUST_CHECK enum postern_status
postern_import_start(struct postern *client, const struct postern_import_request *request,
                     void (*done)(void *context, struct postern_import_reply *reply, const struct postern_error *error),
                     void *context, struct postern_error *error);

#ifdef __cplusplus
}
#endif

#endif
