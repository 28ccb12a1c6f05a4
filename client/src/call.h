// One call, of any kind: from the caller's struct to a reply.
#ifndef POSTERN_CALL_H
#define POSTERN_CALL_H

#include "ask.h"

// Defines a call: the tables of its request and its reply, its method, and the functions postern_NAME and
// postern_NAME_start. `number` is the last part of its case in the Request; the rows are ROWS(...); then comes what its
// struct postern_method has beyond them. Other macros here define nothing. This one does, because the pairs differ
// in nothing but types, and written out they would be a thousand lines in which nobody sees the one that is wrong.
// clang-format off
#define POSTERN_CALL(name, number, request_rows, reply_rows, ...) \
    static const struct postern_table postern_##name##_request_table = TABLE(name##_request, request_rows); \
    static const struct postern_table postern_##name##_reply_table = TABLE(name##_reply, reply_rows); \
    static void deliver_##name(postern_done *done, void *context, void *reply, const struct postern_error *error) \
    { \
        ((void (*)(void *, struct postern_##name##_reply *, const struct postern_error *))done) \
            (context, reply, error); \
    } \
    static const struct postern_method name##_method = { \
        .tag = POSTERN__V1__REQUEST__CALL_##number, \
        .request = &postern_##name##_request_table, \
        .reply = &postern_##name##_reply_table, \
        .deliver = deliver_##name, \
        __VA_ARGS__}; \
    enum postern_status postern_##name(struct postern *client, const struct postern_##name##_request *request, \
                                       struct postern_##name##_reply **reply, struct postern_error *error) \
    { \
        void *made = NULL; \
        enum postern_status status = postern_run(client, &name##_method, request, &made, error); \
        *reply = made; \
        return status; \
    } \
    enum postern_status postern_##name##_start( \
        struct postern *client, const struct postern_##name##_request *request, \
        void (*done)(void *context, struct postern_##name##_reply *reply, const struct postern_error *error), \
        void *context, struct postern_error *error) \
    { \
        return postern_start(client, &name##_method, request, (postern_done *)done, context, error); \
    } \
    _Static_assert(1, "") // so that a semicolon may follow
// clang-format on

// Makes a call and waits for its end. On OK the caller frees *reply with postern_reply_free.
// Errors:
//   FAILED_PRECONDITION  the handle was opened for an event loop
//   INVALID_ARGUMENT     the request is out of bounds or too large
//   RESOURCE_EXHAUSTED   memory is out
//   INTERNAL             the system gives no random bytes
//   UNAVAILABLE          posternd cannot be reached; after that, what the policy says
//   DEADLINE_EXCEEDED    the answer did not come in time; after that, what the policy says
//   others               posternd's own; error->answered is true
enum postern_status postern_run(struct postern *client, const struct postern_method *method, const void *request,
                                void **reply, struct postern_error *error);
// Begins a call; postern_process calls `done` at its end, unless this fails.
// Errors:
//   FAILED_PRECONDITION  the handle was not opened for an event loop
//   others               those of postern_run that are found before anything is sent
enum postern_status postern_start(struct postern *client, const struct postern_method *method, const void *request,
                                  postern_done *done, void *context, struct postern_error *error);
// Ends all calls that were begun and not delivered: their callbacks get CANCELLED.
void postern_cancel_all(struct postern *client);
// Drops all calls in a child process, whose parent began them: no callback is called. With the lock.
void postern_forget_all(struct postern *client);

// Does the policy answer a call that ended with this status?
bool postern_policy_decides(enum postern_policy policy, enum postern_status status);

#endif
