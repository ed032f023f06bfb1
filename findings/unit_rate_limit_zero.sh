#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# "LogRateLimitIntervalSec=0" in a unit does not turn journald's rate limit off for it, as
# "RateLimitIntervalSec=0" does in journald.conf: systemd hands a unit's interval on only if it is
# more than zero, so 0 is the same as no line at all and journald's own limit is in force. What
# frees a unit is an interval of a second with a burst that is never reached.
#
# What follows: a service whose alerts go to the journal loses those beyond 10,000 in 30 s (by
# default) although its unit seems to forbid that. "systemctl show" prints 0 in both cases.
#
# Boots a Debian 12 of its own in an emulated machine: mmdebstrap, qemu-system-x86 and cpio are
# wanted, and some minutes.
# Seen with systemd 252.39-1~deb12u2 (Debian 12), Linux 6.1.
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"

root=$work/root
mmdebstrap --quiet --variant=minbase --include=systemd,systemd-sysv,linux-image-cloud-amd64 \
	bookworm "$root" || die 'mmdebstrap has made no root'
expect 'systemd' "$(dpkg-query --admindir="$root/var/lib/dpkg" -W -f '${Version}' systemd)" \
	'252.39-1~deb12u2'
cp "$root"/boot/vmlinuz-* "$work/vmlinuz"
rm -rf "${root:?}"/boot/* "$root"/lib/modules/* "$root"/usr/share/{doc,locale,man} "$root"/var/lib/apt/lists
mkdir -p "$root/etc/systemd/journald.conf.d"
printf '[Journal]\nRateLimitIntervalSec=30s\nRateLimitBurst=10\n' >"$root/etc/systemd/journald.conf.d/limit.conf"

# unit NAME LINE…: one that writes 1,000 lines
unit() {
	local name=$1
	shift
	printf '[Service]\nType=oneshot\nExecStart=/usr/bin/seq 1000\n' >"$root/etc/systemd/system/$name.service"
	printf '%s\n' "$@" >>"$root/etc/systemd/system/$name.service"
}

unit none
unit zero LogRateLimitIntervalSec=0
unit large LogRateLimitIntervalSec=1s LogRateLimitBurst=1000000
cat >"$root/usr/local/sbin/count" <<'END'
#!/bin/sh
for unit in none zero large; do
	systemctl start $unit.service
	journalctl --sync
	lines=$(journalctl -u $unit.service -o cat | grep -cxE '[0-9]+')
	echo "SEEN $unit $([ "$lines" -eq 1000 ] && echo all || echo less)" >/dev/ttyS0
	echo "SHOWN $unit $(systemctl show -P LogRateLimitIntervalUSec $unit.service)" >/dev/ttyS0
done
systemctl poweroff
END
chmod +x "$root/usr/local/sbin/count"
printf '[Service]\nType=oneshot\nExecStart=/usr/local/sbin/count\n' >"$root/etc/systemd/system/count.service"
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -s ../count.service "$root/etc/systemd/system/multi-user.target.wants/count.service"
ln -sf /lib/systemd/systemd "$root/init"
(cd "$root" && find . -xdev | cpio --quiet -o -H newc) >"$work/root.cpio"
timeout 600 qemu-system-x86_64 -m 2048 -nographic -no-reboot -kernel "$work/vmlinuz" \
	-initrd "$work/root.cpio" -append 'console=ttyS0 quiet' </dev/null >"$work/console" || :

# told WORD UNIT
told() {
	sed -n "s/.*$1 $2 \([a-z0-9]*\).*/\1/p" "$work/console" | head -n 1
}

expect 'of 1,000 lines with no line in the unit' "$(told SEEN none)" less
expect 'with LogRateLimitIntervalSec=0' "$(told SEEN zero)" less
expect 'with 1s and a burst of 1,000,000' "$(told SEEN large)" all
expect 'systemctl show, without and with the line' \
	"$(told SHOWN none), $(told SHOWN zero)" '0, 0'
seen
