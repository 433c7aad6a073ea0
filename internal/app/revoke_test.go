package app_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/gatetest"
)

// endsWithin is how long a stream may outlive the credential that opened it.
const endsWithin = 5 * time.Second

// revoke turns away as the command line does, over the local socket.
func (h *guests) revoke(what admin.Revocation) {
	h.t.Helper()
	client, err := admin.Dial(h.t.Context(), filepath.Join(h.Dir, "data"))
	if err != nil {
		h.t.Fatal(err)
	}
	defer client.Close()
	if err := client.Revoke(h.t.Context(), "", what); err != nil {
		h.t.Fatalf("revoking %+v: %v", what, err)
	}
}

// stream is something open that ends; its end is the channel's.
type stream struct {
	name string
	over <-chan struct{}
}

// streams opens one of each kind with a credential.
func (h *guests) streams(who, credential string) []stream {
	h.t.Helper()
	var all []stream
	add := func(name string, events func() bool) {
		over := make(chan struct{})
		go func() {
			defer close(over)
			for events() {
			}
		}()
		all = append(all, stream{name, over})
	}
	stateful, stateless := h.Client(who+" stateful", credential).Open("2025-11-25"), h.Client(who+" stateless", credential).Open(modern)
	for name, events := range map[string]<-chan heard{"GET": watch(h.t, h.GW, stateful, "", ""), "subscriptions/listen": watch(h.t, h.GW, stateless, "1", `{"toolsListChanged":true}`)} {
		add(name, func() bool { _, more := <-events; return more })
	}
	for name, open := range map[string]func(*testing.T, opening) (voice, told){"SSE": openSSE(h.GW), "WebSocket": openSocket(h.GW)} {
		for _, version := range eras {
			if name == "SSE" && version == modern {
				continue
			}
			v, refused := open(h.t, opening{key: credential, version: version})
			if v == nil {
				h.t.Fatalf("opening %s: %+v", name, refused)
			}
			if version != modern {
				shake(h.t, v, version)
			}
			o, _ := v.(overStream)
			add(name+" "+version, func() bool { _, more := <-o.answers; return more })
		}
	}
	return all
}

// end waits for streams to end.
func (h *guests) end(all []stream, most time.Duration) {
	h.t.Helper()
	watch := gatetest.Start(h.t)
	defer watch.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for _, s := range all {
		for open := true; open; {
			select {
			case <-s.over:
				open = false
			case <-tick.C:
				if watch.Read() > most {
					h.t.Errorf("%s is open %s after its credential ended", s.name, most)
					return
				}
			}
		}
	}
}

// goOn tells that streams have not ended.
func (h *guests) goOn(all []stream) {
	h.t.Helper()
	for _, s := range all {
		select {
		case <-s.over:
			h.t.Errorf("%s of somebody else has ended", s.name)
		default:
		}
	}
}

const mallory = "mallory"

// revoked is one way to turn somebody away.
type revoked struct {
	name       string
	subject    string
	method     string
	credential string
	revoke     func()
	spared     []string // credentials that go on
	too        []string // that end with it
}

func (h *guests) waysToRevoke() []revoked {
	opaque := h.idp.Opaque(claims{"sub": "by-log", "jti": nil})
	id := h.accepted(opaque).Credential
	return []revoked{
		{
			name: "subject", subject: mallory, method: "jwt", credential: h.idp.Token(claims{"sub": mallory}),
			revoke: func() { h.revoke(admin.Revocation{Kind: "subject", Value: mallory}) },
			spared: []string{h.idp.Token(claims{"sub": "Mallory"}), h.idp.Token(claims{"sub": "mallory2"}), h.Key(mallory, "reader")},
			too:    []string{h.idp.Token(claims{"sub": mallory}), h.idp.Opaque(claims{"sub": mallory})},
		},
		{
			name: "token", subject: "by-jti", method: "jwt", credential: h.idp.Token(claims{"sub": "by-jti", "jti": "the-one"}),
			revoke: func() { h.revoke(admin.Revocation{Kind: "token", Value: "the-one", Issuer: h.idp.URL()}) },
			spared: []string{h.idp.Token(claims{"sub": "by-jti", "jti": "the-one-2"}), h.idp.Token(claims{"sub": "by-jti", "jti": "The-One"})},
			too:    []string{h.idp.Token(claims{"sub": "another", "jti": "the-one"})},
		},
		{
			name: "opaque token by what the log calls it", subject: "by-log", method: "introspection", credential: opaque,
			revoke: func() { h.revoke(admin.Revocation{Kind: "token", Value: id, Until: time.Now().Add(time.Hour)}) },
			spared: []string{h.idp.Opaque(claims{"sub": "by-log", "jti": nil})},
		},
		{
			name: "key", subject: "by-key", method: "api_key", credential: h.Key("by-key", "reader"),
			revoke: func() { h.Revoke("by-key") },
			spared: []string{h.idp.Token(claims{"sub": "by-key"})},
		},
	}
}

// AUT-23: who is revoked is refused from the next request on, whatever the
// credential says of itself, and open streams end. Nobody else notices.
func TestAUT23_Revoked(t *testing.T) {
	t.Parallel()
	h := welcome(t, gatetest.Provider(t), site{listen: ", legacy_sse: true, websocket: true", ask: "client_secret_basic"}).enter(modern)
	others := h.streams("other", h.alice.Key)
	ways, open := h.waysToRevoke(), []stream(nil)
	for _, w := range ways {
		h.accepted(w.credential)
		open = append(open, h.streams(w.name, w.credential)...)
	}
	h.goOn(open)
	attack := func(header ...string) *gatetest.Reply { return h.alice.Post(h.call("up__echo"), header...) }
	gone := func(w revoked) forgery { return forgery{token: w.credential, method: w.method, subject: w.subject} }
	began := time.Now()
	for _, w := range ways {
		w.revoke()
		h.turned(gone(w), attack)
	}
	h.end(open, endsWithin+slack)
	t.Logf("the streams ended after %s", time.Since(began))
	h.goOn(others)
	for _, w := range ways {
		h.turned(gone(w), attack)
		for _, other := range w.spared {
			h.accepted(other)
		}
		for _, other := range w.too {
			if r := h.with(other)(); r.Status != http.StatusUnauthorized {
				t.Errorf("%s: another credential that is revoked with it: %s", w.name, r)
			}
		}
	}
	h.accepted(h.Key("by-key", "reader"))
}

// AUT-23: two issuers have each their own mallory.
func TestAUT23_SubjectOfOneIssuer(t *testing.T) {
	t.Parallel()
	one, two := gatetest.Provider(t), gatetest.Provider(t)
	h := welcome(t, one, site{others: fmt.Sprintf("    - {issuer: %q}\n", two.URL())}).enter(modern)
	two.For(h.GW)
	if err := h.App.Revoke(t.Context(), "test", admin.Revocation{Kind: "subject", Value: mallory}); err == nil {
		t.Error("it did not ask whose mallory is meant")
	}
	for _, bad := range []admin.Revocation{
		{Kind: "subject", Issuer: one.URL()},
		{Kind: "key", Value: "k_0", Issuer: one.URL()},
		{Kind: "", Value: mallory, Issuer: one.URL()},
		{Kind: "subject", Value: mallory, Issuer: "api_key"},
		{Kind: "token", Value: "x", Issuer: one.URL(), Until: time.Now().Add(-time.Hour)},
	} {
		if err := h.App.Revoke(t.Context(), "test", bad); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
	h.revoke(admin.Revocation{Kind: "subject", Value: mallory, Issuer: one.URL()})
	h.turns(forgery{name: "of the first", token: one.Token(claims{"sub": mallory}), subject: mallory})
	h.accepted(two.Token(claims{"sub": mallory}))
	list, err := h.App.ListRevoked(t.Context())
	if err != nil || len(list) != 1 || list[0].Value != mallory || list[0].Issuer != one.URL() || list[0].Kind != "subject" {
		t.Errorf("what is revoked: %+v, %v", list, err)
	}
	done := 0
	for _, r := range h.Records(audit.Query{Kind: audit.KindEvent}) {
		if r.Event == "identity.revoke" && r.Status == "begun" {
			done++
		}
	}
	if done == 0 {
		t.Error("A1: nobody has revoked anything, says the log")
	}
}

// AUT-23: where nobody can tell what is revoked, everybody with a credential is
// refused, their streams end, and it is over when the list can be read again.
func TestAUT23_ListThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(path string) error{
		"garbage":         func(path string) error { return os.WriteFile(path, []byte("{"), 0o600) },
		"empty":           func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"another version": func(path string) error { return os.WriteFile(path, []byte(`{"version":2,"revoked":[]}`), 0o600) },
		"gone":            os.Remove,
		"open to others":  func(path string) error { return os.Chmod(path, 0o644) },
		"a directory": func(path string) error {
			if err := os.Remove(path); err != nil {
				return err
			}
			return os.Mkdir(path, 0o700)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := welcome(t, gatetest.Provider(t), site{
				listen: ", legacy_sse: true, websocket: true", method: "  anonymous: {subject: local, roles: [reader]}\n", ask: "client_secret_basic",
			}).enter(modern)
			h.revoke(admin.Revocation{Kind: "subject", Value: mallory})
			path := filepath.Join(h.Dir, "data", "revoked.json")
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			opaque := h.idp.Opaque(nil)
			h.accepted(opaque)
			stranger := h.Client("stranger", "").Open(modern)
			var open []stream
			if name == "garbage" { // to wait for their end once is enough
				open = h.streams("alice", h.alice.Key)
			}
			anonymous := watch(t, h.GW, stranger, "1", `{"toolsListChanged":true}`)
			if err := spoil(path); err != nil {
				t.Fatal(err)
			}
			eventually(t, "everybody is refused", func() bool { return h.with(h.alice.Key)().Status == http.StatusServiceUnavailable })
			before := h.up.Posts()
			for who, credential := range map[string]string{"alice": h.alice.Key, "alice by an opaque token": opaque, "bob": h.bob.Key, "mallory": h.idp.Token(claims{"sub": mallory})} {
				r := h.with(credential)()
				if r.Status != http.StatusServiceUnavailable || r.Refusal != "identity.unavailable" || r.Header.Get("Retry-After") != "5" || h.up.Posts() != before {
					t.Errorf("%s: %s", who, r)
				}
				if got := h.Records(audit.Query{Exchange: r.Exchange}); len(got) != 1 || got[0].Code != "identity.unavailable" || got[0].Status != "failed" {
					t.Errorf("A1: %s: %+v", who, got)
				}
			}
			// A bad credential is bad all the same, and there is nothing to revoke about nobody.
			if r := h.with("sk-junk-0123456789")(); r.Status != http.StatusUnauthorized || h.up.Posts() != before {
				t.Errorf("junk: %s", r)
			}
			if r := stranger.Call("up__echo", `{}`); !r.OK() {
				t.Errorf("without a credential: %s", r)
			}
			if len(h.App.Ready(t.Context())) == 0 {
				t.Error("the gateway says that it is ready, and lets nobody in")
			}
			h.end(open, endsWithin+slack)
			select {
			case _, more := <-anonymous:
				if !more {
					t.Error("the stream of one without a credential has ended")
				}
			default:
			}
			if err := h.App.Revoke(t.Context(), "test", admin.Revocation{Kind: "subject", Value: "another"}); err == nil {
				t.Error("something was revoked in a list that cannot be read")
			}
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			eventually(t, "everybody is served again", func() bool { return h.with(h.alice.Key)().OK() })
			h.accepted(opaque)
			h.turns(forgery{name: "who was revoked", token: h.idp.Token(claims{"sub": mallory}), subject: mallory})
		})
	}
}
