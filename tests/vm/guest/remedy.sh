# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
# machines: systemd
# timeout: 150
# kernels: 6.12
# The service raises a limit where a rule says so: with the capability that fdwarden(8)
# tells to add, and without.

UNIT=fdwarden.service
DROP_IN=/etc/systemd/system/$UNIT.d

with_rule() {
	cp "$SERVICE_CONFIG" "$WORK/config"
	service_sensor tracepoint
	printf '\n[rule zoo]\nname = fdzoo\non_critical = raise-soft\nraise_leaks = yes\nraise_interval = 1s\n' \
		>>"$SERVICE_CONFIG"
	systemd-sysusers
	systemctl daemon-reload
	systemctl restart $UNIT || {
		cp "$WORK/config" "$SERVICE_CONFIG"
		fail "systemctl restart: $(journalctl -u $UNIT --no-pager -o cat -n 1)"
	}
}

# The machine is the next test's, too.
without_rule() {
	cp "$WORK/config" "$SERVICE_CONFIG"
	rm -f "$DROP_IN/override.conf" # the image has one of its own there
	systemctl daemon-reload
	systemctl stop $UNIT
}

# limits_of PID: "SOFT:HARD"
limits_of() {
	awk '/^Max open files/ { print $4 ":" $5 }' "/proc/$1/limits"
}

# said WHAT: in the service's log or alerts, since this test began
said() {
	journalctl -u $UNIT --no-pager -o cat --since "@$SINCE" | grep -q -- "$1"
}

test_raise_with_the_capability() {
	SINCE=$(date +%s)
	mkdir -p "$DROP_IN"
	printf '[Service]\nAmbientCapabilities=CAP_SYS_RESOURCE\nCapabilityBoundingSet=CAP_SYS_RESOURCE\n' \
		>"$DROP_IN/override.conf"
	with_rule
	zoo_start zoo limit=100:1000 openat=93 say=there wait
	zoo_says zoo there
	wait_for "$PATIENCE" said "was raised from 100 to 125" || {
		without_rule
		fail "not raised: $(limits_of "$ZOO")"
	}
	limits=$(limits_of "$ZOO")
	without_rule
	expect "its limits" "$limits" 125:1000
}

test_raise_without_the_capability() {
	SINCE=$(date +%s)
	with_rule
	zoo_start zoo limit=100:1000 openat=93 say=there wait
	zoo_says zoo there
	wait_for "$PATIENCE" said "systemctl edit fdwarden" || {
		without_rule
		fail "it does not say what to do: $(journalctl -u $UNIT --no-pager -o cat -n 2)"
	}
	limits=$(limits_of "$ZOO")
	without_rule
	expect "its limits" "$limits" 100:1000
}
