#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# rsyslog's imfile cuts a line of more than 8,096 bytes there and drops the rest, without a
# word in its log: neither a second message nor a mark that the first is not whole. Of a
# JSON object a line, what arrives does not parse. maxMessageSize, which is to be the
# first global statement, lets it through.
#
# What follows: "one JSON object a line" goes through rsyslog only with
# global(maxMessageSize="128k") at the top of rsyslog.conf.
#
# Seen with rsyslog 8.2302.0-1+deb12u2 (Debian 12).
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"

debian rsyslog=8.2302.0-1+deb12u2 libestr0=0.1.11-1 libfastjson4=1.2304.0-1 \
	liblognorm5=2.0.6-4
modules=$work/root/usr/lib/x86_64-linux-gnu/rsyslog
python3 -c '
import json
for size in (8000, 12000):
    print(json.dumps({"a": "x" * size}))' >"$work/in.log"
# through FIRST: how long what came out is, and whether it parses
through() {
	local state
	state=$(mktemp -d -p "$work")
	cat >"$state/conf" <<-END
		$1
		global(workDirectory="$state")
		module(load="$modules/imfile.so")
		input(type="imfile" File="$work/in.log" Tag="json:")
		template(name="raw" type="string" string="%msg%\n")
		action(type="omfile" file="$state/out" template="raw")
	END
	LD_LIBRARY_PATH=$work/root/usr/lib/x86_64-linux-gnu timeout 4 \
		"$work/root/usr/sbin/rsyslogd" -n -f "$state/conf" -i "$state/pid" -M "$modules" || true
	python3 -c '
import json, sys
for line in open(sys.argv[1]):
    line = line.strip()
    try:
        json.loads(line)
        print(len(line), "whole", end=" ")
    except ValueError:
        print(len(line), "cut", end=" ")' "$state/out"
}
expect 'lines of 8009 and 12009 bytes' "$(through '')" '8009 whole 8096 cut '
expect 'the same with maxMessageSize="128k"' "$(through 'global(maxMessageSize="128k")')" \
	'8009 whole 12009 whole '
seen
