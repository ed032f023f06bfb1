// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What only the static program has (`make portable`). A static glibc loads libraries of the host
 * where it is told to: modules of the name service that nsswitch.conf names, conversions for the
 * locale's character set, and for libdw what asks servers for debugging information. They bring
 * the host's C library with them, which is another one than is linked in, or are not there. So
 * none of them is asked for.
 */
#include <elfutils/libdwfl.h>
#include <locale.h>
#include <nss.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Users and groups of /etc/passwd and /etc/group, hosts of /etc/hosts and DNS: these services are
 * part of the C library itself since 2.34. Runs before main(), in helpers too. */
__attribute__((constructor)) static void use_own_services(void)
{
	__nss_configure_lookup("passwd", "files");
	__nss_configure_lookup("group", "files");
	__nss_configure_lookup("initgroups", "files");
	__nss_configure_lookup("hosts", "files dns");
}

/* The name of the locale that "" means for characters. */
static const char *locale_of_environment(void)
{
	static const char *const variables[] = {"LC_ALL", "LC_CTYPE", "LANG"};

	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		const char *value = getenv(variables[i]);

		if (value && *value)
			return value;
	}
	return "C";
}

char *__real_setlocale(int category, const char *locale);
char *__wrap_setlocale(int category, const char *locale);

/* The linker puts this one in place of setlocale() (--wrap). UTF-8 is converted by the C library
 * itself; of any other set the bytes are taken as they are. */
char *__wrap_setlocale(int category, const char *locale)
{
	if (locale && !*locale) {
		const char *set = strrchr(locale_of_environment(), '.');

		if (!set || strncasecmp(set, ".UTF", strlen(".UTF")) != 0)
			locale = "C";
		/* One that every glibc has in itself, where the host has no files of locales. */
		else if (!__real_setlocale(category, locale))
			locale = "C.UTF-8";
	}
	return __real_setlocale(category, locale);
}

/* In place of libdw's file of these functions, which loads libdebuginfod.so when one of them is
 * called. The answers are those of a host without it. */
int __libdwfl_debuginfod_find_executable(Dwfl *dwfl, const unsigned char *id,
					 size_t len);
int __libdwfl_debuginfod_find_debuginfo(Dwfl *dwfl, const unsigned char *id,
					size_t len);
void __libdwfl_debuginfod_end(debuginfod_client *client);

int __libdwfl_debuginfod_find_executable(Dwfl *dwfl, const unsigned char *id,
					 size_t len)
{
	(void)dwfl, (void)id, (void)len;
	return -1;
}

int __libdwfl_debuginfod_find_debuginfo(Dwfl *dwfl, const unsigned char *id, size_t len)
{
	(void)dwfl, (void)id, (void)len;
	return -1;
}

void __libdwfl_debuginfod_end(debuginfod_client *client)
{
	(void)client;
}

debuginfod_client *dwfl_get_debuginfod_client(Dwfl *dwfl)
{
	(void)dwfl;
	return NULL;
}
