#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What PHP says at a full descriptor table, where "too many open files" is the reason:
# gethostbyname() gives the name back as if that were the address; glob() finds nothing;
# new DateTime() says that the time zone database is corrupt and that this should never
# happen, and Europe/Berlin is unknown (Debian's PHP reads a file a zone). The interpreter
# itself went down in one function of the same family, which is not shown here.
#
# What follows: "Timezone database is corrupt" in the log of PHP-FPM is a reason to look
# at its workers' limit (rlimit_files in the pool's file), not at tzdata.
#
# Seen with php8.2-cli 8.2.36-1~deb12u1 (Debian 12).
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"

debian php8.2-cli=8.2.36-1~deb12u1 libsodium23=1.0.18-1+deb12u1 libargon2-1=0~20171227-0.3+deb12u1
cat >"$work/full.php" <<'END'
<?php
$open = [];
while ($file = @fopen("/dev/null", "r"))
    $open[] = $file;
try {
    switch ($argv[1]) {
    case "gethostbyname":
        echo gethostbyname("localhost");
        break;
    case "glob":
        echo json_encode(glob("/etc/pass*"));
        break;
    case "zone":
        new DateTimeZone("Europe/Berlin");
        echo "a zone";
        break;
    case "now":
        new DateTime("@0");
        echo "a time";
        break;
    }
} catch (Throwable $error) {
    echo $error->getMessage();
}
END
full() {
	LD_LIBRARY_PATH=$work/root/usr/lib/x86_64-linux-gnu prlimit --nofile=64:64 \
		"$work/root/usr/bin/php8.2" -n "$work/full.php" "$1"
}
expect 'gethostbyname("localhost")' "$(full gethostbyname)" localhost
expect 'glob("/etc/pass*")' "$(full glob)" '[]'
expect 'new DateTimeZone("Europe/Berlin")' "$(full zone)" \
	'DateTimeZone::__construct(): Unknown or bad timezone (Europe/Berlin)'
expect 'new DateTime("@0")' "$(full now)" \
	'Timezone database is corrupt. Please file a bug report as this should never happen'
seen
