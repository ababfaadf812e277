/* listing.h - what is in a folder (listing.c), and the page about it (listing_page.c). */
#pragma once
#include <stdio.h>
#include <time.h>
#include "files.h"

struct entry {
    char *name; /* owned */
    int64_t size;
    time_t modified;
    bool is_folder;
};

enum order { ORDER_NAME, ORDER_SIZE, ORDER_DATE, ORDERS };
extern const char *const order_names[ORDERS];

struct listing {
    struct lookup *lookup; /* borrowed; its descriptor is used up */
    const char *mount;     /* of the app: how the way up begins */
    enum order order;
    bool is_down;          /* largest, latest, or last name first */
    struct entry *entries; /* owned */
    size_t len, cap;
    bool is_cut; /* there is more than is shown */
    char *page;  /* owned */
    size_t page_len;
    int result;
};

/* Writes the page. thread */
void listing_write_page(const struct listing *listing, FILE *page);
