// Room-private: the handlers of route.c, and what several of them share. Each reads one member of Request.call, whose
// bounds check.h has checked, and fills call->reply.
#ifndef RPC_HANDLER_H
#define RPC_HANDLER_H

#include "rpc/call.h"
#include "rpc/page_token.h"

enum call_progress handler_verify(struct call *call);
enum call_progress handler_verify_batch(struct call *call);
enum call_progress handler_rate_check(struct call *call);

enum call_progress handler_create(struct call *call);
enum call_progress handler_get(struct call *call);
enum call_progress handler_list(struct call *call);
enum call_progress handler_update(struct call *call);
enum call_progress handler_roll(struct call *call);
enum call_progress handler_revoke(struct call *call);
enum call_progress handler_import(struct call *call);
enum call_progress handler_delete(struct call *call);

// These serve accounts, tiers and scopes alike: the route says which.
enum call_progress handler_put(struct call *call);
enum call_progress handler_delete_named(struct call *call);
enum call_progress handler_list_named(struct call *call);
enum call_progress handler_get_account(struct call *call);
enum call_progress handler_revoke_all(struct call *call);
enum call_progress handler_reset_meters(struct call *call);

enum call_progress handler_health(struct call *call);
enum call_progress handler_stats(struct call *call);
enum call_progress handler_get_usage(struct call *call);
enum call_progress handler_list_changes(struct call *call);

// --- decisions (handler_decision.c)

// One asking of the authorizer, with what answers the call when it has decided.
struct handler_inquiry {
    struct authorizer_batch batch; // of `ask`, or of several calls
    struct authorizer_call ask;
    struct call *call;
    struct arena *facts; // for the decisions, emptied before each try; NULL: they are in the arena of the question
    // Answers when the batch is decided or has failed (batch.status; also because the call is late).
    enum call_progress (*answer)(struct handler_inquiry *inquiry);
    // Used by the answer of handler_inquiry_new: fills the reply; false when the arena is out.
    bool (*fill)(struct call *call, const struct authorizer_call *ask);
};

// Makes an inquiry about one call in arena memory, without the question; NULL when the arena is out.
struct handler_inquiry *handler_inquiry_new(struct call *call);
// Makes `inquiry` one about its `ask`, which has no question yet; its facts are in `arena`.
void handler_inquiry_init(struct handler_inquiry *inquiry, struct call *call, struct arena *arena);
// Asks the authorizer, again after each wait, and answers.
enum call_progress handler_decide(struct handler_inquiry *inquiry);
// Asks without answering, which the caller does unless it is AUTHORIZER_WAITING.
enum authorizer_progress handler_try(struct handler_inquiry *inquiry);
enum { HANDLER_CHARGE_ID_SIZE = 16 }; // the wire's
// Makes the wire's charge_id one of this caller only; an empty one stays empty. False when the arena is out.
bool handler_charge_id(const struct call *call, struct arena *arena, ProtobufCBinaryData id, struct slice *out)
    __attribute__((warn_unused_result));

// Logs the decision, if this server logs such ones (access.c).
void handler_log_decision(const struct call *call, const struct authorizer_call *ask);

// Makes the name of a custom subject from its parts (handler_rate_check.c). False when the arena is out.
bool handler_custom_name(struct arena *arena, ProtobufCBinaryData space, ProtobufCBinaryData identifier,
                         struct slice *out) __attribute__((warn_unused_result));

// Turn a Verify, by itself or in a batch, into a question, and the decision into its reply and the details of its
// status (handler_verify.c). False when the arena is out.
bool handler_verify_ask(const struct call *call, struct arena *arena, const Postern__V1__VerifyRequest *request,
                        struct authorizer_call *ask) __attribute__((warn_unused_result));
bool handler_verify_answer(struct arena *arena, const struct authorizer_call *ask, Postern__V1__VerifyReply *reply,
                           Postern__V1__Status *status);
// Adds what a refusal has beside its reason to the details of a status. `key_id` is the reply's. False when the arena
// is out.
bool handler_add_details(struct arena *arena, const struct authorizer_call *ask, struct slice key_id,
                         Postern__V1__Status *status) __attribute__((warn_unused_result));

// --- changes (handler_change.c)

struct handler_change {
    struct registry_command command;
    struct call *call;
    // Fills the result; false when the arena is out.
    bool (*answer)(const struct handler_change *change, Postern__V1__Reply *reply);
};

// Makes a change in arena memory, with caller, request_id, digest and randomness; NULL when the arena is out.
struct handler_change *handler_change_new(struct call *call, enum registry_command_kind kind);
// Submits it. Always CALL_PENDING: the writer answers.
enum call_progress handler_submit(struct handler_change *change);
// Answers any change of one key: `key`, and `api_key` where the result has it. False when the arena is out.
bool handler_answer_key(const struct handler_change *change, Postern__V1__Reply *reply);
// Reads what Create and each entry of Import ask for.
// Errors:
//   INVALID_ARGUMENT    it is wrong; the failure's field is relative to the request
//   RESOURCE_EXHAUSTED  the arena is out
STATUS_MUST_CHECK enum status handler_read_create(struct call *call, const Postern__V1__CreateRequest *request,
                                                  struct registry_key *out, struct status_failure *failure);

// --- reading (handler_read.c)

// Ends the view that a handler has begun. When `status` is OK, it fills the reply's seq from the view first.
// Errors: `status`, or those of registry_seq.
STATUS_MUST_CHECK enum status handler_end_view(struct call *call, enum status status);

// Ends the call with NOT_FOUND: in the same words whether there is no such account or it is not the caller's to see.
enum call_progress handler_fail_no_account(struct call *call, const char *field, struct slice id);

// Fills in when and from where a key was last used, as far as that is known. *used (may be NULL) is false only when the
// key was certainly never used.
// Errors:
//   UNAVAILABLE         as usage_last_used
//   RESOURCE_EXHAUSTED  as usage_last_used
STATUS_MUST_CHECK enum status handler_fill_use(struct call *call, const struct usage_view *usage,
                                               const uint8_t id[KEY_ID_SIZE], Postern__V1__Key *out, bool *used);

// One page of a list.
struct handler_page {
    struct page_token_binding binding;
    size_t size;           // how many items were asked for, or the default
    struct slice position; // where it goes on; empty: at the start
};
// Begins the page that a list call asks for; its token is bound to the rest of the call. False when the call has
// failed.
bool handler_page_begin(struct call *call, struct handler_page *page);
// Makes next_page_token. False when the arena is out.
bool handler_page_next(struct call *call, const struct handler_page *page, struct slice position,
                       ProtobufCBinaryData *out);

#endif
