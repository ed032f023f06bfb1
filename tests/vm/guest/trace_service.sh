# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
# machines: systemd
# timeout: 240
# kernels: 6.1 6.12
# The service traces by itself, with the rights that its unit gives: of a Go server that forgets
# to close the bodies of responses one alert says it all.

UNIT=fdwarden.service

# unit NAME ARGUMENTS [SETTING]: of tests/helpers/leaks/leaks.go
unit() {
	mkdir -p "/srv/$1"
	ln -f /tests/bin/leaks "/srv/$1/$1"
	printf '[Service]\nExecStart=/srv/%s/%s %s\n%s\n' "$1" "$1" "$2" "${3:-}" \
		>"/etc/systemd/system/$1.service"
}

# told: an alert and what follows it have all that explains it; on a slow machine that is not
# one alert. While little of the table is used, no other limit is proposed for a leak.
told() {
	journal FDWARDEN_PID="$PID" | jq -s '
		[.[] | .FDWARDEN_JSON | fromjson | select(.fd.used > 110)] |
		reduce .[] as $one ({}; . * $one) |
		select(.fd.call_sites[0].count and .fd.groups[0] and .limit)' >"$WORK/seen"
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

# alert FILTER: of the first with call sites
alert() {
	jq -r -s ".[0] | $1" <"$WORK/seen"
}

test_call_sites_in_alerts() {
	[ -x /tests/bin/leaks ] || skip "no Go compiler was there when the tests were built"
	printf '\n[thresholds]\nwarn = 40%%\n[trace]\nauto = yes\nduration = 1h\n' >>"$SERVICE_CONFIG"
	service_sensor fexit
	systemd-sysusers
	unit upstream "upstream 127.0.0.1:8081"
	unit api "bodies 127.0.0.1:8080 http://127.0.0.1:8081/" LimitNOFILE=128
	unit clients "ask http://127.0.0.1:8080/ 4"
	systemctl daemon-reload
	systemctl restart $UNIT || fail "systemctl restart: $(journalctl -u $UNIT -o cat -n 1)"
	systemctl restart upstream api clients || fail "the servers do not start"
	PID=$(systemctl show -P MainPID api)
	wait_for 60 child_is_confined || {
		ps ax
		fail "the service has '$(filters fdwarden | xargs)' filters, its child '$(
			filters fdwarden-unwind | xargs)'"
	}
	wait_for 100 told || fail "no call site: $(journalctl -u $UNIT --no-pager -o cat -n 3)"
	systemctl stop clients api upstream $UNIT
	jq -c . <"$WORK/seen" | head -n 1
	jq -c . <"$WORK/seen" | while read -r line; do note "$line"; done
	# net/http dials in a goroutine of its own.
	expect "the first site" "$(alert '.fd.call_sites[0].function | split(").")[0]')" \
		"net/http.(*Transport"
	expect "its file" "$(alert '.fd.call_sites[0].file | sub(".*/net/http/"; "")')" transport.go
	[ "$(alert .fd.call_sites[0].line)" -gt 1000 ] || fail "its line: $(alert .fd.call_sites[0])"
	expect "what they are" "$(alert '.fd.groups[0] | "\(.type) \(.state) \(.where)"')" \
		"tcp CLOSE_WAIT 127.0.0.1:8081"
	expect "the limit's origin" "$(alert '.limit | "\(.origin) \(.file):\(.line)"')" \
		"systemd-unit /etc/systemd/system/api.service:3"
	expect "what is to be done first" "$(alert '.advice[0].action')" fix-leak
	expect "the line to write" "$(alert '[.advice[].content // empty | scan("LimitNOFILE=[0-9]+")] |
		first')" LimitNOFILE=256
	journalctl -u $UNIT --no-pager -o cat | grep -q "process $PID is traced, watched by: sensor" ||
		fail "it was not the sensor that ran the trace"
}
