#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The keys of fdwarden.conf(5), those that the program knows, and those of the
# installed configuration are the same.
set -u
cd "$(dirname "$0")/../.." || exit 1
fdwarden=${FDWARDEN:-build/fdwarden}
[ -x "$fdwarden" ] || { echo "FAIL: no $fdwarden; build it first"; exit 1; }
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT

# "section.key" of an INI file.
keys() {
	sed -n -E 's/^\[(rule)? ?([^]]*)\].*/[\1\2]/; /^\[/{s/^\[rule.*/[rule]/;h}; /^[a-z_]+ *=/{s/ *=.*//;G;s/(.*)\n\[(.*)\]/\2.\1/;s/\n$//;p}' | sort
}

"$fdwarden" check-config -c /dev/null -o 'rule r.name=x' -o 'rule r.executable=x' \
	-o 'rule r.service=x.service' -o 'rule r.user=root' -o 'rule r.cgroup=x' \
	-o 'rule r.command_line=x' -o 'rule r.container=x' -o 'rule r.runtime=x' -o 'rule r.pod=x' \
	-o 'rule r.warn=50%' -o 'rule r.critical=60%' -o 'rule r.ignore=yes' -o 'rule r.leak=no' \
	-o 'rule r.on_critical=raise-soft' -o 'rule r.raise_step=1%' \
	-o 'rule r.raise_interval=1m' -o 'rule r.raise_leaks=yes' >"$dir/printed" || exit 1
keys <"$dir/printed" >"$dir/program"
# A key that is in the table but not above would be missing: its list is in the
# error about an unknown one.
"$fdwarden" check-config -c /dev/null -o 'rule r.zzz=x' 2>&1 |
	sed 's/.*allowed: //; s/, */\n/g' | sed 's/^/rule./' | sort >"$dir/rule_table"
grep '^rule\.' "$dir/program" >"$dir/rule_program"

# .Ss [section] … .It Ic key
sed -n -E 's/^\.Ss Outside of any section/ /; t section; s/^\.Ss \[(rule|[a-z]*).*/\1/; t section; s/^\.It Ic ([a-z_]+).*/\1/; t key; b
:section
h; b
:key
G; s/(.*)\n(.*)/\2.\1/; s/^ \.//; p' docs/fdwarden.conf.5 | sort >"$dir/manual"

# The installed file mentions each.
sed -E 's/^#([][a-z])/\1/' systemd/fdwarden.conf | keys | sort -u >"$dir/installed"
grep -v '^rule\.' "$dir/program" >"$dir/offered"
grep -v '^rule\.' "$dir/installed" >"$dir/installed_offered"

fail=0
same() {
	if ! diff "$dir/$1" "$dir/$2"; then
		echo "FAIL: $3"
		fail=1
	fi
}
[ "$(wc -l <"$dir/program")" -ge 20 ] || { echo "FAIL: too few keys read"; fail=1; }
same rule_program rule_table 'keys of a rule that this test does not set'
same program manual 'keys of the program (<) and of the manual (>) differ'
same offered installed_offered 'keys of the program (<) and of the installed file (>) differ'

# The configuration as the program prints it, without the last line, which names its file.
keys_of() {
	"$fdwarden" check-config -c "$1" >"$dir/out" && grep -v '^# OK: ' "$dir/out"
}

# What the file shows as defaults are the defaults.
sed -E '/^\[rule|^#\[rule/,$d; s/^#([a-z_]+ =)/\1/; /^(file|hook) =/d' systemd/fdwarden.conf \
	>"$dir/uncommented"
keys_of "$dir/uncommented" >"$dir/as_shown" || fail=1
keys_of systemd/fdwarden.conf >"$dir/as_installed" || fail=1
keys_of /dev/null >"$dir/default" || fail=1
same as_shown default 'defaults of the installed file (<) and of the program (>) differ'
same as_installed default 'the installed file changes a default'
# And with every comment taken off it is still a configuration, but for where its outputs go:
# what is not there is an error of its own.
sed -E "s/^#([][a-z])/\1/; s|^file = .*|file = $dir/alerts.json|; s|^hook = .*|hook = /bin/true|; s/^user = .*/user = root/" \
	systemd/fdwarden.conf >"$dir/all"
"$fdwarden" check-config -c "$dir/all" >/dev/null || fail=1

[ "$fail" = 0 ] || exit 1
echo "PASS: $(wc -l <"$dir/manual") keys"
