/* test_port_owner.c - from a port to the process that listens on it. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "net/endpoint.h"
#include "process/port_owner.h"
#include "unit.h"

START_TEST(finds_who_listens)
{
    struct endpoint endpoint = {.len = sizeof(endpoint.addr)};
    struct port_owner owner = {0};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(endpoint_parse(STR("127.0.0.1:0"), &endpoint), 0);
    ck_assert_int_eq(bind(fd, &endpoint.addr.any, endpoint.len), 0);
    ck_assert_int_eq(getsockname(fd, &endpoint.addr.any, &endpoint.len), 0);
    ck_assert(!port_owner_find(&endpoint, &owner)); /* bound, but it does not listen */
    ck_assert_int_eq(listen(fd, 1), 0);
    ck_assert(port_owner_find(&endpoint, &owner));
    ck_assert_ptr_nonnull(strstr("test_port_owner", owner.name));
    close(fd);
    ck_assert(!port_owner_find(&endpoint, &owner));
}
END_TEST

UNIT_MAIN(finds_who_listens)
