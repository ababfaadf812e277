/* form - a form with an upload. Fields and files arrive as such, whichever way the browser coded
 * them; a large file waits in a temporary file and is gone with the request. */
#include <gale/gale.h>
#include <errno.h>

static const char page[] =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>form</title>"
    "<style>body{font:16px/1.6 system-ui;max-width:32rem;margin:3rem auto;padding:0 1rem}"
    "label{display:block;margin:.8rem 0}input{font:inherit}dt{font-weight:600}</style>"
    "<h1>A form</h1>"
    "<form method=\"post\" enctype=\"multipart/form-data\">"
    "<label>Your name <input name=\"name\"></label>"
    "<label>A file <input type=\"file\" name=\"file\"></label>"
    "<button>Send</button></form>";

static void show_fields(struct gale_request *req, struct gale_response *res)
{
    struct gale_str name, value;
    size_t i;
    for (i = 0; gale_request_form_at(req, i, &name, &value) == 0; i++)
        gale_response_printf(res, "<dt>%s</dt><dd>%s</dd>\n", gale_request_escape_str(req, name).at,
                             gale_request_escape_str(req, value).at);
}

static void show_files(struct gale_request *req, struct gale_response *res)
{
    struct gale_file file;
    size_t i;
    for (i = 0; gale_request_file_at(req, i, &file) == 0; i++)
        gale_response_printf(res, "<dt>%s</dt><dd>%s, %lld bytes, kept in %s</dd>\n",
                             gale_request_escape_str(req, file.field).at,
                             gale_request_escape_str(req, file.filename).at, (long long)file.size,
                             file.fd < 0 ? "memory" : "a temporary file");
}

static int post(struct gale_request *req, struct gale_response *res)
{
    int r = gale_request_form_read(req);
    if (r == -ENOENT)
        return 415; /* the body is no form */
    if (r < 0)
        return r; /* 400 for a broken form, 413 for one that is too large */
    gale_response_header(res, "Content-Type", "text/html; charset=utf-8");
    gale_response_puts(res, page);
    gale_response_puts(res, "<h2>Received</h2><dl>");
    show_fields(req, res);
    show_files(req, res);
    return gale_response_puts(res, "</dl>");
}

static int is(struct gale_str text, const char *word)
{
    size_t i;
    for (i = 0; word[i]; i++)
        if (text.at[i] != word[i])
            return 0;
    return text.len == i;
}

static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    struct gale_str method = gale_request_method(req);
    (void)state;
    if (is(method, "POST"))
        return post(req, res);
    if (is(method, "GET") || is(method, "HEAD"))
        return gale_reply(res, 200, "text/html; charset=utf-8", "%s", page);
    gale_response_header(res, "Allow", "GET, HEAD, POST");
    return gale_reply(res, 405, "text/plain", "GET the form, or POST it\n");
}

GALE_PLUGIN(p)
{
    p->name = "form";
    p->version = "1.0";
    p->serve = serve;
}
