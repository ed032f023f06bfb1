#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What Python's standard library says at a full descriptor table, where "too many open
# files" is the reason: pwd.getpwnam() says that there is no such user; tempfile says
# FileNotFoundError, no usable temporary directory; glob.glob() and os.walk() say that
# there is nothing; ConfigParser.read() reads no file and says so only by its result;
# an SSLContext loads no certificate of an authority, so that each peer will be refused
# as unknown later; sqlite3 is unable to open the database file.
#
# What follows: a Python service at its limit loses configuration, users and trust
# silently. Programs that walk a directory in order to clean or to copy do nothing and
# report success.
#
# Seen with Python 3.11.2-6+deb12u9 (Debian 12).
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"

debian python3.11-minimal=3.11.2-6+deb12u9 libpython3.11-minimal=3.11.2-6+deb12u9 \
	libpython3.11-stdlib=3.11.2-6+deb12u9
cat >"$work/full.py" <<'END'
import configparser
import glob
import os
import pwd
import resource
import sqlite3
import ssl
import sys
import tempfile


def ask(what):
    if what == "pwd":
        return pwd.getpwnam("daemon").pw_uid
    if what == "tempfile":
        return tempfile.mkstemp()
    if what == "glob":
        return glob.glob("/etc/pass*")
    if what == "walk":
        return list(os.walk("/etc"))
    if what == "configparser":
        return configparser.ConfigParser().read(sys.argv[2])
    if what == "ssl":
        context.set_default_verify_paths()
        return context.cert_store_stats()["x509_ca"]
    return sqlite3.connect(sys.argv[2] + ".db").execute("select 1").fetchone()


context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
try:
    while True:
        os.open("/dev/null", os.O_RDONLY)
except OSError:
    pass
try:
    print(ask(sys.argv[1]))
except Exception as error:
    print(f"{type(error).__name__}: {str(error).split(' in [')[0]}")
END
printf '[a]\nb = c\n' >"$work/file.ini"
full() {
	PYTHONHOME=$work/root/usr "$work/root/usr/bin/python3.11" "$work/full.py" "$1" "$work/file.ini"
}
expect 'pwd.getpwnam("daemon")' "$(full pwd)" "KeyError: \"getpwnam(): name not found: 'daemon'\""
expect 'tempfile.mkstemp()' "$(full tempfile)" \
	'FileNotFoundError: [Errno 2] No usable temporary directory found'
expect 'glob.glob("/etc/pass*")' "$(full glob)" '[]'
expect 'os.walk("/etc")' "$(full walk)" '[]'
expect 'ConfigParser().read(a file that is there)' "$(full configparser)" '[]'
expect 'authorities after set_default_verify_paths()' "$(full ssl)" 0
expect 'sqlite3.connect(…)' "$(full sqlite)" 'OperationalError: unable to open database file'
seen
