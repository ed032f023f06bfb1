// SPDX-License-Identifier: GPL-2.0-or-later
// Comes to its limit by its own calls alone: opens32 LIMIT. Says "full", waits for a line, is
// refused 5 opens and 3 fcntl(F_DUPFD), says "refused" and waits, closes all of them, says
// "closed" and waits. Built for a 32-bit machine, to be run by a kernel of 64 bits.
package main

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
)

//go:noinline
func openOne() int {
	fd, err := syscall.Open("/dev/null", syscall.O_RDONLY, 0) // LEAK
	if err != nil {
		return -1
	}
	return fd
}

func say(word string) {
	var line [1]byte

	fmt.Println(word)
	if n, _ := syscall.Read(0, line[:]); n < 1 {
		os.Exit(0)
	}
}

func main() {
	limit, _ := strconv.Atoi(os.Args[1])
	both := syscall.Rlimit{Cur: uint64(limit), Max: uint64(limit)}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &both); err != nil {
		fmt.Println("setrlimit:", err)
		os.Exit(1)
	}
	// Of the limit alone it is refused as often as is said.
	fds := make([]int, 0, limit)
	for len(fds) == 0 || fds[len(fds)-1] < limit-1 {
		fd := openOne()
		if fd < 0 {
			fmt.Println("refused too early")
			os.Exit(1)
		}
		fds = append(fds, fd)
	}
	say("full")
	for i := 0; i < 5; i++ {
		openOne()
	}
	for i := 0; i < 3; i++ {
		syscall.Syscall(syscall.SYS_FCNTL64, 1, syscall.F_DUPFD, 0)
	}
	say("refused")
	for _, fd := range fds {
		syscall.Close(fd)
	}
	say("closed")
}
