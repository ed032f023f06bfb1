/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names that a process, a container or a user may choose, each of which would make a file
 * if a shell took it for more than a name. */
#ifndef FDWARDEN_TESTS_HOSTILE_NAMES_H
#define FDWARDEN_TESTS_HOSTILE_NAMES_H

static const char *const hostile_names[] = {
	"",
	"plain.service",
	"a b",
	"x; >pwned",
	"x\n>pwned\n",
	"$(>pwned)",
	"`>pwned`",
	"' >pwned '",
	"'; >pwned; '",
	"\"; >pwned; \"",
	"\\'; >pwned; \\'",
	"$'\\''; >pwned; '",
	"\x01'; >pwned; '",
	"\x01\\'; >pwned; \\'",
	"x & >pwned",
	"x | >pwned",
	"x || >pwned",
	"x > pwned",
	"${x:=$(>pwned)}",
	"$((x=1))",
	"-x",
	"--help",
	"--eval=>pwned",
	"~/x",
	"~nobody",
	"=ls",
	"{a,b}",
	"*",
	"?[a-z]*",
	"!!",
	"!-1",
	"x!$'\x01!!",
	"#x",
	"%1",
	"a=b",
	"\033]0;x\007\033[2J",
	"\033[200~>pwned\r\033[201~",
	"x\r>pwned\r",
	"\x03>pwned\n",
	"\x04",
	"\x7f\x15>pwned\n",
	"\xff\xfe",
	"\xc2\x9b"
	"31m",
	"\xe2\x80\xae"
	"x",
	"\xc3\xa4.service",
	"tab\there",
	"x\\",
	"\\",
	"trailing\n",
	"&&",
	"<(>pwned)",
	"<<EOF",
};

#define HOSTILE_NAMES (sizeof(hostile_names) / sizeof(hostile_names[0]))

#endif
