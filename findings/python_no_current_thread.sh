#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Profilers find what Python runs by the interpreter's current thread. At a system call there is
# none: CPython has given up its lock before, and _PyRuntime.gilstate.tstate_current is 0 while
# a thread opens a file. Its state is found in the list of all threads by thread_id, which is the
# thread pointer (fs base) that the call came from; and the same address is among the thread's
# own data in the C library, at one distance from the thread pointer in each thread.
#
# What follows: whoever wants the Python frames of a call goes from the thread pointer.
#
# Seen with python3.11 3.11.2-6+deb12u8 (Debian 12, amd64).
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"

debian python3.11-minimal=3.11.2-6+deb12u8 libpython3.11-minimal=3.11.2-6+deb12u8
python=$work/root/usr/bin/python3.11
runtime=$(nm -D "$python" | awk '$3 == "_PyRuntime" { print $1 }')
mkfifo "$work/fifo"
PYTHONHOME=$work/root/usr "$python" -ISc 'import _thread, posix, sys, time
for _ in range(2):
	_thread.start_new_thread(posix.open, (sys.argv[1], posix.O_RDONLY))
posix.open(sys.argv[1], posix.O_RDONLY)' "$work/fifo" &
pid=$!
trap 'kill "$pid" 2>/dev/null; rm -rf "$work"' EXIT

# Until all three are in the call: openat(), or open(), of a FIFO that nobody writes to.
for _ in $(seq 100); do
	[ "$(cat "/proc/$pid/task/"*/syscall 2>/dev/null | grep -c '^257 ')" = 3 ] && break
	sleep 0.1
done

# Offsets are those of its headers: gilstate.tstate_current 576, interpreters.head 40 of
# _PyRuntime; threads.head 16 of an interpreter; next 8, thread_id 152 of a thread's state.
PYTHONHOME=$work/root/usr "$python" -ISc 'import posix, sys
memory = posix.open("/proc/%s/mem" % sys.argv[1], posix.O_RDONLY)
def word(at):
	return int.from_bytes(posix.pread(memory, 8, at), "little")
runtime = int(sys.argv[2], 16)
print("current", word(runtime + 576))
state, states, common = word(word(runtime + 40) + 16), 0, None
while state:
	pointer, states = word(state + 152), states + 1
	at = {i for i in range(8, 2048, 8) if word(pointer + i) == state}
	common = at if common is None else common & at
	state = word(state + 8)
print("threads", states)
print("distances", len(common))' "$pid" "$runtime" >"$work/told"
expect 'the current thread while three are in open()' "$(awk '/current/ { print $2 }' "$work/told")" 0
expect 'threads in the list' "$(awk '/threads/ { print $2 }' "$work/told")" 3
expect 'distances from the thread pointer that are alike in all' \
	"$(awk '/distances/ { print $2 }' "$work/told")" 1
seen
