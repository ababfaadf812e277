/* copies_folder.h - an instance's folder for copies: made, locked, swept, removed. */
#pragma once

/* Makes the folder below `state` (NULL: the default), mode 0711, locked by *out_lock (owned) for as
 * long as this process lives; removes those of dead instances. Returns its path (owned), or NULL
 * and errno where none can be made from which code may be loaded. */
char *copies_folder_open(const char *state, int *out_lock);
/* Removes everything below the path, and itself. */
void copies_folder_remove(const char *path);
