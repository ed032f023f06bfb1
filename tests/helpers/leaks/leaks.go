// SPDX-License-Identifier: GPL-2.0-or-later

// A server that leaks a descriptor with each request:
//
//	leaks bodies URL	asks another server, and forgets to close the body of its
//				response: the connection is not used again, nor closed
//	leaks files PATH	opens its template, and forgets to close it
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
)

// What the garbage collector would close some time, a larger program holds on to.
var kept []any

func forgetBody(url string) (io.Reader, error) {
	response, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	kept = append(kept, response)
	return http.NoBody, nil
}

func forgetFile(path string) (io.Reader, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	kept = append(kept, file)
	return file, nil
}

func main() {
	forget := map[string]func(string) (io.Reader, error){
		"bodies": forgetBody, "files": forgetFile,
	}[os.Args[1]]
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("ready", listener.Addr().(*net.TCPAddr).Port)
	// One after another, as the tests ask: what is kept needs no lock.
	panic(http.Serve(listener, http.HandlerFunc(
		func(out http.ResponseWriter, _ *http.Request) {
			in, err := forget(os.Args[2])
			if err != nil {
				http.Error(out, err.Error(), http.StatusInternalServerError)
				return
			}
			_, _ = io.Copy(out, in)
		})))
}
