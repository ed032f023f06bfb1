// SPDX-License-Identifier: GPL-2.0-or-later
#include "state/script.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Substitutions within each other; a script that has more is not read on. */
#define NESTED_MAX 16
/* Here-documents that one line begins. */
#define HERE_MAX   4
#define VALUE_MAX  64

struct here {
	const char *end; /* the word that ends it, without quotes, in the text */
	size_t len;
	bool tabs; /* "<<-": tabs in front of that word do not count */
};

/* Which word of a command comes next. */
enum expected {
	EXPECT_COMMAND,  /* its name */
	EXPECT_ULIMIT,   /* … of ulimit, an option */
	EXPECT_NUMBER,   /* … the number for -n */
	EXPECT_PRLIMIT,  /* … of prlimit, an option */
	EXPECT_PID,      /* … whose limit it is */
	EXPECT_ARGUMENT, /* something of no concern */
};

struct lexer {
	const char *text;
	size_t len, at;
	uint32_t line;
	bool stop; /* What follows can't be told apart. */
	struct here here[HERE_MAX];
	size_t here_len;
	/* of the command under way */
	enum expected expected;
	size_t from; /* where `ulimit` begins */
	uint32_t from_line;
	bool soft, hard;
	/* what is looked for */
	uint64_t want_soft, want_hard;
	bool soft_alone;
	struct script_finding *out;
	size_t soft_at, hard_at; /* where the line's text begins */
	bool soft_twice, hard_twice;
};

struct word {
	size_t from, to;
	char value[VALUE_MAX]; /* without its quotes */
	size_t value_len;      /* VALUE_MAX: too long */
	bool expands;          /* … or globs: its value is not known */
	bool quoted;
};

static char peek(const struct lexer *x, size_t more)
{
	return x->at + more < x->len ? x->text[x->at + more] : '\0';
}

static char next(struct lexer *x)
{
	char c = peek(x, 0);

	x->at++;
	x->line += c == '\n';
	return c;
}

static void add_char(struct word *word, char c)
{
	if (word->value_len < VALUE_MAX - 1)
		word->value[word->value_len++] = c;
	else
		word->value_len = VALUE_MAX;
}

/* ---- passing over what is of no concern ---- */

static void pass_single(struct lexer *x, struct word *word)
{
	while (x->at < x->len && peek(x, 0) != '\'')
		add_char(word, next(x));
	x->at++;
}

static void pass_backquotes(struct lexer *x)
{
	while (x->at < x->len && peek(x, 0) != '`') {
		if (peek(x, 0) == '\\')
			next(x);
		next(x);
	}
	x->at++;
}

static void pass_substitution(struct lexer *x, char end, int depth);

static void pass_double(struct lexer *x, struct word *word, int depth)
{
	while (x->at < x->len && peek(x, 0) != '"') {
		char c = next(x);

		if (c == '\\') {
			add_char(word, next(x));
		} else if (c == '$' && (peek(x, 0) == '(' || peek(x, 0) == '{')) {
			word->expands = true;
			pass_substitution(x, next(x) == '(' ? ')' : '}', depth + 1);
		} else if (c == '`') {
			word->expands = true;
			pass_backquotes(x);
		} else {
			word->expands = word->expands || c == '$';
			add_char(word, c);
		}
	}
	x->at++;
}

/* Behind "$(", "$((" or "${", up to what ends it: what a subshell does to its own limit
 * ends with it. */
static void pass_substitution(struct lexer *x, char end, int depth)
{
	char begin = end == ')' ? '(' : '{';
	struct word inner = {0};
	int open = 1;

	if (depth > NESTED_MAX)
		x->stop = true;
	while (!x->stop && x->at < x->len && open) {
		char c = next(x);

		if (c == '\\')
			next(x);
		else if (c == '\'' && end == ')')
			pass_single(x, &inner);
		else if (c == '"')
			pass_double(x, &inner, depth);
		else if (c == '`')
			pass_backquotes(x);
		else if (c == '#' && end == ')' &&
			 isspace((unsigned char)x->text[x->at - 2]))
			while (x->at < x->len && peek(x, 0) != '\n')
				x->at++;
		else if (c == '$' && (peek(x, 0) == '(' || peek(x, 0) == '{'))
			pass_substitution(x, next(x) == '(' ? ')' : '}', depth + 1);
		else
			open += (c == begin) - (c == end);
	}
}

/* ---- words ---- */

static bool ends_word(char c)
{
	return strchr(" \t\r\n;&|()<>", c) != NULL; /* and the NUL behind the text */
}

static void read_word(struct lexer *x, struct word *word)
{
	memset(word, 0, sizeof(*word));
	word->from = x->at;
	while (!x->stop && x->at < x->len && !ends_word(peek(x, 0))) {
		char c = next(x);

		if (c == '\\') {
			c = next(x);
			if (c != '\n')
				add_char(word, c);
		} else if (c == '\'') {
			word->quoted = true;
			pass_single(x, word);
		} else if (c == '"') {
			word->quoted = true;
			pass_double(x, word, 0);
		} else if (c == '`') {
			word->expands = true;
			pass_backquotes(x);
		} else if (c == '$' && (peek(x, 0) == '(' || peek(x, 0) == '{')) {
			word->expands = true;
			pass_substitution(x, next(x) == '(' ? ')' : '}', 1);
		} else {
			word->expands = word->expands || strchr("$*?[", c);
			add_char(word, c);
		}
	}
	x->at = x->at < x->len ? x->at : x->len;
	word->to = x->at;
	if (word->value_len == VALUE_MAX)
		word->value_len = 0;
	word->value[word->value_len] = '\0';
}

static bool word_is(const struct word *word, const char *text)
{
	return !word->expands && strcmp(word->value, text) == 0;
}

/* All of it digits. */
static bool parse_number(const char *text, size_t len, uint64_t *out)
{
	if (!len || len > 18 || strspn(text, "0123456789") < len)
		return false;
	*out = strtoull(text, NULL, 10);
	return true;
}

/* ---- what a statement sets ---- */

static bool is_plain(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr(" \t-=:\"'", text[i]))
			return false;
	return len > 0 && len < SCRIPT_TEXT_MAX;
}

static void keep(struct lexer *x, struct script_statement *out, size_t *at, bool *twice,
		 size_t from, size_t to, bool hard)
{
	if (out->line) {
		*twice = true;
		return;
	}
	if (!is_plain(x->text + from, to - from))
		return;
	out->line = x->from_line;
	out->hard = hard;
	memcpy(out->text, x->text + from, to - from);
	out->text[to - from] = '\0';
	*at = from;
}

/* The text from..to sets the soft limit to `soft`, the hard one to `hard`, where it sets
 * these. */
static void see_statement(struct lexer *x, size_t from, size_t to, bool sets_soft,
			  uint64_t soft, bool sets_hard, uint64_t hard)
{
	bool hard_fits = sets_hard && hard == x->want_hard;

	if (sets_soft && soft == x->want_soft && (!sets_hard || hard_fits))
		keep(x, &x->out->soft, &x->soft_at, &x->soft_twice, from, to,
		     sets_hard);
	else if (hard_fits && !sets_soft)
		keep(x, &x->out->hard, &x->hard_at, &x->hard_twice, from, to, true);
}

/* Options of ulimit: letters, the number perhaps behind them. */
static void ulimit_option(struct lexer *x, const struct word *word)
{
	const char *at = word->value + 1;
	uint64_t value;

	x->expected = EXPECT_ULIMIT;
	for (; *at; at++) {
		x->soft = x->soft || *at == 'S';
		x->hard = x->hard || *at == 'H';
		if (*at == 'S' || *at == 'H')
			continue;
		if (*at != 'n') { /* of another limit */
			x->expected = EXPECT_ARGUMENT;
			return;
		}
		x->expected = EXPECT_NUMBER;
		if (parse_number(at + 1, strlen(at + 1), &value)) {
			bool both = x->soft == x->hard;

			see_statement(x, x->from, word->to, both || x->soft, value,
				      x->hard || (both && !x->soft_alone), value);
			x->expected = EXPECT_ARGUMENT;
			return;
		}
	}
}

static void ulimit_number(struct lexer *x, const struct word *word)
{
	bool both = x->soft == x->hard;
	uint64_t value;

	x->expected = EXPECT_ARGUMENT;
	if (!word->expands && parse_number(word->value, word->value_len, &value))
		see_statement(x, x->from, word->to, both || x->soft, value,
			      x->hard || (both && !x->soft_alone), value);
}

/* "4096", "4096:", ":8192", "4096:8192", of prlimit(1). */
static void prlimit_value(struct lexer *x, const struct word *word, const char *value)
{
	size_t len = strcspn(value, ":");
	uint64_t soft = 0, hard = 0;
	bool sets_soft = parse_number(value, len, &soft), sets_hard = false;

	if (value[len])
		sets_hard =
			parse_number(value + len + 1, strlen(value + len + 1), &hard);
	else
		hard = soft;
	sets_hard = sets_hard || (sets_soft && !value[len]);
	x->from_line = x->line;
	see_statement(x, word->from, word->to, sets_soft, soft, sets_hard, hard);
}

static void prlimit_word(struct lexer *x, const struct word *word)
{
	const char *value = word->value;

	if (strncmp(value, "--nofile=", 9) == 0 && !word->expands) {
		prlimit_value(x, word, value + 9);
	} else if (strncmp(value, "-n", 2) == 0 && value[2] && !word->expands) {
		prlimit_value(x, word, value + 2 + (value[2] == '='));
	} else if (word_is(word, "--pid") || word_is(word, "-p")) {
		x->expected = EXPECT_PID;
	} else if (value[0] != '-' || (word->expands && !strstr(value, "=$$"))) {
		/* of somebody else, or the command that is to be run */
		x->expected = EXPECT_ARGUMENT;
	}
}

/* Words that a command follows. */
static bool goes_before(const struct word *word)
{
	static const char *const names[] = {
		"if",    "then", "else",   "elif", "do",      "while",
		"until", "!",    "{",      "time", "builtin", "exec",
		"nohup", "env",  "setsid", "eval", "command", "--",
	};
	const char *equal = strchr(word->value, '=');

	if (equal && equal > word->value && word->value[0] != '-')
		return true;
	for (size_t i = 0; !word->quoted && i < sizeof(names) / sizeof(names[0]); i++)
		if (word_is(word, names[i]))
			return true;
	return false;
}

static void see_command(struct lexer *x, const struct word *word)
{
	if (goes_before(word))
		return;
	x->from = word->from;
	x->from_line = x->line;
	x->soft = x->hard = false;
	if (word_is(word, "ulimit"))
		x->expected = EXPECT_ULIMIT;
	else if (!word->expands && strcmp(basename(word->value), "prlimit") == 0)
		x->expected = EXPECT_PRLIMIT;
	else
		x->expected = EXPECT_ARGUMENT;
}

static void see_word(struct lexer *x, const struct word *word)
{
	switch (x->expected) {
	case EXPECT_COMMAND:
		see_command(x, word);
		break;
	case EXPECT_ULIMIT:
		if (word->value[0] == '-' && !word->expands)
			ulimit_option(x, word);
		else
			x->expected = EXPECT_ARGUMENT;
		break;
	case EXPECT_NUMBER:
		/* "-n -S 4096" */
		if (word->value[0] == '-' && !word->expands &&
		    !strpbrk(word->value, "n")) {
			ulimit_option(x, word);
			if (x->expected == EXPECT_ULIMIT)
				x->expected = EXPECT_NUMBER;
		} else {
			ulimit_number(x, word);
		}
		break;
	case EXPECT_PRLIMIT:
		prlimit_word(x, word);
		break;
	case EXPECT_PID:
		x->expected = strcmp(word->value, "$$") == 0 ? EXPECT_PRLIMIT
							     : EXPECT_ARGUMENT;
		break;
	case EXPECT_ARGUMENT:
		break;
	}
}

/* ---- here-documents ---- */

static void begin_here(struct lexer *x)
{
	struct here here = {.tabs = peek(x, 0) == '-'};
	struct word word;

	x->at += here.tabs;
	while (peek(x, 0) == ' ' || peek(x, 0) == '\t')
		x->at++;
	read_word(x, &word);
	here.end = x->text + word.from;
	here.len = word.to - word.from;
	while (here.len && strchr("'\"\\", *here.end)) {
		here.end++;
		here.len--;
	}
	while (here.len && strchr("'\"", here.end[here.len - 1]))
		here.len--;
	if (!here.len || x->here_len == HERE_MAX)
		x->stop = true;
	else
		x->here[x->here_len++] = here;
}

/* At the begin of a line. */
static void pass_here(struct lexer *x, const struct here *here)
{
	while (x->at < x->len) {
		const char *line = x->text + x->at;
		size_t len = strcspn(line, "\n"), tabs;

		/* A NUL in a text is none's: what follows it is not read. */
		if (!line[len] && x->at + len < x->len)
			x->stop = true;
		x->at += len + 1;
		x->line++;
		tabs = here->tabs ? strspn(line, "\t") : 0;
		tabs = tabs < len ? tabs : len;
		if (x->stop || (len - tabs == here->len &&
				memcmp(line + tabs, here->end, here->len) == 0))
			return;
	}
}

/* ---- all of it ---- */

static void see_redirection(struct lexer *x)
{
	struct word target;

	if (peek(x, 0) == '<' && peek(x, 1) == '<' && peek(x, 2) != '<') {
		x->at += 2;
		begin_here(x);
		return;
	}
	while (x->at < x->len && strchr("<>&|-", peek(x, 0)))
		x->at++;
	while (peek(x, 0) == ' ' || peek(x, 0) == '\t')
		x->at++;
	if (peek(x, 0) == '(') /* a process, not a file */
		return;
	read_word(x, &target);
}

static void see_separator(struct lexer *x)
{
	char c = next(x);

	x->expected = EXPECT_COMMAND;
	if (c == '(' && peek(x, 0) == '(') {
		next(x);
		pass_substitution(x, ')', 1);
	}
	for (size_t i = 0; c == '\n' && i < x->here_len; i++)
		pass_here(x, &x->here[i]);
	if (c == '\n')
		x->here_len = 0;
}

static void step(struct lexer *x)
{
	struct word word;
	char c = peek(x, 0);

	if (!c) {
		x->stop = true;
	} else if (c == ' ' || c == '\t' || c == '\r') {
		x->at++;
	} else if (c == '\\' && peek(x, 1) == '\n') {
		next(x);
		next(x);
	} else if (c == '#') {
		while (x->at < x->len && peek(x, 0) != '\n')
			x->at++;
	} else if (strchr("\n;&|()", c)) {
		see_separator(x);
	} else if (c == '<' || c == '>') {
		see_redirection(x);
	} else {
		uint32_t line = x->line, behind;

		read_word(x, &word);
		/* the number of a descriptor: "2>file" */
		if (strchr("<>", peek(x, 0)) && peek(x, 0) && !word.quoted &&
		    strspn(word.value, "0123456789") == word.value_len)
			return;
		behind = x->line;
		x->line = line;
		see_word(x, &word);
		x->line = behind;
	}
}

/* How often a line has the text, which begins at `at`. */
static bool is_once(const struct lexer *x, const struct script_statement *statement,
		    size_t at)
{
	size_t from = at, len = strlen(statement->text), found = 0;

	while (from > 0 && x->text[from - 1] != '\n')
		from--;
	for (; from + len <= x->len && x->text[from] != '\n' && found < 2; from++)
		found += memcmp(x->text + from, statement->text, len) == 0;
	return found == 1;
}

void script_find(const char *text, size_t len, uint64_t soft, uint64_t hard,
		 bool soft_alone, struct script_finding *out)
{
	struct lexer x = {.text = text,
			  .len = len,
			  .line = 1,
			  .want_soft = soft,
			  .want_hard = hard,
			  .soft_alone = soft_alone,
			  .out = out};

	memset(out, 0, sizeof(*out));
	while (!x.stop && x.at < len)
		step(&x);
	if (x.soft_twice)
		memset(&out->soft, 0, sizeof(out->soft));
	if (x.hard_twice)
		memset(&out->hard, 0, sizeof(out->hard));
	out->soft.once = out->soft.line && is_once(&x, &out->soft, x.soft_at);
	out->hard.once = out->hard.line && is_once(&x, &out->hard, x.hard_at);
}

/* ---- how a shell is started ---- */

static bool is_shell(const char *name)
{
	static const char *const shells[] = {"sh",    "dash", "bash",  "ash",
					     "rbash", "ksh",  "ksh93", "mksh",
					     "yash",  "posh", "zsh"};

	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++)
		if (strcmp(name, shells[i]) == 0)
			return true;
	return false;
}

/* Options that an argument of their own follows. */
static bool takes_argument(const char *option)
{
	size_t len = strlen(option);

	if (strcmp(option, "--rcfile") == 0 || strcmp(option, "--init-file") == 0)
		return true;
	return option[1] != '-' && (option[len - 1] == 'o' || option[len - 1] == 'O');
}

bool script_call_read(const char *const argv[], size_t argc, struct script_call *out)
{
	bool command = false;
	const char *name;
	size_t i = 1;

	memset(out, 0, sizeof(*out));
	if (!argc)
		return false;
	name = basename(argv[0]);
	if (strcmp(name, "busybox") == 0 && argc > 1)
		name = argv[i++];
	name += name[0] == '-';
	if (!is_shell(name))
		return false;
	out->soft_alone = strcmp(name, "zsh") == 0;
	for (; i < argc && (argv[i][0] == '-' || argv[i][0] == '+') && argv[i][1];
	     i++) {
		if (strcmp(argv[i], "--") == 0) {
			i++;
			break;
		}
		if (argv[i][0] == '-' && argv[i][1] != '-') {
			command = command || strchr(argv[i], 'c');
			if (strchr(argv[i], 's')) /* from its input */
				return false;
		}
		i += takes_argument(argv[i]);
	}
	if (i >= argc || !argv[i][0])
		return false;
	if (command)
		out->command = argv[i];
	else
		out->file = argv[i];
	return true;
}

int script_rewrite(const char *statement, uint64_t soft, uint64_t hard,
		   char out[SCRIPT_TEXT_MAX])
{
	/* all in front of the last number, or of the two of prlimit */
	size_t len = strlen(statement), end;
	const char *colon = strchr(statement, ':');
	char first[24] = "", second[24] = "";
	int got;

	while (len && strchr("\"'", statement[len - 1]))
		len--;
	end = len;
	while (len && strchr("0123456789:", statement[len - 1]))
		len--;
	if (!colon || statement[len] != ':')
		snprintf(first, sizeof(first), "%" PRIu64, soft);
	if (colon && statement[end - 1] != ':')
		snprintf(second, sizeof(second), "%" PRIu64, hard);
	got = snprintf(out, SCRIPT_TEXT_MAX, "%.*s%s%s%s%s", (int)len, statement, first,
		       colon ? ":" : "", second, statement + end);
	return got > 0 && got < SCRIPT_TEXT_MAX ? got : -1;
}
