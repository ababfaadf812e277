/* listing_page.c - the page about a folder.
 *
 * Names are bytes: in a link every byte that could mean anything is %XX, in text what HTML knows is
 * escaped. All links are relative, so the page works behind any prefix. */
#include <inttypes.h>
#include <string.h>

#include "listing.h"
#include "../embed.h"

EMBED(style, "plugins/files/listing.css");

static const char head[] =
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>";

/* Drawn once, used by each row. */
static const char icons[] =
    "<svg hidden><symbol id=\"folder\" viewBox=\"0 0 16 16\"><path d=\"M1.5 3.5h4l1.5 "
    "2h7.5v7.5h-13z"
    "\"/></symbol><symbol id=\"file\" viewBox=\"0 0 16 16\"><path d=\"M3.5 1.5h6l3 3v10h-9z"
    "M9.5 1.5v3h3\"/></symbol></svg>\n";

static void put_text(FILE *page, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (strchr("&<>\"'", text[i]))
            fprintf(page, "&#%d;", text[i]);
        else
            putc(text[i], page);
    }
}

static void put_link(FILE *page, const char *name)
{
    static const char plain[] = "0123456789abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ-._~";
    for (; *name; name++)
        fprintf(page, strchr(plain, *name) ? "%c" : "%%%02X", (unsigned char)*name);
}

/* A folder on the way here, `depth` levels up. */
static void put_step(FILE *page, const char *name, size_t len, size_t depth)
{
    fputs(depth ? "<a href=\"" : "<b>", page);
    for (size_t i = 0; i < depth; i++)
        fputs("../", page);
    fputs(depth ? "\">" : "", page);
    put_text(page, name, len);
    fputs(depth ? "</a><i>/</i>" : "</b>", page);
}

static void put_way(FILE *page, const struct listing *listing)
{
    const char *mount = *listing->mount ? listing->mount + 1 : "files";
    size_t depth = 0;
    for (const char *at = listing->lookup->path; *at; at++)
        depth += *at == '/';
    fputs("<h1>", page);
    put_step(page, mount, strlen(mount), depth);
    for (const char *at = listing->lookup->path; *at; at = strchr(at, '/') + 1)
        put_step(page, at, strcspn(at, "/"), --depth);
    fputs("</h1>\n", page);
}

/* The head of a column, a link that sorts by it; the other way round, if it does already. */
static void put_column(FILE *page, const struct listing *listing, enum order order,
                       const char *title)
{
    bool is_sorted = listing->order == order;
    bool is_down = is_sorted ? !listing->is_down : order != ORDER_NAME;
    fputs("<th", page);
    if (is_sorted)
        fprintf(page, " aria-sort=\"%s\"", listing->is_down ? "descending" : "ascending");
    fprintf(page, "><a href=\"?sort=%s%s\">%s</a>", is_down ? "-" : "", order_names[order], title);
}

static void put_size(FILE *page, int64_t size)
{
    static const char *const units[] = {"B", "KB", "MB", "GB", "TB", "PB", "EB"};
    double shown = (double)size;
    size_t unit = 0;
    while (shown >= 999.5) {
        shown /= 1024;
        unit++;
    }
    fprintf(page, "%.*f %s", unit && shown < 9.95 ? 1 : 0, shown, units[unit]);
}

static void put_date(FILE *page, time_t time)
{
    char text[32] = "";
    struct tm tm;
    if (gmtime_r(&time, &tm))
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &tm);
    fprintf(page, "<td title=\"UTC\">%s", text);
}

static void put_row(FILE *page, const struct entry *entry)
{
    const char *slash = entry->is_folder ? "/" : "";
    fprintf(page, "<tr><td><a href=\"");
    put_link(page, entry->name);
    fprintf(page, "%s\"><svg><use href=\"#%s\"/></svg><span>", slash,
            entry->is_folder ? "folder" : "file");
    put_text(page, entry->name, strlen(entry->name));
    fprintf(page, "%s</span></a>", slash);
    if (entry->is_folder) {
        fputs("<td>", page);
    } else {
        fprintf(page, "<td title=\"%" PRId64 " bytes\">", entry->size);
        put_size(page, entry->size);
    }
    put_date(page, entry->modified);
    fputs("\n", page);
}

static void put_count(FILE *page, size_t count, const char *what)
{
    fprintf(page, "%zu %s%s", count, what, count == 1 ? "" : "s");
}

static void put_summary(FILE *page, const struct listing *listing)
{
    size_t folders = 0;
    int64_t bytes = 0;
    for (size_t i = 0; i < listing->len; i++) {
        folders += listing->entries[i].is_folder;
        bytes += listing->entries[i].size;
    }
    fputs("<p>", page);
    if (folders)
        put_count(page, folders, "folder");
    fputs(folders ? ", " : "", page);
    put_count(page, listing->len - folders, "file");
    fputs(", ", page);
    put_size(page, bytes);
    fputs(listing->is_cut ? "; there is more than is shown</p>\n" : "</p>\n", page);
}

void listing_write_page(const struct listing *listing, FILE *page)
{
    fputs(head, page);
    put_text(page, listing->mount, strlen(listing->mount));
    put_text(page, "/", 1);
    put_text(page, listing->lookup->path, strlen(listing->lookup->path));
    fprintf(page, "</title>\n<style>\n%s</style>\n</head>\n<body>\n%s<main>\n", style, icons);
    put_way(page, listing);
    fputs("<table>\n<thead><tr>", page);
    put_column(page, listing, ORDER_NAME, "Name");
    put_column(page, listing, ORDER_SIZE, "Size");
    put_column(page, listing, ORDER_DATE, "Changed");
    fputs("</thead>\n<tbody>\n", page);
    if (*listing->lookup->path)
        fputs("<tr class=\"up\"><td><a href=\"../\"><svg><use href=\"#folder\"/></svg>"
              "<span>..</span></a><td><td>\n",
              page);
    for (size_t i = 0; i < listing->len; i++)
        put_row(page, &listing->entries[i]);
    fputs("</tbody>\n</table>\n", page);
    put_summary(page, listing);
    fputs("</main>\n</body>\n</html>\n", page);
}
