#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A Go program does not get well altogether when descriptors are free again. What its
# library reads once and then keeps, it keeps as it was at the full table: where the
# first certificate is verified then, each later one fails with SystemRootsError ("failed
# to load system roots … too many open files") until the program is restarted; where
# the local time zone is asked for the first time then, local time is UTC from there on,
# without an error. And where cgo resolves names, "no such host" is said of one that exists.
#
# What follows: after "too many open files" a Go service whose TLS connections go on to
# fail, or whose log has gone to UTC, needs a restart though its table is empty again.
#
# Seen with Go 1.19.8-2 (Debian 12).
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"

debian golang-1.19-go=1.19.8-2 golang-1.19-src=1.19.8-2
go_root=$work/root/usr/lib/go-1.19
cat >"$work/after.go" <<'END'
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"
)

func certificate() *x509.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(1),
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return made
}

func main() {
	made := certificate()
	what := map[string]func() string{
		"verify": func() string {
			_, err := made.Verify(x509.VerifyOptions{})
			return fmt.Sprintf("%T", err)
		},
		"local": func() string { return time.Unix(0, 0).Format("15:04 MST") },
		"lookup": func() string {
			_, err := net.LookupHost("localhost")
			return fmt.Sprint(err)
		},
	}[os.Args[1]]
	var open []*os.File
	for {
		file, err := os.Open("/dev/null")
		if err != nil {
			break
		}
		open = append(open, file)
	}
	if os.Args[2] == "full" {
		fmt.Print("full: ", what(), ", ")
	}
	for _, file := range open {
		file.Close()
	}
	fmt.Println("free:", what())
}
END
GOROOT=$go_root GOCACHE=$work/cache "$go_root/bin/go" build -o "$work/after" "$work/after.go"
after() {
	TZ=Europe/Berlin prlimit --nofile=64:64 "$work/after" "$@"
}
expect 'verify, first at a free table' "$(after verify free)" 'free: x509.UnknownAuthorityError'
expect 'verify, first at a full one' "$(after verify full)" \
	'full: x509.SystemRootsError, free: x509.SystemRootsError'
expect 'local time, first at a free table' "$(after local free)" 'free: 01:00 CET'
expect 'local time, first at a full one' "$(after local full)" 'full: 00:00 UTC, free: 00:00 UTC'
expect 'net.LookupHost("localhost")' "$(after lookup full)" \
	'full: lookup localhost: no such host, free: <nil>'
seen
