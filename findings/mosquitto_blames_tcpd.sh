#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# At a full table Mosquitto (as Debian builds it, with libwrap) speaks of access rules: "Client
# connection from 127.0.0.1 denied access by tcpd", once for each client that it turns away. The
# accept() of the last free descriptor works; libwrap then can't open /etc/hosts.allow, takes
# that for a refusal, and the connection is closed, which frees the descriptor for the next
# client's turn. So accept() never fails, the way that Mosquitto has for EMFILE (it keeps a spare
# descriptor for it) is never gone, and "Too many open files" is never logged.
#
# What follows: the log sends people to hosts.allow and firewalls. The call that is refused is
# openat(), not accept4(), and the process stays one below its limit between the calls.
#
# Seen with mosquitto 2.0.11-1.2+deb12u2 (Debian 12), libwrap0 7.6.q-32, no hosts.allow or
# hosts.deny with a rule in it.
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"

debian mosquitto=2.0.11-1.2+deb12u2 libwebsockets17=4.1.6-3 libev4=1:4.33-1 \
	libwrap0=7.6.q-32 libcjson1=1.7.15-1+deb12u4 libuv1=1.44.2-1+deb12u1 libdlt2=2.18.8-6
export LD_LIBRARY_PATH=$work/root/usr/lib/x86_64-linux-gnu
printf 'listener 18883 127.0.0.1\nallow_anonymous true\n' >"$work/mosquitto.conf"
(
	ulimit -n 30
	exec "$work/root/usr/sbin/mosquitto" -c "$work/mosquitto.conf"
) >"$work/log" 2>&1 &
server=$!
for _ in $(seq 100); do
	grep -q ' running$' "$work/log" && break
	sleep 0.1
done

clients='
import socket, time
held = [socket.create_connection(("127.0.0.1", 18883)) for _ in range(40)]
time.sleep(1)
closed = 0
for client in held:
    client.settimeout(0.01)
    try:
        closed += client.recv(1) == b""
    except TimeoutError:
        pass
    except OSError:
        closed += 1
print(closed)
'
closed=$(python3 -c "$clients")
kill "$server"
wait "$server" || :

expect 'of 40 clients some are turned away' "$([ "$closed" -ge 10 ] && echo yes)" yes
expect 'lines "denied access by tcpd" beside those' \
	"$(($(grep -c 'denied access by tcpd' "$work/log") - closed))" 0
expect 'lines of too many files, or of accepting' \
	"$(grep -ciE 'too many open files|unable to accept' "$work/log" || :)" 0
seen
