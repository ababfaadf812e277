/* ini.h - reading INI text with exact line numbers.
 *
 *   [server]                          ; a section stands once; its name may hold blanks
 *   listen = 127.0.0.1:8080           ; from a `;` at the value's start or after a blank: a comment
 *   # so is a whole line like this
 *   greeting = " hi ; there "         ; quotes round the whole value keep blanks and ` ;`; they are
 *                                     ; taken away, all other quotes are part of the value
 *   include = conf.d/x*.ini           ; see below
 *
 * inih parses; this reader hands it one line at a time, so that the traps of its default build are
 * closed: no line is cut (more than 64 KiB is an error), indentation has no meaning, ':' does not
 * separate, and every callback knows its file and line. Text is UTF-8 without control characters
 * but tabs; lines end in LF or CRLF.
 *
 * `include = PATTERN` (a glob, relative to the file it stands in) before the first section or as a
 * section's last key reads other files where it stands, in the order of their names. Each of them
 * starts outside any section, and so does what follows the include. A pattern without wildcard
 * names a file that must be there.
 *
 * A configuration is read once, by the master, into one text that holds all included files with
 * markers of where each line came from; workers parse that text and never open the files. */
#pragma once
#include <stddef.h>
#include <gale/str.h>

struct setting_errors;

typedef void ini_section_fn(void *data, const char *name, const char *file, unsigned line);
typedef void ini_key_fn(void *data, const char *key, const char *value, const char *file,
                        unsigned line);

/* Names and keys come with single blanks between their words; they and values live as long as
 * `errors->arena`, and so do file names. */
struct ini_handler {
    ini_section_fn *section; /* "server", "app hello" */
    ini_key_fn *key;
    void *data;
};

/* Reads `path` and what it includes into one text. Returns owned text (never NULL) and its length;
 * files that cannot be read, include loops and bytes that are no text are added to `errors`. */
char *ini_load(const char *path, size_t *out_len, struct setting_errors *errors);
/* Parses such a text (or any INI text: lines then count as `name`'s). Every line that is neither
 * section, key = value, comment nor empty is added to errors and parsing goes on; the keys of a
 * section that is wrong itself are passed over. */
void ini_parse_text(const char *name, struct gale_str text, const struct ini_handler *handler,
                    struct setting_errors *errors);
/* Calls fn for each file that such a text came from, in order; one that goes on after an include is
 * told of once. The path is as ini_load has it in messages. */
void ini_each_file(struct gale_str text, void (*fn)(void *data, struct gale_str path), void *data);
