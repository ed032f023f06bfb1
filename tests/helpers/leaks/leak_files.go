// SPDX-License-Identifier: GPL-2.0-or-later
// A server that never closes one of its files: leak_files COUNT. Says "ready" at first, waits
// for a line, then makes COUNT requests to itself, says "done" and waits again. Goroutines
// open and close correctly beside it all the time.
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"time"
)

type server struct {
	requests int
}

//go:noinline
func (s *server) readTemplate(name string) string {
	file, err := os.Open(name) // LEAK
	if err != nil {
		return err.Error()
	}
	text := make([]byte, 16)
	n, _ := file.Read(text)
	s.requests++
	return string(text[:n])
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fmt.Fprint(w, s.readTemplate("/proc/self/comm"))
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
	// A file that is forgotten has a finalizer.
	debug.SetGCPercent(-1)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go http.Serve(listener, &server{})
	for i := 0; i < 2; i++ {
		go churn()
	}
	say(in, "ready")
	for i := 0; i < count; i++ {
		response, err := http.Get("http://" + listener.Addr().String())
		if err != nil {
			panic(err)
		}
		io.Copy(io.Discard, response.Body)
		response.Body.Close()
	}
	say(in, "done")
}
