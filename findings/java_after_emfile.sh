#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A JVM does not get well when descriptors are free again. A class whose initialiser
# fails for want of a descriptor is in error for good: InetAddress, asked for the first
# time at a full table, says UnsatisfiedLinkError then and NoClassDefFoundError for ever
# after; a class of the program's own that could not be read is not looked for again.
# And at the full table File.list() gives null, as of a path that is no folder.
#
# What follows: after "too many open files" a Java service that was still starting, or
# that took a path for the first time, has to be restarted even where the table has
# become empty by itself; and NoClassDefFoundError of a class that is there is a sign.
#
# Seen with OpenJDK 17.0.21.1+2-1~deb12u1 (Debian 12).
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"

jdk17
cat >"$work/After.java" <<'END'
import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;

public class After {
    static class Later {
        static final Integer VALUE = Integer.valueOf(1);
    }

    static void say(String when, Callable<Object> what) {
        try {
            System.out.println(when + " " + what.call());
        } catch (Throwable error) {
            System.out.println(when + " " + error.getClass().getSimpleName());
        }
    }

    public static void main(String[] args) throws Exception {
        Callable<Object> what = switch (args[0]) {
            case "InetAddress" -> () -> InetAddress.getByName("127.0.0.1").isLoopbackAddress();
            case "Later" -> () -> Later.VALUE;
            default -> () -> new File("/etc").list() == null ? "null" : "a list";
        };
        List<FileInputStream> open = new ArrayList<>();
        try {
            for (;;)
                open.add(new FileInputStream("/dev/null"));
        } catch (IOException full) {
            say("full:", what);
        }
        for (var file : open)
            file.close();
        say("free:", what);
    }
}
END
"$java_home/bin/javac" -d "$work" "$work/After.java"
after() {
	prlimit --nofile=64:64 "$java_home/bin/java" -Xshare:off -cp "$work" After "$1" |
		tr '\n' ' '
}
expect 'InetAddress.getByName("127.0.0.1")' "$(after InetAddress)" \
	'full: UnsatisfiedLinkError free: NoClassDefFoundError '
expect "a class of the program's" "$(after Later)" \
	'full: NoClassDefFoundError free: NoClassDefFoundError '
expect 'new File("/etc").list()' "$(after list)" 'full: null free: a list '
seen
