#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# One below a full table Apache answers "403 Forbidden" for a file that everybody may read: it
# can't open .htaccess, and what can't be read forbids. The next accept() is refused with EMFILE,
# and upon that the child process ends: its idle keep-alive connections are closed, and the parent
# begins a new child, which has room again. So a server at its limit seems well in between: there
# are some 403 and some dropped connections, no standing table that is full, and a pid that changes.
#
# What follows: 403 in an access log, with "AH00529: … unable to check htaccess file" and "AH02179:
# apr_socket_accept" in the error log, is the limit. Who looks at the children later finds one that
# is nearly empty.
#
# Seen with apache2-bin 2.4.71-1~deb12u1 (Debian 12), event MPM.
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"

debian apache2-bin=2.4.71-1~deb12u1 libapr1=1.7.2-3+deb12u1 libaprutil1=1.6.3-1+deb12u1 \
	libnghttp2-14=1.52.0-1+deb12u3 libjansson4=2.14-2 liblua5.3-0=5.3.6-2
export LD_LIBRARY_PATH=$work/root/usr/lib/x86_64-linux-gnu
modules=$work/root/usr/lib/apache2/modules
mkdir "$work/www"
echo hello >"$work/www/index.html"
chmod -R a+rX "$work"
cat >"$work/apache2.conf" <<CONF
ServerRoot $work
ServerName localhost
Listen 127.0.0.1:18080
PidFile $work/pid
ErrorLog $work/error.log
LoadModule mpm_event_module $modules/mod_mpm_event.so
LoadModule authz_core_module $modules/mod_authz_core.so
User nobody
Group nogroup
DocumentRoot $work/www
StartServers 1
ServerLimit 1
ThreadsPerChild 64
MaxRequestWorkers 64
KeepAliveTimeout 60
CONF
(
	ulimit -n 40
	exec "$work/root/usr/sbin/apache2" -f "$work/apache2.conf" -D FOREGROUND
) >"$work/log" 2>&1 &
server=$!
for _ in $(seq 100); do
	grep -q 'resuming normal operations' "$work/error.log" 2>/dev/null && break
	sleep 0.1
done

children() {
	cat /proc/$server/task/*/children
}

# Clients that stay, one after the other, until one is not answered with 200, and one more; then
# how many of those connections are still there.
clients='
import socket, time
def ask():
    client = socket.create_connection(("127.0.0.1", 18080), timeout=10)
    client.sendall(b"GET /index.html HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return client, client.recv(12).decode()
def is_open(client):
    client.settimeout(0.05)
    try:
        while client.recv(65536):
            pass
        return False
    except TimeoutError:
        return True
    except OSError:
        return False
held, answer = [], ""
while len(held) < 40 and (not held or answer == "HTTP/1.1 200"):
    client, answer = ask()
    held.append(client)
print(answer)
_, answer = ask()
print(answer)
time.sleep(2)
print(sum(is_open(client) for client in held))
'
before=$(children)
python3 -c "$clients" >"$work/clients"
after=$(children)
kill "$server"
wait "$server" || :

expect 'the answer at a full table' "$(sed -n 1p "$work/clients")" 'HTTP/1.1 403'
expect 'the answer after it' "$(sed -n 2p "$work/clients")" 'HTTP/1.1 200'
expect 'of the connections held before that, still open' "$(sed -n 3p "$work/clients")" 0
expect 'the child is another one' "$([ "$before" != "$after" ] && echo yes)" yes
expect 'AH02179 in the error log' "$(grep -c AH02179 "$work/error.log")" 1
seen
