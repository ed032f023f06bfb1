#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# etcd serves no more clients than its limit less 150, whatever else is open: under 300 the 150th
# client's connection is taken by the kernel, and its request is never answered. No call is
# refused, the table is little more than half full, and the log says nothing. Under 150 it does
# not start at all, and says so.
#
# What follows: nobody who waits for EMFILE, or for a table at 95 %, hears of it. Under a limit
# of 300 etcd is full at some 160 open descriptors.
#
# Seen with etcd-server 3.4.23-4+b4 (Debian 12).
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"

debian etcd-server=3.4.23-4+b4
client=http://127.0.0.1:12379 peer=http://127.0.0.1:12380

# begin LIMIT: etcd under it, in the background; its pid in $server
begin() {
	rm -rf "$work/data"
	(
		ulimit -n "$1"
		exec "$work/root/usr/bin/etcd" --data-dir "$work/data" \
			--listen-client-urls $client --advertise-client-urls $client \
			--listen-peer-urls $peer --initial-advertise-peer-urls $peer \
			--initial-cluster default=$peer
	) >"$work/log" 2>&1 &
	server=$!
}

# answered: of clients that come one after the other and stay, how many get an answer
answered() {
	python3 -c '
import socket, time
held = []
while True:
    try:
        client = socket.create_connection(("127.0.0.1", 12379), timeout=3)
        held.append(client)
        client.sendall(b"GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n")
        if not client.recv(1):
            break
    except ConnectionRefusedError:
        if held:
            raise
        time.sleep(0.1)
    except TimeoutError:
        break
print(len(held) - 1)
'
}

for limit in 200 300; do
	begin $limit
	expect "clients with an answer under $limit" "$(answered)" $((limit - 151))
	expect 'lines of files or limits in the log' "$(grep -ciE 'too many|limit' "$work/log" || :)" 0
	kill "$server"
	wait "$server" || :
done
begin 150
wait "$server" || :
expect 'under 150' "$(grep -o 'of etcd process is too low' "$work/log")" \
	'of etcd process is too low'
seen
