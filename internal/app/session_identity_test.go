package app_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"doorward/internal/gatetest"
)

// The cases of security.md 4.b about whose a session is, by tokens.

// HTT-34: a session is its owner's, on every method; to others there is none.
func TestHTT34_SessionOfAnotherToken(t *testing.T) {
	t.Parallel()
	h := welcome(t, gatetest.Provider(t), site{version: "2025-11-25", issuer: ", claims: {tenant: org}", method: "  anonymous: {subject: local, roles: [reader]}\n"})
	org := func(sub, tenant string) string { return h.idp.Token(claims{"sub": sub, "org": tenant}) }
	h.alice.Key = org("alice", "a")
	h.enter("2025-11-25")
	events := watch(t, h.GW, h.alice, "", "")
	session := h.alice.Session
	aliceByKey := h.Key("alice", "reader")
	now := time.Now().Unix()
	for name, tc := range map[string]struct {
		credential string
		status     int
		refusal    string
	}{
		"amy of the same tenant": {org("amy", "a"), 404, "session.unknown"}, "alice of another tenant": {org("alice", "b"), 404, "session.unknown"}, "bob by an API key": {h.bob.Key, 404, "session.unknown"},
		"an API key by the name of alice": {aliceByKey, 404, "session.unknown"}, "nobody": {"", 404, "session.unknown"},
		"alice with an expired token": {h.idp.Token(claims{"org": "a", "exp": now - 60, "iat": now - 600}), 401, "identity.invalid"},
		"a forged token":              {h.forged(string(h.idp.Header("ES256")), h.payload(claims{"org": "a"}), make([]byte, 64)), 401, "identity.invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			h.t = t
			thief := h.Client("thief", tc.credential)
			thief.Version, thief.Session = "2025-11-25", session
			before := h.up.Posts()
			for _, send := range []func() *gatetest.Reply{
				func() *gatetest.Reply { return thief.Call("up__echo", `{}`) },
				func() *gatetest.Reply {
					return thief.Post([]byte(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`))
				},
				func() *gatetest.Reply { return thief.Send(http.MethodGet, nil, "Accept", "text/event-stream") },
				func() *gatetest.Reply {
					return thief.Send(http.MethodGet, nil, "Accept", "text/event-stream", "Last-Event-ID", "1")
				},
				func() *gatetest.Reply { return thief.Send(http.MethodDelete, nil) },
			} {
				if r := send(); r.Status != tc.status || r.Refusal != tc.refusal || r.Header.Get("Mcp-Session-Id") != "" {
					t.Errorf("got %s, want %d %s", r, tc.status, tc.refusal)
				}
			}
			if n := h.up.Posts() - before; n != 0 {
				t.Errorf("U0: %d requests reached the upstream", n)
			}
			if r := h.alice.Call("up__echo", `{}`); !r.OK() {
				t.Errorf("alice's own call: %s", r)
			}
			h.neighbour()
		})
	}
	h.t = t
	select {
	case e, more := <-events:
		t.Errorf("alice's stream: %+v, open %t", e, more)
	default:
	}
	// Another token of the same alice is hers.
	if r := h.alice.Post(h.call("up__echo"), "Authorization", "Bearer "+org("alice", "a")); !r.OK() {
		t.Errorf("alice with a fresh token: %s", r)
	}
	for _, path := range []string{"/healthz", "/metrics", "/readyz"} {
		if r := h.Raw(h.raw("GET", path, nil)); r.Status == http.StatusOK || strings.Contains(string(r.Body), session) {
			t.Errorf("%s: %s", path, r)
		}
	}
}

// HTT-40: what a token opened ends with the token.
func TestHTT40_TokenExpires(t *testing.T) {
	t.Parallel()
	h := welcome(t, gatetest.Provider(t), site{listen: ", legacy_sse: true, websocket: true", ask: "client_secret_basic"}).enter(modern)
	began := time.Now()
	others := h.streams("long", h.alice.Key)
	// Twice as many are to be open before the end: a slow machine gets longer.
	life := 10*time.Second + min(10*time.Since(began), 30*time.Second)
	end := time.Now().Add(life).Truncate(time.Second)
	open := h.streams("JWT", h.idp.Token(claims{"exp": end.Unix()}))
	open = append(open, h.streams("opaque", h.idp.Opaque(claims{"exp": end.Unix(), "iat": nil}))...)
	h.goOn(open)
	<-time.After(time.Until(end))
	h.end(open, endsWithin)
	h.goOn(others)
	h.neighbour()
}

// HTT-40: an issuer that takes an opaque token back ends what it opened, once its
// last answer is as old as introspection.cache and within one look at each stream. So does one that says another
// tenant, or that a group or a scope is gone (TEN-15).
func TestHTT40_TEN15_OpaqueTokenIsTakenBack(t *testing.T) {
	t.Parallel()
	h := welcome(t, gatetest.Provider(t), site{
		listen: ", legacy_sse: true, websocket: true", ask: "client_secret_basic", issuer: ", claims: {tenant: org, groups: groups}",
	})
	h.alice.Key = h.idp.Token(claims{"org": "a"})
	h.enter(modern)
	of := func(sub, tenant, scopes string, groups ...string) claims {
		return claims{"sub": sub, "org": tenant, "jti": "of " + sub, "scope": scopes, "groups": groups}
	}
	opaque := func(sub string) string { return h.idp.Opaque(of(sub, "a", "tools.read more", "staff", "leads")) }
	kept, lost := opaque("eve"), opaque("fay")
	others, open := h.streams("kept", kept), h.streams("lost", lost)
	h.idp.Know(lost, `{"active":false}`)
	says := func(token string, now claims) {
		text, err := json.Marshal(h.idp.Claims(now))
		if err != nil {
			t.Fatal(err)
		}
		h.idp.Know(token, strings.Replace(string(text), "{", `{"active":true,`, 1))
	}
	for sub, now := range map[string]claims{
		"moved":           of("moved", "b", "tools.read more", "staff", "leads"),
		"out of a group":  of("out of a group", "a", "tools.read more", "staff"),
		"without a scope": of("without a scope", "a", "tools.read", "staff", "leads"),
		"still as good":   nil,
	} {
		token := opaque(sub)
		c := h.Client(sub, token).Open(modern)
		events := watch(t, h.GW, c, "1", `{"toolsListChanged":true}`)
		over := make(chan struct{})
		go func() {
			defer close(over)
			for range events {
			}
		}()
		if now == nil {
			says(token, of(sub, "a", "tools.read more extra", "leads", "staff", "new"))
			others = append(others, stream{sub, over})
			continue
		}
		says(token, now)
		open = append(open, stream{sub, over})
	}
	h.end(open, endsWithin)
	h.goOn(others)
	h.neighbour()
}

// HTT-42: a session does not change hands: not from nobody to somebody, not back,
// and not to somebody else. To whoever comes with a credential that is good, it is
// a session that does not exist (HTT-34); a bad one is refused as such.
func TestHTT42_SessionChangesHands(t *testing.T) {
	t.Parallel()
	h := welcome(t, gatetest.Provider(t), site{version: "2025-11-25", method: "  anonymous: {subject: local, roles: [reader]}\n"}).enter("2025-11-25")
	nobody := h.Client("stranger", "").Open("2025-11-25")
	mallory := h.idp.Token(claims{"sub": "mallory"})
	for _, tc := range []struct {
		name       string
		session    string
		credential string
		status     int
		refusal    string
	}{
		{"from nobody to alice", nobody.Session, h.alice.Key, 404, "session.unknown"},
		{"from nobody to bob", nobody.Session, h.bob.Key, 404, "session.unknown"},
		{"from nobody to a bad token", nobody.Session, "a.b.c", 401, "identity.invalid"},
		{"from alice to nobody", h.alice.Session, "", 404, "session.unknown"},
		{"from alice to mallory", h.alice.Session, mallory, 404, "session.unknown"},
		{"from alice to bob", h.alice.Session, h.bob.Key, 404, "session.unknown"},
		{"from bob to nobody", h.bob.Session, "", 404, "session.unknown"},
		{"from bob to alice", h.bob.Session, h.alice.Key, 404, "session.unknown"},
	} {
		c := h.Client(tc.name, tc.credential)
		c.Version, c.Session = "2025-11-25", tc.session
		before := h.up.Posts()
		for range 2 {
			if r := c.Call("up__echo", `{}`); r.Status != tc.status || r.Refusal != tc.refusal {
				t.Errorf("%s: got %s, want %d %s", tc.name, r, tc.status, tc.refusal)
			}
		}
		if h.up.Posts() != before {
			t.Errorf("%s: U0", tc.name)
		}
	}
	for _, c := range []*gatetest.Client{nobody, h.alice, h.bob} {
		if r := c.Call("up__echo", `{}`); !r.OK() {
			t.Errorf("the owner's own call, %s: %s", c.Name, r)
		}
	}
	// Without anonymous there is nobody to become.
	strict := in(t, "2025-11-25")
	dropped := strict.Client("dropped", "")
	dropped.Version, dropped.Session = "2025-11-25", strict.alice.Session
	if r := dropped.Call("up__echo", `{}`); r.Status != http.StatusUnauthorized || r.Refusal != "identity.missing" {
		t.Errorf("a token that was dropped: %s", r)
	}
}
