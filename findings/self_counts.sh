#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A Python process that counts its own descriptors counts one too many: psutil's
# Process().num_fds() and prometheus_client's process_open_fds list /proc/self/fd and
# count the descriptor that they list it with. The JVM's OpenFileDescriptorCount (JMX)
# does the same listing and leaves its own out.
#
# What follows: a figure of the process itself and one from outside differ by one, and
# at a full table the former can't be had at all, because the listing fails with EMFILE.
#
# Seen with psutil 5.9.4, prometheus_client 0.16.0, OpenJDK 17.0.21.1 (Debian 12).
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"

debian python3-psutil=5.9.4-1+b1 python3-prometheus-client=0.16.0-0.1 \
	python3-decorator=5.1.1-3 python3.11-minimal=3.11.2-6+deb12u9 \
	libpython3.11-minimal=3.11.2-6+deb12u9 libpython3.11-stdlib=3.11.2-6+deb12u9
python() {
	PYTHONHOME=$work/root/usr PYTHONPATH=$work/root/usr/lib/python3/dist-packages \
		"$work/root/usr/bin/python3.11" "$@"
}

cat >"$work/count.py" <<'END'
import os
import sys

import psutil
from prometheus_client import REGISTRY

asked, ask = os.pipe()
told, tell = os.pipe()
if os.fork() == 0:
    os.read(asked, 1)
    os.write(tell, str(len(os.listdir(f"/proc/{os.getppid()}/fd"))).encode())
    os._exit(0)
if sys.argv[1] == "psutil":
    own = psutil.Process().num_fds()
else:
    own = int(REGISTRY.get_sample_value("process_open_fds"))
os.write(ask, b"x")
print(own - int(os.read(told, 16)))
END
expect 'psutil num_fds() - what another process lists' "$(python "$work/count.py" psutil)" 1
expect 'prometheus_client process_open_fds - the same' "$(python "$work/count.py" client)" 1

jdk17
cat >"$work/Count.java" <<'END'
import java.lang.management.ManagementFactory;

public class Count {
    public static void main(String[] args) throws Exception {
        var os = (com.sun.management.UnixOperatingSystemMXBean)
            ManagementFactory.getOperatingSystemMXBean();
        os.getOpenFileDescriptorCount();
        System.out.println(os.getOpenFileDescriptorCount());
        System.in.read();
    }
}
END
"$java_home/bin/javac" -d "$work" "$work/Count.java"
mkfifo "$work/go"
"$java_home/bin/java" -Xshare:off -cp "$work" Count <"$work/go" >"$work/own" &
exec 5>"$work/go"
until [ -s "$work/own" ]; do sleep 0.1; done
outside=$(find "/proc/$!/fd" -mindepth 1 | wc -l)
exec 5>&-
wait "$!"
expect 'JVM OpenFileDescriptorCount - the same' "$(($(cat "$work/own") - outside))" 0
seen
