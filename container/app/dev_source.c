/* dev_source.c - one pass over the file from its start, since a comment may begin anywhere. */
#include "app/dev_source.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/str.h"

enum { FILE_MOST = 2 * 1024 * 1024, LINES_BEFORE = 4, LINES_BEHIND = 3, TAB = 8, LINE_MOST = 400 };

/* ---- escaping ---- */

static void escape_byte(struct buffer *out, char c)
{
    static const struct {
        char c;
        const char *entity;
    } entities[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
    for (size_t i = 0; i < ARRAY_LEN(entities); i++)
        if (c == entities[i].c) {
            buffer_add_text(out, entities[i].entity);
            return;
        }
    if ((unsigned char)c < ' ' && c != '\n' && c != '\t')
        buffer_add_text(out, "\xEF\xBF\xBD");
    else
        buffer_add(out, &c, 1);
}

void dev_source_escape(struct buffer *out, struct gale_str text)
{
    for (size_t i = 0; i < text.len; i++)
        escape_byte(out, text.at[i]);
}

/* ---- tokens ---- */

static const char keywords[] =
    " alignas alignof as asm async auto await bool break case catch char class comptime const "
    "constexpr continue crate defer default delete do double else enum error explicit export "
    "extern false float fn for func go goto if impl import in inline int int64_t interface let "
    "long loop map match mod move mut namespace new nil noexcept NULL null nullptr operator "
    "override package private protected pub public range register restrict return select self "
    "short signed size_t sizeof ssize_t static struct super switch template this throw trait true "
    "try type typedef typename uint32_t uint64_t uint8_t union unsafe unsigned use using var "
    "virtual void volatile where while ";

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_keyword(struct gale_str word)
{
    char padded[24];
    if (word.len + 3 > sizeof(padded))
        return false;
    padded[0] = ' ';
    memcpy(padded + 1, word.at, word.len);
    padded[word.len + 1] = ' ';
    padded[word.len + 2] = 0;
    return strstr(keywords, padded);
}

struct lexer {
    bool in_comment; /* of the kind that goes over lines */
};

static size_t comment_len(struct lexer *lexer, struct gale_str line, size_t at)
{
    const char *end = memmem(line.at + at, line.len - at, "*/", 2);
    lexer->in_comment = !end;
    return end ? (size_t)(end + 2 - line.at) - at : line.len - at;
}

static size_t quoted_len(struct gale_str line, size_t at)
{
    size_t end = at + 1;
    while (end < line.len && line.at[end] != line.at[at])
        end += line.at[end] == '\\' && end + 1 < line.len ? 2 : 1;
    return (end < line.len ? end + 1 : line.len) - at;
}

static size_t word_len(struct gale_str line, size_t at)
{
    size_t end = at;
    while (end < line.len && is_word(line.at[end]))
        end++;
    return end - at;
}

/* The length of the token at `at`; its class is "" for what needs no colour. */
static size_t next_token(struct lexer *lexer, struct gale_str line, size_t at,
                         const char **out_class)
{
    char c = line.at[at], next = at + 1 < line.len ? line.at[at + 1] : 0;
    *out_class = "c";
    if (lexer->in_comment)
        return comment_len(lexer, line, at);
    if (c == '/' && next == '/')
        return line.len - at;
    if (c == '/' && next == '*')
        return 2 + comment_len(lexer, line, at + 2);
    *out_class = "s";
    /* A lone ' is a lifetime of Rust or a digit separator: a character is short. */
    if (c == '"' || c == '`' || (c == '\'' && quoted_len(line, at) <= 6))
        return quoted_len(line, at);
    *out_class = "p";
    if (c == '#' && line.at + at == str_trim(line).at)
        return 1 + word_len(line, at + 1);
    *out_class = isdigit((unsigned char)c) ? "n" : "";
    if (!is_word(c))
        return 1;
    size_t len = word_len(line, at);
    if (is_keyword((struct gale_str){line.at + at, len}))
        *out_class = "k";
    return len;
}

static void put_line(struct lexer *lexer, struct gale_str line, struct buffer *out)
{
    const char *class;
    for (size_t at = 0; at < line.len;) {
        size_t len = next_token(lexer, line, at, &class);
        if (*class)
            buffer_printf(out, "<i class=%s>", class);
        dev_source_escape(out, (struct gale_str){line.at + at, len});
        if (*class)
            buffer_add_text(out, "</i>");
        at += len;
    }
}

static void skip_line(struct lexer *lexer, struct gale_str line)
{
    const char *class;
    for (size_t at = 0; at < line.len;)
        at += next_token(lexer, line, at, &class);
}

/* ---- the caret ---- */

/* What stands in front of the caret so that it comes out below its column: tabs stay tabs. */
static void put_padding(struct buffer *out, struct gale_str line, const struct dev_place *place)
{
    unsigned seen = 1;
    for (size_t i = 0; i < line.len && seen < place->column; i++) {
        unsigned char c = (unsigned char)line.at[i];
        bool is_inside = (c & 0xC0) == 0x80; /* of a character of several bytes */
        if (!is_inside)
            buffer_add_text(out, c == '\t' ? "\t" : " ");
        if (!place->is_visual)
            seen++;
        else if (c == '\t')
            seen += TAB - (seen - 1) % TAB;
        else if (!is_inside)
            seen++;
    }
    while (seen++ < place->column && seen < LINE_MOST)
        buffer_add_text(out, " ");
}

static void put_caret(struct buffer *out, struct gale_str line, const struct dev_place *place)
{
    if (!place->column)
        return;
    buffer_add_text(out, "<b class=caret><u></u>");
    put_padding(out, line, place);
    buffer_add_text(out, "<em>^");
    for (unsigned i = 1; i < place->width && i < LINE_MOST; i++)
        buffer_add_text(out, "~");
    if (place->hint.len) {
        buffer_add_text(out, " ");
        dev_source_escape(out, place->hint);
    }
    buffer_add_text(out, "</em></b>");
}

/* ---- the excerpt ---- */

static char *read_file(const char *path, size_t *out_len)
{
    scoped_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) < 0 || !S_ISREG(info.st_mode) || info.st_size > FILE_MOST)
        return NULL;
    char *text = memory_alloc((size_t)info.st_size + 1);
    ssize_t n = read(fd, text, (size_t)info.st_size);
    *out_len = n > 0 ? (size_t)n : 0;
    return text;
}

static void put_numbered(struct buffer *out, struct lexer *lexer, struct gale_str line,
                         unsigned number, const struct dev_place *place)
{
    bool is_it = number == place->line;
    if (line.len > LINE_MOST)
        line.len = LINE_MOST;
    buffer_printf(out, "<b%s><u>%u</u>", is_it ? " class=it" : "", number);
    put_line(lexer, line, out);
    buffer_add_text(out, "</b>");
    if (is_it)
        put_caret(out, line, place);
}

static struct gale_str without_return(struct gale_str line)
{
    if (line.len && line.at[line.len - 1] == '\r')
        line.len--;
    return line;
}

bool dev_source_excerpt(struct buffer *out, const struct dev_place *place)
{
    size_t len = 0, before = out->len;
    scoped_free char *text = read_file(place->path, &len);
    struct gale_str rest = {text, len};
    struct lexer lexer = {0};
    bool is_there = false;
    buffer_add_text(out, "<pre class=source>");
    for (unsigned number = 1; rest.at && number <= place->line + LINES_BEHIND; number++) {
        struct gale_str line = without_return(str_cut(&rest, '\n'));
        if (!rest.at && !line.len)
            break;
        is_there = is_there || number == place->line;
        if (number + LINES_BEFORE < place->line)
            skip_line(&lexer, line);
        else
            put_numbered(out, &lexer, line, number, place);
    }
    buffer_add_text(out, "</pre>\n");
    if (is_there)
        return true;
    out->len = before;
    out->at[before] = 0;
    return false;
}
