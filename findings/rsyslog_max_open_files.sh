#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# rsyslog can raise its own limit, but in its old form of configuration alone: $MaxOpenFiles. The
# new form, into which its documentation asks to turn everything, has no such parameter of
# global(): "parameter 'maxOpenFiles' not known". The check (-N1) calls that an error and ends
# with 1; who translates a configuration loses the limit.
#
# What follows: the line to add is `$MaxOpenFiles 2048`, beside global(…) statements too, where
# both forms may stand.
#
# Seen with rsyslog 8.2302.0-1+deb12u2 (Debian 12).
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"

debian rsyslog=8.2302.0-1+deb12u2 libestr0=0.1.11-1 libfastjson4=1.2304.0-1 liblognorm5=2.0.6-4

# check LINE: what rsyslogd says of a configuration with it
check() {
	printf '%s\n*.* action(type="omfile" file="%s/out")\n' "$1" "$work" >"$work/conf"
	if LD_LIBRARY_PATH=$work/root/usr/lib/x86_64-linux-gnu \
		RSYSLOG_MODDIR=$work/root/usr/lib/x86_64-linux-gnu/rsyslog \
		"$work/root/usr/sbin/rsyslogd" -N1 -f "$work/conf" -i "$work/pid" >"$work/said" 2>&1; then
		printf 'valid'
	else
		printf 'refused'
	fi
	sed -n "s/.*\(parameter '[^']*' not known\).*/: \1/p" "$work/said" | head -n 1
}

# shellcheck disable=SC2016 # rsyslog's, not the shell's
expect '$MaxOpenFiles 2048' "$(check '$MaxOpenFiles 2048')" 'valid'
expect 'global(maxOpenFiles="2048")' "$(check 'global(maxOpenFiles="2048")')" \
	"refused: parameter 'maxOpenFiles' not known"
expect 'global(maxMessageSize="64k"), which it knows' "$(check 'global(maxMessageSize="64k")')" 'valid'
seen
