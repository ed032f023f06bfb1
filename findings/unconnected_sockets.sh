#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Sockets that were made and never connected, and TCP sockets that were bound and do not
# listen, are shown neither by `ss -tanp` and `ss -uanp` nor by `lsof -i`: they are in no
# table of the kernel that these read. `ss -s` counts the TCP ones as "closed", without
# whose they are, and `lsof -p PID` lists them as "protocol: TCP" without being asked for
# the network.
#
# What follows: "ss shows nothing" does not mean that a process leaks no sockets.
# fdwarden reads the sockets from the descriptor table and shows them as tcp CLOSED.
#
# Seen with iproute2 6.1.0-3, lsof 4.95.0-1 (Debian 12).
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"

debian iproute2=6.1.0-3 lsof=4.95.0-1
cat >"$work/sockets.py" <<'END'
import socket
import sys

kept = [socket.socket() for _ in range(30)]
kept += [socket.socket(type=socket.SOCK_DGRAM) for _ in range(30)]
for _ in range(10):
    kept.append(socket.socket())
    kept[-1].bind(("127.0.0.1", 0))
print("ready", flush=True)
sys.stdin.read()
END
mkfifo "$work/go"
python3 "$work/sockets.py" <"$work/go" >"$work/said" &
pid=$!
exec 5>"$work/go"
until [ -s "$work/said" ]; do sleep 0.1; done

ss=$work/root/bin/ss lsof=$work/root/usr/bin/lsof
held=$(find "/proc/$pid/fd" -mindepth 1 -lname 'socket:*' | wc -l)
tcp=$("$ss" -tanp | grep -c "pid=$pid," || true)
udp=$("$ss" -uanp | grep -c "pid=$pid," || true)
network=$("$lsof" -nP -i -a -p "$pid" 2>/dev/null | wc -l || true)
plain=$("$lsof" -nP -p "$pid" 2>/dev/null | grep -c 'protocol: \(TCP\|UDP\)')
exec 5>&-
wait "$pid"
expect 'sockets in /proc/PID/fd' "$held" 70
expect 'of them in ss -tanp' "$tcp" 0
expect 'of them in ss -uanp' "$udp" 0
expect 'of them in lsof -i -a -p PID' "$network" 0
expect 'of them in lsof -p PID, as "protocol: TCP" or "UDP"' "$plain" 70
seen
