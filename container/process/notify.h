/* notify.h - telling the service manager how far gale is (sd_notify(3)'s protocol). */
#pragma once

/* Sends "READY=1" and the like to $NOTIFY_SOCKET; nothing where there is none. */
void notify(const char *state);
