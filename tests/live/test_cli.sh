#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The command line: arguments → exit code, one line on stderr, stdout.
set -u
cd "$(dirname "$0")/../.." || exit 1
fdwarden=$(realpath "${FDWARDEN:-build/fdwarden}")
[ -x "$fdwarden" ] || { echo "FAIL: no $fdwarden; build it first"; exit 1; }
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
ran=0 failed=0

complain() {
	echo "FAIL: fdwarden $*"
	failed=$((failed + 1))
}

# expect CODE STDOUT-PATTERN STDERR-PATTERN ARGUMENT…
# Patterns are extended regular expressions; '' wants nothing there at all.
expect() {
	local code=$1 got stream
	local -A want=([out]=$2 [err]=$3)
	shift 3
	ran=$((ran + 1))
	timeout 20 "$fdwarden" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	got=$?
	[ "$got" = "$code" ] || complain "$*: exit code $got, not $code; $(cat "$dir/err")"
	for stream in out err; do
		if [ -z "${want[$stream]}" ]; then
			[ -s "$dir/$stream" ] && complain "$*: std$stream not empty: $(head -3 "$dir/$stream")"
		elif ! grep -qE -e "${want[$stream]}" "$dir/$stream"; then
			complain "$*: no '${want[$stream]}' on std$stream: $(head -3 "$dir/$stream")"
		fi
	done
	# Of a configuration each mistake is told, a line each.
	if [ "${1:-}" = check-config ]; then
		! grep -qav '^fdwarden: ' "$dir/err" || complain "$*: not a line a mistake on stderr"
	elif [ -n "${want[err]}" ] && [ "$(wc -l <"$dir/err")" != 1 ]; then
		complain "$*: more than one line on stderr"
	fi
}

printf '[thresholds]\nwarn = 70%%\n\n[rule web]\nname = nginx\nignore = yes\n' >"$dir/good"
printf '[thresholds]\n\nwran = 70%%\n' >"$dir/unknown"
printf '[thresholds]\nwarn = 70\n' >"$dir/value"
printf '[thresholds]\nwarn = 96%%\n' >"$dir/order"
head -c 5000 /dev/urandom >"$dir/random"
printf '\0' >>"$dir/random"

see="see 'fdwarden"
expect 0 '^fdwarden [0-9]+\.[0-9]+\.[0-9]+$' '' --version
for version in --version -V -v version 'ps -V' 'check -V' 'daemon --version'; do
	# shellcheck disable=SC2086
	expect 0 '^fdwarden [0-9]+\.[0-9]+\.[0-9]+$' '' $version
done
expect 0 '^  daemon +[A-Z]' '' --help
for help in -h 'help -h' 'help --help' 'help help'; do
	# shellcheck disable=SC2086
	expect 0 '^Usage: fdwarden ' '' $help
done
expect 0 '^Usage: fdwarden ps ' '' --help ps
expect 0 '^  check-config +[A-Z]' '' help
# Without a command: a look, if one may.
if "$fdwarden" ps $$ >"$dir/out" 2>&1; then
	expect 0 '^  fdwarden inspect [0-9]+ +what fills it, '  ''
	expect 0 '^ *PID USER +NAME ' ''
	expect 0 '^[0-5] of [0-9]+ processes; the system has ' ''
	expect 0 '^(A daemon monitors|No daemon was asked: )' ''
fi
expect 2 '' "^fdwarden: option '--socket' needs a value: PATH; see 'fdwarden --help'" --socket
expect 2 '' "^fdwarden: 'ps' is too much: " --socket "$dir/none" ps
expect 2 '' "^fdwarden: cannot read the configuration $dir/none: " -c "$dir/none"
expect 2 '' "^fdwarden: unknown command 'pss'; " pss
expect 2 '' "^fdwarden: unknown option '--vers'; " --vers
# Words of other programs, a slip of the keys; and the same behind help.
for help in '' help; do
	while IFS='|' read -r word there; do
		# shellcheck disable=SC2086
		expect 2 '' "^fdwarden: (help: )?unknown command '$word'; $there" $help $word
	done <<-'EOF'
		stop|for that there is .*(systemctl stop|SIGTERM)
		reload|for that there is .*(systemctl reload|SIGHUP)
		logs|for that there is .*(journalctl|fdwarden events)
		ls|for that there is 'fdwarden ps'
		lsof|for that there is 'fdwarden inspect PID
		watch|for that there is 'fdwarden top'
		ulimit|for that there is 'fdwarden raise PID
		hepl|did you mean 'help'
		verison|did you mean 'version'
		isnpect|did you mean 'inspect'
	EOF
done
# What a full disk did not take is said once, with its reason, whatever had written it; more than
# one buffer's worth as well, of which the first failure is past when the command ends.
for full in help 'completion bash' 'check-config -c /dev/null' 'ps --json' 'top -b -n 1' features; do
	ran=$((ran + 1))
	# shellcheck disable=SC2086
	"$fdwarden" $full >/dev/full 2>"$dir/err" && complain "$full >/dev/full: exit code 0"
	grep -q Success "$dir/err" && complain "$full >/dev/full: $(cat "$dir/err")"
	[ "$(grep -c . "$dir/err")" = 1 ] || complain "$full >/dev/full: not one line: $(cat "$dir/err")"
done
for slip in pss:ps tpo:top stat:status inspct:inspect evnts:events chekc:check trase:trace feat:features; do
	expect 2 '' "^fdwarden: unknown command '${slip%:*}'; did you mean '${slip#*:}'\\? 'fdwarden --help' " \
		"${slip%:*}"
done
expect 2 '' "^fdwarden: unknown command 'nginx'; 'fdwarden --help' " nginx
expect 2 '' "^fdwarden: unknown command 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'; 'fdw" \
	aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
expect 2 '' "^fdwarden: unknown command ''; " ''
expect 2 '' "^fdwarden: unknown command 'a\?b'; " $'a\nb'
expect 2 '' "^fdwarden: help: unknown command 'pss'; did you mean 'ps'" help pss
expect 2 '' "^fdwarden: help: 'extra' is too much: of one command at a time, as in 'fdwarden help ps'" \
	help ps extra
expect 2 '' "^fdwarden: completion: 'x' is too much: one shell at a time; " completion bash x
expect 2 '' '^fdwarden: completion: which shell: ' completion
# What others are for: the service manager, the journal.
for word in start stop restart reload logs log; do
	expect 2 '' "^fdwarden: unknown command '$word'; for that there is .*(systemctl|journalctl|fdwarden daemon|SIG|events)" \
		$word
done
expect 2 '' "^fdwarden: ps: option '--s' is ambiguous: --sort, --socket; $see ps --help'" ps --s
expect 2 '' "^fdwarden: ps: unknown option '--jsn' \(did you mean '--json'\?\); $see ps --help'" ps --jsn
for command in daemon ps top inspect events incidents report replay status trace raise check-config features; do
	expect 0 "^Usage: fdwarden $command" '' "$command" --help
	expect 0 "^Usage: fdwarden $command" '' "$command" -h
	expect 0 "^Usage: fdwarden $command" '' help "$command"
	expect 2 '' "^fdwarden: $command: unknown option '--zip'; $see $command --help'" \
		"$command" --zip
	expect 2 '' "^fdwarden: $command: unknown option '-Z'; " "$command" -Z
	expect 2 '' "^fdwarden: $command: option '--help=1': this option takes no value; " \
		"$command" --help=1
done
# Help fits a terminal's width, and ends with its last line.
for command in daemon ps top inspect events incidents report replay status check trace raise check-config features; do
	ran=$((ran + 1))
	"$fdwarden" help "$command" >"$dir/out"
	[ "$(wc -L <"$dir/out")" -le 80 ] || complain "help $command: wider than 80 columns"
	[ -n "$(tail -n 1 "$dir/out")" ] || complain "help $command: ends with an empty line"
done
# Each command's one-line help is listed, and nothing that does not exist.
for word in zip log; do
	expect 2 '' "^fdwarden: unknown command '$word'; " "$word"
	"$fdwarden" --help | grep -qE "^  $word " && complain "--help lists $word"
done

for delay in 0.01 10ms 2h x -1 1y; do
	expect 2 '' "^fdwarden: top: -d $delay: from 100ms to 1h are allowed: a duration, as 5s" \
		top "-d$delay"
done
for delay in 1s 500ms .5 1m; do
	expect 1 '' '^fdwarden: top: no daemon is running' top -b -d $delay --socket /nowhere/sock
done
expect 1 '' '^fdwarden: top: no daemon is running' top -b -n 1k --socket /nowhere/sock
expect 2 '' '^fdwarden: top: -n 0: a number above 0 is needed; ' top -n 0
expect 2 '' '^fdwarden: top: --sort trend: allowed are usage, used, count, ' top --sort trend
expect 1 '' "^fdwarden: top: standard input is no terminal" top x
expect 1 '' '^fdwarden: top: no daemon is running: nothing listens at /nowhere/sock; ' \
	top -b --socket /nowhere/sock
expect 1 '' '^fdwarden: top: standard (input|output) is no terminal; .*top -b.* writes text' \
	top -c /dev/null
expect 2 '' "^fdwarden: top: cannot read the configuration $dir/nothing: " top -b -c "$dir/nothing"

for command in ps events status features "inspect $$" "trace $$"; do
	# shellcheck disable=SC2086
	expect 2 '' "^fdwarden: ${command% *}: cannot read the configuration $dir/nothing: " \
		$command -c "$dir/nothing"
done
expect 3 '^FDWARDEN UNKNOWN - cannot read the configuration ' '' check --config "$dir/nothing"

expect 0 '^warn = 70%$' '' check-config -c "$dir/good"
# What it read; a comment, so that what is printed can be read as a configuration.
expect 0 "^# OK: read from $dir/good\$" '' check-config -c "$dir/good"
mkdir -p "$dir/etc/conf.d" && : >"$dir/etc/fdwarden.conf" && : >"$dir/etc/conf.d/a.conf"
expect 0 "^# OK: read from $dir/etc/fdwarden.conf, $dir/etc/conf.d/a.conf\$" '' \
	check-config -c "$dir/etc/fdwarden.conf"
# All mistakes, also those of sections that are refused, by their lines.
printf '[treshholds]\nwarn = 70\n\n[rule a b]\nname = x\nwarn = 5\n[snapshot]\ninterval = 5\n' \
	>"$dir/many"
expect 2 '' "^fdwarden: $dir/many:2: bad value '70' of warn" check-config -c "$dir/many"
lines=$(sed -n "s/^fdwarden: .*many:\([0-9]*\): .*/\1/p" "$dir/err" | tr '\n' ' ')
[ "$lines" = '1 2 4 6 8 ' ] || complain "check-config: mistakes in lines $lines"
# ... and what only the whole is checked for among them, not behind them.
printf '[rule a]\nwarn = 5%%\n[snapshot]\ninterval = 5\n' >"$dir/whole"
"$fdwarden" check-config -c "$dir/whole" 2>&1 | sed -n 's/^fdwarden: .*whole:\([0-9]*\): .*/\1/p' |
	sort -nc || complain "check-config: mistakes are not in the order of lines"
# ... and what this host lacks.
printf '[thresholds]\nwarn = 70\n[rule a]\nuser = nosuchuser\n' >"$dir/both"
expect 2 '' "^fdwarden: in rule 'a': there is no user nosuchuser" check-config -c "$dir/both"
expect 2 '' "^fdwarden: $dir/both:2: bad value '70'" check-config -c "$dir/both"
expect 0 '^warn = 70%$' '' check-config --config="$dir/good"
expect 0 '^\[rule web\]$' '' check-config -c "$dir/good"
expect 0 '^warn = 60%$' '' check-config -c "$dir/good" -o thresholds.warn=60%
expect 0 '^repeat = 15m$' '' check-config -c /dev/null
expect 0 '^min_limit = 1024$' '' check-config -c /dev/null -o thresholds.min_limit=1k
expect 2 '' "bad value '1kk' of min_limit; allowed: a number from " \
	check-config -c /dev/null -o thresholds.min_limit=1kk
expect 2 '' "^fdwarden: $dir/unknown:3: unknown key 'wran' in \[thresholds\]; allowed: warn, critical, " \
	check-config -c "$dir/unknown"
expect 2 '' "^fdwarden: $dir/value:2: bad value '70' of warn; allowed: " check-config -c "$dir/value"
expect 2 '' "^fdwarden: $dir/value:2: .*82\.5%; the % is missing$" check-config -c "$dir/value"
printf '[thresholds]\nwarn = 70%% # x\n' >"$dir/comment"
expect 2 '' "^fdwarden: $dir/comment:2: bad value '70% # x' of warn; .*; a comment has a line of its own$" \
	check-config -c "$dir/comment"
expect 2 '' '; the unit is missing$' check-config -c /dev/null -o snapshot.interval=5
expect 0 '^service = nginx$' '' check-config -c /dev/null -o 'rule a.service=nginx'
expect 0 '^name = a, b$' '' check-config -c /dev/null -o 'rule a.name=a, b'
printf '[rule a]\nname = a, b,\n' >"$dir/list"
expect 2 '' "^fdwarden: $dir/list:2: in rule 'a': nothing before or behind a comma of name; " \
	check-config -c "$dir/list"
expect 0 '^name = x\[,\]y' '' check-config -c /dev/null -o 'rule a.name=x[,]y'
expect 0 '^service = nginx-\*$' '' check-config -c /dev/null -o 'rule a.service=nginx-*'
expect 0 '^service = \*/x.service$' '' check-config -c /dev/null -o 'rule a.service=*/x.service'
expect 2 '' "^fdwarden: $dir/order:2: warn \(96%\) is not below critical" check-config -c "$dir/order"
printf '[thresholds]\nwarn = x\nzip\n' >"$dir/two"
expect 2 '' "^fdwarden: $dir/two:3: neither a section nor a key" check-config -c "$dir/two"
expect 2 '' "^fdwarden: $dir/two:2: bad value" check-config -c "$dir/two"
expect 2 '' "^fdwarden: $dir/random:[0-9]+: " check-config -c "$dir/random"
expect 2 '' "^fdwarden: cannot read the configuration $dir/none: No such file" check-config -c "$dir/none"
expect 2 '' "^fdwarden: cannot read the configuration $dir: Is a directory" check-config -c "$dir"
expect 2 '' '^fdwarden: /dev/zero: too large' check-config -c /dev/zero
expect 2 '' '^fdwarden: -o thresholds.wran=1%: unknown key' check-config -c /dev/null -o thresholds.wran=1%
expect 2 '' "; did you mean 'warn'\\?$" check-config -c "$dir/unknown"
expect 2 '' '; did you mean thresholds.warn\?$' check-config -c /dev/null -o warn=5%
expect 2 '' '; did you mean \[thresholds\]\?$' check-config -c /dev/null -o threshold.warn=5%
expect 2 '' "; did you mean 'name'\\?$" check-config -c /dev/null -o 'rule a.nmae=x'
expect 2 '' 'allowed: sensor$' check-config -c /dev/null -o zip=5%
# In form it is right, and will not do what is meant here.
expect 1 '^user = nosuchuser$' "^fdwarden: in rule 'a': there is no user nosuchuser on this host; " \
	check-config -c /dev/null -o 'rule a.user=nosuchuser'
expect 1 '^user = root, nosuchuser$' "^fdwarden: in rule 'a': there is no user nosuchuser " \
	check-config -c /dev/null -o 'rule a.user=root, nosuchuser'
expect 0 '^user = nosuch\*$' '' check-config -c /dev/null -o 'rule a.user=nosuch*'
expect 0 '^user = 4242, root$' '' check-config -c /dev/null -o 'rule a.user=4242, root'
expect 1 '^group = nosuchgroup$' '^fdwarden: socket.group: there is no group nosuchgroup ' \
	check-config -c /dev/null -o socket.group=nosuchgroup
expect 0 '^group = root$' '' check-config -c /dev/null -o socket.group=root
expect 1 '^path = /nosuch/x.sock$' '^fdwarden: socket.path /nosuch/x.sock: No such file or directory; ' \
	check-config -c /dev/null -o socket.path=/nosuch/x.sock
expect 0 '^path = /tmp/nosuch.sock$' '' check-config -c /dev/null -o socket.path=/tmp/nosuch.sock
expect 1 '^root = /nosuch$' '^fdwarden: host.root /nosuch: No such file or directory; ' \
	check-config -c /dev/null -o host.root=/nosuch
expect 1 '^root = /etc/passwd$' '^fdwarden: host.root /etc/passwd: Not a directory; ' \
	check-config -c /dev/null -o host.root=/etc/passwd
expect 0 '^root = /tmp$' '' check-config -c /dev/null -o host.root=/tmp
while IFS='|' read -r listen meant; do
	expect 2 '' "bad value '.*' of listen; allowed: .*; $meant\$" \
		check-config -c /dev/null -o "metrics.listen=$listen"
done <<-'EOF'
	127.0.0.1:99999|ports are from 1 to 65535
	127.0.0.1:0|ports are from 1 to 65535
	[::1]:65536|ports are from 1 to 65535
	9834|the address is missing
	127.0.0.1|the port is missing
	[::1]|the port is missing
	localhost:9834|a number is needed as the address, IPv6 in brackets
	::1:9834|a number is needed as the address, IPv6 in brackets
EOF
for listen in 0.0.0.0:9834 '[::]:9834' 10.0.0.1:9834; do
	expect 0 '^listen = ' '^fdwarden: metrics.listen .*, without TLS and without a password; ' \
		check-config -c /dev/null -o "metrics.listen=$listen"
done
for listen in 127.0.0.1:9834 '[::1]:9834'; do
	expect 0 '^listen = ' '' check-config -c /dev/null -o "metrics.listen=$listen"
done
expect 2 '' "^fdwarden: check-config: option '-c' needs a value: FILE; " check-config -c
expect 2 '' "^fdwarden: check-config: 'x' is too much" check-config x
printf '[rule a]\nruntime = dockr\n' >"$dir/slip"
expect 0 '^runtime = dockr$' "^fdwarden: $dir/slip:2: in rule 'a': .*; did you mean docker\\?$" \
	check-config -c "$dir/slip"
# A daemon with a bad configuration says the same, and does not start.
expect 2 '' "^fdwarden: $dir/unknown:3: unknown key" daemon -c "$dir/unknown"
expect 2 '' '^fdwarden: -o zip=1: unknown key .zip. outside of any section' daemon -c /dev/null -o zip=1
expect 2 '' '^fdwarden: ps: ' ps 0
# No empty table of what is not there; and why it is not.
if "$fdwarden" ps $$ >"$dir/out" 2>&1; then
	expect 1 '' '^fdwarden: ps: no process 4194303$' ps 4194303
	if [ "$(cat /proc/2/comm)" = kthreadd ]; then
		expect 1 '' "^fdwarden: ps: 2 is a thread of the kernel's own, which has no descriptors" ps 2
	fi
fi
expect 2 '' "^fdwarden: ps: '1.5' is neither a pid nor a name; " ps $$ 1.5
expect 1 '' "^fdwarden: ps: no process, service, container or pod is called '1x'; " ps 1x
expect 2 '' '^fdwarden: ps: --sort nonsense: allowed are usage, used, ' ps --sort nonsense
expect 2 '' '^fdwarden: ps: --sort kind: allowed are ' ps --sort kind
expect 2 '' "^fdwarden: ps: --watch: 'fdwarden top' is the live view, and 'fdwarden top -b' " ps --watch
# What top sorts by ps sorts by too, but for the kind.
keys=$("$fdwarden" top --help | tr '\n' ' ' | sed 's/.*Keys to sort by: //; s/\..*//; s/,//g')
[ "$(wc -w <<<"$keys")" = 17 ] || complain "top --help: not 17 keys: $keys"
for key in $keys; do
	[ "$key" = kind ] && continue
	expect 1 '' '^fdwarden: ps: no daemon is running: ' ps --sort "$key" --socket /nowhere/sock
done

# Names, of which there is none: in one line, and no terminal escapes in it.
for command in inspect trace 'raise --soft 9' ps; do
	# shellcheck disable=SC2086
	expect 1 '' "^fdwarden: ${command%% *}: no process, service, container or pod is called 'nob.ody'; " \
		$command "$(printf 'nob\033ody')"
done

# One line about what can't be inspected, or raised.
gone=$(sh -c 'echo $$')
kernel_thread=2
expect 2 '' "^fdwarden: inspect: no pid or name given; $see" inspect
expect 2 '' "^fdwarden: inspect: '-1' is neither a pid nor a name; " inspect -- -1
expect 2 '' "^fdwarden: inspect: '' is neither a pid nor a name; " inspect ''
expect 2 '' "^fdwarden: inspect: '0' is neither a pid nor a name; " inspect 0
expect 2 '' '^fdwarden: inspect: one process at a time; ' inspect 1 2
expect 2 '' '^fdwarden: inspect: --descriptors is for --json; ' inspect 1 --descriptors
expect 2 '' "^fdwarden: trace: no pid or name given; $see" trace
for duration in x 0 2d -1 '5 s' 86401; do
	expect 2 '' "^fdwarden: trace: --duration $duration: a duration, as 5s, 1m30s or 500ms, or a " \
		trace 1 --duration "$duration"
done
for stack in 511 32k 4097; do
	expect 2 '' "^fdwarden: trace: --stack $stack: a multiple of 8 from 512 to 16384 " \
		trace 1 --stack $stack
done
expect 2 '' '^fdwarden: trace: --json and --folded exclude each other; ' trace 1 --json --folded
expect 1 '' "^fdwarden: trace: no process $gone$" trace "$gone"
expect 1 '' "^fdwarden: inspect: no process $gone$" inspect "$gone"
if grep -q '^Name:	kthreadd' /proc/$kernel_thread/status; then
	expect 1 '' "^fdwarden: inspect: $kernel_thread is a thread of the kernel's own" \
		inspect $kernel_thread
fi
expect 2 '' '^fdwarden: raise: no --soft N given; ' raise 1
expect 2 '' '^fdwarden: raise: no pid or name given; ' raise
expect 2 '' '^fdwarden: raise: --soft -1: ' raise 1 --soft=-1
expect 2 '' '^fdwarden: raise: --soft 0: a number above 0 is needed, as 4096 or 4k; ' raise 1 --soft 0
expect 2 '' '^fdwarden: raise: --soft 4g: ' raise 1 --soft 4g
expect 1 '' "^fdwarden: raise: no process $gone$" raise "$gone" --soft 100
expect 1 '' "^fdwarden: raise: no process $gone$" raise "$gone" --soft 4k -c /dev/null
expect 1 '' "^fdwarden: trace: no process $gone$" trace "$gone" --duration 1m30s --stack 4k
expect 1 '' "^fdwarden: raise: process $$ has the hard limit [0-9]+: a soft limit of " \
	raise $$ --soft 99999999999
expect 1 '' "^fdwarden: raise: process $$ has the soft limit [0-9]+ already" raise $$ --soft 1

# Alerts need a daemon; a check is a plugin: 3 is UNKNOWN, wrong usage included.
expect 1 '' "^fdwarden: events: no daemon is running: nothing listens at $dir/nowhere; start it " \
	events --socket "$dir/nowhere"
expect 2 '' "^fdwarden: events: one process at a time" events x y
expect 2 '' "^fdwarden: events: '-1' is neither a pid nor a name" events -- -1
expect 1 '' "^fdwarden: events: no daemon is running: " events x --socket "$dir/nowhere"
for since in x 25:00 2026-13-01 -5m ''; do
	expect 2 '' "^fdwarden: events: --since $since: a time, as 10m \(ago\), 08:30, " \
		events "--since=$since"
done
for since in 10m 90 08:30 today yesterday 2026-01-02 '2026-01-02 08:30' 2026-01-02T08:30:00Z; do
	expect 1 '' "^fdwarden: events: no daemon is running: " \
		events --since "$since" --service web --level warning --socket "$dir/nowhere"
done
expect 2 '' '^fdwarden: events: --level bad: allowed are info, warning, critical, exhausted; ' \
	events --level bad
expect 1 '' "^fdwarden: status: no daemon is running: nothing listens at $dir/nowhere; start it " \
	status --socket "$dir/nowhere"
expect 1 '^\{"monitoring":false,"reason":"no daemon is running: ' '^fdwarden: status: no daemon' \
	status --json --socket "$dir/nowhere"
expect 2 '' "^fdwarden: status: 'x' is too much" status x
expect 1 '' '^fdwarden: ps: no daemon is running: ' ps --socket "$dir/nowhere"
expect 1 '' '^fdwarden: inspect: no daemon is running: ' inspect $$ --socket "$dir/nowhere"
expect 3 '^FDWARDEN UNKNOWN - no daemon is running: ' '' check --socket "$dir/nowhere"
expect 0 '^Usage: fdwarden check' '' check --help
expect 0 '^Usage: fdwarden check' '' help check
for wrong in --zip -Z '--warn 0' '--warn 101' '--warn x' '--critical -5' '--warn 50 --critical 40' \
	'1 2' '0' '1 --service y' 'x --service y' '--help=1' '-c x' '-c' '--warn 20:10' \
	'--warn 10:20%' '-w a:b' '-t x' '-t 0' '-t'; do
	# shellcheck disable=SC2086
	expect 3 "^FDWARDEN UNKNOWN - check: .*; $see check --help'$" '' check $wrong
done
for right in '-w 80 -c 95' '-w 10:80 -c 5:95' '-w ~:80' '-w @90:' '-t 1m' '-w 80% -c 95%'; do
	# shellcheck disable=SC2086
	expect 3 '^FDWARDEN UNKNOWN - no daemon is running: ' '' check $right --socket "$dir/nowhere"
done
# -c is what plugins call it, and with a / what the other commands do.
expect 3 "^FDWARDEN UNKNOWN - cannot read the configuration $dir/nothing: " '' check -c "$dir/nothing"
# A daemon that says nothing is not waited for longer than wanted.
if command -v python3 >/dev/null; then
	python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
print("ready", flush=True)
time.sleep(60)' "$dir/silent" >"$dir/ready" &
	silent=$!
	for _ in $(seq 100); do
		[ -s "$dir/ready" ] && break
		sleep 0.1
	done
	expect 3 '^FDWARDEN UNKNOWN - no answer within the time of --timeout$' '' \
		check -t 200ms --socket "$dir/silent"
	kill $silent
fi

# Who may neither look nor ask is told of sudo, not of a group or a unit that is not there.
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	cp "$fdwarden" "$dir/fdwarden" && chmod 755 "$dir" "$dir/fdwarden"
	printf '[socket]\npath = %s/none\n' "$dir" >"$dir/none.conf"
	chmod 644 "$dir/none.conf"
	printf '#!/bin/sh\nexec setpriv --reuid=65534 --regid=65534 --clear-groups %s "$@"\n' \
		"$dir/fdwarden" >"$dir/as_nobody"
	chmod 755 "$dir/as_nobody"
	usual=$fdwarden
	fdwarden=$dir/as_nobody
	sudo='missing capability CAP_BPF and CAP_PERFMON: run it with sudo'
	for command in ps 'ps 1' 'inspect 1' 'inspect init'; do
		# shellcheck disable=SC2086
		expect 1 '' "^fdwarden: ${command% *}: $sudo, .*; and no daemon is running that could be asked$" \
			$command -c "$dir/none.conf"
	done
	expect 1 '' "^fdwarden: trace: $sudo" trace 1
	expect 3 "^FDWARDEN UNKNOWN - $sudo, .*; and no daemon is running" '' \
		check --config "$dir/none.conf"
	expect 1 '' "^fdwarden: top: no daemon .*; run with sudo, or with CAP_BPF and CAP_PERFMON" \
		top -b -n 1 -c "$dir/none.conf"
	expect 1 '' "^fdwarden: raise: process $$ is another user's: run it with sudo$" \
		raise $$ --soft 5
	expect 1 '' "^fdwarden: status: no daemon is running: .*'sudo systemctl start fdwarden', or .* 'sudo fdwarden daemon'" \
		status -c "$dir/none.conf"
	expect 1 '' "^fdwarden: $sudo, .*; 'fdwarden help' lists the commands$"
	fdwarden=$usual
fi

# What contrib/ has monitors run, is understood.
# shellcheck disable=SC2016 # dollars of Nagios's macros
sed -n -E 's/.*(sbin|\])\/?fdwarden (check [^"]*).*/\2/p' contrib/nagios/fdwarden.cfg contrib/monit/fdwarden |
	sed 's/\$ARG1\$/80/; s/\$ARG2\$/95/' | sort -u >"$dir/commands"
[ "$(wc -l <"$dir/commands")" = 2 ] || complain "contrib: not two commands"
while read -r arguments; do
	# shellcheck disable=SC2086
	expect 3 '^FDWARDEN UNKNOWN - no daemon is running: ' '' $arguments --socket "$dir/nowhere"
done <"$dir/commands"
ran=$((ran + 1))
if "$fdwarden" ps $$ >"$dir/out" 2>&1; then
	FDWARDEN=$fdwarden COLLECTD_INTERVAL=0 COLLECTD_HOSTNAME=web \
		contrib/collectd/fdwarden-collectd $$ >"$dir/out" 2>&1
	grep -qE '^PUTVAL "web/fdwarden/gauge-used" interval=0 N:[0-9]+$' "$dir/out" ||
		complain "fdwarden-collectd: $(cat "$dir/out")"
	[ "$(wc -l <"$dir/out")" = 2 ] || complain "fdwarden-collectd: $(cat "$dir/out")"
fi

# What is printed is as wide as COLUMNS says, where there is no terminal.
if "$fdwarden" ps $$ >"$dir/out" 2>&1; then
	for columns in 60 90; do
		ran=$((ran + 2))
		COLUMNS=$columns "$fdwarden" >"$dir/out" 2>&1
		grep -v '^ *[Nf]' "$dir/out" | head -6 | tr -dc '\n -~' >"$dir/table"
		[ "$(wc -L <"$dir/table")" -le $columns ] || complain "COLUMNS=$columns: wider"
		COLUMNS=$columns "$fdwarden" ps >"$dir/out" 2>&1
		tr -dc '\n -~' <"$dir/out" | sed '/^[0-9]* process/,$d' >"$dir/table"
		[ "$(wc -L <"$dir/table")" -le $columns ] || complain "COLUMNS=$columns ps: wider"
	done
fi

# What is printed reads the same.
ran=$((ran + 1))
"$fdwarden" check-config -c "$dir/good" | grep -v '^# OK: ' >"$dir/once"
"$fdwarden" check-config -c "$dir/once" | grep -v '^# OK: ' >"$dir/twice"
cmp "$dir/once" "$dir/twice" || complain 'check-config: does not read what it prints'

# A full disk is no success; nor is a standard output that is not there.
fails_to_write() {
	ran=$((ran + 1))
	if [ "$1" != 1 ] || ! grep -q "standard output: $2" "$dir/err"; then
		complain "$3: exit code $1: $(cat "$dir/err")"
	fi
}
"$fdwarden" check-config -c /dev/null >/dev/full 2>"$dir/err"
fails_to_write $? 'No space left' 'check-config >/dev/full'
"$fdwarden" --version >&- 2>"$dir/err"
fails_to_write $? 'Bad file' '--version >&-'

# With the journal on stderr there is a priority instead of the name.
ran=$((ran + 2))
: >"$dir/err"
stream=$(stat -c %d:%i "$dir/err")
JOURNAL_STREAM=$stream "$fdwarden" zip 2>"$dir/err"
grep -q '^<3>unknown command' "$dir/err" || complain "zip: no priority: $(cat "$dir/err")"
JOURNAL_STREAM=1:1 "$fdwarden" zip 2>"$dir/err"
grep -q '^fdwarden: unknown' "$dir/err" || complain 'zip: a priority without journal'

[ "$failed" = 0 ] || exit 1
echo "PASS: $ran cases"
