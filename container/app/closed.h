/* closed.h - what stands in the place of an app that could not be opened, where others are to be
 * served all the same: it answers 503. */
#pragma once

struct adapter;
struct gale_app;

extern const struct adapter closed_adapter;

/* The app's open has failed: nothing of what that has set is used. */
void closed_take_place(struct gale_app *app);
