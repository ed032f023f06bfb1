# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
# machines: small
# timeout: 120
# What the census says of descriptors, against /proc.

# agrees PROCESS…: PID, or PID/TID
agrees() {
	census_check "$@" >"$WORK/check" 2>&1 || fail "$(head -n 1 "$WORK/check")"
	note "$(tail -n 1 "$WORK/check")"
}

# figure NAME: of the census's last line
figure() {
	sed -n "s/^# .*\b$1=\([^ ]*\).*/\1/p" "$WORK/census"
}

# of_fd FD KEY
of_fd() {
	sed -n "s/^fd=$1 .*\b$2=\([^ ]*\).*/\1/p" "$WORK/census"
}

read_census() {
	census "$@" >"$WORK/census" 2>&1 || fail "census: $(tail -n 1 "$WORK/census")"
}

said_or_gone() {
	grep -q '^there' "$WORK/$1.out" || ! kill -0 "$2"
}

# Every way of getting a descriptor that this kernel has, three of each.
test_every_way() {
	local way rest pids="" lacking=""
	fdzoo ways >"$WORK/ways" || fail "fdzoo ways: status $?"
	while read -r way rest; do
		zoo_start "$way" "prepare=$way" "$way=3" say=there wait
		pids="$pids $ZOO"
	done <"$WORK/ways"
	set --
	for pid in $pids; do
		read -r way rest <&3
		wait_for "$PATIENCE" said_or_gone "$way" "$pid" ||
			fail "fdzoo $way does not come to its end"
		if grep -q '^skip' "$WORK/$way.out" || ! grep -q '^there' "$WORK/$way.out"; then
			lacking="$lacking $way"
		else
			set -- "$@" "$pid"
		fi
	done 3<"$WORK/ways"
	note "ways that this kernel or machine lacks:${lacking:- none}"
	[ $# -gt 20 ] || fail "only $# ways work"
	agrees "$@" 1
}

# A main thread that has exited, and a thread with a table of its own.
test_threads() {
	local tid
	zoo_start leaderless leaderless openat=70 say=there wait
	zoo_says leaderless there
	agrees "$ZOO"
	read_census "$ZOO"
	[ "$(figure len)" -ge 73 ] || fail "$(figure len) descriptors of a process without leader"
	zoo_start own openat=20 thread_table=30 say=there wait
	zoo_says own there
	tid=$(sed -n 's/^thread //p' "$WORK/own.out")
	agrees "$ZOO" "$ZOO/$tid"
	read_census "$ZOO" "$tid"
	[ "$(figure len)" -ge 53 ] || fail "$(figure len) descriptors of a thread"
	! census "$ZOO" 4194303 >"$WORK/census" 2>&1 || fail "it finds a thread that is none"
	! census 4194303 >"$WORK/census" 2>&1 || fail "it finds a process that is none"
}

# Both ends of connections, and who has closed.
test_sockets() {
	zoo_start tcp prepare=accept4 accept4=4 say=there wait
	zoo_says tcp there
	read_census "$ZOO"
	expect "what waits for connections" "$(of_fd 3 state)" LISTEN
	expect "whose peer has closed" "$(of_fd 4 state)" CLOSE_WAIT
	expect "its own address" "$(of_fd 4 local)" "$(of_fd 3 local)"
	expect "that its peer has closed" "$(of_fd 4 peer_closed)" 1
	expect "its peer's host" "$(of_fd 4 peer | sed 's/:.*//')" 127.0.0.1
	zoo_start unix socketpair=2 say=there wait
	zoo_says unix there
	read_census "$ZOO"
	expect "the peer of a unix socket" "$(of_fd 3 peer_inode)" "$(of_fd 4 inode)"
	expect "the peer's peer" "$(of_fd 4 peer_inode)" "$(of_fd 3 inode)"
}

# A name with all that a name may have.
test_hostile_name() {
	local name
	name=$(printf 'a"b\\c\nd\033[31m\377$ (deleted)')
	mkdir -p "$WORK/$name"
	sleep 1000 7<"$WORK/$name" &
	echo $! >>"$WORK/pids"
	agrees $!
	read_census $!
	expect "its bytes" "$(of_fd 7 path)" "$(printf '%s' "$WORK/$name" | hexdump -v -e '/1 "%02x"')"
}

# Of a table that is large, at the reader's own limit, and all but the first.
test_large() {
	ulimit -n 20000
	zoo_start large fill=19000 say=there wait
	zoo_says large there
	read_census -q -n 3 "$ZOO"
	expect "how many there are" "$(figure len)" "$(descriptors "$ZOO")"
	note "$(figure len) descriptors in $(figure median_us) us; loaded in $(figure load_us) us"
	read_census -q -f -n 3 "$ZOO"
	expect "how many a reader without descriptors sees" "$(figure len)" 19000
	read_census -q -m 10 "$ZOO"
	expect "how many are told" "$(figure len)" 10
	expect "how many are only counted" "$(figure cut)" 18990
}
