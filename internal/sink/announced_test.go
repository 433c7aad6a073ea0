package sink_test

import (
	"errors"
	"io"
	"net"
	"testing"

	"doorward/internal/dsn"
	"doorward/internal/gate"
	"doorward/internal/sink"
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
func TestDUR08_PostgreSQLThatAnnouncesTooMuch(t *testing.T) {
	t.Parallel()
	url := gate.NewSecret("postgres://u@" + announcing(t) + "/audit?sslmode=disable")
	to, err := sink.NewPostgres(sink.PostgresConfig{DSN: func() (gate.Secret, error) { return url, nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	if err := to.Deliver(t.Context(), nil); !errors.Is(err, dsn.ErrLong) {
		t.Errorf("128 MiB: %v", err)
	}
}
