/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * assert_between(value, least, most): not negative, and in this range. cmocka 2 deprecates
 * assert_in_range() in favour of one that cmocka 1 does not have.
 */
#ifndef FDWARDEN_TESTS_BETWEEN_H
#define FDWARDEN_TESTS_BETWEEN_H

#ifdef assert_uint_in_range
#define assert_between(value, least, most) assert_uint_in_range(value, least, most)
#else
#define assert_between(value, least, most) assert_in_range(value, least, most)
#endif

#endif
