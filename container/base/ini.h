/* ini.h - reading INI text with exact line numbers.
 *
 * inih parses; this reader hands it one line at a time, so that the traps of its default build are
 * closed: no line is cut, indentation has no meaning, a section may stand once, and every
 * callback knows its file and line. `include = PATTERN` (a glob, relative to the file it stands in)
 * before the first section or as a section's last key reads other files where it stands.
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

struct ini_handler {
    ini_section_fn *section; /* "server", "app hello" */
    ini_key_fn *key;
    void *data;
};

/* Reads `path` and what it includes into one text. Returns owned text (never NULL) and its length;
 * files that cannot be read, include loops and bytes that are no text are added to `errors`. */
char *ini_load(const char *path, size_t *out_len, struct setting_errors *errors);
/* Parses such a text (or any INI text: lines then count as `name`'s). Every line that is neither
 * section, key = value, comment nor empty is added to errors and parsing goes on. File names
 * passed to the callbacks live as long as `errors->arena`. */
void ini_parse_text(const char *name, struct gale_str text, const struct ini_handler *handler,
                    struct setting_errors *errors);
