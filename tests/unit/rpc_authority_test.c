// Every call x every kind of caller x every ceiling x own and other account, against WIRE's table as it is written
// here.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "rpc/authority.h"

enum { OWN_UID = 900, LISTED_UID = 901, OTHER_UID = 1000, CEILINGS = RPC_OPERATOR + 1 };

// --- what WIRE says of each call, by letter

static const struct {
    const char *call;
    char may; // Anyone, Verifier, Ratecheck, Keeper of keys, Operator
} calls[] = {
    {"verify", 'V'},       {"verify_batch", 'V'},  {"rate_check", 'R'}, {"create", 'K'},
    {"get", 'K'},          {"list", 'K'},          {"update", 'K'},     {"roll", 'K'},
    {"revoke", 'A'},       {"import", 'O'},        {"delete", 'K'},     {"put_account", 'O'},
    {"get_account", 'K'},  {"list_accounts", 'O'}, {"put_tier", 'O'},   {"list_tiers", 'O'},
    {"put_scope", 'O'},    {"list_scopes", 'K'},   {"revoke_all", 'O'}, {"delete_account", 'O'},
    {"delete_tier", 'O'},  {"delete_scope", 'O'},  {"health", 'A'},     {"stats", 'O'},
    {"get_usage", 'K'},    {"list_changes", 'K'},  {"backup", 'O'},     {"get_operation", 'O'},
    {"reset_meters", 'K'},
};

static char letter_of(const char *call)
{
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (strcmp(calls[i].call, call) == 0)
            return calls[i].may;
    fail_msg("%s is not in this test's table", call);
    return '\0';
}

// --- who there is, and what he may do below each ceiling

static const struct person {
    const char *name;
    bool has_uid;
    uint32_t uid;
    const char *account; // of the credential; NULL: none is sent
    const char *scopes[3];
    const char *may[CEILINGS];     // below anyone, verifier, account-admin, operator
    bool own, other;               // may he touch keys of acme, of another account? (no ceiling)
    bool checks_own, checks_other; // RateCheck
} people[] = {
    {"nobody", .may = {"A", "A", "A", "A"}},
    {"a uid", true, OTHER_UID, .may = {"A", "AVR", "AVR", "AVR"}, .checks_own = true, .checks_other = true},
    {"root", true, 0, .may = {"A", "AVR", "AVR", "AVRKO"}, .own = 1, .other = 1, .checks_own = 1, .checks_other = 1},
    {"the daemon's uid", true, OWN_UID, .may = {"A", "AVR", "AVR", "AVRKO"}, .own = 1, .other = 1, .checks_own = 1,
     .checks_other = 1},
    {"a listed uid", true, LISTED_UID, .may = {"A", "AVR", "AVR", "AVRKO"}, .own = 1, .other = 1, .checks_own = 1,
     .checks_other = 1},
    // a credential counts for more than the uid, also when it may less
    {"a key without scopes", true, 0, "acme", {NULL}, .may = {"A", "A", "A", "A"}},
    {"a verifier", true, 0, "acme", {"postern:verify"}, .may = {"A", "AVR", "AVR", "AVR"}, .checks_own = true},
    {"a rate checker",
     false,
     0,
     "acme",
     {"postern:ratecheck"},
     .may = {"A", "AR", "AR", "AR"},
     .checks_own = true,
     .checks_other = true},
    // an admin looks at what is left, which the handler of RateCheck checks
    {"an admin",
     false,
     0,
     "acme",
     {"postern:account-admin"},
     .may = {"A", "A", "ARK", "ARK"},
     .own = true,
     .checks_own = true},
    {"an admin who verifies",
     false,
     0,
     "acme",
     {"postern:account-admin", "postern:verify"},
     .may = {"A", "AVR", "AVRK", "AVRK"},
     .own = true,
     .checks_own = true},
    {"an operator",
     false,
     0,
     "postern",
     {"postern:operator"},
     .may = {"A", "AVR", "AVR", "AVRKO"},
     .own = 1,
     .other = 1,
     .checks_own = 1,
     .checks_other = 1},
    // nothing but the exact scope counts
    {"admin", false, 0, "postern", {"admin"}, .may = {"A", "A", "A", "A"}},
    {"a wildcard", false, 0, "postern", {"postern:*", "*"}, .may = {"A", "A", "A", "A"}},
    {"longer scopes", false, 0, "postern", {"postern:operator:x", "postern:verify2"}, .may = {"A", "A", "A", "A"}},
    {"an operator's scope elsewhere", false, 0, "acme", {"postern:operator"}, .may = {"A", "A", "A", "A"}},
    {"the same, and admin",
     false,
     0,
     "acme",
     {"postern:operator", "postern:account-admin"},
     .may = {"A", "A", "ARK", "ARK"},
     .own = true,
     .checks_own = true},
};

enum { PEOPLE = sizeof people / sizeof *people };

static struct call_operators *listed_operators(void)
{
    static union {
        struct call_operators operators;
        uint8_t room[sizeof(struct call_operators) + sizeof(uint32_t)];
    } listed;
    listed.operators.count = 1;
    listed.operators.uids[0] = LISTED_UID;
    return &listed.operators;
}

struct scene {
    struct call_server server;
    struct transport_peer peer;
    Postern__V1__Request request;
    struct registry_key key;
    struct slice scopes[3];
    struct call call;
};

static void read_key(struct scene *scene, const struct person *person)
{
    struct registry_key *key = &scene->key;
    key->account = slice_text(person->account);
    key->scopes = scene->scopes;
    while (key->scope_count < 3 && person->scopes[key->scope_count] != NULL) {
        key->scopes[key->scope_count] = slice_text(person->scopes[key->scope_count]);
        key->scope_count++;
    }
    struct call_caller *caller = &scene->call.caller;
    caller->key = key;
    caller->account = key->account;
    caller->granted = authority_of_key(key);
    caller->authorities = caller->granted & authority_under(scene->call.ceiling);
    memcpy(caller->name, "key_x", sizeof "key_x");
}

static void set_scene(struct scene *scene, const struct person *person, enum rpc_ceiling ceiling)
{
    memset(scene, 0, sizeof *scene);
    scene->server.own_uid = OWN_UID;
    atomic_store(&scene->server.operators, listed_operators());
    postern__v1__request__init(&scene->request);
    scene->call.server = &scene->server;
    scene->call.request = &scene->request;
    scene->peer = (struct transport_peer){.has_uid = person->has_uid, .uid = person->uid};
    scene->call.peer = &scene->peer;
    scene->call.ceiling = ceiling;
    if (person->account != NULL)
        read_key(scene, person);
    else
        assert_int_equal(authority_resolve(&scene->call), STATUS_OK);
}

// --- the walk

static void check_call(struct scene *scene, const struct person *person, enum rpc_ceiling ceiling,
                       const struct route *route)
{
    struct call *call = &scene->call;
    bool may = strchr(person->may[ceiling], letter_of(route->name)) != NULL;
    call->route = route;
    call->status_reason = NULL;
    memset(&call->failure, 0, sizeof call->failure);
    enum status status = authority_require(call, route->needs);
    bool must_show = !person->has_uid && person->account == NULL;
    enum status wanted = may ? STATUS_OK : must_show ? STATUS_UNAUTHENTICATED : STATUS_PERMISSION_DENIED;
    if (status != wanted)
        fail_msg("%s, ceiling %d, %s: wanted %s, got %s", person->name, (int)ceiling, route->name, status_name(wanted),
                 status_name(status));
    if (may)
        return;
    // a refused caller reads which call it was and what it takes
    assert_non_null(strstr(call->failure.message, route->name));
    assert_non_null(strstr(call->failure.message, " needs "));
    assert_non_null(strstr(call->failure.message, " authority"));
    if (must_show)
        assert_string_equal(call->status_reason, "MISSING_API_KEY");
}

static void every_call_takes_its_authority_from_everybody(void **state)
{
    (void)state;
    size_t walked = 0;
    for (size_t i = 0; i < PEOPLE; i++) {
        for (int ceiling = RPC_ANYONE; ceiling <= RPC_OPERATOR; ceiling++) {
            struct scene scene;
            set_scene(&scene, &people[i], (enum rpc_ceiling)ceiling);
            for (int which = 0; which < 128; which++) {
                const struct route *route = route_find((Postern__V1__Request__CallCase)which);
                if (route == NULL)
                    continue;
                walked++;
                check_call(&scene, &people[i], (enum rpc_ceiling)ceiling, route);
            }
        }
    }
    assert_int_equal(walked, PEOPLE * CEILINGS * sizeof calls / sizeof *calls);
}

static void accounts_are_covered_as_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < PEOPLE; i++) {
        const struct person *person = &people[i];
        struct scene scene;
        set_scene(&scene, person, RPC_OPERATOR);
        bool found[] = {authority_covers_account(&scene.call, slice_text("acme")),
                        authority_covers_account(&scene.call, slice_text("other")),
                        authority_covers_rate_check(&scene.call, slice_text("acme")),
                        authority_covers_rate_check(&scene.call, slice_text("other"))};
        bool wanted[] = {person->own, person->other, person->checks_own, person->checks_other};
        for (size_t j = 0; j < sizeof found / sizeof *found; j++)
            if (found[j] != wanted[j])
                fail_msg("%s: account question %zu is %d", person->name, j, found[j]);
    }
}

static void nobody_owns_the_account_without_a_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < PEOPLE; i++) {
        struct scene scene;
        set_scene(&scene, &people[i], RPC_OPERATOR);
        assert_int_equal(authority_covers_account(&scene.call, slice_empty()), people[i].other);
        assert_int_equal(authority_covers_rate_check(&scene.call, slice_empty()), people[i].checks_other);
    }
}

static void calls_that_change_are_those_that_need_a_request_id(void **state)
{
    (void)state;
    static const char *const changes[] = {"create",         "update",      "roll",         "revoke",      "import",
                                          "delete",         "put_account", "put_tier",     "put_scope",   "revoke_all",
                                          "delete_account", "delete_tier", "delete_scope", "reset_meters"};
    size_t found = 0;
    for (int which = 0; which < 128; which++) {
        const struct route *route = route_find((Postern__V1__Request__CallCase)which);
        if (route == NULL || (route->marks & ROUTE_CHANGES) == 0)
            continue;
        bool known = false;
        for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
            known = known || strcmp(changes[i], route->name) == 0;
        if (!known)
            fail_msg("%s is said to change the registry", route->name);
        found++;
    }
    assert_int_equal(found, sizeof changes / sizeof *changes);
}

static void strangers_are_told_apart_by_their_address(void **state)
{
    (void)state;
    static const struct {
        const char *address, *name;
    } cases[] = {{"192.0.2.7", "ip:192.0.2.7"},
                 {"192.0.2.8", "ip:192.0.2.8"},
                 {"::ffff:192.0.2.7", "ip:::ffff:192.0.2.7"},
                 {"2001:db8:0:1::7", "ip:2001:db8:0:1::/64"},
                 {"2001:db8:0:1:ffff::8", "ip:2001:db8:0:1::/64"},
                 {"2001:db8:0:2::7", "ip:2001:db8:0:2::/64"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene scene;
        set_scene(&scene, &people[0], RPC_OPERATOR);
        (void)snprintf(scene.peer.address, sizeof scene.peer.address, "%s", cases[i].address);
        assert_int_equal(authority_resolve(&scene.call), STATUS_OK);
        assert_string_equal(scene.call.caller.name, cases[i].name);
    }
}

static void refusal_names_the_scope_the_uid_setting_or_the_ceiling(void **state)
{
    (void)state;
    static const struct {
        const char *person;
        enum rpc_ceiling ceiling;
        const char *words[3];
    } cases[] = {
        {"an admin", RPC_OPERATOR, {"list_tiers needs operator", "key_x", "lacks the scope postern:operator"}},
        {"an operator's scope elsewhere", RPC_OPERATOR, {"key_x", "postern:operator", "account postern"}},
        {"a uid", RPC_OPERATOR, {"you are verifier (uid:1000)", "operator_uid", "postern:operator"}},
        {"root", RPC_VERIFIER, {"this listener gives at most verifier", "uid:0", "operator authority"}},
        {"an operator", RPC_ACCOUNT_ADMIN, {"at most account-admin", "key_x", "operator authority"}},
        {"nobody", RPC_OPERATOR, {"off ipc", "credential", "postern:operator"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene scene;
        size_t who = 0;
        while (strcmp(people[who].name, cases[i].person) != 0)
            assert_true(++who < PEOPLE);
        set_scene(&scene, &people[who], cases[i].ceiling);
        scene.call.route = route_find(POSTERN__V1__REQUEST__CALL_LIST_TIERS);
        assert_int_not_equal(authority_require(&scene.call, scene.call.route->needs), STATUS_OK);
        for (size_t j = 0; j < 3; j++)
            if (strstr(scene.call.failure.message, cases[i].words[j]) == NULL)
                fail_msg("%s: \"%s\" does not say \"%s\"", cases[i].person, scene.call.failure.message,
                         cases[i].words[j]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_takes_its_authority_from_everybody),
        cmocka_unit_test(accounts_are_covered_as_the_table_says),
        cmocka_unit_test(nobody_owns_the_account_without_a_name),
        cmocka_unit_test(calls_that_change_are_those_that_need_a_request_id),
        cmocka_unit_test(strangers_are_told_apart_by_their_address),
        cmocka_unit_test(refusal_names_the_scope_the_uid_setting_or_the_ceiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
