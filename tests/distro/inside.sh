#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What tests/distro/run does in a fresh root: all steps, or those that are named. Ends in
# "N passed, N failed, N skipped".
set -u
jobs=$(nproc)
readonly JOBS="$jobs" PATIENCE=30
passed=0 failed=0 skipped=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

ok() {
	passed=$((passed + 1))
	echo "ok $*"
}

not_ok() {
	failed=$((failed + 1))
	echo "FAIL: $*"
}

# wait_for SECONDS COMMAND…
wait_for() {
	left=$(($1 * 5))
	shift
	until "$@"; do
		left=$((left - 1))
		[ $left -gt 0 ] || return 1
		sleep 0.2
	done
}

# summed NAME COMMAND…: one that ends in a sum of its own, and names what it skipped
summed() {
	name=$1
	shift
	"$@" >"$work/$name" 2>&1
	status=$?
	grep -E '^(SKIP|FAIL|UNSTABLE): ' "$work/$name"
	sum=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$work/$name" | tail -n 1)
	if [ -z "$sum" ]; then
		tail -n 20 "$work/$name"
		not_ok "$name: no sum, status $status"
		return
	fi
	echo "# $name: $sum"
	# shellcheck disable=SC2046 # numbers
	set -- $(echo "$sum" | tr -dc '0-9 ')
	passed=$((passed + $1))
	failed=$((failed + $2))
	skipped=$((skipped + $3))
}

# The README's first command, as a user gives it: `sudo make run`, in a tree of theirs in which
# an earlier root has left something. Its stdout has alerts and nothing else, for `| jq .`.
step_make_run() {
	: >"$work/alerts"
	: >"$work/log"
	id builder >/dev/null 2>&1 || useradd --create-home builder
	chown -R builder: .
	mkdir -p build/left && chown -R root: build/left
	SUDO_UID=$(id -u builder) SUDO_GID=$(id -g builder) make run 2>"$work/log" |
		jq --unbuffered -c . >"$work/alerts" 2>"$work/jq" &
	maker=$!
	if ! wait_for 1500 ready_or_over; then
		not_ok "make run: it does not come to an end"
		return
	fi
	if ! grep -q 'ready:' "$work/log"; then
		tail -n 5 "$work/log"
		not_ok "make run: $(tail -n 1 "$work/log")"
		return
	fi
	grep 'ready:' "$work/log"
	ok make_run
	# The README's example.
	# shellcheck disable=SC2046,SC2086 # seventy files
	(ulimit -Sn 64 && exec tail -f $(yes /etc/passwd | head -n 70)) >/dev/null 2>&1 &
	reader=$!
	began=$SECONDS
	wait_for $PATIENCE told_of fd-exhausted || :
	step_readme_answers
	kill $reader
	wait_for $PATIENCE told_of fd-recovered || :
	# The daemon of this root, of all that there are.
	for daemon in $(pgrep -x fdwarden); do
		[ ! "/proc/$daemon/root" -ef / ] || kill "$daemon"
	done
	if ! wait $maker; then # the status of jq
		not_ok "make run | jq: stdout is not JSON alone: $(cat "$work/jq")"
	elif told_of fd-exhausted && told_of fd-recovered; then
		ok readme_example
	else
		not_ok "the README's example: no alert of $reader"
	fi
	step_users_tree
}

# What the README has typed next: the alert, the cause, and the line to change, in two minutes.
step_readme_answers() {
	build/fdwarden events >"$work/events" 2>&1
	build/fdwarden inspect tail >"$work/inspect" 2>&1
	took=$((SECONDS - began))
	if ! grep -qE "exhausted +tail\[$reader\]: .* refused with EMFILE: all 64 " "$work/events"; then
		tail -n 3 "$work/events"
		not_ok "the README's events: no line of $reader"
	elif ! { grep -q "^tail\[$reader\]" "$work/inspect" &&
		grep -q 'Leak: /etc/passwd is open ' "$work/inspect" &&
		grep -q '^Which limit, and where it is set' "$work/inspect" &&
		grep -q '^ *ulimit -Sn ' "$work/inspect" &&
		grep -q "^ *prlimit --pid $reader --nofile=" "$work/inspect"; }; then
		cat "$work/inspect"
		not_ok "the README's inspect: not the cause and the line to change"
	elif [ "$took" -gt 120 ]; then
		not_ok "the README's minutes: $took s from the example to the line to change"
	else
		echo "# an alert, the cause and the line to change after $took s"
		ok readme_answers
	fi
}

# What `sudo make run` has built is the user's, who goes on from there.
step_users_tree() {
	left=$(find . ! -user builder -print -quit)
	if [ -n "$left" ]; then
		not_ok "sudo make run: $left is $(stat -c %U "$left")'s"
	elif ! setpriv --reuid builder --regid builder --clear-groups make all >"$work/again" 2>&1 ||
		grep -qE '^  (CC|BPF|LD) ' "$work/again"; then
		not_ok "the user's next make: $(tail -n 1 "$work/again")"
	else
		ok users_next_make
	fi
	chown -R root: .
}

ready_or_over() {
	grep -q 'ready:' "$work/log" || ! kill -0 "$maker" 2>/dev/null
}

# Whether there is one: jq 1.6 has a status of the last line alone, and others are told of, too.
told_of() {
	[ -n "$(jq -c "select(.process.pid == $reader and .event.action == \"$1\")" \
		<"$work/alerts" 2>/dev/null)" ]
}

# As a developer builds it, with this suite's compilers: no warning.
step_build() {
	# Nothing here is debugged: a quarter of the time.
	if CFLAGS=-O2 make -j"$JOBS" WERROR=1 all units helpers >"$work/build" 2>&1; then
		ok build
	else
		grep -E 'error|Error' "$work/build" | head -n 20
		not_ok "build: $(grep -m 1 -E 'error' "$work/build")"
	fi
}

step_units() {
	summed units make check-unit
}

step_features() {
	if build/fdwarden features >"$work/features" 2>&1 &&
		grep -q 'saw the calls made to prove it' "$work/features"; then
		ok features
	else
		cat "$work/features"
		not_ok "features: $(tail -n 1 "$work/features")"
	fi
}

# LIVE: patterns of their names.
step_live() {
	# shellcheck disable=SC2086 # a list
	summed live env FDWARDEN=build/fdwarden tests/live/run ${LIVE:-alerts. trace. cli}
}

# Of the live tests those that the suite's compilers and libraries have a part in.
step_smoke() {
	summed smoke env FDWARDEN=build/fdwarden tests/live/run alerts.recovered_by_closing \
		alerts.refusals_add_up trace.c_ trace.go_ trace.page trace.rust bare.
}

# The programs alone, by the compilers of CLANGS, which are installed if they are missing.
step_objects() {
	for clang in ${CLANGS:-clang}; do
		command -v "$clang" >/dev/null ||
			apt-get -qq install -y --no-install-recommends "$clang" >"$work/apt" 2>&1
		objects=(bpf/*.bpf.c)
		objects=("${objects[@]/%.c/.o}")
		if make -j"$JOBS" CLANG="$clang" BUILD="build-$clang" \
			"${objects[@]/#/build-$clang/}" >"$work/objects" 2>&1; then
			"$clang" --version | head -n 1
			ok "objects_$clang"
		else
			not_ok "objects of $clang: $(tail -n 1 "$work/objects")"
		fi
	done
}

# User space by the compilers of CCS, which are installed if they are missing, with flags that
# others build with (FLAGS, and CCS="-u …": see tests/sweep/run).
step_sweep() {
	packages=(dpkg-dev)
	for cc in ${CCS:-gcc}; do
		case $cc in
		-*) ;;
		# For link-time optimisation: its archiver, and the linker's way to it.
		clang-*) packages+=("$cc" "llvm-${cc#clang-}" "llvm-${cc#clang-}-linker-tools") ;;
		*) packages+=("$cc") ;;
		esac
	done
	apt-get -qq install -y --no-install-recommends "${packages[@]}" >"$work/apt" 2>&1
	# shellcheck disable=SC2086 # a list
	summed sweep tests/sweep/run ${CCS:-gcc}
	grep '^|' "$work/sweep"
}

# Debian's packages, by the suite's own tools; lintian has no word against them. What was built
# is left for tests/package/installed.sh.
step_package() {
	if ! .ci/deps package >"$work/deps" 2>&1; then
		not_ok "package: $(tail -n 1 "$work/deps")"
		return
	fi
	if ! make deb >"$work/deb" 2>&1; then
		tail -n 20 "$work/deb"
		not_ok "package: $(grep -m 1 -iE 'error' "$work/deb")"
		return
	fi
	ok package
	if lintian --allow-root --fail-on error,warning build/deb/*.changes >"$work/lintian" 2>&1; then
		ok lintian
	else
		cat "$work/lintian"
		not_ok "lintian: $(grep -m 1 '^[EW]:' "$work/lintian")"
	fi
}

# Once more in a folder of another name: the same bytes.
step_package_again() {
	mkdir -p "$work/a/longer name" && cp -a . "$work/a/longer name/src"
	if ! TMPDIR="$work/a" \
		make -C "$work/a/longer name/src" deb >"$work/deb" 2>&1; then
		not_ok "package_again: $(tail -n 1 "$work/deb")"
		return
	fi
	for file in build/deb/*.deb build/deb/*.tar.xz; do
		if cmp "$file" "$work/a/longer name/src/$file"; then
			ok "package_again ${file##*/}"
		else
			not_ok "package_again: ${file##*/} has other bytes"
		fi
	done
}

# All that the suite can run: `make check`.
step_check() {
	summed check make check
}

[ $# -gt 0 ] || set -- build make_run units features live
for step; do
	case $step in
	build | make_run | units | features | smoke | live | objects | sweep | check | package | \
		package_again)
		echo "== $SUITE: $step"
		"step_$step"
		;;
	*)
		echo "$0: there is no step '$step'" >&2
		exit 2
		;;
	esac
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
