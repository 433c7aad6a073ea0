package storetest

import (
	"context"
	"net"
	"sync"
	"testing"
)

// Link is a wire to a server. It can stop carrying anything, with its connections
// open, and it can alter what the server answers.
type Link struct {
	Addr string

	to   string
	edit func([]byte) []byte

	mu      sync.Mutex
	changed *sync.Cond
	stalled bool
	closed  bool
	conns   []net.Conn
	running sync.WaitGroup
}

// NewLink lays a wire to an address. edit is asked about each piece of an answer;
// nil leaves them as they are.
func NewLink(tb testing.TB, to string, edit func([]byte) []byte) *Link {
	tb.Helper()
	ln, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	l := &Link{Addr: ln.Addr().String(), to: to, edit: edit}
	l.changed = sync.NewCond(&l.mu)
	l.running.Go(func() { l.accept(ln) })
	tb.Cleanup(func() {
		ln.Close()
		l.mu.Lock()
		l.closed = true
		for _, c := range l.conns {
			c.Close()
		}
		l.changed.Broadcast()
		l.mu.Unlock()
		l.running.Wait()
	})
	return l
}

// Stall stops carrying.
func (l *Link) Stall() { l.set(true) }

// Flow carries again, also what was held.
func (l *Link) Flow() { l.set(false) }

func (l *Link) set(stalled bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stalled = stalled
	l.changed.Broadcast()
}

func (l *Link) accept(ln net.Listener) {
	for {
		client, err := ln.Accept()
		if err != nil {
			return
		}
		server, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", l.to)
		if err != nil {
			client.Close()
			continue
		}
		if !l.keep(client, server) {
			return
		}
		l.running.Go(func() { l.carry(server, client, nil) })
		l.running.Go(func() { l.carry(client, server, l.edit) })
	}
}

// keep remembers connections for the end, and closes them when it has come.
func (l *Link) keep(conns ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns = append(l.conns, conns...)
	if l.closed {
		for _, c := range conns {
			c.Close()
		}
	}
	return !l.closed
}

func (l *Link) carry(to, from net.Conn, edit func([]byte) []byte) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		l.mu.Lock()
		for l.stalled && !l.closed {
			l.changed.Wait()
		}
		l.mu.Unlock()
		piece := buf[:n]
		if edit != nil {
			piece = edit(piece)
		}
		if _, err := to.Write(piece); err != nil {
			return
		}
	}
}
