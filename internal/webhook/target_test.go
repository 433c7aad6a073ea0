package webhook_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/webhook"
)

func good() (gate.Secret, error) { return gate.NewSecret(canary), nil }

func TestTargetsThatAreRefused(t *testing.T) {
	for _, url := range []string{
		"", "hooks.example.com", "http://hooks.example.com/x", "http://10.0.0.1/x", "http://127.1/x", "http://2130706433/", "http://0x7f000001/",
		"http://localhost./x", "https://CANARY:CANARY@hooks.example.com/", "https://hooks.example.com/#CANARY", "ftp://hooks.example.com/",
		"https:hooks.example.com", "https:///x", "http://[::ffff:10.0.0.1]/", "http://localhost.example.com/", "https://hooks.example.com/%zz-CANARY",
	} {
		_, err := webhook.NewTarget(webhook.TargetConfig{URL: url, Secret: good})
		if err == nil {
			t.Errorf("%q is taken", url)
		} else if strings.Contains(err.Error(), "CANARY") {
			t.Errorf("the URL is repeated: %v", err)
		}
	}
	for _, url := range []string{"https://hooks.example.com/x?y=z", "https://10.0.0.1:8443", "http://127.0.0.1:1/x", "http://[::1]/", "http://localhost:9/"} {
		if _, err := webhook.NewTarget(webhook.TargetConfig{URL: url, Secret: good}); err != nil {
			t.Errorf("%q is refused: %v", url, err)
		}
	}
	if _, err := webhook.NewTarget(webhook.TargetConfig{URL: "https://hooks.example.com/"}); err == nil {
		t.Error("a target without a secret is taken")
	}
}

// POL-36: what a name leads to is judged when it is dialled.
func TestPOL36AddressesAtDialTime(t *testing.T) {
	for _, tc := range []struct {
		clear bool
		at    string
		good  bool
	}{
		{false, "192.0.2.1:443", true},
		{false, "10.1.2.3:443", true},
		{false, "[fd12::1]:443", true},
		{false, "127.0.0.1:443", true},
		{false, "169.254.169.254:443", false},
		{false, "169.254.170.2:443", false},
		{false, "[::ffff:169.254.169.254]:443", false},
		{false, "[fe80::1%lo]:443", false},
		{false, "[fd00:ec2::254]:443", false},
		{false, "0.0.0.0:443", false},
		{false, "[::]:443", false},
		{false, "224.0.0.1:443", false},
		{false, "255.255.255.255:443", false},
		{false, "hooks.example.com:443", false},
		{true, "127.0.0.1:80", true},
		{true, "[::1]:80", true},
		{true, "[::ffff:127.0.0.1]:80", true},
		{true, "10.1.2.3:80", false},
		{true, "192.0.2.1:80", false},
	} {
		if err := webhook.Dials(tc.clear, tc.at); (err == nil) != tc.good {
			t.Errorf("%s, in the clear %t: %v", tc.at, tc.clear, err)
		}
	}
}

// ALR-04, with servers: what a receiver does wrong is a failed try, says nothing of
// its own in the log, and leads nowhere else.
func TestALR04ReceiversThatMisbehave(t *testing.T) {
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	t.Cleanup(other.Close)
	for name, tc := range map[string]struct {
		answer func(n int, w http.ResponseWriter, r *http.Request)
		want   string // in the log
	}{
		"500": {func(_ int, w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, canary)
		}, "the receiver answered 500"},
		"redirect": {func(_ int, w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		}, "the receiver answered 307"},
		"close":   {func(_ int, w http.ResponseWriter, _ *http.Request) { hijack(t, w, "") }, "the connection ended without an answer"},
		"no HTTP": {func(_ int, w http.ResponseWriter, _ *http.Request) { hijack(t, w, canary+"\r\n\r\n") }, "the connection ended without an answer"},
		"header": {func(_ int, w http.ResponseWriter, _ *http.Request) {
			hijack(t, w, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 64<<10))
		}, "the connection ended without an answer"},
		"not found": {func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }, "the receiver answered 404"},
	} {
		t.Run(name, func(t *testing.T) {
			url, gets := receiver(t, tc.answer)
			o := newOffice(t, targetAt(t, url)).run()
			o.Send(aNotice("ex1"))
			until(t, "a failed try", func() bool { return strings.Contains(o.log.text(), tc.want) })
			if n := len(gets()); n != 1 || elsewhere.Load() != 0 || o.Stats().Sent != 0 {
				t.Errorf("%d requests, %d elsewhere, %+v", n, elsewhere.Load(), o.Stats())
			}
		})
	}
}

func hijack(t *testing.T, w http.ResponseWriter, text string) {
	t.Helper()
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	_, _ = io.WriteString(conn, text) // whoever does not read it has gone already
	conn.Close()
}

// A receiver whose answer never ends has taken the notice: no more than 64 KiB are read.
func TestAnEndlessAnswer(t *testing.T) {
	var wrote atomic.Int64
	ended := make(chan struct{})
	url, _ := receiver(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		defer close(ended)
		for {
			n, err := w.Write(make([]byte, 1<<10))
			if wrote.Add(int64(n)); err != nil {
				return
			}
		}
	})
	o := newOffice(t, targetAt(t, url)).run()
	o.Send(aNotice("ex1"))
	until(t, "delivery", func() bool { return o.Stats().Sent == 1 })
	<-ended // the connection was closed
}

// A receiver that is slow and answers is no failure.
func TestASlowReceiver(t *testing.T) {
	url, gets := receiver(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(300 * time.Millisecond):
		case <-r.Context().Done():
		}
		w.WriteHeader(http.StatusAccepted)
	})
	o := newOffice(t, targetAt(t, url)).run()
	o.Send(aNotice("ex1"))
	until(t, "delivery", func() bool { return o.Stats().Sent == 1 })
	if len(gets()) != 1 {
		t.Errorf("%d requests", len(gets()))
	}
}

func TestNobodyListens(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	o := newOffice(t, targetAt(t, "http://"+ln.Addr().String()+"/"+inPath)).run()
	o.Send(aNotice("ex1"))
	until(t, "a failed try", func() bool { return strings.Contains(o.log.text(), "no connection") })
}

// ALR-04: a certificate that nobody vouches for gets no notice; one that the
// configured authority vouches for does.
func TestALR04Certificates(t *testing.T) {
	var n atomic.Int64
	srv := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { n.Add(1) }))
	srv.Config.ErrorLog = nil
	t.Cleanup(srv.Close)
	o := newOffice(t, targetAt(t, srv.URL)).run()
	o.Send(aNotice("ex1"))
	until(t, "a failed try", func() bool { return strings.Contains(o.log.text(), "certificate is not one to trust") })
	if n.Load() != 0 {
		t.Error("the notice was sent")
	}
	target, err := webhook.NewTarget(webhook.TargetConfig{URL: srv.URL, Secret: good, Roots: srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs})
	if err != nil {
		t.Fatal(err)
	}
	trusting := newOffice(t, target).run()
	trusting.Send(aNotice("ex2"))
	until(t, "delivery", func() bool { return trusting.Stats().Sent == 1 })
}

// While a secret is replaced a notice carries a signature with each version, so that a
// receiver that knows one of them takes it; afterwards the newest one's alone.
func TestBothVersionsSign(t *testing.T) {
	const first, second = "CANARY-the-version-before-of-24", "CANARY-the-newest-version-of-24"
	before := gate.NewSecret(first)
	url, gets := receiver(t, func(int, http.ResponseWriter, *http.Request) {})
	target, err := webhook.NewTarget(webhook.TargetConfig{
		URL: url, Secret: func() (gate.Secret, error) { return gate.NewSecret(second), nil }, Before: func() gate.Secret { return before },
	})
	if err != nil {
		t.Fatal(err)
	}
	o := newOffice(t, target).run()
	for n, keys := range [][]string{{second, first}, {second}} {
		o.Send(aNotice(""))
		until(t, "delivery", func() bool { return o.Stats().Sent == int64(n+1) })
		all := gets()
		got := all[len(all)-1]
		signatures := strings.Fields(got.header.Get("Webhook-Signature"))
		if len(signatures) != len(keys) {
			t.Fatalf("%d signatures, want %d", len(signatures), len(keys))
		}
		for i, key := range keys {
			got.header.Set("Webhook-Signature", signatures[i])
			signed(t, []byte(key), &got)
		}
		before = gate.Secret{}
	}
}
