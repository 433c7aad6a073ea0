package egress_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"doorward/internal/egress"
)

func connect(host string) string {
	return "CONNECT " + host + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n"
}

func socks(host string, port uint16) string {
	return "\x05\x01\x00" + "\x05\x01\x00\x03" + string(rune(len(host))) + host + string([]byte{byte(port >> 8), byte(port)})
}

func get(url, host string) string {
	return "GET " + url + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n"
}

func list() []string {
	return []string{
		"api.ok.test:443", "api.ok.test:80", "*.zone.test:443", "tcp://db.ok.test:5432", "inward.ok.test:443", "inward.ok.test:80",
		"mixed.ok.test:443", "mapped.ok.test:443", "nat64.ok.test:443", "metadata.ok.test:443", "many.ok.test:443", "none.ok.test:443",
		"unknown.ok.test:443", "tcp://pinned.ok.test:5432=10.0.0.9", "tcp://10.0.0.8:25", "10.0.0.8:443", "tcp://[fd00::8]:25",
	}
}

// Nothing of these may leave: SBX-08, and POL-36 to POL-40 where a proxy sees them.
func TestSBX08Refused(t *testing.T) {
	l, got := silent(t)
	r := start(t, egress.Config{Allow: list()}, l)
	ok, other, none := hello(t, "api.ok.test"), hello(t, "evil.test"), hello(t, "")
	for _, c := range []struct {
		name, sent string
		want       egress.Code
	}{
		{"another host", connect("evil.test:443") + ok, egress.Unlisted},
		{"another port", connect("api.ok.test:22") + ok, egress.Unlisted},
		{"a name below one that is listed whole", connect("x.api.ok.test:443"), egress.Unlisted},
		{"the name itself of a zone", connect("zone.test:443"), egress.Unlisted},
		{"a name that ends alike", connect("evilzone.test:443"), egress.Unlisted},
		{"an address", connect("93.184.215.14:443") + none, egress.Unlisted},
		{"an IPv6 address", connect("[2606:4700:4700::1111]:443"), egress.Unlisted},
		{"loopback", connect("127.0.0.1:443"), egress.Unlisted},
		{"a mapped address", connect("[::ffff:10.0.0.8]:25"), egress.Unlisted},
		{"another SNI", connect("api.ok.test:443") + other, egress.Mismatch},
		{"no SNI", connect("api.ok.test:443") + none, egress.Unnamed},
		{"an SNI for an address", connect("10.0.0.8:443") + ok, egress.Mismatch},
		{"no TLS", connect("api.ok.test:443") + "GET / HTTP/1.1\r\n\r\n", egress.Clear},
		{"a hello that is cut off", connect("api.ok.test:443") + ok[:100], egress.Malformed},
		{"another Host with CONNECT", "CONNECT api.ok.test:443 HTTP/1.1\r\nHost: evil.test\r\n\r\n" + ok, egress.Mismatch},
		{"another port in Host", "CONNECT api.ok.test:443 HTTP/1.1\r\nHost: api.ok.test:80\r\n\r\n", egress.Mismatch},
		{"two Hosts", "CONNECT api.ok.test:443 HTTP/1.1\r\nHost: api.ok.test\r\nHost: api.ok.test\r\n\r\n", egress.Malformed},
		{"plain HTTP elsewhere", get("http://evil.test/", "evil.test"), egress.Unlisted},
		{"plain HTTP with another Host", get("http://api.ok.test/", "evil.test"), egress.Mismatch},
		{"plain HTTP without Host", "GET http://api.ok.test/ HTTP/1.1\r\n\r\n", egress.Malformed},
		{"a user name", get("http://ok@127.0.0.1/", "127.0.0.1"), egress.Malformed},
		{"a fragment", get("http://api.ok.test#@127.0.0.1/", "127.0.0.1"), egress.Malformed},
		{"backslashes", get("http:\\\\127.0.0.1/", "127.0.0.1"), egress.Malformed},
		{"a tab", get("http://127.0.0.1\t/", "127.0.0.1"), egress.Malformed},
		{"https in absolute form", get("https://api.ok.test/", "api.ok.test"), egress.Unsupported},
		{"gopher", get("gopher://api.ok.test/", "api.ok.test"), egress.Unsupported},
		{"origin form", get("/", "api.ok.test"), egress.Unsupported},
		{"a folded line", "GET http://api.ok.test/ HTTP/1.1\r\nHost: api.ok.test\r\n x\r\n\r\n", egress.Malformed},
		{"a head without end", "GET http://api.ok.test/ HTTP/1.1\r\nX: " + strings.Repeat("a", 20<<10), egress.Malformed},
		{"SOCKS elsewhere", socks("evil.test", 443) + ok, egress.Unlisted},
		{"SOCKS with another SNI", socks("api.ok.test", 443) + other, egress.Mismatch},
		{"SOCKS to an address", "\x05\x01\x00\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x50", egress.Unlisted},
		{"SOCKS to an IPv6 address", "\x05\x01\x00\x05\x01\x00\x04" + string(make([]byte, 15)) + "\x01\x00\x50", egress.Unlisted},
		{"SOCKS BIND", "\x05\x01\x00\x05\x02\x00\x03\x0bapi.ok.test\x01\xbb", egress.Unsupported},
		{"SOCKS UDP", "\x05\x01\x00\x05\x03\x00\x03\x0bapi.ok.test\x01\xbb", egress.Unsupported},
		{"SOCKS with a password", "\x05\x01\x02", egress.Unsupported},
		{"SOCKS 4", "\x04\x01\x01\xbb\x01\x01\x01\x01\x00", egress.Malformed},
		{"TLS at once", ok, egress.Malformed},
		{"nothing", "", egress.Malformed},
		{"a private address behind a name", connect("inward.ok.test:443") + hello(t, "inward.ok.test"), egress.Inward},
		{"a private address behind plain HTTP", get("http://inward.ok.test/", "inward.ok.test"), egress.Inward},
		{"a private address behind SOCKS", socks("inward.ok.test", 443), egress.Inward},
		{"one private address of two", connect("mixed.ok.test:443"), egress.Inward},
		{"a mapped address behind a name", connect("mapped.ok.test:443"), egress.Inward},
		{"NAT64 behind a name", connect("nat64.ok.test:443"), egress.Inward},
		{"metadata behind a name", connect("metadata.ok.test:443"), egress.Inward},
		{"too many addresses", connect("many.ok.test:443"), egress.Unresolved},
		{"no address", connect("none.ok.test:443"), egress.Unresolved},
		{"a name that nobody knows", connect("unknown.ok.test:443"), egress.Unresolved},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.t = t
			answer := r.say(c.sent)
			seen := r.next()
			if seen.Code == egress.Opened && c.want != egress.Unlisted { // a name was about to be looked up
				seen = r.next()
			}
			if seen.Code != c.want || !seen.Code.Refused() || seen.Sent != 0 || seen.Received != 0 {
				t.Errorf("reported %+v, want %s and no bytes", seen, c.want)
			}
			if strings.Contains(answer, "hello\n") {
				t.Errorf("the host was heard: %q", answer)
			}
		})
	}
	for _, at := range r.dials() {
		if a := at.Addr().String(); a != public && a != "10.0.0.8" {
			t.Errorf("%s was dialled", at)
		}
	}
	for _, name := range r.lookups() {
		if !strings.HasSuffix(name, ".ok.test") || strings.Contains(name, "x.api") {
			t.Errorf("the name %s was looked up, which is not listed", name)
		}
	}
	select {
	case sent := <-got:
		if sent != "" {
			t.Errorf("the host was sent %q", sent)
		}
	default:
	}
}

// What POL-36 spells as an address or hides in one is no listed place, in any protocol.
func TestPOL36To37Spellings(t *testing.T) {
	l, _ := silent(t)
	r := start(t, egress.Config{Allow: list()}, l)
	for _, host := range []string{
		"127.1", "2130706433", "0177.0.0.1", "0x7f000001", "127.0.0.1.", "localhost.", "localhost", "0", "[::]", "[::1%25lo]", "[::1]",
		"\u2460\u2461\u2466.\u24ea.\u24ea.\u2460", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[fec0::1]", "[fe80::1]", "169.254.169.254", "100.64.0.1",
	} {
		for _, sent := range []string{connect(host + ":443"), socks(strings.Trim(host, "[]"), 443), get("http://"+host+"/", host)} {
			r.say(sent)
			if seen := r.next(); seen.Code != egress.Unlisted && seen.Code != egress.Malformed {
				t.Errorf("%q: %+v", sent, seen)
			}
		}
	}
	if at := r.dials(); len(at) != 0 {
		t.Errorf("dialled %v", at)
	}
}

// client is an honest HTTP client behind the proxy.
func client(r *rig, scheme string, server *http.Client) *http.Client {
	tr, ok := server.Transport.(*http.Transport)
	if !ok {
		r.t.Fatal("no transport")
	}
	tr = tr.Clone()
	tr.Proxy = http.ProxyURL(&url.URL{Scheme: scheme, Host: r.address})
	tr.TLSClientConfig.ServerName = ""
	r.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func TestAllowed(t *testing.T) {
	echo := func(w http.ResponseWriter, q *http.Request) {
		b, _ := io.ReadAll(q.Body)
		fmt.Fprintf(w, "%s %s %s|%s|%s%s", q.Method, q.Host, q.RequestURI, b, q.Header.Get("Proxy-Authorization"), q.Header.Get("X-Hop"))
	}
	secure, plain := site(t, true, echo), site(t, false, echo)
	// httptest's certificate is for example.com.
	const named = "example.com"
	for _, c := range []struct {
		name, proxy, url, want, protocol string
		to                               net.Listener
	}{
		{"CONNECT", "http", "https://" + named + "/a?b", "POST example.com /a?b|body|", "connect", secure.Listener},
		{"SOCKS5", "socks5", "https://" + named + "/a?b", "POST example.com /a?b|body|", "socks5", secure.Listener},
		{"plain HTTP", "http", "http://" + named + "/a?b", "POST example.com /a?b|body|", "http", plain.Listener},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := start(t, egress.Config{Allow: []string{named + ":443", named + ":80"}}, c.to)
			r.names[named] = []string{public}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url, strings.NewReader("body"))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Connection", "X-Hop")
			req.Header.Set("X-Hop", "hop")
			if c.protocol != "http" {
				req.Header.Del("Connection")
				req.Header.Del("X-Hop")
			}
			req.Close = true
			res, err := client(r, c.proxy, secure.Client()).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(res.Body)
			res.Body.Close()
			if string(body) != c.want {
				t.Errorf("the host saw %q, want %q", body, c.want)
			}
			opened, ended := r.next(), r.next()
			if opened.Code != egress.Opened || opened.Sent != 0 || opened.Protocol != c.protocol || opened.Host != named ||
				opened.Address.IsValid() || opened.Upstream != "files" {
				t.Errorf("opened as %+v", opened)
			}
			if ended.Code != egress.Ended || ended.Sent < 4 || ended.Received < int64(len(body)) || ended.Duration <= 0 || ended.Address != netip.MustParseAddr(public) {
				t.Errorf("ended as %+v", ended)
			}
		})
	}
}

// What an operator wrote as an address is dialled as it is, and nothing is looked up.
func TestWrittenAddresses(t *testing.T) {
	l, got := silent(t)
	r := start(t, egress.Config{Allow: list()}, l)
	for sent, want := range map[string]string{
		connect("pinned.ok.test:5432"): "10.0.0.9:5432",
		connect("10.0.0.8:25"):         "10.0.0.8:25",
		connect("[fd00::8]:25"):        "[fd00::8]:25",
		socks("pinned.ok.test", 5432):  "10.0.0.9:5432",
	} {
		if answer := r.say(sent, "to the host"); !strings.HasSuffix(answer, "hello\n") {
			t.Errorf("%q was answered %q", sent, answer)
		}
		if sent := <-got; sent != "to the host" {
			t.Errorf("the host was sent %q", sent)
		}
		if seen := r.next(); seen.Code != egress.Opened {
			t.Errorf("%+v", seen)
		}
		r.next()
		if at := r.dials(); at[len(at)-1].String() != want {
			t.Errorf("dialled %v, want %s", at, want)
		}
	}
	if asked := r.lookups(); len(asked) != 0 {
		t.Errorf("looked up %v", asked)
	}
}

// A name is looked up once, and what was judged is what is dialled (POL-38).
func TestPOL38Rebinding(t *testing.T) {
	l, _ := silent(t)
	r := start(t, egress.Config{Allow: list()}, l)
	r.say(connect("db.ok.test:5432"))
	if asked, at := r.lookups(), r.dials(); len(asked) != 1 || len(at) != 1 || at[0].Addr().String() != public {
		t.Errorf("looked up %v, dialled %v", asked, at)
	}
}

// Without a record nothing goes out, not even a name that is looked up, until a report is taken
// again.
func TestUnrecordedIsRefused(t *testing.T) {
	for _, sent := range []string{connect("db.ok.test:5432") + "data", socks("db.ok.test", 5432) + "data", get("http://api.ok.test/", "api.ok.test")} {
		l, _ := silent(t)
		r := start(t, egress.Config{Allow: list(), Limits: egress.Limits{Idle: 50 * time.Millisecond}}, l)
		hear := func(err error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.deaf = err
		}
		hear(errors.New("the disk is full"))
		for range 3 {
			if answer := r.say(sent); strings.Contains(answer, "hello") {
				t.Errorf("%q was answered %q", sent, answer)
			}
		}
		if asked, at := r.lookups(), r.dials(); len(asked)+len(at) != 0 {
			t.Errorf("%q: looked up %v, dialled %v", sent, asked, at)
		}
		hear(nil)
		r.say(sent)
		if c := r.next(); c.Code != egress.Opened {
			t.Errorf("%q: reported is %+v", sent, c)
		}
		if asked, at := r.lookups(), r.dials(); len(asked) != 1 || len(at) != 1 {
			t.Errorf("%q: looked up %v, dialled %v after a report that was taken", sent, asked, at)
		}
	}
}

// The system's own dialler connects to the address it is given and to no other.
func TestOwnDialler(t *testing.T) {
	l, _ := silent(t)
	port := netip.MustParseAddrPort(l.Addr().String()).Port()
	reports := make(chan egress.Connection, 4)
	p, err := egress.New(egress.Config{
		Upstream: "files", Allow: []string{fmt.Sprintf("tcp://127.0.0.1:%d", port), fmt.Sprintf("tcp://localhost:%d", port)},
		Report: func(_ context.Context, c egress.Connection) error { reports <- c; return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	in, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- p.Serve(in) }()
	r := &rig{t: t, address: in.Addr().String()}
	if answer := r.say(connect(fmt.Sprintf("127.0.0.1:%d", port))); !strings.HasSuffix(answer, "hello\n") {
		t.Errorf("answered %q", answer)
	}
	if c := <-reports; c.Code != egress.Opened || c.Address.IsValid() {
		t.Errorf("%+v", c)
	}
	if c := <-reports; c.Code != egress.Ended || !c.Address.IsLoopback() {
		t.Errorf("%+v", c)
	}
	r.say(connect(fmt.Sprintf("localhost:%d", port)))
	<-reports
	if c := <-reports; c.Code != egress.Inward && c.Code != egress.Unresolved {
		t.Errorf("localhost: %+v", c)
	}
	in.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestLimits(t *testing.T) {
	for _, c := range []struct {
		name   string
		limits egress.Limits
		sent   string
		want   egress.Code
	}{
		{"bytes", egress.Limits{Bytes: 1000}, strings.Repeat("x", 2000), egress.Large},
		{"bytes of a minute", egress.Limits{BytesPerMinute: 1000}, strings.Repeat("x", 2000), egress.Minute},
		{"idle", egress.Limits{Idle: 20 * time.Millisecond}, "", egress.Idle},
		{"total", egress.Limits{Total: 50 * time.Millisecond}, "", egress.Long},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, _ := silent(t)
			r := start(t, egress.Config{Allow: list(), Limits: c.limits}, l)
			conn, err := net.Dial("tcp", r.address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, connect("db.ok.test:5432")+c.sent)
			if seen := r.next(); seen.Code != egress.Opened {
				t.Fatalf("%+v", seen)
			}
			if seen := r.next(); seen.Code != c.want || seen.Sent+seen.Received > 1000 {
				t.Errorf("%+v, want %s", seen, c.want)
			}
		})
	}
	t.Run("a slow head", func(t *testing.T) {
		l, _ := silent(t)
		r := start(t, egress.Config{Allow: list(), Limits: egress.Limits{Head: 20 * time.Millisecond}}, l)
		for _, sent := range []string{"CONN", "\x05", connect("api.ok.test:443") + "\x16\x03"} {
			conn, err := net.Dial("tcp", r.address)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.WriteString(conn, sent)
			if strings.HasPrefix(sent, "CONNECT") {
				r.next() // that it is let out
			}
			if seen := r.next(); seen.Code != egress.Slow {
				t.Errorf("%q: %+v", sent, seen)
			}
			conn.Close()
		}
	})
}

// Knocking fills no record: of what is turned away one is reported a minute.
func TestFlood(t *testing.T) {
	for _, c := range []struct {
		want   egress.Code
		limits egress.Limits
	}{
		{egress.Often, egress.Limits{PerMinute: 1}},
		{egress.Busy, egress.Limits{Connections: 1}},
	} {
		l, _ := silent(t)
		r := start(t, egress.Config{Allow: list(), Limits: c.limits}, l)
		first, err := net.Dial("tcp", r.address)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(first, connect("db.ok.test:5432"))
		if seen := r.next(); seen.Code != egress.Opened {
			t.Fatalf("%+v", seen)
		}
		for range 20 {
			r.say()
		}
		if seen := r.next(); seen.Code != c.want {
			t.Errorf("%+v, want %s", seen, c.want)
		}
		first.Close()
		if seen := r.next(); seen.Code != egress.Ended {
			t.Errorf("%+v: more than one was reported", seen)
		}
	}
}

// Serve ends what is open when its listener is closed, and waits for it.
func TestServeEnds(t *testing.T) {
	l, _ := silent(t)
	ended := make(chan egress.Connection, 2)
	p, err := egress.New(egress.Config{
		Upstream: "files", Allow: []string{"tcp://10.0.0.8:25"},
		Report: func(_ context.Context, c egress.Connection) error { ended <- c; return nil },
		Dial: func(context.Context, netip.AddrPort) (net.Conn, error) {
			return net.Dial("tcp", l.Addr().String())
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	in, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- p.Serve(in) }()
	conn, err := net.Dial("tcp", in.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, connect("10.0.0.8:25"))
	if c := <-ended; c.Code != egress.Opened {
		t.Fatalf("%+v", c)
	}
	readLine(t, conn)
	in.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if c := <-ended; c.Code != egress.Stopped {
		t.Errorf("%+v", c)
	}
}

func TestCheck(t *testing.T) {
	for entry, good := range map[string]bool{
		"api.ok.test:443": true, "API.ok.test:443": true, "*.ok.test:443": true, "tcp://db.internal:5432=10.0.0.7": true,
		"127.0.0.1:8080": true, "[fd00::1]:443": true, "169.254.169.254:80": true,
		"": false, "api.ok.test": false, ":443": false, "api.ok.test:0": false, "api.ok.test:65536": false, "api.ok.test:0443": false,
		"*:443": false, "*.test:443": false, "a.*.test:443": false, "*.127.0.0.1:443": false, "https://api.ok.test": false,
		"0.0.0.0:80": false, "[::ffff:10.0.0.1]:80": false, "[64:ff9b::a00:1]:80": false, "224.0.0.1:80": false, "[fe80::1%eth0]:80": false,
		"fd00::1:443": false, "[10.0.0.1]:80": false, "api.ok.test:443=": false, "api.ok.test:443=localhost": false, "api.ok.test:443=0.0.0.0": false,
		"*.ok.test:443=10.0.0.1": false, "10.0.0.1:80=10.0.0.2": false, "127.1:80": false, "api.ok.test.:443": false,
	} {
		if err := egress.Check([]string{entry}); (err == nil) != good {
			t.Errorf("%q: %v", entry, err)
		}
	}
	if egress.Check([]string{"a.test:1", "tcp://a.test:1"}) == nil {
		t.Error("one place was listed in two ways")
	}
	if _, err := egress.New(egress.Config{Upstream: "files"}); err == nil {
		t.Error("a proxy without a report was made")
	}
}
