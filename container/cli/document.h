/* document.h - every key of the configuration, written from the tables. */
#pragma once
#include <stdio.h>

/* conf/full.ini: sections, keys, defaults, a sentence each. It is a configuration itself. */
void document_ini(FILE *out);
/* The lists of keys for the manual page gale.ini(5), in mdoc(7). */
void document_mdoc(FILE *out);
/* The tables at the end of docs/configuration.md. */
void document_markdown(FILE *out);
