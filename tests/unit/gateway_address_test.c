// Where a request came from: as far back as trusted proxies say it, and no further.
#include "address.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NAME "X-Forwarded-For"

static void make_peer(struct http_request *request, const char *text)
{
    struct sockaddr_in *v4 = (void *)&request->peer;
    struct sockaddr_in6 *v6 = (void *)&request->peer;
    if (strchr(text, ':') == NULL) {
        v4->sin_family = AF_INET;
        assert_int_equal(inet_pton(AF_INET, text, &v4->sin_addr), 1);
    } else {
        v6->sin6_family = AF_INET6;
        assert_int_equal(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
    }
}

static void the_list_is_read_from_its_end(void **state)
{
    (void)state;
    static const struct {
        const char *peer;
        const char *first; // header; NULL: none
        const char *second;
        const char *address; // NULL: nobody knows it
    } rows[] = {
        {"10.0.0.1", "192.0.2.1", NULL, "192.0.2.1"},
        {"10.0.0.1", "6.6.6.6, 192.0.2.1", NULL, "192.0.2.1"},
        {"10.0.0.1", "6.6.6.6, 192.0.2.1, 10.0.0.2", NULL, "192.0.2.1"},
        {"10.0.0.1", "10.0.0.9,10.0.0.2", NULL, "10.0.0.9"},
        {"10.0.0.1", "6.6.6.6", "192.0.2.1", "192.0.2.1"},
        {"10.0.0.1", NULL, NULL, NULL},
        {"10.0.0.1", "", NULL, NULL},
        {"10.0.0.1", "192.0.2.1,", NULL, NULL},
        {"10.0.0.1", "unknown", NULL, NULL},
        {"10.0.0.1", "192.0.2.1, unknown", NULL, NULL},
        {"10.0.0.1", "192.0.2.1, _hidden, 10.0.0.2", NULL, NULL},
        {"10.0.0.1", "192.0.2.1:443", NULL, "192.0.2.1"},
        {"10.0.0.1", "2001:db8::1", NULL, "2001:db8::1"},
        {"10.0.0.1", "[2001:db8::1]:443", NULL, "2001:db8::1"},
        {"10.0.0.1", "[2001:db8::1]", NULL, "2001:db8::1"},
        {"10.0.0.1", "[2001:db8::1]x", NULL, NULL},
        {"10.0.0.1", "[2001:db8::1", NULL, NULL},
        {"10.0.0.1", "fe80::1%eth0", NULL, "fe80::1"},
        {"10.0.0.1", "[fe80::1%eth0]:443", NULL, "fe80::1"},
        {"10.0.0.1", "::ffff:192.0.2.1", NULL, "192.0.2.1"},
        {"10.0.0.1", "192.0.2.1, ::ffff:10.0.0.7", NULL, "192.0.2.1"},
        {"10.0.0.1", "192.0.2.999", NULL, NULL},
        {"::ffff:10.0.0.1", "192.0.2.1", NULL, "192.0.2.1"},
        {"2001:db8:1::5", "192.0.2.1", NULL, "192.0.2.1"},
        {"198.51.100.1", "192.0.2.1", NULL, "198.51.100.1"}, // not trusted: its word does not count
        {"11.0.0.1", "192.0.2.1", NULL, "11.0.0.1"},
        {"2001:db8:2::5", "192.0.2.1", NULL, "2001:db8:2::5"},
    };
    struct address_network trusted[2];
    assert_true(address_parse_network("10.0.0.0/8", &trusted[0]));
    assert_true(address_parse_network("2001:db8:1::/48", &trusted[1]));
    static struct pool pool;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        static struct http_request request;
        char text[ADDRESS_TEXT_SIZE] = "";
        pool_init(&pool);
        request = (struct http_request){.pool = &pool};
        make_peer(&request, rows[i].peer);
        if (rows[i].first != NULL)
            request.headers[request.header_count++] = (struct http_field){"x-forwarded-for", rows[i].first};
        if (rows[i].second != NULL)
            request.headers[request.header_count++] = (struct http_field){NAME, rows[i].second};
        bool is_known = address_find(&request, NAME, trusted, 2, text);
        if (is_known != (rows[i].address != NULL) || (is_known && strcmp(text, rows[i].address) != 0))
            fail_msg("row %zu: %s", i, text);
        pool_wipe(&pool);
    }
}

static void networks_are_checked(void **state)
{
    (void)state;
    static const char *const good[] = {"0.0.0.0/0", "10.0.0.1", "10.0.0.0/8", "::/0", "::1", "2001:db8::/32"};
    static const char *const bad[] = {"", "x", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8x", "10.0.0/8", "::/129", "/8"};
    struct address_network network;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(address_parse_network(good[i], &network));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(address_parse_network(bad[i], &network));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_list_is_read_from_its_end),
        cmocka_unit_test(networks_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
