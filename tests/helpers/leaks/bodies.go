// SPDX-License-Identifier: GPL-2.0-or-later

// A server that asks another one for each request, and forgets to close the body of the
// response. Its connection is then never used again, nor closed.
//
//	bodies URL
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
)

func main() {
	// kept, as what the handler of a larger program does not let go
	var kept []*http.Response
	upstream := os.Args[1]

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("ready", listener.Addr().(*net.TCPAddr).Port)
	panic(http.Serve(listener, http.HandlerFunc(
		func(out http.ResponseWriter, _ *http.Request) {
			response, err := http.Get(upstream)
			if err != nil {
				http.Error(out, err.Error(), http.StatusBadGateway)
				return
			}
			kept = append(kept, response)
			fmt.Fprintln(out, response.Status)
		})))
}
