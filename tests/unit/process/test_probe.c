/* What plugins say of themselves without being opened here. */
#include "unit.h"

#include "adapters/plugin/fixtures.h"
#include "process/probe.h"

START_TEST(tells_those_that_block)
{
    ck_assert(probe_blocks(fixture("blocking.so")));
    ck_assert(!probe_blocks(fixture("ok.so")));
    ck_assert(!probe_blocks(fixture("undefined.so")));
    ck_assert(!probe_blocks("/none.so"));
}
END_TEST

UNIT_MAIN(tells_those_that_block)
