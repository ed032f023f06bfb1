// SPDX-License-Identifier: GPL-2.0-or-later
#include "policy/call_site_python.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Packages by the name of their directory or file. */
static const char *const frameworks[] = {
	/* servers, and what runs workers */
	"gunicorn", "uvicorn", "hypercorn", "waitress", "cheroot", "cherrypy", "daphne",
	"gevent", "eventlet", "twisted", "tornado", "celery", "kombu", "amqp",
	"billiard", "rq", "dramatiq", "huey", "uvloop", "anyio", "trio", "sniffio",
	"greenlet",
	/* what programs are written in */
	"django", "flask", "werkzeug", "aiohttp", "starlette", "fastapi", "bottle",
	"falcon", "pyramid", "sanic", "quart", "asgiref", "rest_framework", "click",
	"typer", "pytest", "_pytest", "pluggy",
	/* clients */
	"requests", "urllib3", "httpx", "httpcore", "h11", "h2", "websockets", "grpc",
	"sqlalchemy", "psycopg2", "psycopg", "asyncpg", "pymysql", "MySQLdb",
	"aiomysql", "mysql", "redis", "aioredis", "pymongo", "motor", "botocore",
	"boto3", "s3transfer", "paramiko", "ldap3", "pika", "zmq", "elasticsearch",
	"kafka"};

static bool is_framework(const char *package)
{
	size_t len = strcspn(package, "/");

	if (len > 3 && !strncmp(package + len - 3, ".py", 3))
		len -= 3;
	for (size_t i = 0; i < sizeof(frameworks) / sizeof(frameworks[0]); i++)
		if (strlen(frameworks[i]) == len &&
		    !strncmp(frameworks[i], package, len))
			return true;
	return false;
}

/* What follows in the path behind a directory for packages; NULL: it is in none. */
static const char *after_packages(const char *file)
{
	static const char *const names[] = {"/site-packages/", "/dist-packages/"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *at = strstr(file, names[i]);

		if (at)
			return at + strlen(names[i]);
	}
	return NULL;
}

/* In …/lib/python3.11/, whichever directory it is that the interpreter was installed to. */
static bool is_standard(const char *file)
{
	const char *at = file;

	while ((at = strstr(at, "/lib"))) {
		at += strlen("/lib");
		if (!strncmp(at, "64", 2))
			at += 2;
		if (strncmp(at, "/python3.", strlen("/python3.")) != 0)
			continue;
		at += strlen("/python3.");
		at += strspn(at, "0123456789t");
		if (*at == '/')
			return true;
	}
	return false;
}

/* /usr/bin/gunicorn, /srv/venv/bin/celery: no suffix, and nothing but an import and a call, in
 * no function that has a name. */
static bool is_start(const char *file, const char *function)
{
	const char *name = strrchr(file, '/');

	return name && name - file >= 4 && !strncmp(name - 4, "/bin", 4) &&
	       !strchr(name, '.') && function[0] == '<';
}

enum python_owner python_owner_of(const char *file, const char *function)
{
	const char *package = after_packages(file);

	if (!strncmp(file, "<frozen ", strlen("<frozen ")))
		return PYTHON_STANDARD;
	if (package)
		return is_framework(package) ? PYTHON_FRAMEWORK : PYTHON_LIBRARY;
	if (is_standard(file))
		return PYTHON_STANDARD;
	return is_start(file, function) ? PYTHON_START : PYTHON_PROGRAM;
}
