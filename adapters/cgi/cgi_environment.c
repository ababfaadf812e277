/* cgi_environment.c - lists of texts for execve. */
#include "adapters/cgi/cgi_environment.h"

#include <stdlib.h>
#include <string.h>

#include "adapters/cgi/cgi_find.h"
#include "adapters/cgi/cgi_settings.h"
#include "adapters/gateway/variables.h"
#include "base/arena.h"
#include "base/memory.h"
#include "base/str.h"
#include "http/exchange.h"

struct texts {
    struct arena *arena;
    const char **items;
    size_t len, cap;
};

static void add(struct texts *texts, const char *text)
{
    if (texts->len == texts->cap) {
        size_t cap = texts->cap ? 2 * texts->cap : 48;
        const char **larger = arena_alloc(texts->arena, cap * sizeof(*larger));
        if (texts->len)
            memcpy(larger, texts->items, texts->len * sizeof(*larger));
        texts->items = larger;
        texts->cap = cap;
    }
    texts->items[texts->len++] = text;
}

/* ---- the environment ---- */

static int add_variable(void *data, struct gale_str name, struct gale_str value)
{
    struct texts *texts = data;
    char *text = arena_alloc(texts->arena, name.len + value.len + 2);
    char *to = mempcpy(text, name.at, name.len);
    *to++ = '=';
    to = mempcpy(to, value.at, value.len);
    *to = 0;
    add(texts, text);
    return 0;
}

/* Whether a variable that was passed on from gale's own environment gets another value. */
static bool is_replaced(const struct setting_pairs *env, const struct gale_request *req,
                        const char *text)
{
    struct gale_str name = {text, strcspn(text, "=")};
    for (size_t i = 0; i < env->len; i++)
        if (str_equals(str_of(env->items[i].name), name))
            return true;
    return request_variable(req, name).at;
}

/* A folder of programs is their document root if nothing else was said. */
static struct gale_str document_root(const struct cgi_settings *settings,
                                     const struct cgi_program *program)
{
    if (settings->root)
        return str_of(settings->root);
    return str_of(program->name.len ? settings->cgi : program->folder);
}

const char *const *cgi_environment(const struct cgi_settings *settings, const char *const *passed,
                                   const struct cgi_program *program, struct gale_request *req,
                                   long long content_length)
{
    struct arena *arena = exchange_of_request(req)->arena;
    struct texts texts = {.arena = arena};
    struct gale_str name = arena_printf(arena, "%s%s", req->mount.at, program->name.at);
    const struct gateway_script script = {
        .name = target_decode_fully(name, arena),
        .path_info = target_decode_fully(program->rest, arena),
        .filename = str_of(program->path),
        .document_root = document_root(settings, program),
        .content_length = content_length,
        .more = &settings->env,
    };
    for (; *passed; passed++)
        if (!is_replaced(&settings->env, req, *passed))
            add(&texts, *passed);
    (void)gateway_variables(req, &script, settings->pass_authorization, add_variable, &texts);
    add(&texts, NULL);
    return texts.items;
}

const char **cgi_environment_pass(const struct cgi_settings *settings)
{
    size_t size = (settings->pass_env.len + 1) * sizeof(char *), count = 0;
    for (size_t i = 0; i < settings->pass_env.len; i++) {
        const char *value = getenv(settings->pass_env.items[i]);
        size += value ? strlen(settings->pass_env.items[i]) + strlen(value) + 2 : 0;
    }
    const char **passed = memory_zalloc(size);
    char *to = (char *)(passed + settings->pass_env.len + 1);
    for (size_t i = 0; i < settings->pass_env.len; i++) {
        const char *value = getenv(settings->pass_env.items[i]);
        if (!value)
            continue;
        passed[count++] = to;
        to = stpcpy(stpcpy(stpcpy(to, settings->pass_env.items[i]), "="), value) + 1;
    }
    return passed;
}

/* ---- the arguments ---- */

const char *const *cgi_arguments(const struct cgi_program *program, struct arena *arena)
{
    struct texts texts = {.arena = arena};
    const char *at = program->interpreter ? program->interpreter : "";
    while (*(at += strspn(at, " \t"))) {
        size_t len = strcspn(at, " \t");
        add(&texts, arena_copy(arena, at, len).at);
        at += len;
    }
    add(&texts, program->path);
    add(&texts, NULL);
    return texts.items;
}
