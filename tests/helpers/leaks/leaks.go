// SPDX-License-Identifier: GPL-2.0-or-later

// A server that leaks a descriptor with each request, and who it takes to see that:
//
//	leaks bodies ADDRESS URL	asks another server, and forgets to close the body of
//					its response: the connection is not used again, nor closed
//	leaks files ADDRESS PATH	opens its template, and forgets to close it
//	leaks upstream ADDRESS		that other server: answers, and closes
//	leaks ask URL PER_SECOND	the one who asks, and closes
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
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

func serve(address string, answer http.HandlerFunc) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		panic(err)
	}
	fmt.Println("ready", listener.Addr().(*net.TCPAddr).Port)
	panic(http.Serve(listener, answer))
}

// One after another, as they are asked: what is kept needs no lock.
func leak(forget func(string) (io.Reader, error), of string) http.HandlerFunc {
	return func(out http.ResponseWriter, _ *http.Request) {
		in, err := forget(of)
		if err != nil {
			http.Error(out, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = io.Copy(out, in)
	}
}

func answerAndClose(out http.ResponseWriter, _ *http.Request) {
	out.Header().Set("Connection", "close")
	_, _ = out.Write(make([]byte, 512))
}

func ask(url string, perSecond float64) {
	for range time.Tick(time.Duration(float64(time.Second) / perSecond)) {
		response, err := http.Get(url)
		if err != nil {
			continue // it does not listen yet, or can't accept any more
		}
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
	}
}

func main() {
	switch of := os.Args[2:]; os.Args[1] {
	case "bodies":
		serve(of[0], leak(forgetBody, of[1]))
	case "files":
		serve(of[0], leak(forgetFile, of[1]))
	case "upstream":
		serve(of[0], answerAndClose)
	case "ask":
		perSecond, err := strconv.ParseFloat(of[1], 64)
		if err != nil {
			panic(err)
		}
		ask(of[0], perSecond)
	}
}
