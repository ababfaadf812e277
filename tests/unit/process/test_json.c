/* test_json.c - commas, nesting and what must be escaped. */
#include "process/json.h"
#include "unit.h"

START_TEST(writes_objects_and_lists)
{
    struct buffer out = {0};
    struct json json = {.out = &out};
    json_open(&json, NULL, '{');
    json_open(&json, "empty", '{');
    json_close(&json, '}');
    json_number(&json, "n", -7);
    json_open(&json, "list", '[');
    json_number(&json, NULL, 1);
    json_open(&json, NULL, '{');
    json_flag(&json, "yes", true);
    json_flag(&json, "no", false);
    json_members(&json, "");
    json_members(&json, "\"a\":1,\"b\":2");
    json_close(&json, '}');
    json_text(&json, NULL, NULL);
    json_close(&json, ']');
    json_text(&json, "t", "");
    json_close(&json, '}');
    ck_assert_str_eq(out.at, "{\"empty\":{},\"n\":-7,\"list\":[1,{\"yes\":true,\"no\":false,"
                             "\"a\":1,\"b\":2},null],\"t\":\"\"}");
    buffer_finish(&out);
}
END_TEST

START_TEST(escapes)
{
    static const char *const cases[][2] = {
        {"plain", "\"plain\""},
        {"a\"b\\c", "\"a\\\"b\\\\c\""},
        {"line\nend\t\x01\x7f", "\"line\\u000aend\\u0009\\u0001\\u007f\""},
        {"gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\""},
        {"\xff<\xc3", "\"\\ufffd<\\ufffd\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct buffer out = {0};
        struct json json = {.out = &out};
        json_text(&json, NULL, cases[i][0]);
        ck_assert_str_eq(out.at, cases[i][1]);
        buffer_finish(&out);
    }
}
END_TEST

UNIT_MAIN(writes_objects_and_lists, escapes)
