# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What the scripts of this folder share. Each of them sources this file, installs
# pinned packages below $work, and ends in `seen`. Nothing here runs fdwarden.

set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

die() {
	echo "$(basename "$0"): $*" >&2
	exit 1
}

# debian PACKAGE=VERSION…: unpacks Debian packages below $work/root.
debian() {
	mkdir -p "$work/debs" "$work/root"
	(cd "$work/debs" && apt-get -qq -o APT::Sandbox::User=root download "$@") ||
		die "could not download $*; run apt-get update, or the version is not offered any more"
	for deb in "$work"/debs/*.deb; do
		dpkg -x "$deb" "$work/root"
	done
	rm -f "$work"/debs/*.deb
}

# jdk17: unpacks OpenJDK 17 and sets java_home. Its configuration is behind absolute
# links, which are turned to what was unpacked.
# shellcheck disable=SC2034 # the scripts use it
jdk17() {
	debian openjdk-17-jdk-headless=17.0.21.1+2-1~deb12u1 \
		openjdk-17-jre-headless=17.0.21.1+2-1~deb12u1
	java_home=$work/root/usr/lib/jvm/java-17-openjdk-amd64
	find "$java_home" -lname '/etc/java-17-openjdk*' | while read -r link; do
		ln -sfn "$work/root$(readlink "$link")" "$link"
	done
}

# npm_packages PACKAGE@VERSION…: installs npm packages below $work/npm.
npm_packages() {
	mkdir -p "$work/npm"
	npm install --prefix "$work/npm" --no-audit --no-fund --silent "$@" ||
		die "could not install $*"
}

# expect WHAT GOT WANTED: prints what was seen; ends the script if it is not what was seen before.
expect() {
	printf '%-58s %s\n' "$1" "$2"
	[ "$2" = "$3" ] || die "$1: now it is \"$2\", it was \"$3\""
}

seen() {
	echo "as described"
}
