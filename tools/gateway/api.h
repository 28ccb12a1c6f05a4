// Self-service over HTTP: what /v1/... has in common. Every call is made in the name of whoever asks, with the token of
// its own header; the gateway adds no authority. Answers are posternd's, as JSON with the protocol's field names.
//
// What a path takes, in its query or its body, is a table (struct api_field). What is not in the table is refused, as
// a filter that is not understood would show more than was asked for.
#ifndef GATEWAY_API_H
#define GATEWAY_API_H

#include "gateway.h"

#include <jansson.h>
#include <stddef.h>

struct api {
    const struct gateway *gateway;
    const struct http_request *request;
    struct http_answer *answer;
    struct postern_call call;            // with the caller's token, and the request_id of Idempotency-Key
    uint8_t request_id[POSTERN_ID_SIZE]; // that `call` points to, if there is one
    uint64_t if_version;                 // of If-Match; 0: any
    struct postern_error error;
};

enum api_kind {
    API_TEXT,
    API_TIME,   // uint64_t
    API_NUMBER, // uint32_t
    API_BOOL,
    API_WORD,     // an enum, by its name
    API_PAGE,     // a page token
    API_TEXTS,    // from here on lists
    API_METADATA, // [{"key": …, "value": …}]; in a query KEY=VALUE, several times
    API_LIMITS    // in their text form
};

struct api_word {
    const char *name; // NULL ends the table
    unsigned value;
};

// Where a member goes in a request of libpostern.
struct api_field {
    const char *name; // NULL ends the table
    enum api_kind kind;
    uint16_t at;
    uint16_t count_at;            // of lists, and of a page token its size
    uint16_t given_at;            // of a bool that says that it was given; 0: none
    unsigned bit;                 // of `fields` of an update
    const struct api_word *words; // of API_WORD
};

// clang-format off
#define API_AT(request, member) (uint16_t)offsetof(struct postern_##request, member)
#define API_FIELD(request, member, which) {.name = #member, .kind = (which), .at = API_AT(request, member)}
#define API_LIST(request, member, which, count) \
    {.name = #member, .kind = (which), .at = API_AT(request, member), .count_at = API_AT(request, count)}
#define API_PAGES(request) \
    API_FIELD(request, page_size, API_NUMBER), API_LIST(request, page_token, API_PAGE, page_token_size)
// clang-format on

extern const struct api_word api_environments[], api_key_types[], api_key_states[];

// Takes the token, Idempotency-Key and If-Match from the headers. False: the answer says what is wrong, also when a
// page of another origin asks.
bool api_begin(struct api *api, const struct gateway *gateway, const struct http_request *request,
               struct http_answer *answer);
// Fills the request of libpostern from the query. False: the answer says what is wrong, and where.
bool api_read_query(struct api *api, const struct api_field *fields, void *into);
// The same from the body, a JSON object or nothing. *given gets the bits of the members that it has, unless NULL.
bool api_read_body(struct api *api, const struct api_field *fields, void *into, unsigned *given);
// Answers that something of the request is wrong. `field`: what; `why`: what to write instead.
bool api_refuse(struct api *api, const char *field, const char *why);

// Answers with the reply, or the failure; frees the reply.
void api_answer(struct api *api, unsigned http_status, enum postern_status status, void *reply);
// The same with more members; takes over `more`.
void api_answer_with(struct api *api, void *reply, json_t *more);
// The same with ETag, and for a new key Location.
void api_answer_key(struct api *api, unsigned http_status, enum postern_status status, void *reply,
                    const struct postern_key *key);
// The key whose token asks, of a reply that is the caller's to free. NULL: the answer is the failure.
const struct postern_key *api_own_key(struct api *api, struct postern_get_reply **reply);

// Keys.
void api_list_keys(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer);
void api_create_key(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer);
void api_get_key(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer);
void api_update_key(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer);
void api_roll_key(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer);
void api_revoke_key(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer);
void api_delete_key(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer);
// What an account is, may and did.
void api_account(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer);
void api_limits(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer);
void api_usage(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer);
void api_audit(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer);
// The catalogue, and for operators the accounts and tiers.
void api_list_scopes(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer);
void api_list_accounts(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer);
void api_list_tiers(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer);

#endif
