// SPDX-License-Identifier: GPL-2.0-or-later
// A client that never closes the bodies of responses: leak_bodies COUNT. Says "ready" at first,
// waits for a line, then makes COUNT requests to a server of its own, says "done" and waits
// again. Each leaves a connection open, and its other end in the same process.
package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

//go:noinline
func fetch(url string) int {
	response, err := http.Get(url) // LEAK
	if err != nil {
		return 0
	}
	return response.StatusCode
}

func churn() {
	for {
		if file, err := os.Open("/dev/null"); err == nil {
			file.Close()
		}
		time.Sleep(300 * time.Microsecond)
	}
}

func say(in *bufio.Reader, word string) {
	fmt.Println(word)
	if _, err := in.ReadString('\n'); err != nil {
		os.Exit(0)
	}
}

func main() {
	count, _ := strconv.Atoi(os.Args[1])
	in := bufio.NewReader(os.Stdin)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write(make([]byte, 1<<16))
	}))
	go churn()
	say(in, "ready")
	for i := 0; i < count; i++ {
		fetch("http://" + listener.Addr().String())
	}
	say(in, "done")
}
