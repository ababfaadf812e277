/* multipart.c - a state, and a step that takes some bytes in it.
 *
 *   PREAMBLE -> DELIMITER -> LINE_END -> HEAD -> DATA -.
 *                |  ^ `-> PADDING --^                  |
 *                |  '----------------------------------'
 *                `-> DASH -> CLOSED -> CLOSED_LINE_END -> EPILOGUE
 *
 * A boundary holds no CR, so CR stands only at the front of the delimiter: after a mismatch the
 * search goes on at the byte that did not fit, and never looks at one twice. */
#include "http/multipart.h"

#include <assert.h>
#include <errno.h>

#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"
#include "http/field.h"
#include "http/http_token.h"

enum state {
    PREAMBLE,
    DELIMITER, /* behind a delimiter */
    PADDING,   /* blanks behind it (RFC 2046 5.1.1: transport padding) */
    LINE_END,  /* behind the CR that ends its line */
    HEAD,
    DATA,
    DASH, /* behind the first of the two that close */
    CLOSED,
    CLOSED_LINE_END,
    EPILOGUE,
};

enum { SEEN_DISPOSITION = 1, SEEN_TYPE = 2 };

static int refuse(struct multipart *m, const char *why)
{
    m->why = why;
    return -EBADMSG;
}

static int limit(struct multipart *m, const char *why)
{
    m->why = why;
    return -EMSGSIZE;
}

/* RFC 2046 5.1.1 names fewer, but clients use more; a backslash or quote would need escapes. */
static bool is_boundary(struct gale_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c < ' ' || c > '~' || c == '"' || c == '\\')
            return false;
    }
    return text.len > 0 && text.len <= MULTIPART_BOUNDARY_MAX && text.at[text.len - 1] != ' ';
}

int multipart_boundary(struct gale_str content_type, struct gale_str *out_boundary)
{
    struct gale_str rest = content_type, boundary = {0};
    struct field_param param;
    int r;
    if (!str_equals_nocase(field_cut(&rest, ';'), STR("multipart/form-data")))
        return -EINVAL;
    while ((r = field_next_param(&rest, &param)) > 0) {
        if (!str_equals_nocase(param.name, STR("boundary")))
            continue;
        if (boundary.at)
            return -EINVAL;
        boundary = param.value;
    }
    if (r < 0 || !is_boundary(boundary))
        return -EINVAL;
    *out_boundary = boundary;
    return 0;
}

void multipart_init(struct multipart *m, struct gale_str boundary,
                    const struct multipart_limits *limits, struct arena *arena)
{
    assert(is_boundary(boundary));
    *m = (struct multipart){
        .arena = arena,
        .limits = *limits,
        .state = PREAMBLE,
        .matched = 2, /* the first delimiter may lack its CRLF */
        .implied = 2,
        .delimiter_len = 4 + boundary.len,
    };
    memcpy(m->delimiter, "\r\n--", 4);
    memcpy(m->delimiter + 4, boundary.at, boundary.len);
}

void multipart_set_sink(struct multipart *m, const struct multipart_sink *sink, void *context)
{
    m->sink = sink;
    m->context = context;
}

static int emit(struct multipart *m, const char *at, size_t len)
{
    return m->state == DATA && len ? m->sink->data(m->context, at, len) : 0;
}

static int found_delimiter(struct multipart *m)
{
    int r = m->state == DATA ? m->sink->end(m->context) : 0;
    m->state = DELIMITER;
    return r;
}

/* How many bytes at `at` go on with the delimiter, of which `have` bytes have been seen. */
static size_t match(const struct multipart *m, size_t have, const char *at, const char *end)
{
    size_t n = 0, want = m->delimiter_len - have;
    while (n < want && at + n < end && at[n] == m->delimiter[have + n])
        n++;
    return n;
}

/* Goes on with a delimiter that began in an earlier piece. If it is none, its bytes were data. */
static int resume_match(struct multipart *m, const char **at, const char *end)
{
    size_t n = match(m, m->matched, *at, end);
    m->matched += n;
    *at += n;
    if (m->matched == m->delimiter_len)
        return found_delimiter(m);
    if (*at == end)
        return 0;
    size_t data = m->matched - m->implied;
    m->matched = 0;
    return emit(m, m->delimiter + m->implied, data);
}

static int step_data(struct multipart *m, const char **at, const char *end)
{
    if (m->matched)
        return resume_match(m, at, end);
    const char *from = *at, *cr;
    size_t n = 0;
    for (cr = memchr(from, '\r', (size_t)(end - from)); cr;
         cr = memchr(cr + n, '\r', (size_t)(end - cr) - n)) {
        n = match(m, 0, cr, end);
        if (n == m->delimiter_len || cr + n == end)
            break;
    }
    *at = cr ? cr + n : end;
    int r = emit(m, from, (size_t)((cr ? cr : end) - from));
    if (r < 0 || !cr)
        return r;
    m->matched = n;
    m->implied = 0;
    return n == m->delimiter_len ? found_delimiter(m) : 0;
}

/* What may stand behind a boundary; every other byte there is refused. */
static const struct {
    int from, to;
    const char *bytes;
} moves[] = {
    {DELIMITER, DASH, "-"},
    {DELIMITER, PADDING, " \t"},
    {DELIMITER, LINE_END, "\r"},
    {PADDING, PADDING, " \t"},
    {PADDING, LINE_END, "\r"},
    {LINE_END, HEAD, "\n"},
    {DASH, CLOSED, "-"},
    {CLOSED, CLOSED, " \t"},
    {CLOSED, CLOSED_LINE_END, "\r"},
    {CLOSED_LINE_END, EPILOGUE, "\n"},
};

static int begin_head(struct multipart *m)
{
    if (m->parts == m->limits.max_parts)
        return limit(m, "too many parts in a multipart body");
    if (!m->line)
        m->line = arena_alloc(m->arena, m->limits.max_head);
    m->parts++;
    m->head_len = m->line_len = 0;
    m->fields_seen = 0;
    m->part = (struct multipart_part){STR(""), STR(""), STR(""), false};
    return 0;
}

static int step_boundary_line(struct multipart *m, const char **at)
{
    char byte = *(*at)++;
    for (size_t i = 0; i < ARRAY_LEN(moves); i++) {
        if (moves[i].from != m->state || !byte || !strchr(moves[i].bytes, byte))
            continue;
        m->state = moves[i].to;
        return m->state == HEAD ? begin_head(m) : 0;
    }
    return refuse(m, "something follows a multipart boundary");
}

/* RFC 8187: UTF-8'language'percent-encoded, for what a quoted string cannot say. */
static int decode_extended(struct gale_str text, struct arena *arena, struct gale_str *out_text)
{
    struct gale_str charset = str_cut(&text, '\'');
    if (!text.at || !str_equals_nocase(charset, STR("UTF-8")))
        return -EINVAL;
    str_cut(&text, '\'');
    if (!text.at)
        return -EINVAL;
    char *start = arena_alloc(arena, text.len + 1), *out = start;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '%') {
            int high = text.len - i > 2 ? str_hex_digit(text.at[i + 1]) : -1;
            int low = high < 0 ? -1 : str_hex_digit(text.at[i + 2]);
            if (low < 0)
                return -EINVAL;
            c = (char)(high << 4 | low);
            i += 2;
        }
        *out++ = c;
    }
    *out = 0;
    *out_text = (struct gale_str){start, (size_t)(out - start)};
    return http_is_field_value(*out_text) ? 0 : -EINVAL;
}

/* A parameter that may come plain, extended, or both; at NULL: has not come. */
struct wanted {
    struct gale_str plain, extended;
};

static int take_param(struct wanted *wanted, struct gale_str word, const struct field_param *param,
                      struct arena *arena)
{
    if (str_equals_nocase(param->name, word)) {
        if (wanted->plain.at)
            return -EINVAL;
        wanted->plain = field_param_value(param, arena);
    } else if (param->name.len == word.len + 1 && param->name.at[word.len] == '*' &&
               str_equals_nocase((struct gale_str){param->name.at, word.len}, word)) {
        if (wanted->extended.at || param->is_quoted)
            return -EINVAL;
        return decode_extended(param->value, arena, &wanted->extended);
    }
    return 0;
}

static struct gale_str best(const struct wanted *wanted)
{
    if (wanted->extended.at)
        return wanted->extended;
    return wanted->plain.at ? wanted->plain : STR("");
}

static int take_disposition(struct multipart *m, struct gale_str value)
{
    struct wanted name = {0}, filename = {0};
    struct field_param param;
    int r;
    if (m->fields_seen & SEEN_DISPOSITION)
        return refuse(m, "a part has two Content-Disposition fields");
    m->fields_seen |= SEEN_DISPOSITION;
    if (!str_equals_nocase(field_cut(&value, ';'), STR("form-data")))
        return refuse(m, "a part's disposition is not form-data");
    while ((r = field_next_param(&value, &param)) > 0) {
        if (take_param(&name, STR("name"), &param, m->arena) < 0 ||
            take_param(&filename, STR("filename"), &param, m->arena) < 0)
            return refuse(m, "a part's name or filename is malformed");
    }
    if (r < 0)
        return refuse(m, "a part's Content-Disposition is malformed");
    m->part.name = best(&name);
    m->part.filename = best(&filename);
    m->part.is_file = filename.plain.at || filename.extended.at;
    return 0;
}

static int take_type(struct multipart *m, struct gale_str value)
{
    if (m->fields_seen & SEEN_TYPE)
        return refuse(m, "a part has two Content-Type fields");
    m->fields_seen |= SEEN_TYPE;
    m->part.content_type = arena_copy(m->arena, value.at, value.len);
    return 0;
}

static int take_coding(struct multipart *m, struct gale_str value)
{
    (void)value;
    return refuse(m, "a part has a Content-Encoding");
}

/* RFC 7578 4.7: not to be sent, but those that change nothing do no harm. */
static int take_transfer_coding(struct multipart *m, struct gale_str value)
{
    if (str_equals_nocase(value, STR("binary")) || str_equals_nocase(value, STR("8bit")) ||
        str_equals_nocase(value, STR("7bit")))
        return 0;
    return refuse(m, "a part has a Content-Transfer-Encoding that changes it");
}

static const struct {
    struct gale_str name;
    int (*take)(struct multipart *m, struct gale_str value);
} fields[] = {
    {STR("Content-Disposition"), take_disposition},
    {STR("Content-Type"), take_type},
    {STR("Content-Encoding"), take_coding},
    {STR("Content-Transfer-Encoding"), take_transfer_coding},
};

static int take_field(struct multipart *m, struct gale_str line)
{
    struct gale_str value = line, name = str_cut(&value, ':');
    if (!value.at || !http_is_token(name) || !http_is_field_value(value))
        return refuse(m, "a line in a part's header is malformed");
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (str_equals_nocase(name, fields[i].name))
            return fields[i].take(m, str_trim(value));
    return 0;
}

static int end_head(struct multipart *m)
{
    if (!(m->fields_seen & SEEN_DISPOSITION))
        return refuse(m, "a part has no Content-Disposition");
    if (!m->part.name.len)
        return refuse(m, "a part has no name");
    m->state = DATA;
    m->matched = m->implied = 2; /* with no data, the empty line's CRLF is the delimiter's */
    return m->sink->begin(m->context, &m->part);
}

static int end_line(struct multipart *m)
{
    struct gale_str line = {m->line, m->line_len - 1};
    struct gale_str dashes = {m->delimiter + 2, m->delimiter_len - 2};
    m->line_len = 0;
    if (!line.len || line.at[--line.len] != '\r')
        return refuse(m, "a line in a part's header ends without CR");
    if (str_starts_with(line, dashes))
        return refuse(m, "a part's header has no end");
    return line.len ? take_field(m, line) : end_head(m);
}

static int step_head(struct multipart *m, const char **at, const char *end)
{
    const char *feed = memchr(*at, '\n', (size_t)(end - *at));
    size_t n = (size_t)((feed ? feed + 1 : end) - *at);
    if (n > m->limits.max_head - m->head_len)
        return limit(m, "a part's header is too large");
    memcpy(m->line + m->line_len, *at, n);
    m->line_len += n;
    m->head_len += n;
    *at += n;
    return feed ? end_line(m) : 0;
}

static int step(struct multipart *m, const char **at, const char *end)
{
    switch (m->state) {
    case PREAMBLE:
    case DATA:
        return step_data(m, at, end);
    case HEAD:
        return step_head(m, at, end);
    case EPILOGUE:
        *at = end;
        return 0;
    default:
        return step_boundary_line(m, at);
    }
}

int multipart_feed(struct multipart *m, const char *data, size_t len)
{
    const char *at = data, *end = len ? data + len : data;
    while (!m->error && at < end)
        m->error = step(m, &at, end);
    return m->error;
}

int multipart_finish(struct multipart *m)
{
    if (!m->error && m->state != CLOSED && m->state != EPILOGUE)
        m->error = refuse(m, "a multipart body without its final boundary");
    return m->error;
}
