// SPDX-License-Identifier: GPL-2.0-or-later
// Never closes one of its files: node --perf-basic-prof leak.js COUNT. Says "ready" at first,
// waits for a line, leaks, says "done" and waits again. It opens and closes correctly beside
// that all the time.
'use strict';
const fs = require('fs');

function leakConfig(path) { // LEAK: a perf map has the line of the function
	return fs.openSync(path, 'r');
}

function useFile() {
	fs.closeSync(fs.openSync('/dev/null', 'r'));
}

function handle(request) {
	return leakConfig('/dev/' + (request % 2 ? 'null' : 'zero'));
}

let left = Number(process.argv[2]);
setInterval(() => { for (let i = 0; i < 20; i++) useFile(); }, 5);
console.log('ready');
process.stdin.once('data', () => {
	const timer = setInterval(() => {
		for (let i = 0; i < 5 && left > 0; i++)
			handle(left--);
		if (left === 0) {
			left = -1;
			clearInterval(timer);
			console.log('done');
			process.stdin.once('data', () => process.exit(0));
			process.stdin.once('end', () => process.exit(0));
		}
	}, 5);
});
process.stdin.once('end', () => process.exit(0));
