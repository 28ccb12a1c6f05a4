#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "key/key.h"

static void expect(bool wanted, bool got, const char *what)
{
    if (wanted != got)
        fail_msg("%s was %s", what, got ? "accepted" : "refused");
}

static const char *const good_addresses[] = {
    "0.0.0.0",
    "10.1.2.3",
    "255.255.255.255",
    "::",
    "::1",
    "2001:db8::1",
    "2001:DB8::A",
    "::ffff:10.1.2.3",
    "::ffff:0a01:0203",
    "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
};
static const char *const bad_addresses[] = {
    "",
    " ",
    "10.1.2",
    "10.1.2.3.4",
    "10.1.2.256",
    "010.1.2.3",
    "10.1.2.3 ",
    " 10.1.2.3",
    "0x0a.1.2.3",
    "10.1.2.3/32",
    "10",
    "localhost",
    ":",
    ":::",
    "::g",
    "1::2::3",
    "::1/128",
    "::ffff:10.1.2",
    "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555",
    "10.1.2.3.10.1.2.3.10.1.2.3.10.1.2.3.10.1.2.3.10.1.2.3.10.1.2.3.10.1.2.3",
};

// What programs give, and the address in it.
static const struct {
    const char *given, *address;
} given_addresses[] = {
    {"192.0.2.1:443", "192.0.2.1"},
    {"192.0.2.1:0", "192.0.2.1"},
    {"[2001:db8::1]:443", "2001:db8::1"},
    {"[2001:db8::1]", "2001:db8::1"},
    {"[192.0.2.1]:80", "192.0.2.1"},
    {"fe80::1%eth0", "fe80::1"},
    {"fe80::1%25eth0", "fe80::1"},
    {"[fe80::1%eth0]:443", "fe80::1"},
    {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
    {"2001:db8::1:443", "2001:db8::1:443"}, // a port would need brackets
    {"unknown", ""},
    {"_hidden", ""},
    {"192.0.2.1:", ""},
    {"192.0.2.1:http", ""},
    {"192.0.2.1:443:443", ""},
    {"192.0.2.1:65536", ""},
    {"[2001:db8::1]:99999", ""},
    {"192.0.2.1 :443", ""},
    {"[2001:db8::1", ""},
    {"2001:db8::1]:443", ""},
    {"[2001:db8::1]443", ""},
    {"[[2001:db8::1]]", ""},
    {"[]", ""},
    {"[", ""},
    {"%", ""},
    {":443", ""},
    {"%eth0", ""},
    {"192.0.2.1, 198.51.100.1", ""},
};

// A heap copy of the exact size lets ASan see a read beyond it.
static void expect_address(const char *text, const char *wanted)
{
    size_t size = strlen(text);
    uint8_t *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    struct slice found = key_address_of(slice_make(copy, size));
    expect(true, slice_equal(found, slice_text(wanted)), text);
    free(copy);
}

static void addresses_are_told_from_other_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good_addresses / sizeof *good_addresses; i++)
        expect_address(good_addresses[i], good_addresses[i]);
    for (size_t i = 0; i < sizeof bad_addresses / sizeof *bad_addresses; i++)
        expect_address(bad_addresses[i], "");
    assert_int_equal(key_address_of(slice_make("10.1.2.3\0x", 10)).size, 0);
    assert_int_equal(key_address_of(slice_empty()).size, 0);
}

static void a_port_and_a_zone_do_not_count(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof given_addresses / sizeof *given_addresses; i++)
        expect_address(given_addresses[i].given, given_addresses[i].address);
}

static const char *const good_networks[] = {
    "10.0.0.0/8", "10.1.2.3", "10.1.2.3/32", "0.0.0.0/0",           "10.1.2.2/31",   "2001:db8::/32",
    "::/0",       "::1",      "::1/128",     "::ffff:10.0.0.0/104", "::ffff:0:0/96", "2001:db8:8000::/33",
};
static const char *const bad_networks[] = {
    "",
    "/",
    "/8",
    "10.0.0.0/",
    "10.0.0.0/33",
    "10.0.0.0/08",
    "10.0.0.0/-1",
    "10.0.0.0/+8",
    "10.0.0.0/8 ",
    "10.0.0.0/255.0.0.0",
    "10.0.0.0/8/8",
    "10.0.0.1/8",
    "10.1.2.3/31",
    "10.128.0.0/8",
    "0.0.0.1/0",
    "2001:db8::1/32",
    "::/129",
    "::/0000",
    "::1/127",
    "2001:db8:8000::/32",
    "::ffff:10.0.0.1/104",
    "::ffff:0:0/95",
    "10.0.0.0/4294967304",
};

static void networks_are_told_from_other_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good_networks / sizeof *good_networks; i++)
        expect(true, key_network_is_valid(slice_text(good_networks[i])), good_networks[i]);
    for (size_t i = 0; i < sizeof bad_networks / sizeof *bad_networks; i++)
        expect(false, key_network_is_valid(slice_text(bad_networks[i])), bad_networks[i]);
    assert_false(key_network_is_valid(slice_empty()));
}

static const struct {
    const char *network, *address;
    bool contains;
} rows[] = {
    {"10.0.0.0/8", "10.255.255.255", true},
    {"10.0.0.0/8", "11.0.0.0", false},
    {"10.0.0.0/8", "9.255.255.255", false},
    {"10.1.2.3", "10.1.2.3", true},
    {"10.1.2.3", "10.1.2.4", false},
    {"10.1.2.2/31", "10.1.2.3", true},
    {"10.1.2.2/31", "10.1.2.4", false},
    {"192.168.128.0/17", "192.168.255.1", true},
    {"192.168.128.0/17", "192.168.127.1", false},
    {"0.0.0.0/0", "203.0.113.9", true},
    {"2001:db8::/32", "2001:db8:ffff::1", true},
    {"2001:db8::/32", "2001:db9::", false},
    {"2001:db8:8000::/33", "2001:db8:7fff::", false},
    {"::1", "0:0:0:0:0:0:0:1", true},
    {"::/0", "2001:db8::1", true},
    // A v4-mapped address counts as its v4 address, on both sides.
    {"10.0.0.0/8", "::ffff:10.1.2.3", true},
    {"10.0.0.0/8", "::ffff:11.1.2.3", false},
    {"::ffff:10.0.0.0/104", "10.1.2.3", true},
    {"::ffff:10.0.0.0/104", "::ffff:10.1.2.3", true},
    {"::ffff:10.0.0.0/104", "11.1.2.3", false},
    {"::ffff:10.1.2.3", "10.1.2.3", true},
    {"::ffff:0:0/96", "203.0.113.9", true},
    {"0.0.0.0/0", "::ffff:203.0.113.9", true},
    {"::/0", "::ffff:203.0.113.9", false},
    // Families do not mix.
    {"0.0.0.0/0", "::1", false},
    {"::/0", "203.0.113.9", false},
    {"10.0.0.0/8", "a00::", false},
    // What is not valid contains nothing.
    {"10.0.0.1/8", "10.0.0.1", false},
    {"10.0.0.0/8", "10.0.0.1/32", false},
    {"10.0.0.0/8", "", false},
    {"", "10.0.0.1", false},
};

static void network_contains_what_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (key_network_contains(slice_text(rows[i].network), slice_text(rows[i].address)) != rows[i].contains)
            fail_msg("%s %s %s", rows[i].network, rows[i].contains ? "misses" : "contains", rows[i].address);
}

static void network_covers_what_lies_in_it_as_a_whole(void **state)
{
    (void)state;
    static const struct {
        const char *outer, *inner;
        bool covers;
    } cases[] = {
        {"10.0.0.0/8", "10.0.0.0/8", true},      {"10.0.0.0/8", "10.1.0.0/16", true},
        {"10.1.0.0/16", "10.0.0.0/8", false},    {"10.0.0.0/8", "11.0.0.0/9", false},
        {"10.0.0.0/9", "10.128.0.0/9", false},   {"0.0.0.0/0", "192.0.2.7", true},
        {"192.0.2.7", "0.0.0.0/0", false},       {"192.0.2.7", "192.0.2.7/32", true},
        {"::/0", "2001:db8::/32", true},         {"::/0", "0.0.0.0/0", false},
        {"10.0.0.0/8", "::ffff:10.0.0.1", true}, {"2001:db8::/32", "2001:db9::/48", false},
        {"10.0.0.1/8", "10.0.0.1", false},       {"10.0.0.0/8", "", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (key_network_covers(slice_text(cases[i].outer), slice_text(cases[i].inner)) != cases[i].covers)
            fail_msg("%s %s %s", cases[i].outer, cases[i].covers ? "misses" : "covers", cases[i].inner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_told_from_other_text),
        cmocka_unit_test(a_port_and_a_zone_do_not_count),
        cmocka_unit_test(networks_are_told_from_other_text),
        cmocka_unit_test(network_contains_what_the_table_says),
        cmocka_unit_test(network_covers_what_lies_in_it_as_a_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
