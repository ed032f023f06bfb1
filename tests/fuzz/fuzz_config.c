// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any text as configuration, its last line as an override: an error or a
 * configuration that prints and reads the same, nothing else.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *print(const struct config *config, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	if (!out)
		abort();
	config_print(config, out);
	fclose(out);
	return text;
}

static void check_round_trip(const struct config *config)
{
	size_t once_len, twice_len;
	char error[512], *once = print(config, &once_len), *twice;
	struct config *again;

	if (config_load_text("printed", once, once_len, 0, NULL, 0, &again, error,
			     sizeof(error)) < 0) {
		fprintf(stderr, "%s\n%s", error, once);
		abort();
	}
	twice = print(again, &twice_len);
	if (once_len != twice_len || memcmp(once, twice, once_len) != 0)
		abort();
	free(once);
	free(twice);
	config_free(again);
}

/* Whatever is accepted keeps the promises that the policy builds on. */
static void check_promises(const struct config *config)
{
	static const struct identity who = {.comm = "nginx"};
	uint32_t steps[FDW_MAX_STEPS];
	struct policy_settings set;
	size_t len = config_steps(config, steps);

	config_settings_for(config, &who, "root", &set);
	if (set.warn_bp >= set.critical_bp || set.critical_bp > 10000 ||
	    set.hysteresis_bp >= set.warn_bp || len < 1 || len > FDW_MAX_STEPS)
		abort();
	for (size_t i = 1; i < len; i++)
		if (steps[i - 1] >= steps[i])
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *last, error[512];
	const char *override;
	struct config *config;
	size_t overrides = 0;
	int err, forgiven;

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = 0;
	last = memrchr(text, '\n', size);
	override = last ? last + 1 : "";
	if (*override) {
		overrides = 1;
		size = (size_t)(last - text);
	}
	err = config_load_text("fuzz", text, size, 0, &override, overrides, &config,
			       error, sizeof(error));
	if ((err == 0) != (config != NULL) || (err && (!*error || strchr(error, '\n'))))
		abort();
	if (config) {
		check_promises(config);
		check_round_trip(config);
		config_free(config);
	}
	/* with mistakes forgiven no more is refused, and no promise broken */
	forgiven = config_load_text("fuzz", text, size, CONFIG_FORGIVE, &override,
				    overrides, &config, error, sizeof(error));
	if ((forgiven == 0) != (config != NULL) || (!err && forgiven) ||
	    (config && !err && config->doubts_len))
		abort();
	if (config)
		check_promises(config);
	config_free(config);
	free(text);
	return 0;
}
