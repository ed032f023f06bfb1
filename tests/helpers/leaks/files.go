// SPDX-License-Identifier: GPL-2.0-or-later

// A server that opens its template for each request, and forgets to close it.
//
//	files PATH
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
)

func main() {
	// else the garbage collector would close them, some time
	var kept []*os.File
	path := os.Args[1]

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("ready", listener.Addr().(*net.TCPAddr).Port)
	panic(http.Serve(listener, http.HandlerFunc(
		func(out http.ResponseWriter, _ *http.Request) {
			template, err := os.Open(path)
			if err != nil {
				http.Error(out, err.Error(), http.StatusInternalServerError)
				return
			}
			kept = append(kept, template)
			_, _ = io.Copy(out, template)
		})))
}
