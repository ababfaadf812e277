/* config_text.c - the options' own text, or a file's. */
#include "process/config_text.h"

#include <string.h>

#include "base/ini.h"
#include "base/memory.h"
#include "process/master.h"

struct gale_str config_text_load(const struct master_options *options,
                                 struct setting_errors *errors)
{
    size_t len = options->text ? strlen(options->text) : 0;
    char *text =
        options->text ? memory_copy(options->text, len) : ini_load(options->path, &len, errors);
    return (struct gale_str){text, len};
}
