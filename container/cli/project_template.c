/* project_template.c - the embedded files and the words that are replaced in them. */
#include "cli/project_template.h"

#include <string.h>

#include "base/buffer.h"
#include "base/macros.h"
#include "base/str.h"
#include "cli/embed.h"

EMBED(plugin_c, "container/cli/templates/plugin.c.in");
EMBED(plugin_cc, "container/cli/templates/plugin.cc.in");
EMBED(test, "container/cli/templates/test.in");
EMBED(makefile, "container/cli/templates/Makefile.in");
EMBED(readme, "container/cli/templates/README.md.in");
EMBED(local, "container/cli/templates/local.mk.in");
EMBED(gitignore, "container/cli/templates/gitignore.in");

static const struct {
    const char *name, *c, *cxx;
} files[] = {
    {"@NAME@.@ENDING@", plugin_c, plugin_cc},
    {"@NAME@_test.@ENDING@", test, test},
    {"Makefile", makefile, makefile},
    {"README.md", readme, readme},
    {".gitignore", gitignore, gitignore},
    {"local.mk", local, local}, /* only where gale is not in PATH */
};

/* What the word at the beginning of `text`, "@WORD@...", stands for, and its length; NULL for none.
 */
static const char *find(const struct project *project, const char *text, size_t *out_len)
{
    const struct {
        const char *word, *value;
    } words[] = {
        {"@NAME@", project->name},
        {"@ENDING@", project->is_cxx ? "cc" : "c"},
        {"@COMPILER_VARIABLE@", project->is_cxx ? "CXX" : "C"},
        {"@COMPILER@", project->is_cxx ? "CXX" : "CC"},
        {"@STANDARD@", project->is_cxx ? "-std=c++17" : "-std=c99"},
        {"@GALE@", project->gale},
        {"@CFLAGS@", project->cflags},
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        *out_len = strlen(words[i].word);
        if (strncmp(text, words[i].word, *out_len) == 0)
            return words[i].value;
    }
    return NULL;
}

static char *fill_in(const struct project *project, const char *text)
{
    struct buffer out = {0};
    size_t len;
    while (*text) {
        size_t plain = strcspn(text, "@");
        buffer_add(&out, text, plain);
        text += plain;
        const char *value = *text ? find(project, text, &len) : NULL;
        if (value)
            buffer_add_text(&out, value);
        else if (*text)
            buffer_add(&out, text, len = 1);
        text += *text ? len : 0;
    }
    return buffer_steal(&out);
}

bool project_template_file(const struct project *project, size_t index, char **out_name,
                           char **out_text)
{
    if (index >= ARRAY_LEN(files) - !project->gale)
        return false;
    *out_name = fill_in(project, files[index].name);
    *out_text = fill_in(project, project->is_cxx ? files[index].cxx : files[index].c);
    return true;
}
