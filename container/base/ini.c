/* ini.c - walking through one text: where each line came from, and which section it is in. */
#include "base/ini.h"

#include <limits.h>
#include <string.h>

#include "base/arena.h"
#include "base/ini_line.h"
#include "base/setting.h"
#include "base/str.h"

enum where { OUTSIDE, INSIDE, IN_WRONG_SECTION, AFTER_INCLUDE };

struct section {
    const char *name, *file;
    unsigned line;
    struct section *next;
};

struct parse {
    const struct ini_handler *handler;
    struct setting_errors *errors;
    const char *file;
    unsigned line;
    enum where where;
    struct section *sections; /* newest first */
};

/* \1>1 PATH: the lines of a file follow from line 1 on; \1<7 PATH: after an include, that file goes
 * on with its line 7; \1! stands for a section line that is no text, which was reported. */
static bool take_marker(struct parse *parse, struct gale_str line)
{
    if (line.len < 2 || line.at[0] != INI_LINE_MARKER)
        return false;
    if (line.at[1] == '!' && line.len == 2) {
        parse->line++;
        parse->where = IN_WRONG_SECTION;
        return true;
    }
    bool begins = line.at[1] == '>';
    if (!begins && line.at[1] != '<')
        return false;
    struct gale_str path = {line.at + 2, line.len - 2};
    uint64_t number;
    if (str_to_u64(str_cut(&path, ' '), &number) < 0 || !number || number > UINT_MAX || !path.len)
        return false;
    parse->file = arena_copy(parse->errors->arena, path.at, path.len).at;
    parse->line = (unsigned)number - 1;
    parse->where = begins ? OUTSIDE : AFTER_INCLUDE;
    return true;
}

static void add_error(struct parse *parse, const char *text)
{
    setting_errors_add(parse->errors, parse->file, parse->line, "%s", text);
}

static void begin_section(struct parse *parse, const char *name)
{
    struct arena *arena = parse->errors->arena;
    for (const struct section *old = parse->sections; old; old = old->next) {
        if (strcmp(old->name, name) == 0) {
            setting_errors_add(parse->errors, parse->file, parse->line,
                               "section [%s] is given twice; it stands at %s:%u already", name,
                               old->file, old->line);
            parse->where = IN_WRONG_SECTION;
            return;
        }
    }
    struct section *section = arena_alloc(arena, sizeof(*section));
    *section = (struct section){name, parse->file, parse->line, parse->sections};
    parse->sections = section;
    parse->where = INSIDE;
    parse->handler->section(parse->handler->data, name, parse->file, parse->line);
}

static bool look(void *data, struct gale_str line)
{
    struct parse *parse = data;
    struct arena *arena = parse->errors->arena;
    if (take_marker(parse, line))
        return false;
    parse->line++;
    enum ini_line_kind kind = ini_line_kind(line);
    const char *fault = ini_line_text_fault(line, arena);
    if (!fault)
        fault = ini_line_fault(line);
    if (fault) {
        add_error(parse, fault);
        if (kind == INI_LINE_SECTION)
            parse->where = IN_WRONG_SECTION;
    } else if (kind == INI_LINE_SECTION) {
        begin_section(parse, ini_line_section(line, arena));
    }
    return !fault && kind == INI_LINE_KEY;
}

static void take_key(void *data, const char *key, const char *value)
{
    static const char *const faults[] = {
        [OUTSIDE] = "this key stands outside any section; write a [SECTION] above it",
        [AFTER_INCLUDE] = "this key follows an include; write a [SECTION] above it",
    };
    struct parse *parse = data;
    struct arena *arena = parse->errors->arena;
    if (strcmp(key, "include") == 0)
        add_error(parse, "include works in files only");
    else if (parse->where == INSIDE)
        parse->handler->key(parse->handler->data, ini_line_words(str_of(key), arena),
                            ini_line_value(str_of(value), arena), parse->file, parse->line);
    else if (parse->where != IN_WRONG_SECTION)
        add_error(parse, faults[parse->where]);
}

void ini_parse_text(const char *name, struct gale_str text, const struct ini_handler *handler,
                    struct setting_errors *errors)
{
    struct parse parse = {
        .handler = handler,
        .errors = errors,
        .file = arena_copy(errors->arena, name, strlen(name)).at,
    };
    struct ini_feed feed = {look, take_key, &parse};
    ini_line_feed(text, &feed);
}

void ini_each_file(struct gale_str text, void (*fn)(void *data, struct gale_str path), void *data)
{
    static const char begins[] = {INI_LINE_MARKER, '>', 0};
    while (text.at) {
        struct gale_str line = str_cut(&text, '\n');
        bool is_marker = str_starts_with(line, STR(begins));
        (void)str_cut(&line, ' ');
        if (is_marker && line.at)
            fn(data, line);
    }
}
