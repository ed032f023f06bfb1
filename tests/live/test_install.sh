#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What `make install` puts there: all that the manuals name, no place of another prefix; and
# `make uninstall` takes it away but for the configuration.
set -u
cd "$(dirname "$0")/../.." || exit 1
fdwarden=${FDWARDEN:-build/fdwarden}
[ -x "$fdwarden" ] || { echo "FAIL: no $fdwarden; build it first"; exit 1; }
command -v make >/dev/null || { echo "SKIP: no make"; exit 77; }
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
ran=0 failed=0

complain() {
	echo "FAIL: $*"
	failed=$((failed + 1))
}

# at_prefix TARGET: with the program as it is
at_prefix() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s "$1" BUILD="$(dirname "$fdwarden")" \
		-o "$(dirname "$fdwarden")/fdwarden" DESTDIR="$dir/root" PREFIX=/opt/fdw >"$dir/log" 2>&1 ||
		complain "make $1: $(tail -n 1 "$dir/log")"
}

at_prefix install
for file in docs/*.[1-9]; do
	while read -r named; do
		ran=$((ran + 1))
		[ -e "$dir/root/${named/\/usr\/local/\/opt\/fdw}" ] || complain "$file names $named"
	done < <(grep -oE '/usr/local/[A-Za-z0-9./_-]*[A-Za-z0-9]' "$file" | sort -u)
	# Whoever reads it there has no source beside it.
	grep -nE '^\.(Pa|It Pa) (contrib|docs|systemd)/|^\.Pa contrib$|^\.Pa [a-z.]*\.json' "$file" &&
		complain "$file names what is in the source alone"
done
[ "$ran" -ge 4 ] || complain "the manuals name $ran files only"
for file in contrib/*/*; do
	# For those who build packages and images, or have the source at hand.
	case $file in contrib/completions/* | contrib/rpm/* | contrib/container/* | \
		contrib/kubernetes/* | contrib/ansible/*) continue ;; esac
	ran=$((ran + 1))
	[ -e "$dir/root/opt/fdw/share/doc/fdwarden/examples/${file#contrib/}" ] ||
		complain "$file is not installed"
done
grep -rIl '/usr/local/\(sbin\|share\)' "$dir/root" && complain "another prefix is named"
grep -q '^ExecStart=/opt/fdw/sbin/fdwarden daemon$' \
	"$dir/root/opt/fdw/lib/systemd/system/fdwarden.service" || complain "the unit's ExecStart"

# What the administrator wrote is there after the next one.
echo '# mine' >>"$dir/root/etc/fdwarden/fdwarden.conf"
at_prefix install
grep -qx '# mine' "$dir/root/etc/fdwarden/fdwarden.conf" || complain "the configuration is lost"
at_prefix uninstall
left=$(cd "$dir/root" && find . ! -type d | sort | paste -s -d ' ')
[ "$left" = './etc/fdwarden/fdwarden.conf ./etc/logrotate.d/fdwarden' ] || complain "left: $left"
[ ! -d "$dir/root/opt/fdw/share/doc/fdwarden" ] || complain "empty directories are left"

[ "$failed" = 0 ] || exit 1
echo "PASS: $ran files"
