package sink_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/sink"
	"doorward/internal/sink/form"
	"doorward/internal/webhook"
)

func secret() (gate.Secret, error) { return gate.NewSecret(canary), nil }

// site is an HTTP receiver that keeps the bodies it has taken.
type site struct {
	mu      sync.Mutex
	bodies  [][]byte
	headers []http.Header
	status  atomic.Int64 // that it answers with; 0: 200
	hang    atomic.Bool
}

// ServeHTTP implements http.Handler.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if s.hang.Load() {
		<-r.Context().Done()
		return
	}
	if status := int(s.status.Load()); status != 0 || err != nil {
		w.WriteHeader(max(status, 400))
		_, _ = io.WriteString(w, canary)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bodies, s.headers = append(s.bodies, body), append(s.headers, r.Header.Clone())
	w.WriteHeader(http.StatusAccepted)
}

func (s *site) taken() ([][]byte, []http.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([][]byte(nil), s.bodies...), append([]http.Header(nil), s.headers...)
}

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL
}

func must(t *testing.T) func(sink.Receiver, error) sink.Receiver {
	t.Helper()
	return func(r sink.Receiver, err error) sink.Receiver {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
}

// keyed reads batches of records beside the name of their log.
func keyed(t *testing.T, bodies [][]byte) (lines []string) {
	t.Helper()
	for _, body := range bodies {
		var all []struct {
			Origin string          `json:"origin"`
			Record json.RawMessage `json:"record"`
		}
		if err := json.Unmarshal(body, &all); err != nil {
			t.Fatal(err)
		}
		for _, one := range all {
			if one.Origin != "doorward/test" {
				t.Fatalf("the origin is %q", one.Origin)
			}
			lines = append(lines, string(one.Record))
		}
	}
	return lines
}

// DUR-08 over HTTP: down, a restart in between, back.
func TestDUR08HTTP(t *testing.T) {
	s := &site{}
	url := serve(t, s)
	h := newHouse(t)
	receiver := func() sink.Config {
		return h.sink("siem", must(t)(sink.NewHTTP(sink.HTTPConfig{URL: url + "/CANARY-in-the-path", Format: "json", Token: secret})))
	}
	h.start(receiver())
	h.write(1200)
	h.caughtUp()
	s.status.Store(503)
	h.write(1200)
	until(t, "a failure", func() bool { return h.set.Stats()[0].Failing })
	h.stop(time.Second)
	h.start(receiver())
	h.write(300)
	until(t, "a failure", func() bool { return h.set.Stats()[0].Failing })
	s.status.Store(0)
	h.caughtUp()
	h.stop(time.Minute)
	bodies, headers := s.taken()
	got := keyed(t, bodies)
	if kept := once(t, got); len(kept) != len(got) {
		t.Errorf("%d of %d came twice", len(got)-len(kept), len(got))
	}
	h.holds(got)
	if v := headers[0].Get("Authorization"); v != "Bearer "+canary || headers[0].Get("Content-Type") != "application/json" {
		t.Errorf("the header is %v", headers[0])
	}
	if got := h.events("audit.sink_failed"); len(got) != 2 || got[0] != "siem: the receiver answered 503" {
		t.Errorf("recorded: %q", got)
	}
	h.close()
}

func TestHTTPAsOCSF(t *testing.T) {
	s := &site{}
	url := serve(t, s)
	h := newHouse(t)
	h.start(h.sink("siem", must(t)(sink.NewHTTP(sink.HTTPConfig{URL: url, Format: "ocsf", Version: "v1"}))))
	h.write(30)
	h.caughtUp()
	bodies, _ := s.taken()
	n := 0
	for _, body := range bodies {
		var all []struct {
			Class    int `json:"class_uid"`
			Metadata struct {
				Sequence int `json:"sequence"`
			} `json:"metadata"`
		}
		if err := json.Unmarshal(body, &all); err != nil {
			t.Fatal(err)
		}
		for _, e := range all {
			if n++; e.Class != 6003 || e.Metadata.Sequence != n {
				t.Errorf("event %d is %+v", n, e)
			}
		}
	}
	if n < 30 {
		t.Errorf("%d events", n)
	}
	h.close()
}

// A receiver that redirects, hangs or ends the connection has taken nothing, and is
// repeated in no error.
func TestHTTPThatMisbehaves(t *testing.T) {
	var elsewhere atomic.Int64
	other := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	for name, h := range map[string]http.HandlerFunc{
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other, http.StatusTemporaryRedirect)
		},
		"close": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"hang": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		},
		"error": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, canary)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := must(t)(sink.NewHTTP(sink.HTTPConfig{URL: serve(t, h), Format: "json"}))
			defer r.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if err := r.Deliver(ctx, oneRecord(t)); err == nil || strings.Contains(err.Error(), "CANARY") || strings.Contains(err.Error(), "127.0.0.1") {
				t.Errorf("%v", err)
			}
		})
	}
	if elsewhere.Load() != 0 {
		t.Error("a redirect was followed")
	}
}

func oneRecord(t *testing.T) []form.Record {
	t.Helper()
	r, err := form.Parse("doorward/test", []byte(`{"kind":"event","seq":1,"time":"2026-11-27T07:00:00.000000000Z"}`))
	if err != nil {
		t.Fatal(err)
	}
	return []form.Record{r}
}

// Addresses that no copy goes to: in the clear another machine, anywhere a link's own
// and a cloud's metadata (POL-36).
func TestAddressesThatAreRefused(t *testing.T) {
	token := secret
	for _, url := range []string{"", "x", "http://192.0.2.1/", "http://example.com/", "https://u:p@example.com/", "https://example.com/#f", "ftp://127.0.0.1/", "file:///etc/passwd"} {
		if _, err := sink.NewHTTP(sink.HTTPConfig{URL: url, Format: "json", Token: token}); err == nil {
			t.Errorf("http: %q is taken", url)
		}
		if _, err := sink.NewOTLP(sink.OTLPConfig{Endpoint: url}); err == nil {
			t.Errorf("otlp: %q is taken", url)
		}
	}
	for _, c := range []sink.SyslogConfig{
		{},
		{Address: "127.0.0.1:514"},
		{Address: "127.0.0.1:514", Transport: "tcp"},
		{Address: "127.0.0.1", Transport: "tcp", Format: "cef"},
		{Address: "192.0.2.1:514", Transport: "tcp", Format: "cef"},
		{Address: "logs.example.com:514", Transport: "udp", Format: "cef"},
		{Address: ":514", Transport: "udp", Format: "cef"},
		{Address: "127.0.0.1:514", Transport: "unix", Format: "cef"},
	} {
		if _, err := sink.NewSyslog(c); err == nil {
			t.Errorf("syslog: %+v is taken", c)
		}
	}
	if _, err := sink.NewHTTP(sink.HTTPConfig{URL: "https://example.com/", Format: "cef"}); err == nil {
		t.Error("http: another format is taken")
	}
	if _, err := sink.NewOTLP(sink.OTLPConfig{Endpoint: "https://example.com/v1/logs"}); err == nil {
		t.Error("otlp: a path is taken")
	}
	if _, err := sink.NewFile(""); err == nil {
		t.Error("file: no path is taken")
	}
	if _, err := sink.NewPostgres(sink.PostgresConfig{}); err == nil {
		t.Error("postgres: no DSN is taken")
	}
	for _, at := range []string{"https://169.254.169.254/", "https://[fe80::1]/", "https://0.0.0.0/", "https://224.0.0.1/", "https://[fd00:ec2::254]/"} {
		r := must(t)(sink.NewHTTP(sink.HTTPConfig{URL: at, Format: "json"}))
		if err := r.Deliver(t.Context(), oneRecord(t)); err == nil || !strings.Contains(err.Error(), "an address that no notice is sent to") {
			t.Errorf("%s: %v", at, err)
		}
		host := strings.TrimSuffix(strings.TrimPrefix(at, "https://"), "/")
		s := must(t)(sink.NewSyslog(sink.SyslogConfig{Address: host + ":6514", Transport: "tls", Format: "cef"}))
		if err := s.Deliver(t.Context(), oneRecord(t)); err == nil || !strings.Contains(err.Error(), "an address that no notice is sent to") {
			t.Errorf("%s: %v", at, err)
		}
	}
}

// A secret that cannot be had, or cannot stand in a header, sends nothing.
func TestNoTokenNoBatch(t *testing.T) {
	var asked atomic.Int64
	url := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	for _, token := range []func() (gate.Secret, error){
		func() (gate.Secret, error) { return gate.Secret{}, errDown },
		func() (gate.Secret, error) { return gate.NewSecret("a\r\nX: " + canary), nil },
		func() (gate.Secret, error) { return gate.Secret{}, nil },
	} {
		r := must(t)(sink.NewHTTP(sink.HTTPConfig{URL: url, Format: "json", Token: token}))
		if err := r.Deliver(t.Context(), oneRecord(t)); err == nil || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%v", err)
		}
	}
	if asked.Load() != 0 {
		t.Error("it was sent")
	}
}

func TestWebhookIsSigned(t *testing.T) {
	s := &site{}
	url := serve(t, s)
	h := newHouse(t)
	target, err := webhook.NewTarget(webhook.TargetConfig{URL: url + "/CANARY-path", Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	h.start(h.sink("hook", sink.NewWebhook(target)))
	h.write(700)
	h.caughtUp()
	bodies, headers := s.taken()
	var got []string
	for i, body := range bodies {
		mac := hmac.New(sha256.New, []byte(canary))
		mac.Write([]byte(headers[i].Get("webhook-id") + "." + headers[i].Get("webhook-timestamp") + "."))
		mac.Write(body)
		if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); headers[i].Get("webhook-signature") != want {
			t.Errorf("signed %q, want %q", headers[i].Get("webhook-signature"), want)
		}
		var n struct {
			Type, ID string
			Data     struct {
				Origin  string
				Records []json.RawMessage
			}
		}
		if err := json.Unmarshal(body, &n); err != nil || n.Type != "audit.records" || n.ID != headers[i].Get("webhook-id") || n.Data.Origin != "doorward/test" {
			t.Errorf("%v: %s", err, body[:100])
		}
		for _, r := range n.Data.Records {
			got = append(got, string(r))
		}
	}
	h.holds(got)
	h.close()
}

// A batch that is tried again has the same id.
func TestWebhookTriesHaveOneID(t *testing.T) {
	var ids []string
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ids = append(ids, r.Header.Get("webhook-id"))
		w.WriteHeader(500)
	}))
	target, err := webhook.NewTarget(webhook.TargetConfig{URL: url, Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := sink.NewWebhook(target).Deliver(t.Context(), oneRecord(t)); err == nil {
			t.Error("500 has taken it")
		}
	}
	if len(ids) != 2 || ids[0] != ids[1] || ids[0] == "" {
		t.Errorf("%q", ids)
	}
}

func TestFile(t *testing.T) {
	h := newHouse(t)
	path := filepath.Join(t.TempDir(), "copy.jsonl")
	start := func() { h.start(h.sink("file", must(t)(sink.NewFile(path)))) }
	start()
	h.write(600)
	h.caughtUp()
	// Somebody rotates it.
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	h.write(10)
	h.caughtUp()
	h.stop(time.Minute)
	// A crash leaves half a line.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.WriteString(`{"half`)
	f.Close()
	start()
	h.write(10)
	h.caughtUp()
	h.stop(time.Minute)
	first, _ := os.ReadFile(path + ".1")
	second, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	h.holds(strings.Split(strings.TrimSuffix(string(first)+string(second), "\n"), "\n"))
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	h.close()
}

func TestFilesThatAreRefused(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(os.WriteFile(at("target"), nil, 0o600), os.Symlink(at("target"), at("link")), os.Mkdir(at("dir"), 0o700),
		os.WriteFile(at("passwd"), []byte("root:x:0:0"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"link", "dir", "passwd", "missing/file"} {
		r := must(t)(sink.NewFile(at(name)))
		if err := r.Deliver(t.Context(), oneRecord(t)); err == nil {
			t.Errorf("%s is written to", name)
		}
	}
	if text, _ := os.ReadFile(at("passwd")); string(text) != "root:x:0:0" {
		t.Errorf("it is %q now", text)
	}
}

// Two gateways do not write to one file: what one mends the other may be writing.
func TestAFileHasOneWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "copy")
	first, second := must(t)(sink.NewFile(path)), must(t)(sink.NewFile(path))
	if err := first.Deliver(t.Context(), oneRecord(t)); err != nil {
		t.Fatal(err)
	}
	if err := second.Deliver(t.Context(), oneRecord(t)); err == nil || !strings.Contains(err.Error(), "another process writes to it") {
		t.Errorf("%v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := second.Deliver(t.Context(), oneRecord(t)); err != nil {
		t.Error(err)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
}

// A device is no file to append to.
func TestADevice(t *testing.T) {
	r := must(t)(sink.NewFile(os.DevNull))
	if err := r.Deliver(t.Context(), oneRecord(t)); err == nil {
		t.Error("a device is a file")
	}
}

func TestCertificates(t *testing.T) {
	s := &site{}
	srv := httptest.NewTLSServer(s)
	t.Cleanup(srv.Close)
	r := must(t)(sink.NewHTTP(sink.HTTPConfig{URL: srv.URL, Format: "json"}))
	if err := r.Deliver(t.Context(), oneRecord(t)); err == nil || !strings.Contains(err.Error(), "certificate is not one to trust") {
		t.Errorf("%v", err)
	}
	pool := srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	r = must(t)(sink.NewHTTP(sink.HTTPConfig{URL: srv.URL, Format: "json", Roots: pool}))
	if err := r.Deliver(t.Context(), oneRecord(t)); err != nil {
		t.Error(err)
	}
	if bodies, _ := s.taken(); len(bodies) != 1 || !bytes.HasPrefix(bodies[0], []byte(`[{"origin":"doorward/test"`)) {
		t.Errorf("%q", bodies)
	}
}
