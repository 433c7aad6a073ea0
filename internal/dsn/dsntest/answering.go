// Package dsntest has servers of databases that are none, for tests of what is on the other side.
package dsntest

import (
	"io"
	"net"
	"testing"
)

// LongMessage is the header of a message of PostgreSQL that announces 128 MiB.
const LongMessage = "D\x08\x00\x00\x00"

// Answering is the address of a server that answers whatever it is asked first with a text, and leaves the
// connection open. It ends with the test, once its clients have closed their connections.
func Answering(t testing.TB, text string) (address string) {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		ln.Close()
		<-done
	})
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			if _, err := c.Read(make([]byte, 1)); err == nil {
				_, _ = io.WriteString(c, text)
			}
			_, _ = io.Copy(io.Discard, c)
			c.Close()
		}
	}()
	return ln.Addr().String()
}
