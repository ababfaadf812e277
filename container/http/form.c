#include "http/form.h"
void form_finish(struct form *form)
{
    (void)form;
}
