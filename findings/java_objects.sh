#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What objects of the JDK hold, in descriptors:
# - java.net.http.HttpClient holds one epoll and one eventfd from newHttpClient() on,
#   before it has connected to anything, and has no close() in this version: a client
#   made for each request shows as epoll and eventfd in equal numbers, without a socket.
# - a WatchService holds one inotify and a pair of unix sockets, not one descriptor.
# - an AsynchronousChannelGroup holds one epoll and a pipe (two ends), where a Selector
#   holds one epoll and one eventfd.
# - java.util.Timer, though it is a thread, holds none.
#
# What follows: the ratio of kinds tells which object leaks when no socket is there yet.
#
# Seen with OpenJDK 17.0.21.1+2-1~deb12u1 (Debian 12).
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"

jdk17
cat >"$work/Objects.java" <<'END'
import java.net.http.HttpClient;
import java.nio.channels.AsynchronousChannelGroup;
import java.nio.channels.Selector;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
import java.util.TreeMap;
import java.util.concurrent.Callable;

public class Objects {
    static Map<String, Integer> kinds() throws Exception {
        var found = new TreeMap<String, Integer>();
        try (var list = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
            for (var link : list) {
                String target;
                try {
                    target = Files.readSymbolicLink(link).toString();
                } catch (java.io.IOException gone) {
                    continue;
                }
                var kind = target.startsWith("/") ? "file"
                    : target.replaceAll("anon_inode:|\\W|\\d", "");
                found.merge(kind, 1, Integer::sum);
            }
        }
        return found;
    }

    public static void main(String[] args) throws Exception {
        var makers = Map.<String, Callable<Object>>of(
            "HttpClient", HttpClient::newHttpClient,
            "Selector", Selector::open,
            "WatchService", () -> FileSystems.getDefault().newWatchService(),
            "AsynchronousChannelGroup",
            () -> AsynchronousChannelGroup.withFixedThreadPool(1, Thread::new),
            "Timer", () -> new java.util.Timer(true));
        var make = makers.get(args[0]);
        List<Object> kept = new ArrayList<>();
        kept.add(make.call());
        kinds();
        var before = kinds();
        for (int i = 0; i < 10; i++)
            kept.add(make.call());
        var said = new StringJoiner(" ");
        for (var entry : kinds().entrySet()) {
            int more = entry.getValue() - before.getOrDefault(entry.getKey(), 0);
            if (more != 0)
                said.add(entry.getKey() + ":" + more / 10.0);
        }
        System.out.println(said.length() == 0 ? "nothing" : said);
        System.out.flush();
        Runtime.getRuntime().halt(kept.size() > 10 ? 0 : 1);
    }
}
END
"$java_home/bin/javac" -d "$work" "$work/Objects.java"
cost() {
	expect "one $1 holds" "$("$java_home/bin/java" -cp "$work" Objects "$1")" "$2"
}
cost HttpClient 'eventfd:1.0 eventpoll:1.0'
cost Selector 'eventfd:1.0 eventpoll:1.0'
cost WatchService 'inotify:1.0 socket:2.0'
cost AsynchronousChannelGroup 'eventpoll:1.0 pipe:2.0'
cost Timer nothing
seen
