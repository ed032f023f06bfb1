# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
# machines: small
# timeout: 150
# `fdwarden trace` on each kernel, without a sensor. What a kernel has left out, and says so, was
# not seen.

# Ways that return no number: on the functions that put files into a table they are seen.
test_every_way() {
	local ways="recvmsg pidfd_getfd ns_get tiocgptpeer dup2" way prepare="" steps=""
	for way in $ways; do
		prepare="$prepare prepare=$way"
		steps="$steps $way=4"
	done
	# shellcheck disable=SC2086
	zoo_start zoo $prepare say=there wait $steps say=done wait
	zoo_says zoo there
	LEAK=$ZOO
	# shellcheck disable=SC2119
	trace_start
	leak_all zoo
	trace_end
	adds_up
	expect "where it watched" "$(figure .trace.watched)" functions
	figure '"not seen \(.fd.unknown_why.not_seen // 0), left out \(.trace.losses.missed)"' \
		>"$WORK/seen"
	note "$(cat "$WORK/seen")"
	figure 'select((.fd.unknown_why.not_seen // 0) <= .trace.losses.missed) | "stated"' |
		grep -q stated || fail "$(cat "$WORK/seen")"
	[ "$(figure '[.fd.call_sites[].count] | add')" -gt 15 ] ||
		fail "few are known: $(figure '.fd | [.call_sites[].count, .unknown]' | xargs)"
}
