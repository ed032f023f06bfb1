# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
# machines: small
# each: sensor
# kernels: 5.10 6.1/fexit 6.12/fexit newest
# timeout: 150
# The daemon traces by itself, and its sensor runs the programs: with either, on each kernel,
# the alert names the code.

# told MISSED: all that leaked is of one site, but for what the kernel has left out since it was
# so many, which was not seen; most are in any case
told() {
	local least=$((100 + $1 - $(missed_runs)))
	[ $least -gt 80 ] || least=80
	of "$LEAK" . | tail -n 1 | jq -r ".fd.call_sites[0] | select(.count >= $least) |
		\"\(.function) \(.file | sub(\".*/\"; \"\")) \([.frames[].function] |
			map(select(. == \"handle_request\" or . == \"main\")) | join(\" \"))\"" \
		>"$WORK/site"
	[ -s "$WORK/site" ]
}

test_by_the_sensor() {
	local missed
	daemon_start
	daemon_config '[thresholds]\nhysteresis = 1%%\n[trace]\nauto = yes\nduration = 3s\n[rule leak]\nexecutable = */leak\nwarn = 2%%\n'
	missed=$(missed_runs)
	ulimit -n 200
	leak_start leak 100 200 1
	wait_for "$DAEMON_PATIENCE" grep -q "process $LEAK is traced" "$LOG" || fail "it is not traced"
	leak_all leak
	wait_for "$PATIENCE" told "$missed" ||
		fail "its sites: $(of "$LEAK" fd.call_sites | tail -n 1)"
	expect "the site" "$(cat "$WORK/site")" "leak_file leak.c handle_request main"
	expect "where it was watched" "$(sed -n "s/.*process $LEAK is traced, //p" "$LOG")" \
		"watched by: sensor"
}
