/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to call_site: whose a function of Python is, by its file. Pure. */
#ifndef FDWARDEN_CALL_SITE_PYTHON_H
#define FDWARDEN_CALL_SITE_PYTHON_H

enum python_owner {
	PYTHON_PROGRAM,
	PYTHON_LIBRARY, /* installed beside the interpreter, and perhaps the program itself */
	PYTHON_FRAMEWORK, /* what others' programs run in, or reach their servers with */
	PYTHON_START,     /* the few lines by which an installed program is started */
	PYTHON_STANDARD,  /* comes with the interpreter */
};

enum python_owner python_owner_of(const char *file, const char *function);

#endif
