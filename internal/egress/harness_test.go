package egress_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"doorward/internal/egress"
)

// rig is a proxy between a command and a network that is all on this machine: names
// are in a table, and whatever address is dialled leads to one server.
type rig struct {
	t       *testing.T
	address string // of the proxy
	names   map[string][]string
	server  net.Listener
	reports chan egress.Connection

	mu     sync.Mutex
	dialed []netip.AddrPort
	asked  []string
	deaf   error // of every report
}

// public is where a name leads in these tests: a documentation address would be none.
const public = "93.184.215.14"

func start(t *testing.T, cfg egress.Config, server net.Listener) *rig {
	t.Helper()
	r := &rig{t: t, server: server, reports: make(chan egress.Connection, 256), names: map[string][]string{
		"api.ok.test": {public}, "db.ok.test": {public}, "inward.ok.test": {"10.0.0.7"}, "mixed.ok.test": {public, "127.0.0.1"},
		"mapped.ok.test": {"::ffff:169.254.169.254"}, "nat64.ok.test": {"64:ff9b::7f00:1"}, "metadata.ok.test": {"fd00:ec2::254"},
		"many.ok.test": slices.Repeat([]string{public}, 33), "none.ok.test": {},
	}}
	cfg.Upstream = "files"
	cfg.Report = func(_ context.Context, c egress.Connection) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.deaf == nil {
			r.reports <- c
		}
		return r.deaf
	}
	cfg.Resolve = func(_ context.Context, name string) ([]netip.Addr, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.asked = append(r.asked, name)
		texts, there := r.names[name]
		if !there {
			return nil, errors.New("no such name")
		}
		var list []netip.Addr
		for _, s := range texts {
			list = append(list, netip.MustParseAddr(s))
		}
		return list, nil
	}
	cfg.Dial = func(ctx context.Context, at netip.AddrPort) (net.Conn, error) {
		r.mu.Lock()
		r.dialed = append(r.dialed, at)
		r.mu.Unlock()
		return (&net.Dialer{}).DialContext(ctx, "tcp", server.Addr().String())
	}
	p, err := egress.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.address = l.Addr().String()
	served := make(chan error, 1)
	go func() { served <- p.Serve(l) }()
	t.Cleanup(func() {
		l.Close()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return r
}

// silent is a server that keeps what it is sent, and says hello first.
func silent(t *testing.T) (net.Listener, <-chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 64)
	var open sync.WaitGroup
	open.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() {
				defer c.Close()
				_, _ = io.WriteString(c, "hello\n")
				b, _ := io.ReadAll(c)
				got <- string(b)
			})
		}
	})
	t.Cleanup(func() { l.Close(); open.Wait() })
	return l, got
}

func (r *rig) next() egress.Connection {
	r.t.Helper()
	return <-r.reports
}

// say sends the proxy some bytes, ends, and reads all that it answers.
func (r *rig) say(parts ...string) string {
	r.t.Helper()
	c, err := net.Dial("tcp", r.address)
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.Close()
	_, _ = io.WriteString(c, strings.Join(parts, "")) // the proxy may have refused already
	_ = c.(*net.TCPConn).CloseWrite()
	answer, _ := io.ReadAll(c)
	return string(answer)
}

func (r *rig) lookups() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.asked)
}

func (r *rig) dials() []netip.AddrPort {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.dialed)
}

// hello is a ClientHello of crypto/tls for a server name, "" for none.
func hello(t testing.TB, name string) string {
	t.Helper()
	near, far := net.Pipe()
	go func() {
		_ = tls.Client(near, &tls.Config{ServerName: name, InsecureSkipVerify: name == ""}).Handshake()
	}()
	head := make([]byte, 5)
	if _, err := io.ReadFull(far, head); err != nil {
		t.Fatal(err)
	}
	body := make([]byte, int(head[3])<<8|int(head[4]))
	if _, err := io.ReadFull(far, body); err != nil {
		t.Fatal(err)
	}
	far.Close()
	near.Close()
	return string(head) + string(body)
}

// site is an HTTP server, with TLS or without, as a listener that a rig leads to.
func site(t *testing.T, secure bool, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	if secure {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s
}

func readLine(t *testing.T, c net.Conn) string {
	t.Helper()
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return line
}
