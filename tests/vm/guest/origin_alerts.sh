# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
# machines: systemd
# timeout: 120
# kernels: 6.1
# Where a limit was set, as the service tells it in its alerts.

# shellcheck source=/dev/null
. /tests/origin.sh

# origin_in_journal PID: of an alert of the service, or of what followed it
origin_in_journal() {
	journal FDWARDEN_PID="$1" | jq -r ".FDWARDEN_JSON | fromjson |
		select(.limit.origin) | .limit" >"$WORK/seen"
	[ -s "$WORK/seen" ]
}

# The service has few rights and sees no homes. It tells the same.
test_in_alerts() {
	local dir=/home/alice/.config/systemd/user
	alice
	systemd-sysusers || fail "systemd-sysusers: status $?"
	systemctl daemon-reload
	service_sensor tracepoint
	systemctl start fdwarden.service || fail "the service does not start"
	unit app.service 1000 LimitNOFILE=1100
	# for which it has the file alone, and no right to it but by a capability
	chmod 600 "$UNITS/app.service"
	wait_for "$PATIENCE" origin_in_journal "$PID" || fail "no alert tells the origin"
	expect "the origin" "$(jq -r -s '.[0].origin' <"$WORK/seen")" systemd-unit
	expect "its file" "$(jq -r -s '.[0].file' <"$WORK/seen")" "$UNITS/app.service"
	end_unit app.service

	loginctl enable-linger alice
	systemctl start user@1000.service || fail "alice has no manager"
	as_alice mkdir -p $dir
	printf '[Service]\nExecStart=%s fill=1000 sleep=3600000\nLimitNOFILE=1050\n' \
		"$ZOO_BIN" >$dir/app.service
	chmod 700 /home/alice
	as_alice systemctl --user daemon-reload || fail "her manager does not answer"
	as_alice systemctl --user start app.service || fail "her unit does not start"
	PID=$(as_alice systemctl --user show -p MainPID --value app.service)
	wait_for "$PATIENCE" origin_in_journal "$PID" || fail "no alert tells the origin"
	cat "$WORK/seen"
	expect "the origin" "$(jq -r -s '.[0].origin' <"$WORK/seen")" systemd-unit
	expect "its file" "$(jq -r -s '.[0].file' <"$WORK/seen")" $dir/app.service
	expect "denied" "$(jq -r -s '.[0].denied' <"$WORK/seen")" null
	loginctl disable-linger alice
	systemctl stop user@1000.service fdwarden.service
	rm -rf $dir
}
