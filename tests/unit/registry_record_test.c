#include "registry/pack/pack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <records.pb-c.h>

static int make_arena(void **state)
{
    *state = arena_new((size_t)4 * 1024 * 1024);
    return *state == NULL;
}

static int free_arena(void **state)
{
    arena_free(*state);
    return 0;
}

// --- the largest records that the bounds allow

static struct slice text_of(struct arena *arena, size_t size, char filler)
{
    char *text = arena_alloc(arena, size);
    assert_non_null(text);
    memset(text, filler, size);
    return slice_make(text, size);
}

static struct limit *largest_limits(struct arena *arena)
{
    struct limit *limits = arena_array(arena, LIMIT_PER_RECORD_MAX, sizeof *limits);
    for (size_t i = 0; i < LIMIT_PER_RECORD_MAX; i++)
        limits[i] = (struct limit){.resource = text_of(arena, LIMIT_RESOURCE_MAX, (char)('a' + i)),
                                   .algorithm = (enum limit_algorithm)(1 + i % 3),
                                   .amount = LIMIT_AMOUNT_MAX,
                                   .window_s = LIMIT_WINDOW_S_MAX,
                                   .period = (enum limit_period)(i % 8),
                                   .burst = LIMIT_AMOUNT_MAX};
    limits[0] = (struct limit){.resource = limits[0].resource, .unlimited = true};
    return limits;
}

static struct registry_entry *largest_metadata(struct arena *arena)
{
    struct registry_entry *entries = arena_array(arena, REGISTRY_METADATA_MAX, sizeof *entries);
    for (size_t i = 0; i < REGISTRY_METADATA_MAX; i++)
        entries[i] = (struct registry_entry){.key = text_of(arena, 64, (char)('a' + i)),
                                             .value = text_of(arena, 64, (char)('A' + i))};
    return entries;
}

static struct slice *texts_of(struct arena *arena, size_t count, size_t size)
{
    struct slice *texts = arena_array(arena, count, sizeof *texts);
    for (size_t i = 0; i < count; i++)
        texts[i] = text_of(arena, size, (char)('0' + i));
    return texts;
}

static struct registry_key largest_key(struct arena *arena)
{
    struct registry_key key = {
        .account = text_of(arena, ACCOUNT_ID_MAX, 'a'),
        .name = text_of(arena, REGISTRY_TEXT_MAX, 'n'),
        .environment = KEY_ENVIRONMENT_LIVE,
        .type = KEY_TYPE_PUBLIC,
        .facts = {.created_at_ms = UINT64_MAX,
                  .expires_at_ms = UINT64_MAX - 1,
                  .revoked_at_ms = UINT64_MAX - 2,
                  .disabled = true,
                  .has_successor = true},
        .deleted = true,
        .created_by = text_of(arena, KEY_ID_TEXT_SIZE, 'k'),
        .revoke_reason = text_of(arena, REGISTRY_TEXT_MAX, 'r'),
        .has_predecessor = true,
        .scopes = texts_of(arena, ACCOUNT_SCOPES_PER_KEY_MAX, ACCOUNT_SCOPE_MAX),
        .scope_count = ACCOUNT_SCOPES_PER_KEY_MAX,
        .limits = largest_limits(arena),
        .limit_count = LIMIT_PER_RECORD_MAX,
        .addresses = texts_of(arena, REGISTRY_ADDRESSES_MAX, 49),
        .address_count = REGISTRY_ADDRESSES_MAX,
        .metadata = largest_metadata(arena),
        .metadata_count = REGISTRY_METADATA_MAX,
        .version = UINT64_MAX,
        .public_token = text_of(arena, KEY_TOKEN_MAX, 't'),
        .master_id = UINT32_MAX,
    };
    memset(key.id, 1, sizeof key.id);
    memset(key.successor, 2, sizeof key.successor);
    memset(key.predecessor, 3, sizeof key.predecessor);
    memset(key.lineage, 4, sizeof key.lineage);
    memset(key.token_hash, 5, sizeof key.token_hash);
    return key;
}

static struct registry_account largest_account(struct arena *arena)
{
    return (struct registry_account){.id = text_of(arena, ACCOUNT_ID_MAX, 'a'),
                                     .display_name = text_of(arena, REGISTRY_TEXT_MAX, 'd'),
                                     .tier = text_of(arena, ACCOUNT_ID_MAX, 't'),
                                     .allows_test = true,
                                     .allows_live = true,
                                     .suspended = true,
                                     .limits = largest_limits(arena),
                                     .limit_count = LIMIT_PER_RECORD_MAX,
                                     .max_keys = UINT32_MAX,
                                     .no_default_public_key = true,
                                     .metadata = largest_metadata(arena),
                                     .metadata_count = REGISTRY_METADATA_MAX,
                                     .created_at_ms = UINT64_MAX,
                                     .version = 7,
                                     .revoked_before_ms = 8};
}

static struct registry_tier largest_tier(struct arena *arena)
{
    return (struct registry_tier){.name = text_of(arena, ACCOUNT_ID_MAX, 't'),
                                  .limits = largest_limits(arena),
                                  .limit_count = LIMIT_PER_RECORD_MAX,
                                  .is_default = true,
                                  .version = 9};
}

static struct registry_scope largest_scope(struct arena *arena)
{
    return (struct registry_scope){.name = text_of(arena, ACCOUNT_SCOPE_MAX, 's'),
                                   .description = text_of(arena, REGISTRY_TEXT_MAX, 'd'),
                                   .implies = texts_of(arena, ACCOUNT_SCOPE_IMPLIES_MAX, ACCOUNT_SCOPE_MAX),
                                   .implies_count = ACCOUNT_SCOPE_IMPLIES_MAX,
                                   .is_default = true,
                                   .public_safe = true,
                                   .version = 10};
}

// --- comparing

static void assert_slice(struct slice a, struct slice b)
{
    assert_true(slice_equal(a, b));
}

static void assert_slices(const struct slice *a, size_t count_a, const struct slice *b, size_t count_b)
{
    assert_int_equal(count_a, count_b);
    for (size_t i = 0; i < count_a; i++)
        assert_slice(a[i], b[i]);
}

static void assert_limits(const struct limit *a, size_t count_a, const struct limit *b, size_t count_b)
{
    assert_int_equal(count_a, count_b);
    for (size_t i = 0; i < count_a; i++) {
        assert_slice(a[i].resource, b[i].resource);
        assert_int_equal(a[i].algorithm, b[i].algorithm);
        assert_int_equal(a[i].amount, b[i].amount);
        assert_int_equal(a[i].window_s, b[i].window_s);
        assert_int_equal(a[i].period, b[i].period);
        assert_int_equal(a[i].burst, b[i].burst);
        assert_int_equal(a[i].unlimited, b[i].unlimited);
    }
}

static void assert_entries(const struct registry_entry *a, size_t count_a, const struct registry_entry *b,
                           size_t count_b)
{
    assert_int_equal(count_a, count_b);
    for (size_t i = 0; i < count_a; i++) {
        assert_slice(a[i].key, b[i].key);
        assert_slice(a[i].value, b[i].value);
    }
}

static void assert_key(const struct registry_key *a, const struct registry_key *b)
{
    assert_memory_equal(a->id, b->id, sizeof a->id);
    assert_slice(a->account, b->account);
    assert_slice(a->name, b->name);
    assert_int_equal(a->environment, b->environment);
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->facts.created_at_ms, b->facts.created_at_ms);
    assert_int_equal(a->facts.expires_at_ms, b->facts.expires_at_ms);
    assert_int_equal(a->facts.revoked_at_ms, b->facts.revoked_at_ms);
    assert_int_equal(a->facts.disabled, b->facts.disabled);
    assert_int_equal(a->facts.has_successor, b->facts.has_successor);
    assert_int_equal(a->deleted, b->deleted);
    assert_slice(a->created_by, b->created_by);
    assert_slice(a->revoke_reason, b->revoke_reason);
    assert_int_equal(a->has_predecessor, b->has_predecessor);
    assert_memory_equal(a->successor, b->successor, sizeof a->successor);
    assert_memory_equal(a->predecessor, b->predecessor, sizeof a->predecessor);
    assert_memory_equal(a->lineage, b->lineage, sizeof a->lineage);
    assert_slices(a->scopes, a->scope_count, b->scopes, b->scope_count);
    assert_slices(a->addresses, a->address_count, b->addresses, b->address_count);
    assert_limits(a->limits, a->limit_count, b->limits, b->limit_count);
    assert_entries(a->metadata, a->metadata_count, b->metadata, b->metadata_count);
    assert_int_equal(a->version, b->version);
    assert_slice(a->public_token, b->public_token);
    assert_int_equal(a->master_id, b->master_id);
    assert_memory_equal(a->token_hash, b->token_hash, sizeof a->token_hash);
}

static void assert_account(const struct registry_account *a, const struct registry_account *b)
{
    assert_slice(a->id, b->id);
    assert_slice(a->display_name, b->display_name);
    assert_slice(a->tier, b->tier);
    assert_int_equal(a->allows_test, b->allows_test);
    assert_int_equal(a->allows_live, b->allows_live);
    assert_int_equal(a->suspended, b->suspended);
    assert_limits(a->limits, a->limit_count, b->limits, b->limit_count);
    assert_int_equal(a->max_keys, b->max_keys);
    assert_int_equal(a->no_default_public_key, b->no_default_public_key);
    assert_entries(a->metadata, a->metadata_count, b->metadata, b->metadata_count);
    assert_int_equal(a->created_at_ms, b->created_at_ms);
    assert_int_equal(a->version, b->version);
    assert_int_equal(a->revoked_before_ms, b->revoked_before_ms);
}

static void assert_tier(const struct registry_tier *a, const struct registry_tier *b)
{
    assert_slice(a->name, b->name);
    assert_limits(a->limits, a->limit_count, b->limits, b->limit_count);
    assert_int_equal(a->is_default, b->is_default);
    assert_int_equal(a->version, b->version);
}

static void assert_scope(const struct registry_scope *a, const struct registry_scope *b)
{
    assert_slice(a->name, b->name);
    assert_slice(a->description, b->description);
    assert_int_equal(a->implies_count, b->implies_count);
    for (size_t i = 0; i < a->implies_count; i++)
        assert_slice(a->implies[i], b->implies[i]);
    assert_int_equal(a->is_default, b->is_default);
    assert_int_equal(a->public_safe, b->public_safe);
    assert_int_equal(a->version, b->version);
}

// Packs; the bytes are in memory of exactly their size, so that reading past them is noticed.
static struct slice packed(struct arena *arena, const struct image *image)
{
    struct slice packed;
    assert_true(pack_image(image, arena, &packed));
    uint8_t *bytes = malloc(packed.size);
    assert_non_null(bytes);
    memcpy(bytes, packed.data, packed.size);
    return slice_make(bytes, packed.size);
}

static void discard(struct slice bytes)
{
    free((void *)(uintptr_t)bytes.data);
}

// --- round trips

static void largest_records_come_back_as_they_were(void **state)
{
    struct arena *arena = *state;
    struct image images[] = {{.kind = REGISTRY_KEY, .of.key = largest_key(arena)},
                             {.kind = REGISTRY_ACCOUNT, .of.account = largest_account(arena)},
                             {.kind = REGISTRY_TIER, .of.tier = largest_tier(arena)},
                             {.kind = REGISTRY_SCOPE, .of.scope = largest_scope(arena)}};
    struct image back[4];
    for (size_t i = 0; i < 4; i++) {
        struct slice bytes = packed(arena, &images[i]);
        assert_int_equal(unpack_image(images[i].kind, bytes, arena, &back[i]), STATUS_OK);
        discard(bytes); // nothing may point there
    }
    assert_key(&back[0].of.key, &images[0].of.key);
    assert_account(&back[1].of.account, &images[1].of.account);
    assert_tier(&back[2].of.tier, &images[2].of.tier);
    assert_scope(&back[3].of.scope, &images[3].of.scope);
}

static void smallest_key_comes_back_as_it_was(void **state)
{
    struct arena *arena = *state;
    struct image image = {.kind = REGISTRY_KEY,
                          .of.key = {.environment = KEY_ENVIRONMENT_TEST, .type = KEY_TYPE_SECRET}};
    struct registry_key back;
    struct slice bytes = packed(arena, &image);
    assert_int_equal(unpack_key(bytes, arena, &back), STATUS_OK);
    discard(bytes);
    assert_key(&back, &image.of.key);
    assert_null(back.scopes);
    assert_null(back.limits);
}

static void change_comes_back_as_it_was(void **state)
{
    struct arena *arena = *state;
    struct image images[] = {{.kind = REGISTRY_TIER, .of.tier = largest_tier(arena)},
                             {.kind = REGISTRY_KEY, .of.key = largest_key(arena)},
                             {.kind = REGISTRY_ACCOUNT, .of.account = largest_account(arena)},
                             {.kind = REGISTRY_SCOPE, .removed = true, .of.scope = largest_scope(arena)}};
    struct change change = {.seq = UINT64_MAX,
                            .time_ms = 12,
                            .actor = slice_text("uid:1000"),
                            .on_behalf_of = slice_text("acme"),
                            .kind = REGISTRY_PURGE,
                            .images = images,
                            .image_count = 4,
                            .idempotency_before_ms = UINT64_MAX,
                            .idempotency_count = REGISTRY_PURGE_IDEMPOTENCY_MAX};
    struct slice bytes;
    struct change back;
    assert_true(pack_change(&change, arena, &bytes));
    assert_int_equal(unpack_change(bytes, arena, &back), STATUS_OK);
    assert_int_equal(back.seq, change.seq);
    assert_int_equal(back.time_ms, change.time_ms);
    assert_slice(back.actor, change.actor);
    assert_slice(back.on_behalf_of, change.on_behalf_of);
    assert_int_equal(back.kind, change.kind);
    assert_int_equal(back.image_count, 4);
    assert_int_equal(back.idempotency_before_ms, change.idempotency_before_ms);
    assert_int_equal(back.idempotency_count, change.idempotency_count);
    assert_false(back.images[0].removed);
    assert_true(back.images[3].removed);
    assert_scope(&back.images[3].of.scope, &images[3].of.scope);
    assert_tier(&back.images[0].of.tier, &images[0].of.tier);
    assert_key(&back.images[1].of.key, &images[1].of.key);
    assert_account(&back.images[2].of.account, &images[2].of.account);
}

static void only_a_purge_removes_replies_and_not_more_than_its_bound(void **state)
{
    struct arena *arena = *state;
    const struct change changes[] = {
        {.kind = REGISTRY_CREATE, .idempotency_before_ms = 1, .idempotency_count = 1},
        {.kind = REGISTRY_PURGE, .idempotency_before_ms = 1},
        {.kind = REGISTRY_PURGE, .idempotency_count = 1},
        {.kind = REGISTRY_PURGE, .idempotency_before_ms = 1, .idempotency_count = REGISTRY_PURGE_IDEMPOTENCY_MAX + 1},
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct slice bytes;
        struct change back;
        assert_true(pack_change(&changes[i], arena, &bytes));
        assert_int_equal(unpack_change(bytes, arena, &back), STATUS_DATA_LOSS);
    }
}

static void change_is_packed_the_same_way_every_time(void **state)
{
    struct arena *arena = *state;
    struct image image = {.kind = REGISTRY_KEY, .of.key = largest_key(arena)};
    struct change change = {.seq = 1, .kind = REGISTRY_CREATE, .images = &image, .image_count = 1};
    struct slice first;
    struct slice second;
    struct change back;
    assert_true(pack_change(&change, arena, &first));
    assert_int_equal(unpack_change(first, arena, &back), STATUS_OK);
    assert_true(pack_change(&back, arena, &second));
    assert_slice(first, second);
}

static void link_head_master_and_format_come_back_as_they_were(void **state)
{
    struct arena *arena = *state;
    struct slice bytes;
    struct chain_link link = {.change = slice_text("a change"), .master_id = 3, .mac = {1, 2, 3}};
    struct chain_link link_back;
    assert_true(pack_link(&link, arena, &bytes));
    assert_int_equal(unpack_link(bytes, arena, &link_back), STATUS_OK);
    assert_slice(link_back.change, link.change);
    assert_int_equal(link_back.master_id, 3);
    assert_memory_equal(link_back.mac, link.mac, sizeof link.mac);

    struct chain_head head = {.seq = UINT64_MAX, .mac = {9, 8, 7}};
    struct chain_head head_back;
    uint8_t head_bytes[PACK_HEAD_MAX];
    size_t size = pack_head(&head, head_bytes);
    assert_int_equal(unpack_head(slice_make(head_bytes, size), &head_back), STATUS_OK);
    assert_int_equal(head_back.seq, UINT64_MAX);
    assert_memory_equal(head_back.mac, head.mac, sizeof head.mac);

    uint8_t check[SECRET_HASH_SIZE] = {5};
    uint8_t check_back[SECRET_HASH_SIZE];
    assert_true(pack_master(check, arena, &bytes));
    assert_int_equal(unpack_master(bytes, arena, check_back), STATUS_OK);
    assert_memory_equal(check_back, check, sizeof check);

    uint32_t format = 0;
    assert_true(pack_format(77, arena, &bytes));
    assert_int_equal(unpack_format(bytes, arena, &format), STATUS_OK);
    assert_int_equal(format, 77);
}

static void idempotency_record_comes_back_as_it_was(void **state)
{
    struct arena *arena = *state;
    struct slice bytes;
    struct idempotency_record back;
    struct idempotency_record idempotency = {
        .time_ms = 5, .master_id = 2, .call_digest = {1}, .sealed_reply = text_of(arena, SECRET_SEAL_OVERHEAD, 's')};
    assert_true(pack_idempotency(&idempotency, arena, &bytes));
    assert_int_equal(unpack_idempotency(bytes, arena, &back), STATUS_OK);
    assert_int_equal(back.time_ms, 5);
    assert_int_equal(back.master_id, 2);
    assert_memory_equal(back.call_digest, idempotency.call_digest, sizeof back.call_digest);
    assert_slice(back.sealed_reply, idempotency.sealed_reply);
}

static void idempotency_record_without_room_for_a_seal_is_refused(void **state)
{
    struct arena *arena = *state;
    struct slice bytes;
    struct idempotency_record back;
    struct idempotency_record idempotency = {.sealed_reply = text_of(arena, SECRET_SEAL_OVERHEAD - 1, 's')};
    assert_true(pack_idempotency(&idempotency, arena, &bytes));
    assert_int_equal(unpack_idempotency(bytes, arena, &back), STATUS_DATA_LOSS);
}

// --- what is refused

static enum status unpack_any(size_t which, struct slice bytes, struct arena *arena)
{
    struct image image;
    struct change change;
    struct chain_link link;
    struct idempotency_record idempotency;
    struct chain_head head;
    uint8_t check[SECRET_HASH_SIZE];
    switch (which) {
    case REGISTRY_KEY:
    case REGISTRY_ACCOUNT:
    case REGISTRY_TIER:
    case REGISTRY_SCOPE:
        return unpack_image((enum registry_record_kind)which, bytes, arena, &image);
    case 5:
        return unpack_change(bytes, arena, &change);
    case 6:
        return unpack_link(bytes, arena, &link);
    case 7:
        return unpack_idempotency(bytes, arena, &idempotency);
    case 8:
        return unpack_head(bytes, &head);
    default:
        return unpack_master(bytes, arena, check);
    }
}

enum { KINDS = 9 }; // from 1

static void every_record_of_another_format_is_refused(void **state)
{
    const uint8_t newer[] = {0x08, 0x02}; // field 1 = 2
    const uint8_t none[] = {0x10, 0x01};  // field 2 = 1
    for (size_t which = 1; which <= KINDS; which++) {
        assert_int_equal(unpack_any(which, slice_make(newer, sizeof newer), *state), STATUS_DATA_LOSS);
        assert_int_equal(unpack_any(which, slice_make(none, sizeof none), *state), STATUS_DATA_LOSS);
        assert_int_equal(unpack_any(which, slice_empty(), *state), STATUS_DATA_LOSS);
    }
}

static void newer_format_of_a_complete_key_is_refused(void **state)
{
    struct arena *arena = *state;
    struct image image = {.kind = REGISTRY_KEY, .of.key = largest_key(arena)};
    struct registry_key back;
    struct slice bytes = packed(arena, &image);
    uint8_t *format = (uint8_t *)(uintptr_t)bytes.data + 1;
    assert_int_equal(*format, RECORD_FORMAT);
    *format = RECORD_FORMAT + 1;
    assert_int_equal(unpack_key(bytes, arena, &back), STATUS_DATA_LOSS);
    discard(bytes);
}

static void truncated_records_are_refused_or_harmless(void **state)
{
    struct arena *arena = *state;
    struct image images[] = {{.kind = REGISTRY_KEY, .of.key = largest_key(arena)},
                             {.kind = REGISTRY_ACCOUNT, .of.account = largest_account(arena)},
                             {.kind = REGISTRY_TIER, .of.tier = largest_tier(arena)},
                             {.kind = REGISTRY_SCOPE, .of.scope = largest_scope(arena)}};
    struct arena *scratch = arena_new((size_t)1024 * 1024);
    for (size_t i = 0; i < 4; i++) {
        struct slice whole = packed(arena, &images[i]);
        for (size_t size = 0; size < whole.size; size++) {
            struct image back;
            uint8_t *part = malloc(size + 1);
            memcpy(part + 1, whole.data, size); // ends where the memory ends
            enum status status = unpack_image(images[i].kind, slice_make(part + 1, size), scratch, &back);
            assert_true(status == STATUS_OK || status == STATUS_DATA_LOSS);
            free(part);
            arena_reset(scratch);
        }
        discard(whole);
    }
    arena_free(scratch);
}

static void altered_records_are_refused_or_harmless(void **state)
{
    struct arena *arena = *state;
    struct image image = {.kind = REGISTRY_KEY, .of.key = largest_key(arena)};
    struct slice whole = packed(arena, &image);
    uint8_t *bytes = (uint8_t *)(uintptr_t)whole.data;
    struct arena *scratch = arena_new((size_t)1024 * 1024);
    for (size_t which = 1; which <= KINDS; which++) {
        for (size_t i = 0; i < whole.size; i++) {
            bytes[i] ^= (uint8_t)(1U << i % 8);
            enum status status = unpack_any(which, whole, scratch);
            assert_true(status == STATUS_OK || status == STATUS_DATA_LOSS);
            bytes[i] ^= (uint8_t)(1U << i % 8);
            arena_reset(scratch);
        }
    }
    arena_free(scratch);
    discard(whole);
}

static void assert_refused(struct arena *arena, struct registry_key key)
{
    struct registry_key back;
    struct image image = {.kind = REGISTRY_KEY, .of.key = key};
    struct slice bytes = packed(arena, &image);
    assert_int_equal(unpack_key(bytes, arena, &back), STATUS_DATA_LOSS);
    discard(bytes);
}

static void counts_above_their_bounds_are_refused(void **state)
{
    struct arena *arena = *state;
    struct registry_key key = largest_key(arena);
    struct registry_key more = key;
    more.scope_count = ACCOUNT_SCOPES_PER_KEY_MAX + 1;
    more.scopes = texts_of(arena, more.scope_count, 1);
    assert_refused(arena, more);
    more = key;
    more.address_count = REGISTRY_ADDRESSES_MAX + 1;
    more.addresses = texts_of(arena, more.address_count, 1);
    assert_refused(arena, more);
    more = key;
    more.limit_count = LIMIT_PER_RECORD_MAX + 1;
    more.limits = arena_array(arena, more.limit_count, sizeof *more.limits);
    for (size_t i = 0; i < more.limit_count; i++)
        more.limits[i].unlimited = true;
    assert_refused(arena, more);
    more = key;
    more.metadata_count = REGISTRY_METADATA_MAX + 1;
    more.metadata = arena_array(arena, more.metadata_count, sizeof *more.metadata);
    assert_refused(arena, more);
}

static void unknown_numbers_are_refused(void **state)
{
    struct arena *arena = *state;
    struct registry_key key = largest_key(arena);
    key.environment = (enum key_environment)3;
    assert_refused(arena, key);
    key = largest_key(arena);
    key.type = (enum key_type)0;
    assert_refused(arena, key);
    key = largest_key(arena);
    key.limits[1].algorithm = (enum limit_algorithm)4;
    assert_refused(arena, key);
    key = largest_key(arena);
    key.limits[1].algorithm = (enum limit_algorithm)0;
    assert_refused(arena, key);
    key = largest_key(arena);
    key.limits[1].period = (enum limit_period)8;
    assert_refused(arena, key);
}

static void little_memory_is_told_from_damage(void **state)
{
    struct arena *arena = *state;
    struct image image = {.kind = REGISTRY_KEY, .of.key = largest_key(arena)};
    struct slice bytes = packed(arena, &image);
    enum status status = STATUS_RESOURCE_EXHAUSTED;
    size_t tries = 0;
    for (size_t budget = 0; status != STATUS_OK; budget += 64) {
        struct registry_key back;
        struct arena *small = arena_new(budget);
        status = unpack_key(bytes, small, &back);
        assert_true(status == STATUS_OK || status == STATUS_RESOURCE_EXHAUSTED);
        arena_free(small);
        tries++;
    }
    assert_true(tries > 20);
    discard(bytes);
}

static void packing_without_memory_fails_cleanly(void **state)
{
    struct arena *arena = *state;
    struct image image = {.kind = REGISTRY_KEY, .of.key = largest_key(arena)};
    struct change change = {.seq = 1, .kind = REGISTRY_CREATE, .images = &image, .image_count = 1};
    bool packed = false;
    size_t tries = 0;
    for (size_t budget = 0; !packed; budget += 64) {
        struct slice bytes;
        struct arena *small = arena_new(budget);
        packed = pack_change(&change, small, &bytes);
        assert_int_equal(bytes.size > 0, packed);
        arena_free(small);
        tries++;
    }
    assert_true(tries > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(largest_records_come_back_as_they_were, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(smallest_key_comes_back_as_it_was, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(change_comes_back_as_it_was, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(only_a_purge_removes_replies_and_not_more_than_its_bound, make_arena,
                                        free_arena),
        cmocka_unit_test_setup_teardown(change_is_packed_the_same_way_every_time, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(link_head_master_and_format_come_back_as_they_were, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(idempotency_record_comes_back_as_it_was, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(idempotency_record_without_room_for_a_seal_is_refused, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(every_record_of_another_format_is_refused, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(newer_format_of_a_complete_key_is_refused, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(truncated_records_are_refused_or_harmless, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(altered_records_are_refused_or_harmless, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(counts_above_their_bounds_are_refused, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(unknown_numbers_are_refused, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(little_memory_is_told_from_damage, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(packing_without_memory_fails_cleanly, make_arena, free_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
