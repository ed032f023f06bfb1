# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
# machines: small
# kernels: 6.12
# timeout: 90
# What was under way before the daemon came.

# Opens that waited then fail, and give back numbers that nobody counted as opened.
test_opens_that_wait() {
	zoo_start zoo limit=64 flight=20 say=waits wait openat=1 land openat=57 say=near wait
	zoo_says zoo waits
	daemon_launch "$WORK/daemon" "" fexit
	zoo_go zoo
	zoo_says zoo near
	await "$ZOO" fd-critical
	# Up to a critical level of 61 of 64: all but the three that it began with.
	expect "the opened" "$(of "$ZOO" event.action=fd-critical fd.opened)" 58
	kill "$DAEMON"
}
