// Who may use the command that a message advises.
#include "rpc/advice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rpc/authority.h"

static void assert_said(const char *message, size_t size, unsigned authorities, const char *said)
{
    char text[256];
    snprintf(text, sizeof text, "%s", message);
    advice_name_who_may(text, size, authorities);
    assert_string_equal(text, said);
}

static void a_command_that_the_caller_may_not_use_says_who_may(void **state)
{
    (void)state;
    assert_said("there is no tier \"x\": make it with: postern tier put x", 256, AUTHORITY_ADMIN,
                "there is no tier \"x\": make it, as an operator, with: postern tier put x");
    assert_said("allow more, with: postern account update a --max-keys N", 256, AUTHORITY_ADMIN,
                "allow more, as an operator, with: postern account update a --max-keys N");
    assert_said("no such key: look it up with: postern list", 256, AUTHORITY_VERIFY,
                "no such key: look it up, as an operator or account-admin, with: postern list");
    assert_said("make one there, with: postern create --account postern --scope postern:operator", 256, AUTHORITY_ADMIN,
                "make one there, as an operator, with: postern create --account postern --scope postern:operator");
}

static void a_command_that_the_caller_may_use_stays_as_it_is(void **state)
{
    (void)state;
    static const char *const messages[] = {"make it with: postern tier put x", "look it up with: postern list", "",
                                           "no advice at all", "gives back, with: postern ratecheck --account ID"};
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++)
        assert_said(messages[i], 256, AUTHORITY_OPERATOR, messages[i]);
    assert_said(messages[1], 256, AUTHORITY_ADMIN, messages[1]);
    assert_said("ask the owner with: postern ratecheck --account ID --peek", 256, 0,
                "ask the owner with: postern ratecheck --account ID --peek");
}

static void where_there_is_no_room_the_command_is_left_out(void **state)
{
    (void)state;
    static const char message[] = "make it with: postern tier put x";
    static const char said[] = "make it, as an operator, with: postern tier put x";
    assert_said(message, sizeof said, 0, said);
    assert_said(message, sizeof said - 1, 0, "make it");
    assert_said(message, sizeof message, 0, "make it");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_that_the_caller_may_not_use_says_who_may),
        cmocka_unit_test(a_command_that_the_caller_may_use_stays_as_it_is),
        cmocka_unit_test(where_there_is_no_room_the_command_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
