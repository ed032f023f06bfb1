# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
# machines: systemd
# timeout: 150
# kernels: 6.12
# The service traces by itself, with the rights that its unit gives.

UNIT=fdwarden.service

# told: an alert, or what followed it, has call sites
told() {
	journal FDWARDEN_PID="$PID" | jq -r ".FDWARDEN_JSON | fromjson |
		select(.fd.call_sites[0].count)" >"$WORK/seen"
	[ -s "$WORK/seen" ]
}

# filters COMM: how many system-call filters the processes of that name have
filters() {
	grep -lsx "$1" /proc/[0-9]*/comm | sed 's/comm$/status/' |
		xargs -r awk '/^Seccomp_filters/ { print $2 }'
}

# child_is_confined: by the unit's filters and one more
child_is_confined() {
	[ "$(filters fdwarden-unwind)" = $(($(filters fdwarden) + 1)) ]
}

test_call_sites_in_alerts() {
	[ -e /tmp/config ] || cp "$SERVICE_CONFIG" /tmp/config
	cp /tmp/config "$SERVICE_CONFIG"
	printf '\n[trace]\nauto = yes\nduration = 1h\n' >>"$SERVICE_CONFIG"
	service_sensor tracepoint
	systemd-sysusers
	printf '[Service]\nExecStart=/bin/sh -c "(sleep 3; echo go; sleep 1000) | /tests/bin/leak 0 4"\nLimitNOFILE=100:1000\n' \
		>/etc/systemd/system/app.service
	systemctl daemon-reload
	systemctl restart $UNIT || fail "systemctl restart: $(journalctl -u $UNIT -o cat -n 1)"
	systemctl restart app.service
	wait_for "$PATIENCE" pidof leak >"$WORK/pid" || fail "no leak"
	PID=$(pidof leak)
	wait_for "$PATIENCE" child_is_confined || {
		ps ax
		fail "the service has '$(filters fdwarden | xargs)' filters, its child '$(
			filters fdwarden-unwind | xargs)'"
	}
	wait_for 60 told || fail "no call site: $(journalctl -u $UNIT --no-pager -o cat -n 3)"
	systemctl stop app.service $UNIT
	cp /tmp/config "$SERVICE_CONFIG"
	jq -c . <"$WORK/seen" | head -n 1
	expect "the first site" "$(jq -r -s '.[0].fd.call_sites[0].function' <"$WORK/seen")" leak_file
	expect "its file" "$(jq -r -s '.[0].fd.call_sites[0].file | sub(".*/"; "")' <"$WORK/seen")" leak.c
	jq -c . <"$WORK/seen" | while read -r line; do note "$line"; done
}
