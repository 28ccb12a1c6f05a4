#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "secret/secret.h"
#include "support/tempdir.h"

// Masters 00..1f and ff..e0. The expected hashes were made with Python's hashlib.blake2b: a subkey is the BLAKE2b-256
// of nothing with key = master, salt = its number (little-endian, 16 bytes) and person = "postern1".
static const char keyring[] = "postern-keyring 1\n"
                              "1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
                              "2 fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedecebeae9e8e7e6e5e4e3e2e1e0\n";

enum { NO_SUCH_MASTER = 3 };

static int set_up(void **state)
{
    char path[PATH_MAX];
    struct secret *secret = NULL;
    struct tempdir directory = tempdir_make();
    int fd = open(tempdir_join(&directory, "keyring", path), O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_int_equal(write(fd, keyring, sizeof keyring - 1), sizeof keyring - 1);
    close(fd);
    enum status status = secret_open(path, false, &secret, NULL, NULL);
    tempdir_remove(&directory);
    *state = secret;
    return status == STATUS_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    secret_close(*state);
    return 0;
}

static void expect_hex(const uint8_t hash[SECRET_HASH_SIZE], const char *wanted)
{
    char hex[2 * SECRET_HASH_SIZE + 1];
    for (size_t i = 0; i < SECRET_HASH_SIZE; i++)
        assert_int_equal(snprintf(hex + 2 * i, 3, "%02x", hash[i]), 2);
    assert_string_equal(hex, wanted);
}

static void hashes_are_those_of_an_independent_implementation(void **state)
{
    uint8_t out[SECRET_HASH_SIZE];
    assert_int_equal(secret_check_value(*state, 1, out), STATUS_OK);
    expect_hex(out, "259bd5ae2bc751fab0782ff02b924ee86bb73222568a6293ef60d22cb34aeceb");
    assert_int_equal(secret_token_hash(*state, 1, slice_text("acme_live_x"), out), STATUS_OK);
    expect_hex(out, "6d051538002acb8bce6a1d15fe565f6f46a55affbecb7da94a3aa25c64dceebb");
    uint8_t previous[SECRET_HASH_SIZE];
    memset(previous, 7, sizeof previous);
    assert_int_equal(secret_chain_mac(*state, 1, previous, slice_text("entry"), out), STATUS_OK);
    expect_hex(out, "3dd2f4db39a036bbef16f7369e7d933debbad06a65b65ff559c2708f10de387b");
    assert_int_equal(secret_idempotency_name(*state, 1, slice_text("caller"), slice_text("request"), out), STATUS_OK);
    expect_hex(out, "18002c48f8242a40113848a8344d4a3bfa96b05d5924ad30af862d51d1c304a9");
    assert_int_equal(secret_page_mac(*state, 1, slice_text("content"), out), STATUS_OK);
    expect_hex(out, "baef5eb57b2700143506be9d1483ccbbf5ac76cef35ba3bf7c1e870313aae8fe");
    uint8_t sha256[SECRET_HASH_SIZE];
    secret_sha256(slice_text("old-token"), sha256);
    expect_hex(sha256, "9bdf10a691a1cfda89d9ff66629d1609ab176cec9b6a3146a8929f28937a9fce");
    assert_int_equal(secret_import_hash(*state, 1, sha256, out), STATUS_OK);
    expect_hex(out, "4453466ad3ad80e9254171d09427f92ef9d80013e7f4298e19c8536b8cded2b2");
    secret_digest(slice_text("abc"), out);
    expect_hex(out, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
    assert_int_equal(secret_account_slot(*state, slice_text("acme")), 11700);
}

static void account_slots_stay_within_14_bits_and_spread(void **state)
{
    uint32_t halves[2] = {0, 0};
    for (int i = 0; i < 1000; i++) {
        char account[16];
        assert_true(snprintf(account, sizeof account, "account-%d", i) > 0);
        uint16_t slot = secret_account_slot(*state, slice_text(account));
        assert_true(slot < 1U << SECRET_SLOT_BITS);
        halves[slot >> (SECRET_SLOT_BITS - 1)]++;
    }
    assert_in_range(halves[0], 400, 600);
}

static void purposes_and_masters_never_share_an_output(void **state)
{
    const struct secret *secret = *state;
    enum { PER_MASTER = 7, ALL = 2 * PER_MASTER };
    uint8_t out[ALL][SECRET_HASH_SIZE] = {{0}};
    const struct slice text = slice_text("the same text of just 32 bytes !");
    for (uint32_t id = 1; id <= 2; id++) {
        uint8_t(*next)[SECRET_HASH_SIZE] = out + (id - 1) * PER_MASTER;
        const uint8_t zero[SECRET_HASH_SIZE] = {0};
        assert_int_equal(secret_check_value(secret, id, next[0]), STATUS_OK);
        assert_int_equal(secret_token_hash(secret, id, text, next[1]), STATUS_OK);
        assert_int_equal(secret_page_mac(secret, id, text, next[2]), STATUS_OK);
        assert_int_equal(secret_chain_mac(secret, id, zero, text, next[3]), STATUS_OK);
        assert_int_equal(secret_idempotency_name(secret, id, text, slice_empty(), next[4]), STATUS_OK);
        assert_int_equal(secret_import_hash(secret, id, text.data, next[5]), STATUS_OK);
        assert_int_equal(secret_checkpoint_public(secret, id, next[6]), STATUS_OK);
    }
    for (size_t a = 0; a < ALL; a++)
        for (size_t b = 0; b < a; b++)
            assert_false(secret_equal(out[a], out[b]));
}

static void parts_of_an_idempotency_name_cannot_be_shifted(void **state)
{
    uint8_t a[SECRET_HASH_SIZE], b[SECRET_HASH_SIZE];
    assert_int_equal(secret_idempotency_name(*state, 1, slice_text("ab"), slice_text("c"), a), STATUS_OK);
    assert_int_equal(secret_idempotency_name(*state, 1, slice_text("a"), slice_text("bc"), b), STATUS_OK);
    assert_false(secret_equal(a, b));
}

static void chain_depends_on_what_came_before(void **state)
{
    uint8_t previous[SECRET_HASH_SIZE] = {0};
    uint8_t a[SECRET_HASH_SIZE], b[SECRET_HASH_SIZE];
    assert_int_equal(secret_chain_mac(*state, 1, previous, slice_text("entry"), a), STATUS_OK);
    previous[31] ^= 1;
    assert_int_equal(secret_chain_mac(*state, 1, previous, slice_text("entry"), b), STATUS_OK);
    assert_false(secret_equal(a, b));
}

static void expect_zeroed(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        assert_int_equal(bytes[i], 0);
}

static void unknown_master_is_not_found_and_output_is_zeroed(void **state)
{
    const struct secret *secret = *state;
    const struct slice text = slice_text("text");
    uint8_t out[100];
#define EXPECT_NOT_FOUND(call, size)                                                                                   \
    memset(out, 0xAA, sizeof out);                                                                                     \
    assert_int_equal(call, STATUS_NOT_FOUND);                                                                          \
    expect_zeroed(out, size);                                                                                          \
    assert_int_equal(out[size], 0xAA)
    EXPECT_NOT_FOUND(secret_check_value(secret, NO_SUCH_MASTER, out), SECRET_HASH_SIZE);
    EXPECT_NOT_FOUND(secret_token_hash(secret, NO_SUCH_MASTER, text, out), SECRET_HASH_SIZE);
    EXPECT_NOT_FOUND(secret_page_mac(secret, 0, text, out), SECRET_HASH_SIZE);
    const uint8_t previous[SECRET_HASH_SIZE] = {0};
    EXPECT_NOT_FOUND(secret_chain_mac(secret, NO_SUCH_MASTER, previous, text, out), SECRET_HASH_SIZE);
    EXPECT_NOT_FOUND(secret_idempotency_name(secret, NO_SUCH_MASTER, text, text, out), SECRET_HASH_SIZE);
    EXPECT_NOT_FOUND(secret_seal(secret, NO_SUCH_MASTER, text, text, text, out), text.size + SECRET_SEAL_OVERHEAD);
    EXPECT_NOT_FOUND(secret_import_hash(secret, NO_SUCH_MASTER, previous, out), SECRET_HASH_SIZE);
    EXPECT_NOT_FOUND(secret_checkpoint_sign(secret, NO_SUCH_MASTER, text, out), SECRET_SIGNATURE_SIZE);
    EXPECT_NOT_FOUND(secret_checkpoint_public(secret, NO_SUCH_MASTER, out), SECRET_PUBLIC_KEY_SIZE);
    uint8_t sealed[50] = {0};
    EXPECT_NOT_FOUND(secret_unseal(secret, NO_SUCH_MASTER, text, text, slice_make(sealed, sizeof sealed), out),
                     sizeof sealed - SECRET_SEAL_OVERHEAD);
#undef EXPECT_NOT_FOUND
}

static const char reply[] = "the reply with a new token";
enum { REPLY_SIZE = sizeof reply, SEALED_SIZE = REPLY_SIZE + SECRET_SEAL_OVERHEAD };

static void seal_reply(const struct secret *secret, uint8_t out[SEALED_SIZE])
{
    assert_int_equal(
        secret_seal(secret, 2, slice_text("caller"), slice_text("request"), slice_make(reply, REPLY_SIZE), out),
        STATUS_OK);
}

static void sealed_reply_opens_and_is_not_readable(void **state)
{
    uint8_t sealed[SEALED_SIZE], again[SEALED_SIZE], plain[REPLY_SIZE];
    seal_reply(*state, sealed);
    seal_reply(*state, again);
    assert_memory_not_equal(sealed, again, 24); // a new nonce each time
    assert_null(memmem(sealed, sizeof sealed, "token", 5));
    assert_int_equal(
        secret_unseal(*state, 2, slice_text("caller"), slice_text("request"), slice_make(sealed, sizeof sealed), plain),
        STATUS_OK);
    assert_memory_equal(plain, reply, REPLY_SIZE);
}

static void every_changed_byte_of_a_sealed_reply_is_data_loss(void **state)
{
    uint8_t sealed[SEALED_SIZE], plain[REPLY_SIZE];
    seal_reply(*state, sealed);
    for (size_t i = 0; i < sizeof sealed; i++) {
        sealed[i] ^= 0x10;
        assert_int_equal(secret_unseal(*state, 2, slice_text("caller"), slice_text("request"),
                                       slice_make(sealed, sizeof sealed), plain),
                         STATUS_DATA_LOSS);
        sealed[i] ^= 0x10;
    }
}

static void every_cut_of_a_sealed_reply_is_data_loss(void **state)
{
    uint8_t sealed[SEALED_SIZE], plain[REPLY_SIZE];
    seal_reply(*state, sealed);
    for (size_t size = 0; size < sizeof sealed; size++)
        assert_int_equal(
            secret_unseal(*state, 2, slice_text("caller"), slice_text("request"), slice_make(sealed, size), plain),
            STATUS_DATA_LOSS);
}

static void another_caller_request_or_master_cannot_open_it(void **state)
{
    uint8_t sealed[SEALED_SIZE], plain[REPLY_SIZE];
    seal_reply(*state, sealed);
    static const struct {
        uint32_t master_id;
        const char *caller, *request;
    } rows[] = {{1, "caller", "request"}, {2, "Caller", "request"}, {2, "caller", "requesu"}, {2, "calle", "rrequest"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(secret_unseal(*state, rows[i].master_id, slice_text(rows[i].caller),
                                       slice_text(rows[i].request), slice_make(sealed, sizeof sealed), plain),
                         STATUS_DATA_LOSS);
}

static void empty_reply_can_be_sealed(void **state)
{
    uint8_t sealed[SECRET_SEAL_OVERHEAD], plain[1];
    assert_int_equal(secret_seal(*state, 1, slice_empty(), slice_empty(), slice_empty(), sealed), STATUS_OK);
    assert_int_equal(secret_unseal(*state, 1, slice_empty(), slice_empty(), slice_make(sealed, sizeof sealed), plain),
                     STATUS_OK);
    sealed[30] ^= 1;
    assert_int_equal(secret_unseal(*state, 1, slice_empty(), slice_empty(), slice_make(sealed, sizeof sealed), plain),
                     STATUS_DATA_LOSS);
}

static void comparison_sees_every_bit(void **state)
{
    (void)state;
    uint8_t a[SECRET_HASH_SIZE] = {0}, b[SECRET_HASH_SIZE] = {0};
    assert_true(secret_equal(a, b));
    for (size_t bit = 0; bit < 8 * sizeof b; bit++) {
        b[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_false(secret_equal(a, b));
        b[bit / 8] = 0;
    }
}

static void wipe_zeroes_all_of_it(void **state)
{
    (void)state;
    uint8_t bytes[34];
    memset(bytes, 0xAA, sizeof bytes);
    secret_wipe(bytes + 1, 32);
    expect_zeroed(bytes + 1, 32);
    assert_int_equal(bytes[0], 0xAA);
    assert_int_equal(bytes[33], 0xAA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_are_those_of_an_independent_implementation),
        cmocka_unit_test(account_slots_stay_within_14_bits_and_spread),
        cmocka_unit_test(purposes_and_masters_never_share_an_output),
        cmocka_unit_test(parts_of_an_idempotency_name_cannot_be_shifted),
        cmocka_unit_test(chain_depends_on_what_came_before),
        cmocka_unit_test(unknown_master_is_not_found_and_output_is_zeroed),
        cmocka_unit_test(sealed_reply_opens_and_is_not_readable),
        cmocka_unit_test(every_changed_byte_of_a_sealed_reply_is_data_loss),
        cmocka_unit_test(every_cut_of_a_sealed_reply_is_data_loss),
        cmocka_unit_test(another_caller_request_or_master_cannot_open_it),
        cmocka_unit_test(empty_reply_can_be_sealed),
        cmocka_unit_test(comparison_sees_every_bit),
        cmocka_unit_test(wipe_zeroes_all_of_it),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
