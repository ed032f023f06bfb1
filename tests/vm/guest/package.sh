# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
# machines: bookworm trixie
# kernels bookworm: 6.1
# kernels trixie: 6.12
# timeout: 400
# Debian's package on a Debian with systemd that has never had fdwarden: it monitors at once, an
# upgrade keeps an open incident and the configuration, and a purge leaves nothing.

UNIT=fdwarden.service

# by_dpkg ARGUMENT…
by_dpkg() {
	DEBIAN_FRONTEND=noninteractive dpkg "$@" >"$WORK/dpkg" 2>&1 </dev/null ||
		fail "dpkg $1: $(tail -n 1 "$WORK/dpkg")"
}

show() {
	systemctl show -p "$1" --value $UNIT
}

# told ACTION PID
told() {
	journal FDWARDEN_ACTION="$1" FDWARDEN_PID="$2" >"$WORK/journal"
	[ -s "$WORK/journal" ]
}

# incident ACTION PID: its id
incident() {
	told "$1" "$2"
	head -n 1 "$WORK/journal" | jq -r .FDWARDEN_INCIDENT
}

# Where it is still named, outside of what dpkg has of every package.
left() {
	find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /tests \
		-o -path /debs -o -path /var/log/journal -o -path /run/log -o -path /run/systemd \) \
		-prune -o -name '*fdwarden*' ! -name 'fdwarden-tests.service' -print
	grep -H fdwarden /etc/passwd /etc/group /etc/shadow /etc/gshadow
}

test_installed_upgraded_purged() {
	local pid id
	dpkg -P fdwarden >/dev/null 2>&1
	by_dpkg -i /debs/now.deb
	expect "the state after the installation" "$(show ActiveState)" active
	expect "whether it starts with the machine" "$(systemctl is-enabled $UNIT)" enabled
	pid=$(show MainPID)
	expect "its user" "$(stat -c %U "/proc/$pid")" fdwarden
	expect "its program" "$(readlink "/proc/$pid/exe")" /usr/sbin/fdwarden
	note "installed: $(fdwarden --version), user $(stat -c %U:%G "/proc/$pid"), active"

	zoo_start zoo limit=64 refuse=openat:5 say=finished wait
	zoo_says zoo finished
	wait_for "$PATIENCE" told fd-exhausted "$ZOO" || fail "no alert of process $ZOO in the journal"
	id=$(incident fd-exhausted "$ZOO")
	sed -i 's/^\[thresholds\]/&\nwarn = 71%/' "$SERVICE_CONFIG"

	by_dpkg --force-confold -i /debs/later.deb
	expect "the state after the upgrade" "$(show ActiveState)" active
	[ "$(show MainPID)" != "$pid" ] || fail "the old daemon runs after the upgrade"
	grep -qx 'warn = 71%' "$SERVICE_CONFIG" || fail "the configuration is lost"
	fdwarden check-config | grep -qx 'warn = 71%' || fail "the configuration is not in force"
	echo >"$WORK/zoo.in"
	kill "$ZOO"
	wait_for "$PATIENCE" told fd-recovered "$ZOO" || fail "the open incident has no end"
	expect "the incident that ends" "$(incident fd-recovered "$ZOO")" "$id"
	told fd-exhausted "$ZOO"
	expect "how often it was told" "$(wc -l <"$WORK/journal")" 1
	note "upgraded with incident $id open: told once, ended by the new daemon"

	by_dpkg -r fdwarden
	expect "the process after the removal" "$(pgrep -x fdwarden)" ""
	[ -e "$SERVICE_CONFIG" ] || fail "the removal took the configuration"
	by_dpkg -P fdwarden
	left >"$WORK/left"
	expect "what the purge left" "$(paste -s -d ' ' "$WORK/left")" ""
	expect "what systemd knows of it" "$(show LoadState)" not-found
	note "purged: nothing left"
}
