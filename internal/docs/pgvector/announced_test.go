package pgvector_test

import (
	"io"
	"net"
	"strings"
	"testing"
)

// announcing is a server that answers whatever it is asked first with the header of a message
// of 128 MiB, and leaves the connection open.
func announcing(t *testing.T) (address string) {
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
				_, _ = io.WriteString(c, "D\x08\x00\x00\x00")
			}
			_, _ = io.Copy(io.Discard, c)
			c.Close()
		}
	}()
	return ln.Addr().String()
}

// What a server announces is refused by its header, before there is room made for it.
func TestB1_ServerThatAnnouncesTooMuch(t *testing.T) {
	t.Parallel()
	x := open(t, "postgres://u@"+announcing(t)+"/docs?sslmode=disable", "docs")
	defer func() { _ = x.Close() }()
	if _, err := x.State(t.Context()); err == nil || !strings.Contains(err.Error(), "announced a longer message") {
		t.Errorf("128 MiB: %v", err)
	}
}
