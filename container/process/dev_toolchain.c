/* dev_toolchain.c - questions to $CC, $CXX and the usual ones, through the shell as make asks. */
#include "process/dev_toolchain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/memory.h"

enum { ANSWERS_MAX = 16, ANSWER_MOST = 4096 };

static struct answer {
    char *question, *text; /* owned */
} answers[ANSWERS_MAX];

/* The first bytes of what the command prints, kept for the next time; "" where it fails. One that
 * hangs is not waited for. */
static const char *ask(const char *command)
{
    struct answer *answer = answers;
    while (answer < &answers[ANSWERS_MAX - 1] && answer->question &&
           strcmp(answer->question, command) != 0)
        answer++;
    if (answer->question && strcmp(answer->question, command) == 0)
        return answer->text;
    scoped_free char *line = memory_printf("exec timeout 5 %s 2>/dev/null", command);
    free(answer->question);
    free(answer->text);
    answer->question = memory_copy(command, strlen(command));
    answer->text = memory_zalloc(ANSWER_MOST);
    /* NOLINTNEXTLINE(cert-env33-c): a compiler is named as for a shell, by who runs gale dev. */
    FILE *in = popen(line, "re");
    if (in && fread(answer->text, 1, ANSWER_MOST - 1, in) == 0)
        *answer->text = 0;
    if (in)
        (void)pclose(in);
    return answer->text;
}

bool dev_toolchain_is_clang(const char *compiler)
{
    scoped_free char *command = memory_printf("%s --version", compiler);
    return strstr(ask(command), "clang");
}

/* A name that a file brings along is nothing for a shell unless it is a plain one. */
static bool is_plain(const char *name)
{
    return !name[strspn(name,
                        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-")];
}

/* A compiler that does not have it repeats the name. */
static const char *ask_for_library(const char *compiler, const char *name)
{
    scoped_free char *command = memory_printf("%s -print-file-name=%s", compiler, name);
    char *text = (char *)ask(command);
    text[strcspn(text, "\n")] = 0;
    return *text == '/' && access(text, R_OK) == 0 ? text : NULL;
}

const char *dev_toolchain_find_library(const char *name)
{
    const char *const compilers[] = {getenv("CC"), getenv("CXX"), "cc", "clang", "gcc"};
    const char *path = NULL;
    for (size_t i = 0; !path && is_plain(name) && i < ARRAY_LEN(compilers); i++)
        if (compilers[i] && *compilers[i])
            path = ask_for_library(compilers[i], name);
    return path;
}
