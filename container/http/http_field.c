/* http_field.c - one function for each field that gale itself obeys, found by the name's length. */
#include "http/http_field.h"

#include <errno.h>

#include "base/macros.h"
#include "base/str.h"
#include "http/target.h"

typedef int take_fn(struct http_fields *fields, struct http_request_head *head,
                    struct gale_str value, struct http_refusal *out_refusal);

static int take_host(struct http_fields *fields, struct http_request_head *head,
                     struct gale_str value, struct http_refusal *out_refusal)
{
    if (fields->has_host)
        return http_refuse(out_refusal, 400, "there are two Host fields");
    fields->has_host = true;
    head->host = value;
    if (!value.len && head->minor == 0)
        return 0;
    if (!target_is_host(value))
        return http_refuse(out_refusal, 400, "the Host field is malformed");
    return 0;
}

static int take_length(struct http_fields *fields, struct http_request_head *head,
                       struct gale_str value, struct http_refusal *out_refusal)
{
    if (fields->has_length)
        return http_refuse(out_refusal, 400, "there are two Content-Length fields");
    fields->has_length = true;
    int r = str_to_u64(value, &head->content_length);
    if (r == -ERANGE)
        return http_refuse(out_refusal, 400, "the Content-Length is no number that can be held");
    if (r < 0)
        return http_refuse(out_refusal, 400, "the Content-Length is not a number");
    head->has_length = true;
    return 0;
}

/* Anything but chunked alone. RFC 9112 6.3: unless chunked, once, is the last coding, nobody knows
 * where the message ends, and neither with a list that is none; else another one comes before it,
 * and that is 501. */
static int judge_codings(struct gale_str value, struct http_refusal *out_refusal)
{
    const char *const malformed = "the Transfer-Encoding is malformed";
    bool has_chunked = false;
    struct gale_str element;
    while (http_list_next(&value, &element)) {
        struct gale_str name = str_trim(str_cut(&element, ';'));
        bool is_chunked = str_equals_nocase(name, STR("chunked"));
        if (!http_is_token(name) || has_chunked || (is_chunked && element.at))
            return http_refuse(out_refusal, 400, malformed);
        has_chunked = is_chunked;
    }
    if (!has_chunked)
        return http_refuse(out_refusal, 400, "chunked is not the last Transfer-Encoding");
    return http_refuse(out_refusal, 501, "chunked is the only Transfer-Encoding known here");
}

static int take_coding(struct http_fields *fields, struct http_request_head *head,
                       struct gale_str value, struct http_refusal *out_refusal)
{
    if (fields->has_coding)
        return http_refuse(out_refusal, 400, "there are two Transfer-Encoding fields");
    fields->has_coding = true;
    /* RFC 9112 6.1: what sent it may have relayed it without understanding. */
    if (head->minor == 0)
        return http_refuse(out_refusal, 400, "HTTP/1.0 has no Transfer-Encoding");
    if (!str_equals_nocase(value, STR("chunked")))
        return judge_codings(value, out_refusal);
    head->is_chunked = true;
    return 0;
}

static int take_connection(struct http_fields *fields, struct http_request_head *head,
                           struct gale_str value, struct http_refusal *out_refusal)
{
    (void)head;
    (void)out_refusal;
    struct gale_str option;
    while (http_list_next(&value, &option)) {
        fields->says_close |= str_equals_nocase(option, STR("close"));
        fields->says_keep_alive |= str_equals_nocase(option, STR("keep-alive"));
        fields->says_upgrade |= str_equals_nocase(option, STR("upgrade"));
    }
    return 0;
}

static int take_upgrade(struct http_fields *fields, struct http_request_head *head,
                        struct gale_str value, struct http_refusal *out_refusal)
{
    (void)head;
    (void)out_refusal;
    fields->has_upgrade |= value.len > 0;
    return 0;
}

static int take_expect(struct http_fields *fields, struct http_request_head *head,
                       struct gale_str value, struct http_refusal *out_refusal)
{
    (void)fields;
    struct gale_str element;
    if (head->minor == 0)
        return 0;
    while (http_list_next(&value, &element)) {
        if (!element.len)
            continue;
        if (!str_equals_nocase(element, STR("100-continue")))
            return http_refuse(out_refusal, 417, "100-continue is all that can be expected here");
        head->expects_continue = true;
    }
    return 0;
}

/* By the length of the name, which no two of them share. */
static const struct {
    struct gale_str name;
    take_fn *take;
} known[] = {
    [4] = {STR("host"), take_host},
    [6] = {STR("expect"), take_expect},
    [7] = {STR("upgrade"), take_upgrade},
    [10] = {STR("connection"), take_connection},
    [14] = {STR("content-length"), take_length},
    [17] = {STR("transfer-encoding"), take_coding},
};

int http_fields_take(struct http_fields *fields, struct http_request_head *head,
                     const struct http_header *header, struct http_refusal *out_refusal)
{
    size_t len = header->name.len;
    if (len >= ARRAY_LEN(known) || !known[len].take ||
        !str_equals_nocase(header->name, known[len].name))
        return 0;
    return known[len].take(fields, head, header->value, out_refusal);
}

int http_fields_conclude(const struct http_fields *fields, struct http_request_head *head,
                         struct http_refusal *out_refusal)
{
    if (!fields->has_host && head->minor > 0)
        return http_refuse(out_refusal, 400, "the Host field is missing");
    /* RFC 9112 6.3: the one message where somebody before us may have seen another end. */
    if (fields->has_length && fields->has_coding)
        return http_refuse(out_refusal, 400, "both Content-Length and Transfer-Encoding");
    head->is_keep_alive = !fields->says_close && (head->minor > 0 || fields->says_keep_alive);
    /* RFC 9110 7.8: an upgrade asked for by HTTP/1.0 is ignored. */
    head->is_upgrade = head->minor > 0 && fields->says_upgrade && fields->has_upgrade;
    return 0;
}
