# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
# machines: sessions
# timeout: 240
# kernels: 6.1
# Where a limit was set, for whom something other than a unit's LimitNOFILE= sets it: cron, at,
# sshd, su and runuser in services, systemd-nspawn, supervisord. The place is named, with its
# line; and what is proposed, typed as it is printed, has effect on the next one.

UNITS=/etc/systemd/system
ZOO_BIN=/tests/bin/fdzoo
LIMITS=/etc/security/limits.d/50-ours.conf

# look PID: into $WORK/seen
look() {
	fdwarden inspect "$1" --json >"$WORK/seen" 2>"$WORK/errors" ||
		fail "inspect $1: $(tail -n 1 "$WORK/errors")"
	note "$(seen '.limit, .advice | tostring')"
}

# seen FILTER
seen() {
	jq -r "$1" <"$WORK/seen"
}

# expect_origin NAME FILE:LINE
expect_origin() {
	expect "the origin" "$(seen .limit.origin)" "$1"
	expect "its place" "$(seen '"\(.limit.file):\(.limit.line)"')" "$2"
}

# type_in ACTION: the commands of this advice, in a shell
type_in() {
	seen ".advice[] | select(.action == \"$1\") | .commands[]" >"$WORK/commands"
	[ -s "$WORK/commands" ] || fail "no commands for $1: $(seen '.advice | tostring')"
	sh -e "$WORK/commands" || fail "a command of $1 failed: $(cat "$WORK/commands")"
}

# limits_of PID: "SOFT:HARD"
limits_of() {
	awk '/^Max open files/ { print $4 ":" $5 }' "/proc/$1/limits"
}

# The process that has so many descriptors, and its pid is in $PID.
find_zoo() {
	for PID in $(pidof fdzoo); do
		[ "$(descriptors "$PID")" -ge 1000 ] && return
	done
	return 1
}

no_zoo() {
	! pidof fdzoo
}

end_zoo() {
	# shellcheck disable=SC2046 # a list of numbers
	kill -9 $(pidof fdzoo) 2>/dev/null
	wait_for "$PATIENCE" no_zoo
}

alice() {
	end_zoo
	id alice >/dev/null 2>&1 ||
		useradd -u 1000 -m -s /bin/sh alice || fail "no user alice"
	# shellcheck disable=SC2115
	rm -f /etc/security/limits.d/*
	printf '# ours\n* soft nofile 800\nalice soft nofile 1100\nalice hard nofile 1300\n' \
		>$LIMITS
}

# of_alice START…: a session of hers is limited by PAM, and has more after what is proposed.
of_alice() {
	alice
	"$@"
	wait_for "$DAEMON_PATIENCE" find_zoo || fail "nothing was started"
	note "its cgroup is $(cat "/proc/$PID/cgroup")"
	expect "what it has" "$(limits_of "$PID")" 1100:1300
	look "$PID"
	expect_origin pam $LIMITS:3
	expect "for the user" "$(seen .limit.user.name)" alice
	type_in limits-conf
	end_zoo
	"$@"
	wait_for "$DAEMON_PATIENCE" find_zoo || fail "nothing was started again"
	expect "the limit after it" "$(limits_of "$PID")" 2048:2048
	end_zoo
	rm /etc/security/limits.d/*
}

# Jobs of a boot run once after it: cron is made to believe that there was one.
by_cron() {
	echo "@reboot exec $ZOO_BIN fill=1000 sleep=3600000" | crontab -u alice -
	rm -f /run/crond.reboot /var/run/crond.reboot
	systemctl restart cron
}

test_cron() {
	of_alice by_cron
	crontab -u alice -r
}

by_at() {
	systemctl start atd
	echo "exec $ZOO_BIN fill=1000 sleep=3600000" |
		runuser -u alice -- sh -c 'cd / && ulimit -Sn 512 && at now' || fail "at: no job"
}

test_at() {
	of_alice by_at
}

by_ssh() {
	systemctl start ssh || fail "no sshd"
	[ -e /root/.ssh/id_ed25519 ] ||
		ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519 || fail "no key"
	mkdir -p /home/alice/.ssh
	cp /root/.ssh/id_ed25519.pub /home/alice/.ssh/authorized_keys
	chown -R alice: /home/alice/.ssh
	ip link set lo up 2>/dev/null
	ssh -o StrictHostKeyChecking=no alice@127.0.0.1 \
		"exec $ZOO_BIN fill=1000 sleep=3600000" >"$WORK/ssh" 2>&1 &
}

test_ssh() {
	of_alice by_ssh
}

# unit LINE…: what a service starts
unit() {
	end_zoo
	{
		echo "[Service]"
		for line in "$@"; do echo "$line"; done
	} >$UNITS/app.service
	systemctl daemon-reload
	systemctl restart app.service || fail "the service does not start"
}

end_unit() {
	systemctl stop app.service
	rm -rf ${UNITS:?}/app.service ${UNITS:?}/app.service.d
	systemctl daemon-reload
}

by_su() {
	unit "ExecStart=/bin/su alice -c '$ZOO_BIN fill=1000 sleep=3600000'"
}

test_su() {
	of_alice by_su
	end_unit
}

by_runuser() {
	unit "ExecStart=/sbin/runuser -u alice -- $ZOO_BIN fill=1000 sleep=3600000"
}

test_runuser() {
	of_alice by_runuser
	end_unit
}

by_runuser_login() {
	unit "ExecStart=/sbin/runuser -l alice -c 'exec $ZOO_BIN fill=1000 sleep=3600000'"
}

test_runuser_login() {
	of_alice by_runuser_login
	end_unit
}

# of_script PLACE: the line is changed, and the service has more
of_script() {
	wait_for "$DAEMON_PATIENCE" find_zoo || fail "nothing was started"
	expect "what it has" "$(limits_of "$PID")" 1100:1100
	look "$PID"
	expect "its place" "$(seen '"\(.limit.file):\(.limit.line)"')" "$1"
	type_in parent
	wait_for "$DAEMON_PATIENCE" find_zoo || fail "nothing was started again"
	expect "the limit after it" "$(limits_of "$PID")" 2048:2048
}

# The shell has become the program, so that only the unit says what it was.
test_script() {
	printf '#!/bin/sh\n# limits\nulimit -n 1100\nexec %s fill=1000 sleep=3600000\n' \
		$ZOO_BIN >/srv/run.sh
	chmod +x /srv/run.sh
	unit "ExecStart=/srv/run.sh"
	of_script /srv/run.sh:3
	end_unit
}

test_command() {
	unit "Nice=1" "ExecStart=/bin/sh -c 'ulimit -n 1100; exec $ZOO_BIN fill=1000 sleep=3600000'"
	of_script $UNITS/app.service:3
	end_unit
}

# Both have it: to change one has no effect.
test_both() {
	printf '#!/bin/sh\nulimit -n 1100\nexec %s fill=1000 sleep=3600000\n' $ZOO_BIN \
		>/srv/run.sh
	chmod +x /srv/run.sh
	unit "ExecStart=/srv/run.sh" "LimitNOFILE=1100"
	wait_for "$DAEMON_PATIENCE" find_zoo || fail "nothing was started"
	look "$PID"
	expect_origin systemd-unit $UNITS/app.service:3
	type_in systemd-drop-in
	wait_for "$DAEMON_PATIENCE" find_zoo || fail "nothing was started again"
	expect "the limit with the drop-in alone" "$(limits_of "$PID")" 1100:1100
	type_in parent
	wait_for "$DAEMON_PATIENCE" find_zoo || fail "nothing was started at last"
	expect "the limit after both" "$(limits_of "$PID")" 2048:2048
	end_unit
}

by_nspawn() {
	systemctl restart systemd-nspawn@box.service
	wait_for "$DAEMON_PATIENCE" find_zoo ||
		skip "no container: $(journalctl -u systemd-nspawn@box -o cat | tail -n 1)"
}

test_nspawn() {
	mkdir -p /var/lib/machines/box/usr /var/lib/machines/box/tests /etc/systemd/nspawn \
		$UNITS/systemd-nspawn@box.service.d
	cp /etc/os-release /var/lib/machines/box/usr/lib-release 2>/dev/null
	printf '[Exec]\nBoot=no\nParameters=%s fill=1000 sleep=3600000\nLimitNOFILE=1100:1300\n%s' \
		$ZOO_BIN '[Files]
BindReadOnly=/usr
BindReadOnly=/tests
[Network]
Private=no
VirtualEthernet=no
' >/etc/systemd/nspawn/box.nspawn
	printf '[Service]\nExecStart=\nExecStart=systemd-nspawn --quiet --keep-unit %s\n' \
		"--settings=override --machine=box" >$UNITS/systemd-nspawn@box.service.d/ours.conf
	systemctl daemon-reload
	by_nspawn
	note "its cgroup is $(cat "/proc/$PID/cgroup")"
	expect "what it has" "$(limits_of "$PID")" 1100:1300
	look "$PID"
	expect_origin container /etc/systemd/nspawn/box.nspawn:4
	systemctl stop systemd-nspawn@box.service
	rm -r /etc/systemd/nspawn $UNITS/systemd-nspawn@box.service.d
	systemctl daemon-reload
	end_zoo
}

supervisor_says() {
	journalctl -u app.service -o cat --no-pager | tail -n 1
}

# It is a program in Python, which emulated takes half a minute to begin.
test_supervisord() {
	printf '[supervisord]\nnodaemon=true\nminfds=1100\n[program:app]\ncommand=%s %s\n' \
		$ZOO_BIN "fill=1000 sleep=3600000" >/etc/supervisor/supervisord.conf
	unit "ExecStart=/usr/bin/supervisord -c /etc/supervisor/supervisord.conf" \
		"LimitNOFILE=1000:524288"
	wait_for "$DAEMON_PATIENCE" find_zoo || fail "nothing was started: $(supervisor_says)"
	note "it has $(limits_of "$PID")"
	look "$PID"
	expect "the setting" "$(seen '.advice[] | select(.action == "program") | .content')" \
		minfds=2048
	expect "its file" "$(seen '.advice[] | select(.action == "program") | .file')" \
		/etc/supervisor/supervisord.conf
	sed -i "s/^minfds=.*/$(seen '.advice[] | select(.action == "program") | .content')/" \
		/etc/supervisor/supervisord.conf
	end_zoo
	systemctl restart app.service
	wait_for "$DAEMON_PATIENCE" find_zoo || fail "nothing was started again: $(supervisor_says)"
	expect "the soft limit after it" "$(limits_of "$PID" | cut -d : -f 1)" 2048
	end_unit
}
