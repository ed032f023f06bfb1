#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# journalctl -o json writes null in the place of a field of 4 KiB or more, as if it had no
# value; the entry itself and its status look well. With --all it writes the field whole.
#
# What follows: a pipeline that takes a JSON document out of a journal field loses exactly
# the longest ones, which of fdwarden's alerts are those with the cause in them.
#
# Seen with systemd and systemd-journal-remote 252.39-1~deb12u2 (Debian 12).
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"

debian systemd=252.39-1~deb12u2 libsystemd-shared=252.39-1~deb12u2 \
	systemd-journal-remote=252.39-1~deb12u2 libmicrohttpd12=0.9.75-6
export LD_LIBRARY_PATH=$work/root/usr/lib/x86_64-linux-gnu:$work/root/lib/x86_64-linux-gnu:$work/root/usr/lib/x86_64-linux-gnu/systemd:$work/root/lib/x86_64-linux-gnu/systemd
for size in 4000 4200; do
	printf '__REALTIME_TIMESTAMP=1700000000000000\n__MONOTONIC_TIMESTAMP=1\n'
	printf '_BOOT_ID=0123456789abcdef0123456789abcdef\nMESSAGE=entry\nLONG=%s\n\n' \
		"$(printf "%${size}s" | tr ' ' x)"
done >"$work/entries"
"$work/root/lib/systemd/systemd-journal-remote" -o "$work/out.journal" "$work/entries" \
	2>"$work/errors" || die "$(cat "$work/errors")"
lengths() {
	"$work/root/bin/journalctl" --file "$work/out.journal" -o json "$@" | python3 -c '
import json, sys
print(*("null" if value is None else len(value)
        for value in (json.loads(line)["LONG"] for line in sys.stdin)))'
}
expect 'fields of 4000 and 4200 bytes in -o json' "$(lengths)" '4000 null'
expect 'the same with --all' "$(lengths --all)" '4000 4200'
seen
