# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
# machines: small
# each: sensor
# timeout: 90
# legend: instructions that the verifier processed; tests/vm/verifier-baseline.txt is what
# legend:   they are compared with
# What the programs cost the verifier.

test_cost() {
	daemon_start
	bpfprogs "$DAEMON" >"$WORK/costs"
	case $? in
	0) ;;
	77) skip "this kernel does not tell what its verifier did (5.16 does)" ;;
	*) fail "bpfprogs: $(tail -n 1 "$WORK/output")" ;;
	esac
	sort "$WORK/costs" | sed 's/ /: /' >"$WORK/cells"
	[ "$(wc -l <"$WORK/cells")" -gt 1 ] || fail "only $(wc -l <"$WORK/cells") programs are loaded"
}
