// SPDX-License-Identifier: GPL-2.0-or-later
// Leaks where an exception passes a descriptor that nothing owns: leak_cc COUNT. Says "ready"
// at first, waits for a line, leaks, says "done" and waits again. Threads open and close
// correctly beside it all the time.
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace store {

template <typename Key> class Table {
public:
	explicit Table(std::vector<Key> keys) : keys(std::move(keys)) {}

	__attribute__((noinline)) int load(const Key &key)
	{
		int fd = open("/dev/null", O_RDONLY | O_CLOEXEC); // LEAK

		if (key.size() % 2 == 0)
			throw std::runtime_error("no such key: " + key);
		return fd;
	}

	template <typename Function> void each(Function function)
	{
		for (const Key &key : keys)
			function(key);
	}

private:
	std::vector<Key> keys;
};

} // namespace store

static void churn()
{
	for (;;) {
		std::ifstream file("/proc/self/comm");
		std::string text;

		std::getline(file, text);
		usleep(300);
	}
}

int main(int argc, char **argv)
{
	long count = argc > 1 ? std::atol(argv[1]) : 100;
	store::Table<std::string> table({"a", "bb", "ccc", "dddd"});
	char line[16];
	long leaked = 0;

	for (int i = 0; i < 2; i++)
		std::thread(churn).detach();
	std::puts("ready");
	std::fflush(stdout);
	if (!std::fgets(line, sizeof(line), stdin))
		return 0;
	while (leaked < count)
		table.each([&](const std::string &key) {
			if (leaked == count)
				return;
			leaked++;
			try {
				table.load(key);
			} catch (const std::runtime_error &) {
			}
			usleep(1000);
		});
	std::puts("done");
	std::fflush(stdout);
	if (!std::fgets(line, sizeof(line), stdin))
		return 0;
	_exit(0);
}
