/* command_new.c - gale new: a folder to begin a plugin in. */
#include "cli/command.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/memory.h"
#include "base/str.h"
#include "cli/command_line.h"
#include "cli/project_template.h"
#include "cli/terminal.h"

enum { NAME_MAX_LEN = 40 };

/* ---- the gale that makes it ---- */

struct home {
    char *gale, *cflags; /* for local.mk; owned */
};

/* For make, and the shell that it calls. */
static char *quote(const char *prefix, const char *path)
{
    bool is_plain = !strpbrk(path, " \t'\"$#\\&;()*?<>|");
    return is_plain ? memory_printf("%s%s", prefix, path) : memory_printf("%s'%s'", prefix, path);
}

/* Whether who says "gale" gets this one, however it was called now. */
static bool is_in_path(const char *own)
{
    const char *path = getenv("PATH");
    struct gale_str rest = str_of(path ? path : "");
    while (rest.at) {
        struct gale_str folder = str_cut(&rest, ':');
        scoped_free char *file = memory_printf("%.*s/gale", (int)folder.len, folder.at);
        char found[PATH_MAX];
        if (access(file, X_OK) == 0 && realpath(file, found))
            return strcmp(found, own) == 0;
    }
    return false;
}

/* An installed gale is found by its name, and so are its headers: nothing is to be written down.
 * Of one in a build folder the headers are in a folder above it. */
static bool find_home(struct home *home)
{
    char own[PATH_MAX], folder[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", own, sizeof(own) - 1);
    if (len < 0)
        return false;
    own[len] = 0;
    strcpy(folder, own);
    for (char *slash; (slash = strrchr(folder, '/'));) {
        *slash = 0;
        scoped_free char *include = memory_printf("%s/include", folder);
        scoped_free char *header = memory_printf("%s/gale/gale.h", include);
        scoped_free char *installed = memory_printf("%s/bin/gale", folder);
        if (access(header, R_OK) < 0)
            continue;
        bool is_found = is_in_path(own) && strcmp(installed, own) == 0;
        home->gale = is_found ? NULL : quote("", own);
        home->cflags = is_found ? NULL : quote("-I", include);
        return true;
    }
    return false;
}

/* ---- the folder ---- */

static bool is_name(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    return len > 0 && len <= NAME_MAX_LEN && !name[len] && name[0] != '-';
}

static int fail(const char *path)
{
    fprintf(stderr, "gale new: %s: %s\n", path, strerror(errno));
    return COMMAND_FAILED;
}

/* A file that is there already stays as it is. */
static int write_file(const char *folder, const char *name, const char *text)
{
    scoped_free char *path = memory_printf("%s/%s", folder, name);
    scoped_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    size_t len = strlen(text);
    if (fd < 0)
        return fail(path);
    return write(fd, text, len) == (ssize_t)len ? COMMAND_OK : fail(path);
}

static int write_files(const struct project *project, const char *folder)
{
    int r = COMMAND_OK;
    char *name, *text;
    for (size_t i = 0; r == COMMAND_OK && project_template_file(project, i, &name, &text); i++) {
        r = write_file(folder, name, text);
        free(name);
        free(text);
    }
    return r;
}

static void explain(const struct project *project, const char *folder)
{
    printf("%s is a plugin in %s. Now:\n\n", folder, project->is_cxx ? "C++" : "C");
    printf("  cd %s\n", folder);
    printf("  make test     build it and run its tests\n");
    printf("  make run      serve it at http://127.0.0.1:8080\n");
    printf("  make dev      the same, built and shown anew whenever a file is saved\n");
}

static int make(const struct project *project, const char *folder)
{
    if (mkdir(folder, 0777) < 0) {
        fprintf(stderr, "gale new: %s: %s\n", folder,
                errno == EEXIST ? "it is there already; choose another name" : strerror(errno));
        return COMMAND_FAILED;
    }
    int r = write_files(project, folder);
    if (r == COMMAND_OK)
        explain(project, folder);
    return r;
}

/* ---- the command line ---- */

/* False for a language that there are no templates for. */
static bool read_language(const char *text, bool *out_is_cxx)
{
    static const char *const c[] = {"c", "C"}, *const cxx[] = {"c++", "C++", "cc", "cpp", "cxx"};
    for (size_t i = 0; text && i < ARRAY_LEN(cxx); i++)
        if (strcmp(text, cxx[i]) == 0)
            return *out_is_cxx = true;
    *out_is_cxx = false;
    return !text || strcmp(text, c[0]) == 0 || strcmp(text, c[1]) == 0;
}

static int run(const struct command_line *line)
{
    const char *folder = command_line_operand(line, 0);
    const char *language = command_line_value(line, "--lang");
    const char *slash = folder ? strrchr(folder, '/') : NULL;
    struct project project = {.name = slash ? slash + 1 : folder};
    struct home home = {0};
    if (!folder || !is_name(project.name)) {
        fprintf(stderr,
                folder ? "gale new: '%s' is no name for a plugin; a name is 1 to %d of a-z, 0-9, _ "
                         "and -\n"
                       : "gale new: name the plugin: gale new NAME\n",
                project.name, NAME_MAX_LEN);
        return COMMAND_WRONG;
    }
    if (!read_language(language, &project.is_cxx)) {
        fprintf(stderr, "gale new: --lang %s: there are templates for c and c++\n", language);
        return COMMAND_WRONG;
    }
    if (!find_home(&home)) {
        fputs("gale new: gale's headers (include/gale/gale.h) are not where this gale is; install "
              "it with them\n",
              stderr);
        return COMMAND_FAILED;
    }
    project.gale = home.gale;
    project.cflags = home.cflags;
    int r = make(&project, folder);
    free(home.gale);
    free(home.cflags);
    return r;
}

static const struct command_option options[] = {
    {"--lang", "c | c++", "the language; c"},
    {0},
};

const struct command command_new = {
    .name = "new",
    .usage = "NAME [--lang c | c++]",
    .summary = "begin a plugin: a folder that builds, tests and runs",
    .text = "Makes the folder NAME with a plugin of that name, its tests, a Makefile, a\n"
            ".gitignore and a README. It builds and passes its tests at once; editors find\n"
            "compile_commands.json when it has been built.\n",
    .examples = "  gale new shop && cd shop && make test run\n"
                "  gale new shop --lang c++\n",
    .options = options,
    .operands = 1,
    .run = run,
};
