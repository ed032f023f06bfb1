# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
# machines: systemd
# timeout: 120
# kernels: 6.1
# The system around it is the same on all kernels; origin_alerts.sh runs on each.
# Where a limit was set, as `inspect` tells it, and that what it proposes, typed as it is
# printed, has the effect.

UNITS=/etc/systemd/system
ZOO_BIN=/tests/bin/fdzoo

# look PID: into $WORK/seen
look() {
	fdwarden inspect "$1" --json >"$WORK/seen" 2>"$WORK/errors" ||
		fail "inspect $1: $(tail -n 1 "$WORK/errors")"
}

# seen FILTER
seen() {
	jq -r "$1" <"$WORK/seen"
}

# expect_origin NAME [FILE:LINE]
expect_origin() {
	seen .limit
	expect "the origin" "$(seen .limit.origin)" "$1"
	[ $# = 1 ] || expect "its place" "$(seen '"\(.limit.file):\(.limit.line)"')" "$2"
}

# type_in ACTION: the commands of this advice, in a shell
type_in() {
	seen ".advice[] | select(.action == \"$1\") | .commands[]" >"$WORK/commands"
	[ -s "$WORK/commands" ] || fail "no commands for $1: $(seen '.advice | tostring')"
	cat "$WORK/commands"
	sh -e "$WORK/commands" || fail "a command of $1 failed: $(cat "$WORK/commands")"
}

# proposed ACTION: the value
proposed() {
	seen ".advice[] | select(.action == \"$1\") | .value"
}

# What is to be done about the limit: that its descriptors leak is not of interest here.
actions() {
	seen '[.advice[].action | select(. != "fix-leak")] | join(" ")'
}

# limits_of PID: "SOFT:HARD"
limits_of() {
	awk '/^Max open files/ { print $4 ":" $5 }' "/proc/$1/limits"
}

main_pid() {
	systemctl show -p MainPID --value "$1"
}

# has_many PID COUNT
has_many() {
	[ "$(descriptors "$1")" -ge "$2" ]
}

# unit_file NAME COUNT [LINE…]: a service with so many descriptors; $STEPS are done before
unit_file() {
	local name=$1 count=$2
	shift 2
	{
		echo "[Service]"
		echo "ExecStart=$ZOO_BIN ${STEPS:-} fill=$count sleep=3600000"
		for line in "$@"; do echo "$line"; done
	} >"$UNITS/$name"
	systemctl daemon-reload
}

# unit NAME COUNT [LINE…]: it runs, and its pid is in $PID
unit() {
	unit_file "$@"
	begin "$1" "$2"
}

# begin NAME COUNT
begin() {
	systemctl restart "$1" || fail "$1 does not start"
	PID=$(main_pid "$1")
	wait_for "$PATIENCE" has_many "$PID" "$2" || fail "$1 has $(descriptors "$PID")"
}

# end_unit NAME…
end_unit() {
	for name in "$@"; do
		systemctl stop "$name"
		rm -rf "${UNITS:?}/$name" "${UNITS:?}/$name.d"
	done
	systemctl daemon-reload
}

test_drop_in() {
	mkdir -p $UNITS/app.service.d
	printf '# ours\n[Service]\nNice=1\nLimitNOFILE=1500:5000\n' \
		>$UNITS/app.service.d/limits.conf
	unit app.service 1400 LimitNOFILE=7:8
	look "$PID"
	expect_origin systemd-unit $UNITS/app.service.d/limits.conf:4
	expect "the unit" "$(seen .limit.unit)" app.service
	type_in systemd-drop-in
	PID=$(main_pid app.service)
	expect "the limit after it" "$(limits_of "$PID")" "4096:5000"
	expect "what was proposed" "$(proposed systemd-drop-in)" 4096
	grep -q Nice=1 $UNITS/app.service.d/limits.conf || fail "the file lost a line"
	wait_for "$PATIENCE" has_many "$PID" 1400
	look "$PID"
	expect "advice left over" "$(actions)" ""
	end_unit app.service
}

test_no_setting() {
	unit app.service 1000
	look "$PID"
	expect_origin systemd-default null:null
	type_in systemd-drop-in
	PID=$(main_pid app.service)
	expect "the limit after it" "$(limits_of "$PID")" "2048:524288"
	# by now there is one
	wait_for "$PATIENCE" has_many "$PID" 1000
	look "$PID"
	expect_origin systemd-unit $UNITS/app.service.d/90-nofile.conf:2
	end_unit app.service
}

test_manager_default() {
	mkdir -p /etc/systemd/system.conf.d
	printf '[Manager]\nDefaultLimitNOFILE=1100:2100\n' \
		>/etc/systemd/system.conf.d/ours.conf
	systemctl daemon-reexec
	unit app.service 1000
	expect "what it has" "$(limits_of "$PID")" "1100:2100"
	look "$PID"
	expect "the setting" "$(seen .limit.setting)" "DefaultLimitNOFILE=1100:2100"
	expect_origin systemd-default /etc/systemd/system.conf.d/ours.conf:2
	expect "actions" "$(actions)" "systemd-drop-in systemd-default prlimit"
	type_in systemd-default
	PID=$(main_pid app.service)
	rm -r /etc/systemd/system.conf.d
	systemctl daemon-reexec
	expect "the limit after it" "$(limits_of "$PID")" "2048:2100"
	end_unit app.service
}

# As systemd takes them: it passes over what is not valid.
test_values() {
	unit app.service 100 LimitNOFILE=1500:2500 LimitNOFILE= LimitNOFILE=64K \
		LimitNOFILE=9:8
	expect "what it has" "$(limits_of "$PID")" "1500:2500"
	look "$PID"
	expect_origin systemd-unit $UNITS/app.service:3
	unit app.service 100 LimitNOFILE=infinity
	note "infinity is $(limits_of "$PID")"
	look "$PID"
	expect_origin systemd-unit $UNITS/app.service:3
	# shellcheck disable=SC1003 # a line that goes on
	unit app.service 100 'LimitNOFILE=\' '# aside' '1700'
	expect "what it has" "$(limits_of "$PID")" "1700:1700"
	look "$PID"
	expect_origin systemd-unit $UNITS/app.service:3
	end_unit app.service
}

# Templates, prefixes, names that a shell must not see as they are.
test_names() {
	local name='app\x2da-b@c\x2dd.service'
	mkdir -p $UNITS/service.d "$UNITS/app\\x2da-@.service.d"
	printf '[Service]\nLimitNOFILE=1300\n' >"$UNITS/service.d/99-all.conf"
	printf '[Service]\nLimitNOFILE=1200\n' >"$UNITS/app\\x2da-@.service.d/20-prefix.conf"
	mv "$UNITS/service.d/99-all.conf" "$WORK"
	unit_file 'app\x2da-b@.service' 1000
	begin "$name" 1000
	expect "what it has" "$(limits_of "$PID")" "1200:1200"
	look "$PID"
	expect_origin systemd-unit "$UNITS/app\\x2da-@.service.d/20-prefix.conf:2"
	# one for all services, read after it
	mv "$WORK/99-all.conf" $UNITS/service.d/
	systemctl daemon-reload
	begin "$name" 1000
	expect "what it has" "$(limits_of "$PID")" "1300:1300"
	look "$PID"
	expect_origin systemd-unit $UNITS/service.d/99-all.conf:2
	type_in systemd-drop-in
	PID=$(main_pid "$name")
	expect "the limit after it" "$(limits_of "$PID")" "2048:2048"
	rm -rf $UNITS/service.d "$UNITS/app\\x2da-@.service.d"
	end_unit "$name" 'app\x2da-b@.service'
}

# Changed, but not restarted: it says so.
test_not_restarted() {
	unit app.service 1000
	mkdir -p $UNITS/app.service.d
	printf '[Service]\nLimitNOFILE=8000\n' >$UNITS/app.service.d/new.conf
	look "$PID"
	# what it has is as before the change
	expect "stale" "$(seen .limit.changed_since)" true
	expect_origin systemd-unit $UNITS/app.service.d/new.conf:2
	type_in systemd-drop-in
	expect "the limit after it" "$(limits_of "$(main_pid app.service)")" "8000:8000"
	end_unit app.service
}

alice() {
	id alice >/dev/null 2>&1 ||
		useradd -u 1000 -m -s /bin/sh alice || fail "no user alice"
}

# login COUNT: a session of alice with such a process; its pid is in $PID
login() {
	systemd-run --quiet --unit=login-test --collect -p User=alice -p PAMName=login \
		-p WorkingDirectory=/ "$ZOO_BIN" "fill=$1" sleep=3600000 || fail "no session"
	PID=$(main_pid login-test.service)
	wait_for "$PATIENCE" has_many "$PID" "$1" || fail "it has $(descriptors "$PID")"
	note "its cgroup is $(cat "/proc/$PID/cgroup")"
}

test_login() {
	alice
	# no line is about her
	login 900
	look "$PID"
	note "without a line: $(limits_of "$PID"), $(seen .limit.evidence)"
	expect_origin pam null:null
	expect "for the user" "$(seen .limit.user.name)" alice
	systemctl stop login-test.service
	printf '@alice soft nofile 900\nalice hard nofile 2000\n* soft nofile 800\n' \
		>/etc/security/limits.d/50-ours.conf
	login 850
	expect "what it has" "$(limits_of "$PID")" "900:2000"
	look "$PID"
	expect_origin pam /etc/security/limits.d/50-ours.conf:1
	expect "the user" "$(seen .limit.user.name)" alice
	type_in limits-conf
	systemctl stop login-test.service
	login 850
	expect "the limit after it" "$(limits_of "$PID")" "2048:2048"
	look "$PID"
	expect_origin pam /etc/security/limits.d/90-alice-nofile.conf:1
	systemctl stop login-test.service
	rm /etc/security/limits.d/*.conf
}

# By su, which has a session of its own.
test_su() {
	alice
	printf 'alice - nofile 1200\n' >>/etc/security/limits.conf
	mkfifo "$WORK/su"
	su alice -c "exec $ZOO_BIN fill=1000 say=there sleep=3600000" \
		<>"$WORK/su" >"$WORK/su.out" 2>&1 &
	wait_for "$PATIENCE" grep -q '^there ' "$WORK/su.out" ||
		fail "su: $(tail -n 1 "$WORK/su.out")"
	PID=$(awk '{ print $4 }' "$WORK/su.out")
	echo "$PID" >>"$WORK/pids"
	note "its cgroup is $(cat "/proc/$PID/cgroup")"
	look "$PID"
	expect "what it has" "$(limits_of "$PID")" "1200:1200"
	expect_origin pam "/etc/security/limits.conf:$(wc -l </etc/security/limits.conf)"
	sed -i '$d' /etc/security/limits.conf
}

# as_alice COMMAND…: in her manager
as_alice() {
	runuser -u alice -- env XDG_RUNTIME_DIR=/run/user/1000 HOME=/home/alice "$@"
}

test_user_unit() {
	local dir=/home/alice/.config/systemd/user
	alice
	# it stays, whatever sessions end
	loginctl enable-linger alice
	systemctl start user@1000.service || fail "alice has no manager"
	as_alice mkdir -p $dir
	printf '[Service]\nExecStart=%s fill=1000 sleep=3600000\n' $ZOO_BIN >$dir/app.service
	as_alice systemctl --user daemon-reload || fail "her manager does not answer"
	as_alice systemctl --user start app.service || fail "her unit does not start"
	PID=$(as_alice systemctl --user show -p MainPID --value app.service)
	wait_for "$PATIENCE" has_many "$PID" 1000 || fail "it has $(descriptors "$PID")"
	look "$PID"
	expect_origin pam null:null
	expect "the unit" "$(seen .limit.unit)" app.service
	seen '.advice[] | select(.action == "systemd-drop-in") | .commands[]' >"$WORK/typed"
	chmod 644 "$WORK/typed"
	as_alice sh -e "$WORK/typed" || fail "a command failed: $(cat "$WORK/typed")"
	PID=$(as_alice systemctl --user show -p MainPID --value app.service)
	note "after it: $(limits_of "$PID")"
	expect "the soft limit after it" "$(limits_of "$PID" | cut -d : -f 1)" 2048
	wait_for "$PATIENCE" has_many "$PID" 1000
	look "$PID"
	expect_origin systemd-unit $dir/app.service.d/90-nofile.conf:2
	loginctl disable-linger alice
	systemctl stop user@1000.service
	rm -rf $dir
}

test_set_itself() {
	STEPS=limit=1200:1250 unit app.service 1000
	expect "what it has" "$(limits_of "$PID")" "1200:1250"
	look "$PID"
	expect_origin self null:null
	# the unit gives it far more: a drop-in would change nothing
	expect "actions" "$(actions)" "program prlimit"
	type_in prlimit
	expect "the limit after it" "$(limits_of "$PID")" "2048:2048"
	end_unit app.service
}

# As Go and Node do.
test_raised() {
	STEPS=limit=1200:1200 unit app.service 1000 LimitNOFILE=500:1200
	look "$PID"
	expect_origin systemd-unit $UNITS/app.service:3
	expect "raised" "$(seen .limit.raised_by_process)" true
	seen '.advice[].content' | grep -q 'LimitNOFILE=500:2048' ||
		fail "not the hard limit alone: $(seen '.advice | tostring')"
	end_unit app.service
}

# child_of PID: its only one is in $PID
child_of() {
	PID=$(xargs <"/proc/$1/task/$1/children")
	[ -n "$PID" ]
}

# A script of a unit sets it for what it starts.
test_script() {
	printf '#!/bin/sh\nulimit -n 1100\n%s fill=1000 sleep=3600000\n:\n' $ZOO_BIN >/tmp/run.sh
	chmod +x /tmp/run.sh
	printf '[Service]\nExecStart=/tmp/run.sh\n' >$UNITS/app.service
	systemctl daemon-reload
	systemctl start app.service
	wait_for "$PATIENCE" child_of "$(main_pid app.service)"
	wait_for "$PATIENCE" has_many "$PID" 1000
	look "$PID"
	expect_origin parent /tmp/run.sh:2
	expect "who" "$(seen '"\(.limit.parent.pid) \(.limit.parent.name)"')" \
		"$(main_pid app.service) run.sh"
	type_in parent
	wait_for "$PATIENCE" child_of "$(main_pid app.service)"
	expect "the limit after it" "$(limits_of "$PID")" 2048:2048
	end_unit app.service
}

# Someone else's process, and no more than what counting takes: named, not guessed.
test_denied() {
	unit app.service 1000 LimitNOFILE=1100
	chmod 600 $UNITS/app.service
	setpriv --reuid=1 --regid=1 --clear-groups --inh-caps=-all,+bpf,+perfmon \
		--ambient-caps=-all,+bpf,+perfmon \
		fdwarden inspect "$PID" --json >"$WORK/seen" 2>"$WORK/errors" ||
		fail "$(tail -n 1 "$WORK/errors")"
	seen .limit
	expect_origin unknown null:null
	seen .limit.denied | grep -q "$UNITS/app.service: Permission denied" ||
		fail "not named: $(seen '.limit | tostring')"
	# as root the same is read
	look "$PID"
	expect_origin systemd-unit $UNITS/app.service:3
	expect "denied" "$(seen .limit.denied)" null
	end_unit app.service
}
