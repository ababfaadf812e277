/* test_notify.c - what the service manager is told. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "process/notify.h"
#include "unit.h"

START_TEST(tells_states)
{
    char got[128] = "", name[64];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    unsetenv("NOTIFY_SOCKET");
    notify("READY=1"); /* to nobody */
    snprintf(name, sizeof(name), "@gale-notify-%d", getpid());
    memcpy(address.sun_path + 1, name + 1, strlen(name) - 1);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    socklen_t len = (socklen_t)(sizeof(sa_family_t) + strlen(name));
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, len), 0);
    setenv("NOTIFY_SOCKET", name, 1);
    notify("READY=1");
    ck_assert_int_eq(recv(fd, got, sizeof(got), 0), 7);
    notify("RELOADING=1");
    ck_assert_int_gt(recv(fd, got, sizeof(got) - 1, 0), 30);
    ck_assert_int_eq(strncmp(got, "RELOADING=1\nMONOTONIC_USEC=", 27), 0);
    close(fd);
    notify("STOPPING=1"); /* a manager that is gone changes nothing */
}
END_TEST

UNIT_MAIN(tells_states)
