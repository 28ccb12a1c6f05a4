#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "secret/secret.h"
#include "support/tempdir.h"

// Masters 00..1f and ff..e0. Public keys and signatures are those of an independent implementation (Python's
// `cryptography`), with the seed that hashlib.blake2b gives: key = master, salt = 8 (little-endian, 16 bytes) and
// person = "postern1".
static const char keyring[] = "postern-keyring 1\n"
                              "1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
                              "2 fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedecebeae9e8e7e6e5e4e3e2e1e0\n";

static const struct {
    const char *public_key, *signature; // of "checkpoint"
} known[] = {
    {"694857e9d901314a003b55489f7c03bfee735f8f7163d021076aae2f7d357e8d",
     "b697f496f99982ba5ed8c4c44f18af53dd65d4bec5287cdb90b540b21031cb9c"
     "50d9f1d708fc21756f47eb7d75632657dca7d54716d62342ec67524d9290100a"},
    {"86ae407acd1e20af3db09e15a3441e6af40d921e5bf0f79ef3a8071621f65d3c",
     "090b54b84cd9a45236d95ad7bcfd67ee7e62599006f675c06fad568e1ef42d33"
     "42af314b793bda6d3ff835dd447a1c0d2d5f401d7fc7ef1f65b44c0db926ff00"},
};

// RFC 8032, section 7.1, test 3: of the two bytes af82.
static const char rfc_public_key[] = "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025";
static const char rfc_signature[] = "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
                                    "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a";

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

static void from_hex(const char *hex, uint8_t *out, size_t size)
{
    assert_int_equal(strlen(hex), 2 * size);
    for (size_t i = 0; i < size; i++) {
        unsigned byte = 0;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        out[i] = (uint8_t)byte;
    }
}

struct signed_text {
    uint8_t public_key[SECRET_PUBLIC_KEY_SIZE];
    uint8_t signature[SECRET_SIGNATURE_SIZE];
};

static struct signed_text sign(const struct secret *secret, uint32_t master_id, const char *text)
{
    struct signed_text out;
    assert_int_equal(secret_checkpoint_public(secret, master_id, out.public_key), STATUS_OK);
    assert_int_equal(secret_checkpoint_sign(secret, master_id, slice_text(text), out.signature), STATUS_OK);
    return out;
}

// Runs before anything opened a keyring: whoever has only the public key must be able to verify.
static void published_signature_verifies_without_a_keyring(void **state)
{
    (void)state;
    const uint8_t content[] = {0xaf, 0x82};
    uint8_t public_key[SECRET_PUBLIC_KEY_SIZE], signature[SECRET_SIGNATURE_SIZE];
    from_hex(rfc_public_key, public_key, sizeof public_key);
    from_hex(rfc_signature, signature, sizeof signature);
    assert_true(secret_checkpoint_verify(public_key, slice_make(content, 2), signature));
    assert_false(secret_checkpoint_verify(public_key, slice_make(content, 1), signature));
}

static void checkpoints_are_those_of_an_independent_implementation(void **state)
{
    for (uint32_t id = 1; id <= 2; id++) {
        struct signed_text wanted, got = sign(*state, id, "checkpoint");
        from_hex(known[id - 1].public_key, wanted.public_key, sizeof wanted.public_key);
        from_hex(known[id - 1].signature, wanted.signature, sizeof wanted.signature);
        assert_memory_equal(got.public_key, wanted.public_key, sizeof got.public_key);
        assert_memory_equal(got.signature, wanted.signature, sizeof got.signature);
    }
}

static void signed_content_verifies_however_long(void **state)
{
    static const char *const texts[] = {"", "c", "seq 17 mac 00ff",
                                        "a checkpoint that is longer than one block of the hash "
                                        "underneath, which has one hundred and twenty-eight "
                                        "bytes, so that it takes two"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct signed_text it = sign(*state, 1, texts[i]);
        assert_true(secret_checkpoint_verify(it.public_key, slice_text(texts[i]), it.signature));
    }
}

static void every_changed_bit_of_content_signature_or_key_is_refused(void **state)
{
    struct signed_text it = sign(*state, 1, "checkpoint");
    char content[] = "checkpoint";
    const struct slice text = slice_make(content, sizeof content - 1);
    struct {
        uint8_t *bytes;
        size_t size;
    } parts[] = {
        {(uint8_t *)content, text.size}, {it.signature, sizeof it.signature}, {it.public_key, sizeof it.public_key}};
    for (size_t p = 0; p < sizeof parts / sizeof *parts; p++)
        for (size_t bit = 0; bit < 8 * parts[p].size; bit++) {
            parts[p].bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
            assert_false(secret_checkpoint_verify(it.public_key, text, it.signature));
            parts[p].bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
    assert_true(secret_checkpoint_verify(it.public_key, text, it.signature));
}

static void cut_and_lengthened_content_is_refused(void **state)
{
    struct signed_text it = sign(*state, 1, "checkpoint");
    for (size_t size = 0; size < 10; size++)
        assert_false(secret_checkpoint_verify(it.public_key, slice_make("checkpoint", size), it.signature));
    assert_false(secret_checkpoint_verify(it.public_key, slice_make("checkpoint", 11), it.signature));
}

static void signature_of_another_master_is_refused(void **state)
{
    struct signed_text first = sign(*state, 1, "checkpoint");
    struct signed_text second = sign(*state, 2, "checkpoint");
    assert_false(secret_checkpoint_verify(first.public_key, slice_text("checkpoint"), second.signature));
    assert_false(secret_checkpoint_verify(second.public_key, slice_text("checkpoint"), first.signature));
}

// With the neutral element as the key, R = that element and S = 0 would fit any content.
static void weak_public_key_is_refused(void **state)
{
    (void)state;
    const uint8_t neutral[SECRET_PUBLIC_KEY_SIZE] = {1};
    const uint8_t signature[SECRET_SIGNATURE_SIZE] = {1};
    assert_false(secret_checkpoint_verify(neutral, slice_text("checkpoint"), signature));
}

int main(void)
{
    const struct CMUnitTest tests_without_keyring[] = {
        cmocka_unit_test(published_signature_verifies_without_a_keyring),
        cmocka_unit_test(weak_public_key_is_refused),
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checkpoints_are_those_of_an_independent_implementation),
        cmocka_unit_test(signed_content_verifies_however_long),
        cmocka_unit_test(every_changed_bit_of_content_signature_or_key_is_refused),
        cmocka_unit_test(cut_and_lengthened_content_is_refused),
        cmocka_unit_test(signature_of_another_master_is_refused),
    };
    int failed = cmocka_run_group_tests(tests_without_keyring, NULL, NULL);
    return failed + cmocka_run_group_tests(tests, set_up, tear_down);
}
