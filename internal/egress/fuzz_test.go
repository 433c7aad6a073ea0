package egress_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"doorward/internal/egress"
	"doorward/internal/policy/places"
)

// What readHead takes, Go's own server reads alike: the same host by URL and by Host.
func FuzzHead(f *testing.F) {
	for _, s := range []string{
		connect("api.ok.test:443"), get("http://api.ok.test/a?b", "api.ok.test"), get("http://api.ok.test:8080", "api.ok.test:8080"),
		get("http://[2606:4700::1]:80/", "[2606:4700::1]"), "CONNECT a.test:1 HTTP/1.0\r\n\r\n", get("http://ok@127.0.0.1/", "127.0.0.1"),
		"GET http://a.test/ HTTP/1.1\r\nHost:\ta.test\r\nHost : b.test\r\n\r\n", get("http://a.test\\@b.test/", "a.test"), get("HTTP://A.test/", "a.TEST"),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		host, port, tunnel, err := egress.ReadHead(b)
		if err != nil {
			return
		}
		if port == 0 || !strings.Contains(host, ":") && places.Spelled(host) != "" && net.ParseIP(host) == nil {
			t.Fatalf("%q is for %q:%d", b, host, port)
		}
		req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(b)))
		if err != nil {
			return // stricter, about the path for one
		}
		if !strings.EqualFold(req.URL.Hostname(), host) && net.ParseIP(req.URL.Hostname()).String() != host || tunnel != (req.Method == http.MethodConnect) {
			t.Fatalf("%q is for %q, and Go sees %q", b, host, req.URL.Hostname())
		}
	})
}

// errSeen ends a handshake when its hello was read.
var errSeen = errors.New("seen")

// goSees is the server name that crypto/tls reads.
func goSees(b []byte) (name string, err error) {
	near, far := net.Pipe()
	_ = far.SetDeadline(time.Now().Add(time.Second))
	var sent sync.WaitGroup
	sent.Go(func() {
		_, _ = near.Write(b)
		near.Close()
	})
	sent.Go(func() { _, _ = io.Copy(io.Discard, near) })
	err = tls.Server(far, &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		name = h.ServerName
		return nil, errSeen
	}}).HandshakeContext(context.Background())
	far.Close()
	sent.Wait()
	if errors.Is(err, errSeen) {
		return name, nil
	}
	return "", err
}

// Where both take a ClientHello, the name is the same; and a hello that is cut off
// asks for more bytes than there are.
func FuzzHello(f *testing.F) {
	whole := hello(f, "api.ok.test")
	f.Add([]byte(whole))
	f.Add([]byte(hello(f, "")))
	f.Add([]byte(whole[:5] + whole[5:300]))
	body := whole[5:]
	split := string([]byte{22, 3, 1, 0, 3}) + body[:3] + string([]byte{22, 3, 1, byte((len(body) - 3) >> 8), byte(len(body) - 3)}) + body[3:]
	f.Add([]byte(split))
	f.Add([]byte("\x16\x03\x01\x00\x00"))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		name, need, err := egress.ReadHello(b)
		if err != nil {
			return
		}
		if need != 0 {
			if need <= len(b) {
				t.Fatalf("%d bytes are wanted of %d", need, len(b))
			}
			return
		}
		if seen, err := goSees(b); err == nil && !strings.EqualFold(seen, name) {
			t.Fatalf("the name is %q, and Go sees %q", name, seen)
		}
	})
}

// A prefix of what is taken asks for more, and never leads elsewhere.
func FuzzSocks(f *testing.F) {
	f.Add([]byte("\x05\x01\x00\x03\x0bapi.ok.test\x01\xbb"))
	f.Add([]byte("\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x50"))
	f.Add([]byte("\x05\x01\x00\x04" + strings.Repeat("\x00", 16) + "\x00\x50"))
	f.Add([]byte("\x05\x02\x00\x02"))
	f.Add([]byte("\x05\x01\x00\x03\x05127.1\x00\x50"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, err := egress.ReadGreeting(b); n > len(b) || n > 0 && err == nil && bytes.IndexByte(b[2:n], 0) < 0 {
			t.Fatalf("greeting of %d bytes in %q", n, b)
		}
		name, addr, n, err := egress.ReadSocks(b)
		if n > len(b) || n > 4+1+255+2 {
			t.Fatalf("%d bytes of %d", n, len(b))
		}
		if err != nil || n == 0 {
			return
		}
		if (name == "") != addr.IsValid() || name != "" && places.Spelled(name) != "" {
			t.Fatalf("%q leads to %q %v", b, name, addr)
		}
		for cut := range n {
			if _, _, got, err := egress.ReadSocks(b[:cut]); got != 0 || err != nil {
				t.Fatalf("%q at %d: %d, %v", b, cut, got, err)
			}
		}
	})
}
