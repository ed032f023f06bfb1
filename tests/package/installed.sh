#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The Debian package in a root that has never seen fdwarden: tests/package/installed.sh DEB.
# Installed by apt, started, upgraded with a configuration that was changed, removed, purged.
# Run by `tests/distro/run -s package`; it changes the system that it runs in. Ends in
# "N passed, N failed, N skipped".
set -u
readonly PATIENCE=30 CONF=/etc/fdwarden/fdwarden.conf
deb=$1
passed=0 failed=0
work=$(mktemp -d)
daemon=
trap '[ -z "$daemon" ] || kill "$daemon"; rm -rf "$work"' EXIT
export DEBIAN_FRONTEND=noninteractive
cd / || exit 1

# check NAME COMMAND…
check() {
	local name=$1
	shift
	if "$@" >"$work/output" 2>&1; then
		passed=$((passed + 1))
		echo "ok $name"
	else
		failed=$((failed + 1))
		echo "FAIL: $name: $(tail -n 1 "$work/output")"
	fi
}

# wait_for COMMAND…
wait_for() {
	local left=$((PATIENCE * 5))
	until "$@"; do
		left=$((left - 1))
		[ $left -gt 0 ] || return 1
		sleep 0.2
	done
}

# Where it is named, outside of what the package manager keeps about all packages.
traces() {
	find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /src \
		-o -path /var/cache -o -path /var/log/apt -o -path /root \) -prune \
		-o -name '*fdwarden*' -print
	grep -H fdwarden /etc/passwd /etc/group /etc/shadow /etc/gshadow
}

none_left() {
	traces >"$work/traces"
	dpkg-query -W -f='${db:Status-Abbrev}' fdwarden >>"$work/traces" 2>/dev/null
	paste -s -d ' ' "$work/traces"
	[ ! -s "$work/traces" ]
}

# Each file that the package brings, and each that a manual of it names.
files_are_there() {
	local file missing=
	while read -r file; do
		# What a root without documentation leaves out (path-exclude).
		case $file in /usr/share/man/* | /usr/share/doc/*) [ -e /usr/share/man/man8/fdwarden.8.gz ] || continue ;; esac
		[ -e "$file" ] || missing+=" $file"
	done < <(dpkg -L fdwarden)
	for file in $(dpkg-deb --fsys-tarfile "$deb" | tar -xO --wildcards './usr/share/man/*' | gzip -dc |
		grep -oE '/usr/[a-z/]*/fdwarden/[a-z./-]*[a-z]'); do
		case " $(dpkg -L fdwarden | paste -s -d ' ') " in
		*" $file "*) ;;
		*) missing+=" $file" ;;
		esac
	done
	echo "missing:$missing"
	[ -z "$missing" ]
}

# What says where it is says so of this installation.
no_path_of_the_makers() {
	local file
	while read -r file; do
		[ ! -f "$file" ] || grep -lIE '/usr/local/(sbin|share)' "$file"
	done < <(dpkg -L fdwarden | grep -v '/doc/fdwarden/[^/]*$') >"$work/places"
	paste -s -d ' ' "$work/places"
	[ ! -s "$work/places" ]
}

enabled() {
	[ -h /etc/systemd/system/multi-user.target.wants/fdwarden.service ] &&
		grep -q 'ExecStart=/usr/sbin/fdwarden daemon' \
			/etc/systemd/system/multi-user.target.wants/fdwarden.service
}

has_user() {
	getent passwd fdwarden && getent group fdwarden
}

ready() {
	grep -q 'ready:' "$work/log" || ! kill -0 "$daemon"
}

told() {
	grep -q "\"action\":\"$1\".*\"pid\":$process\\b\|\"pid\":$process\\b.*\"action\":\"$1\"" "$work/alerts"
}

# As where there is no systemd: the README's example is told of.
monitors() {
	/usr/sbin/fdwarden daemon -o metrics.listen=127.0.0.1:19834 >"$work/alerts" 2>"$work/log" &
	daemon=$!
	wait_for ready
	kill -0 "$daemon" || {
		tail -n 1 "$work/log"
		return 1
	}
	# shellcheck disable=SC2046 # seventy files
	(ulimit -Sn 64 && exec tail -f $(yes /etc/passwd | head -n 70)) >/dev/null 2>&1 &
	process=$!
	wait_for told fd-exhausted
	local status=$?
	kill $process
	tail -n 1 "$work/log"
	return $status
}

# libmicrohttpd is loaded at run time: nothing but this sees that it was installed.
serves_metrics() {
	local line
	exec 3<>/dev/tcp/127.0.0.1/19834 || return 1
	printf 'GET /metrics HTTP/1.0\r\n\r\n' >&3
	IFS= read -r -t 10 line <&3
	exec 3>&-
	echo "${line%$'\r'}"
	[[ $line == *' 200 '* ]]
}

stop() {
	kill "$daemon"
	wait "$daemon"
	local status=$?
	daemon=
	return $status
}

apt() {
	apt-get -qq -o Dpkg::Use-Pty=0 "$@"
}

configuration_is_kept() {
	grep -x 'warn = 71%' $CONF && fdwarden check-config | grep -x 'warn = 71%' &&
		[ -e $CONF.dpkg-dist ] && dpkg-query -W fdwarden | grep later
}

removed() {
	[ ! -e /usr/sbin/fdwarden ] && [ -e $CONF ] &&
		[ ! -e /usr/share/fdwarden ] && [ ! -e /lib/systemd/system/fdwarden.service ]
}

check nothing_before none_left
apt update || exit 1
cp "$deb" "$work/fdwarden_now.deb"
chmod 755 "$work"
check install apt install -y "$work/fdwarden_now.deb"
check files files_are_there
check places no_path_of_the_makers
check user has_user
check enabled enabled
check version sh -c 'fdwarden --version | grep -x "fdwarden [0-9.]*"'
check monitors monitors
check metrics serves_metrics
check stops stop
sed -i 's/^\[thresholds\]/&\nwarn = 71%/' $CONF
"${0%/*}/later" "$deb" "$work/fdwarden_later.deb"
check upgrade apt -o Dpkg::Options::=--force-confold install -y "$work/fdwarden_later.deb"
check configuration configuration_is_kept
check remove apt remove -y fdwarden
check removed removed
install -d -o fdwarden -g fdwarden /var/log/fdwarden /var/lib/fdwarden
touch /var/log/fdwarden/alerts.json
check purge apt purge -y fdwarden
check nothing_left none_left
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
