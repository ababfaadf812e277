/* form.h - the fields and files of a submitted form, read on demand. */
#pragma once

struct form;

/* Closes the form's temporary files; its memory is the request's arena. Takes NULL. */
void form_finish(struct form *form);
