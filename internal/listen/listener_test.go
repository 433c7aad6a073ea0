package listen_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"

	"doorward/internal/gate"
	"doorward/internal/listen"
)

// distant is a listener whose connections seem to come from elsewhere.
type distant struct {
	net.Listener
	mu   sync.Mutex
	from netip.Addr // of the next connection
}

func (f *distant) at(addr string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.from = netip.MustParseAddr(addr)
}

// Accept implements net.Listener.
func (f *distant) Accept() (net.Conn, error) {
	c, err := f.Listener.Accept()
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return farConn{c, net.TCPAddrFromAddrPort(netip.AddrPortFrom(f.from, 4711))}, nil
}

type farConn struct {
	net.Conn
	from net.Addr
}

// RemoteAddr implements net.Conn.
func (c farConn) RemoteAddr() net.Addr { return c.from }

func farListener(t *testing.T) *distant {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return &distant{Listener: l}
}

// line is a connection to a server that stays open until the test ends.
type line struct {
	net.Conn
	in *bufio.Reader
}

func connect(t *testing.T, addr, from string) line {
	t.Helper()
	d := net.Dialer{}
	if from != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	c, err := d.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return line{c, bufio.NewReader(c)}
}

// ask sends one request and returns the answer; nil when the connection ended
// instead.
func (l line) ask(t *testing.T, addr string, header ...string) (*http.Response, string) {
	t.Helper()
	if err := l.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(l, head1(addr, "1.1", append(header, fmt.Sprint("Content-Length: ", len(list)))...)+list) // what comes back tells
	resp, err := http.ReadResponse(l.in, nil)
	if err != nil {
		return nil, ""
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body) // as much as came before a reset
	return resp, string(body)
}

func (l line) status(t *testing.T, addr string, header ...string) int {
	t.Helper()
	resp, _ := l.ask(t, addr, header...)
	if resp == nil {
		return 0
	}
	return resp.StatusCode
}

// TestConnectionsOfOneAddress: beyond its share an address is told so and its
// connection closed, and beyond that closed at once; the others are served.
func TestConnectionsOfOneAddress(t *testing.T) {
	for _, tc := range []struct{ name, one, same, other string }{
		{"IPv4", "203.0.113.7", "203.0.113.7", "203.0.113.8"},
		{"IPv6 /64", "2001:db8:1:2::7", "2001:db8:1:2:ffff::8", "2001:db8:1:3::7"},
		{"mapped", "::ffff:203.0.113.7", "203.0.113.7", "203.0.113.8"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := farListener(t)
			p, addr := startAt(t, place{listener: l, limits: listen.Limits{ConnectionsPerAddress: 2}})
			l.at(tc.one)
			first := connect(t, addr, "")
			if status := first.status(t, addr); status != 200 {
				t.Fatalf("first: status %d", status)
			}
			l.at(tc.same)
			if status := connect(t, addr, "").status(t, addr); status != 200 {
				t.Fatalf("second: status %d", status)
			}
			resp, body := connect(t, addr, "").ask(t, addr)
			if resp == nil || resp.StatusCode != 429 || !resp.Close || resp.Header.Get("Retry-After") == "" || !strings.Contains(body, "http.address_limit") {
				t.Fatalf("third: %v %s", resp, body)
			}
			if status := first.status(t, addr); status != 200 {
				t.Errorf("one that is in use: status %d", status)
			}
			l.at(tc.other)
			if status := connect(t, addr, "").status(t, addr); status != 200 {
				t.Errorf("another address: status %d", status)
			}
			l.at(tc.same)
			first.Close()
			for status := 0; status != 200; { // as soon as the server has seen it close
				if status = connect(t, addr, "").status(t, addr); status != 200 && status != 429 {
					t.Fatalf("after one closed: status %d", status)
				}
			}
			if !slices.Contains(p.turnedAway(), "http.address_limit") {
				t.Errorf("turned away with %q", p.turnedAway())
			}
		})
	}
}

// Those who say nothing do not get to be told for ever.
func TestConnectionsBeyondBeyond(t *testing.T) {
	l := farListener(t)
	p, addr := startAt(t, place{listener: l, limits: listen.Limits{ConnectionsPerAddress: 1}})
	l.at("203.0.113.7")
	for range 1 + 32 {
		connect(t, addr, "")
	}
	last := connect(t, addr, "")
	if err := last.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := last.in.ReadByte(); err != io.EOF {
		t.Errorf("reading: %v", err)
	}
	if got := p.turnedAway(); !slices.Equal(got, []gate.Code{"http.address_limit"}) {
		t.Errorf("turned away with %q", got)
	}
}

// Loopback and trusted proxies bring many clients.
func TestConnectionsWithoutShare(t *testing.T) {
	l := farListener(t)
	_, addr := startAt(t, place{
		listener: l, limits: listen.Limits{ConnectionsPerAddress: 1},
		settings: &listen.Settings{TrustedProxies: networks("203.0.113.0/24")},
	})
	for _, from := range []string{"127.0.0.1", "::1", "203.0.113.7"} {
		l.at(from)
		for range 3 {
			if status := connect(t, addr, "").status(t, addr); status != 200 {
				t.Errorf("%s: status %d", from, status)
			}
		}
	}
}

// HTT-10: when every place is taken, who is idle makes room for who comes, and who
// says nothing runs out of time.
func TestHTT10_FullHouse(t *testing.T) {
	t.Run("idle", func(t *testing.T) {
		_, addr := start(t, nil, listen.Limits{Connections: 3})
		var all []line
		for range 8 {
			c := connect(t, addr, "")
			if status := c.status(t, addr); status != 200 {
				t.Fatalf("status %d", status)
			}
			all = append(all, c)
		}
		// Which are gone depends on when the server saw that each was answered.
		open := 0
		for _, c := range all {
			if c.status(t, addr) == 200 {
				open++
			}
		}
		if open > 3 {
			t.Errorf("%d of 8 are open in a house of 3", open)
		}
	})
	t.Run("busy", func(t *testing.T) { // who waits has the place of the first that becomes idle
		p, addr := start(t, nil, listen.Limits{Connections: 1})
		began, goOn := make(chan struct{}), make(chan struct{})
		p.before = func(ctx context.Context, ex *gate.Exchange, c gate.Client) {
			began <- struct{}{}
			<-goOn
			p.decode(ctx, ex, c)
		}
		var all sync.WaitGroup
		ask := func() {
			c := connect(t, addr, "")
			all.Go(func() {
				if status := c.status(t, addr); status != 200 {
					t.Errorf("status %d", status)
				}
			})
		}
		ask()
		<-began
		ask()
		ask()
		for range 2 {
			goOn <- struct{}{}
			<-began
		}
		goOn <- struct{}{}
		all.Wait()
	})
	t.Run("silent", func(t *testing.T) {
		_, addr := start(t, nil, listen.Limits{Connections: 3, HeaderWait: 300 * time.Millisecond})
		for _, beginning := range []string{"", "P", "POST /mcp HTTP/1.1\r\nHost: x\r\n"} {
			c := connect(t, addr, "")
			if _, err := io.WriteString(c, beginning); err != nil {
				t.Fatal(err)
			}
		}
		if status := connect(t, addr, "").status(t, addr); status != 200 {
			t.Errorf("status %d", status)
		}
	})
}

// tcp4 is a PROXY protocol header.
func proxied(t *testing.T, version byte, source string) string {
	t.Helper()
	from := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(source))
	to := &net.TCPAddr{IP: net.IPv4(198, 51, 100, 9), Port: 443}
	b, err := proxyproto.HeaderProxyFromAddrs(version, from, to).Format()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The PROXY protocol: trusted proxies must speak it, and nobody else may.
func TestProxyProtocol(t *testing.T) {
	v1, v2 := proxied(t, 1, "203.0.113.7:4711"), proxied(t, 2, "203.0.113.7:4711")
	six := proxied(t, 2, "[2001:db8::7]:4711")
	local := "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
	datagram := strings.Replace(v2, "\x21\x11", "\x21\x12", 1)
	forwarded := []string{"X-Forwarded-For: 192.0.2.1"}
	for _, tc := range []struct {
		name, from, header string
		lines              []string
		remote             string // empty: no answer, no exchange
	}{
		{"version 1", "127.0.0.1", v1, nil, "203.0.113.7"},
		{"version 2", "127.0.0.1", v2, nil, "203.0.113.7"},
		{"IPv6", "127.0.0.1", six, nil, "2001:db8::7"},
		{"the proxy itself", "127.0.0.1", local, nil, "127.0.0.1"},
		{"client's own headers", "127.0.0.1", v2, forwarded, "203.0.113.7"},
		{"through another proxy", "127.0.0.1", proxied(t, 2, "10.0.0.5:4711"), forwarded, "192.0.2.1"},
		{"without", "127.0.0.1", "", nil, ""},
		{"unknown", "127.0.0.1", "PROXY UNKNOWN\r\n", nil, ""},
		{"unknown with addresses", "127.0.0.1", "PROXY UNKNOWN 1.1.1.1 2.2.2.2 1 2\r\n", nil, ""},
		{"datagram", "127.0.0.1", datagram, nil, ""},
		{"twice", "127.0.0.1", v1 + v1, nil, ""},
		{"cut", "127.0.0.1", v2[:20], nil, ""},
		{"bad address", "127.0.0.1", "PROXY TCP4 203.0.113.700 198.51.100.9 1 2\r\n", nil, ""},
		{"somebody else, without", "127.0.0.2", "", forwarded, "127.0.0.2"},
		{"somebody else, version 1", "127.0.0.2", v1, nil, ""},
		{"somebody else, version 2", "127.0.0.2", v2, nil, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, addr := startAt(t, place{
				proxied:  true,
				settings: &listen.Settings{TrustedProxies: networks("127.0.0.1/32", "10.0.0.0/8")},
			})
			c := connect(t, addr, tc.from)
			if _, err := io.WriteString(c, tc.header); err != nil {
				t.Fatal(err)
			}
			status := c.status(t, addr, tc.lines...)
			if tc.remote == "" {
				if status == 200 || len(p.exchanges()) != 0 {
					t.Errorf("status %d, %d exchanges", status, len(p.exchanges()))
				}
				return
			}
			if status != 200 {
				t.Fatalf("status %d", status)
			}
			if in := p.inbound(t); in.Remote.String() != tc.remote || in.Base != "http://"+addr {
				t.Errorf("remote %v, base %s", in.Remote, in.Base)
			}
		})
	}
}

// The PROXY protocol comes before TLS, whose bytes are the client's own.
func TestProxyProtocolBeneathTLS(t *testing.T) {
	v := newVault(t)
	p, addr := startAt(t, place{proxied: true, tls: v.open(t), settings: &listen.Settings{TrustedProxies: networks("127.0.0.1/32")}})
	c := caller(t, v.dialer(nil), true)
	c.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, at string) (net.Conn, error) { //nolint:forcetypeassert // caller made it
		c, err := (&net.Dialer{}).DialContext(ctx, network, at)
		if err == nil {
			_, err = io.WriteString(c, proxied(t, 2, "203.0.113.7:4711"))
		}
		return c, err
	}
	if got := status(t, c, addr); got != 200 {
		t.Fatalf("status %d", got)
	}
	if in := p.inbound(t); in.Remote.String() != "203.0.113.7" || in.Base != "https://"+addr {
		t.Errorf("remote %v, base %s", in.Remote, in.Base)
	}
}

// A proxy that sends nothing holds nobody up.
func TestProxyProtocolSilence(t *testing.T) {
	_, addr := startAt(t, place{proxied: true, settings: &listen.Settings{TrustedProxies: networks("127.0.0.1/32")}})
	for range 8 {
		connect(t, addr, "127.0.0.1")
		connect(t, addr, "127.0.0.2")
	}
	if status := connect(t, addr, "127.0.0.2").status(t, addr); status != 200 {
		t.Errorf("status %d", status)
	}
}
