package app_test

import (
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"doorward/internal/admin"
	"doorward/internal/gatetest"
	"doorward/internal/httpsig"
)

// The cases of security.md 4.a about several credentials, credentials of the wrong
// form, and credentials in the wrong place.

func TestAUT16_TwoAuthorizations(t *testing.T) {
	t.Parallel()
	inTokenEras(t, func(h *guests) {
		alice, other, key := "Bearer "+h.alice.Key, "Bearer "+h.idp.Token(claims{"sub": "mallory"}), "Bearer "+h.bob.Key
		junk := "Bearer " + h.forged(string(h.idp.Header("ES256")), h.payload(nil), make([]byte, 64))
		var all []forgery
		for name, pair := range map[string][2]string{
			"good and bad": {alice, junk}, "bad and good": {junk, alice}, "alice and mallory": {alice, other}, "twice the same": {alice, alice},
			"a token and a key": {alice, key}, "a key and a token": {key, alice}, "good and nothing": {alice, ""}, "nothing and good": {"", alice}, "good and another scheme": {alice, "Basic YWxpY2U6eA=="},
		} {
			all = append(all,
				forgery{name: name, headers: []string{"Authorization", pair[0], "Authorization", pair[1]}, method: "-"},
				forgery{name: name + " in one", headers: []string{"Authorization", pair[0] + ", " + pair[1]}, method: "-"},
			)
		}
		h.turns(all...)
	})
}

func TestAUT17_Schemes(t *testing.T) {
	t.Parallel()
	h := in(t, modern)
	token := h.alice.Key
	for _, scheme := range []string{"bearer", "BEARER", "bEaReR"} {
		if r := h.alice.Post(h.call("up__echo"), "Authorization", scheme+" "+token); !r.OK() {
			t.Errorf("%s: %s", scheme, r)
		}
	}
	var all []forgery
	for name, value := range map[string]string{
		"two spaces": "Bearer  " + token, "a tab": "Bearer\t" + token, "a space and a tab": "Bearer \t" + token, "nothing behind it": "Bearer", "another scheme": "Token " + token, "no scheme": token,
		"Basic": "Basic " + token, "a BOM": "\ufeffBearer " + token, "a no-break space": "Bearer\u00a0" + token, "a colon": "Bearer: " + token, "an equals sign": "Bearer=" + token, "quotes": `Bearer "` + token + `"`,
		"two words": "Bearer " + token + " x", "twice": "Bearer Bearer " + token, "a comma behind": "Bearer " + token + ",", "padding alone": "Bearer ==", "full-width": "Ｂearer " + token, "empty": "",
		"JWT": "JWT " + token, "a comment": "Bearer " + token + " (x)",
	} {
		all = append(all, forgery{name: name, headers: []string{"Authorization", value}, method: "-"})
	}
	h.turns(all...)
	// A token that is bound to no key, as DPoP: it is alice's, and not what DPoP asks for.
	h.turns(
		forgery{name: "DPoP without a proof", headers: []string{"Authorization", "DPoP " + token}, subject: "alice"},
		forgery{name: "Bearer with a proof", headers: []string{"Authorization", "Bearer " + token, "DPoP", "e30.e30.e30"}, method: "-"},
		forgery{name: "a proof alone", headers: []string{"Authorization", "-", "DPoP", "e30.e30.e30"}, method: "-"},
	)
}

// raw is a request as bytes, without a credential unless a header is one.
func (h *guests) raw(method, target string, body []byte, header ...string) []byte {
	b := fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n", method, target, h.Address(), len(body))
	for name, values := range h.alice.Headers(body) {
		if strings.HasPrefix(strings.ToLower(name), "mcp-") {
			b = fmt.Appendf(b, "%s: %s\r\n", name, values[0])
		}
	}
	for _, line := range header {
		b = append(append(b, line...), "\r\n"...)
	}
	return append(append(b, "\r\n"...), body...)
}

// absent holds an answer to being that of a request without a credential.
func (h *guests) absent(name string, before int, r *gatetest.Reply) {
	h.t.Helper()
	if r.Status != http.StatusUnauthorized || r.Refusal != "identity.missing" {
		h.t.Errorf("%s: got %s, want 401 identity.missing", name, r)
	}
	if got := r.Header["Www-Authenticate"]; len(got) != 2 || strings.Contains(got[0], "error=") || !strings.Contains(got[0], "resource_metadata=") {
		h.t.Errorf("%s: challenge %q", name, got)
	}
	if n := h.up.Posts() - before; n != 0 {
		h.t.Errorf("%s: U0: %d requests reached the upstream", name, n)
	}
	h.onRecord(r.Exchange, forgery{method: "-", code: "identity.missing"})
}

// AUT-18: a token anywhere but in its header is none, and is not written down.
func TestAUT18_TokensElsewhere(t *testing.T) {
	t.Parallel()
	h := welcome(t, gatetest.Provider(t), site{listen: ", legacy_sse: true, websocket: true"}).enter(modern)
	token, key := h.alice.Key, h.bob.Key
	body := h.call("up__echo")
	for _, secret := range []string{token, key} {
		for name, request := range map[string][]byte{
			"access_token": h.raw("POST", "/mcp?access_token="+secret, body), "token": h.raw("POST", "/mcp?token="+secret, body), "api_key": h.raw("POST", "/mcp?api_key="+secret, body), "key": h.raw("POST", "/mcp?key="+secret, body),
			"Authorization": h.raw("POST", "/mcp?Authorization=Bearer%20"+secret, body), "cookie": h.raw("POST", "/mcp", body, "Cookie: access_token="+secret+"; Authorization=Bearer "+secret),
			"X-Api-Key": h.raw("POST", "/mcp", body, "X-Api-Key: "+secret), "Proxy-Authorization": h.raw("POST", "/mcp", body, "Proxy-Authorization: Bearer "+secret), "X-Authorization": h.raw("POST", "/mcp", body, "X-Authorization: Bearer "+secret),
			"underscore": h.raw("POST", "/mcp", body, "X_Authorization: Bearer "+secret), "in the message": h.raw("POST", "/mcp", []byte(strings.Replace(string(body), `"_meta":{`, `"_meta":{"authorization":"Bearer `+secret+`",`, 1))),
			"WebSocket": h.raw("GET", "/ws?access_token="+secret, nil, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg=="),
			"SSE":       h.raw("GET", "/sse?access_token="+secret, nil), "messages": h.raw("POST", "/messages?sessionId=x&access_token="+secret, body),
		} {
			before := h.up.Posts()
			h.absent(name, before, h.Raw(request))
		}
		// What is no MCP at all is turned away before anybody is asked who they are.
		before := h.up.Posts()
		form := []byte("access_token=" + secret + "&grant_type=x")
		for name, request := range map[string][]byte{
			"form":           []byte(strings.Replace(string(h.raw("POST", "/mcp", form)), "application/json\r\nAccept", "application/x-www-form-urlencoded\r\nAccept", 1)),
			"subprotocol":    h.raw("GET", "/ws", nil, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==", "Sec-WebSocket-Protocol: bearer, "+secret),
			"user of a host": h.raw("POST", "http://alice:"+secret+"@"+h.Address()+"/mcp", body),
		} {
			if r := h.Raw(request); r.Status < 400 || h.up.Posts() != before {
				t.Errorf("%s: %s", name, r)
			}
		}
	}
	h.neighbour()
}

// AUT-18: neither is one that somebody takes for a part of the URL, as other
// services have it.
func TestAUT18_KeyInThePath(t *testing.T) {
	t.Parallel()
	h := in(t, modern)
	for _, secret := range []string{h.bob.Key, h.alice.Key} {
		before := h.up.Posts()
		for _, target := range []string{"/mcp/" + secret, "/" + secret + "/mcp", "/mcp/" + secret + "/mcp"} {
			if r := h.Raw(h.raw("POST", target, h.call("up__echo"))); r.Status < 400 || h.up.Posts() != before {
				t.Errorf("%s", r)
			}
		}
	}
	h.neighbour()
}

// tlsSite is a house with TLS, whose clients may show a certificate.
type tlsSite struct {
	ca  *gatetest.CA
	cfg *tls.Config // of a client without a certificate
}

func secure(t *testing.T, s *site) tlsSite {
	t.Helper()
	ca := gatetest.NewCA(t)
	cert, key := ca.Files(ca.Leaf("127.0.0.1"))
	s.listen += fmt.Sprintf(", tls: {cert: %q, key: %q, client_ca: %q, client_certificate: optional}", cert, key, ca.File())
	s.over = &tls.Config{RootCAs: ca.Pool(), MinVersion: tls.VersionTLS12}
	return tlsSite{ca, s.over}
}

// shows is how a client connects that shows a certificate of a name.
func (s tlsSite) shows(name string) (*tls.Config, tls.Certificate) {
	cfg, leaf := s.cfg.Clone(), s.ca.Leaf(name)
	cfg.Certificates = []tls.Certificate{leaf}
	return cfg, leaf
}

// AUT-20: several credentials say the same, or the request is refused; rights are
// never added up.
func TestAUT20_CertificateAndMore(t *testing.T) {
	t.Parallel()
	s := site{method: "  mtls: {subject: san_uri}\n", rest: guestRoles + `  certified: {subjects: ["spiffe://test/*"], issuers: [mtls], allow: [{tools: [up/get_weather]}]}` + "\n"}
	s.rest = strings.Replace(s.rest, `tools: ["up/**"]`, "tools: [up/echo]", 1)
	secured := secure(t, &s)
	h := welcome(t, gatetest.Provider(t), s).enter(modern)
	const name = "spiffe://test/alice"
	cfg, leaf := secured.shows(name)
	holder := h.Client("holder", "").Over(cfg)
	holder.Version = modern
	by := func(header ...string) *gatetest.Reply { return holder.Post(h.call("up__get_weather"), header...) }

	if r := by(); !r.OK() {
		t.Fatalf("the certificate alone: %s", r)
	} else if got := h.who(r.Exchange); got.Method != "mtls" || got.Subject != name {
		t.Errorf("the certificate alone: %+v", got)
	}
	alice, key := h.idp.Token(nil), h.bob.Key
	for what, b := range map[string]forgery{
		"a token of alice":        {token: alice, subject: "alice"},
		"a token of its own name": {token: h.idp.Token(claims{"sub": name}), subject: name},
		"an API key":              {token: key, method: "api_key", subject: "bob"},
	} {
		t.Run(what, func(t *testing.T) {
			h.t = t
			b.code = "identity.conflict"
			h.turned(b, by)
		})
	}
	expired := h.idp.Token(claims{"exp": time.Now().Unix() - 60, "iat": time.Now().Unix() - 600})
	for what, b := range map[string]forgery{
		"a forged token":  {token: h.forged(string(h.idp.Header("ES256")), h.payload(nil), make([]byte, 64))},
		"an expired one":  {token: expired, code: "identity.expired", subject: "alice"},
		"an unknown key":  {token: "dw_" + strings.Repeat("x", 43), method: "api_key"},
		"no token at all": {headers: []string{"Authorization", "Bearer"}, method: "mtls", subject: ""},
		"a token that is bound to another certificate": {token: h.idp.Token(claims{"cnf": claims{"x5t#S256": gatetest.Base64(make([]byte, 32))}}), subject: "alice"},
	} {
		t.Run(what, func(t *testing.T) {
			h.t = t
			before := h.up.Posts()
			headers := b.headers
			if headers == nil {
				headers = []string{"Authorization", "Bearer " + b.token}
			}
			r := by(headers...)
			if r.Status != http.StatusUnauthorized || r.Refusal != "identity.invalid" || h.up.Posts() != before {
				t.Errorf("a bad credential beside a good certificate: %s", r)
			}
			h.neighbour()
		})
	}
	h.t = t

	// The declared combination: a token that is bound to this certificate. Its rights
	// are the token's, and not those of the certificate beside.
	sum := sha256.Sum256(leaf.Certificate[0])
	bound := h.idp.Token(claims{"cnf": claims{"x5t#S256": gatetest.Base64(sum[:])}})
	r := holder.Post(h.call("up__echo"), "Authorization", "Bearer "+bound)
	if !r.OK() {
		t.Fatalf("a token that is bound to the certificate: %s", r)
	}
	if got := h.who(r.Exchange); got.Method != "jwt" || got.Subject != "alice" {
		t.Errorf("a token that is bound to the certificate: %+v", got)
	}
	before := h.up.Posts()
	if r := by("Authorization", "Bearer "+bound); r.Refusal != "policy.denied" || h.up.Posts() != before {
		t.Errorf("what the certificate opens, by the token: %s", r)
	}
	if r := h.alice.Post(h.call("up__echo"), "Authorization", "Bearer "+bound); r.Status != http.StatusUnauthorized || h.up.Posts() != before {
		t.Errorf("a stolen token without its certificate: %s", r)
	}
	other, _ := secured.shows("spiffe://test/mallory")
	thief := h.Client("thief", bound).Over(other)
	thief.Version = modern
	if r := thief.Post(h.call("up__echo")); r.Status != http.StatusUnauthorized || h.up.Posts() != before {
		t.Errorf("a stolen token with another certificate: %s", r)
	}
}

// AUT-20: a signature and a token, or another key.
func TestAUT20_SignatureAndMore(t *testing.T) {
	t.Parallel()
	h := welcome(t, gatetest.Provider(t), site{method: "  signed_requests: {}\n"}).enter(modern)
	made, err := h.App.CreateKey(t.Context(), "test", admin.KeyRequest{Name: "signer", Roles: []string{"reader"}, Signing: true})
	if err != nil {
		t.Fatal(err)
	}
	h.Hide(made.Text)
	at, err := url.Parse(h.URL())
	if err != nil {
		t.Fatal(err)
	}
	signer := h.Client("signer", "")
	signer.Version = modern
	n := 0
	signed := func(more ...string) *gatetest.Reply {
		n++
		body := h.call("up__echo")
		header, err := httpsig.Sign(httpsig.Request{Method: http.MethodPost, Base: at.Scheme + "://" + at.Host, Target: at.Path, Header: signer.Headers(body)},
			httpsig.Key{ID: made.ID, Secret: httpsig.Secret(made.Text)}, httpsig.Params{Created: time.Now(), Nonce: fmt.Sprintf("nonce-%010d-%d", n, time.Now().UnixNano()), Digest: sha256.Sum256(body)})
		if err != nil {
			t.Fatal(err)
		}
		for name, values := range header {
			more = append(more, name, values[0])
		}
		return signer.Post(body, more...)
	}
	// What signs was made after the gateway began to remember what was used.
	var r *gatetest.Reply
	eventually(t, "a signature alone is accepted", func() bool { r = signed(); return r.OK() })
	if got := h.who(r.Exchange); got.Method != "signature" || got.Subject != "signer" {
		t.Errorf("a signature alone: %+v", got)
	}
	if r := signed("Authorization", "Bearer "+made.Text); !r.OK() {
		t.Errorf("with the very key that signs: %s", r)
	}
	h.turned(forgery{token: h.alice.Key, code: "identity.conflict", subject: "alice"}, signed)
	h.turned(forgery{token: h.bob.Key, code: "identity.conflict", method: "api_key", subject: "bob"}, signed)
	h.turned(forgery{token: h.forged(string(h.idp.Header("ES256")), h.payload(nil), make([]byte, 64))}, signed)
}

// AUT-21: who comes with a bad credential is not who comes without one, wherever
// strangers are let in.
func TestAUT21_BadIsNotAbsent(t *testing.T) {
	t.Parallel()
	for _, version := range eras {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			h := welcome(t, gatetest.Provider(t), site{
				version: version, method: "  anonymous: {subject: local, roles: [reader]}\n", listen: ", legacy_sse: true, websocket: true", ask: "client_secret_basic",
			}).enter(version)
			stranger := h.Client("stranger", "").Open(version)
			if r := stranger.Call("up__echo", `{}`); !r.OK() {
				t.Fatalf("without a credential: %s", r)
			} else if got := h.who(r.Exchange); got.Method != "anonymous" || got.Subject != "local" {
				t.Errorf("without a credential: %+v", got)
			}
			now := time.Now().Unix()
			credentials := []forgery{
				{name: "junk", token: "sk-random-0123456789", method: "introspection"},
				{name: "junk in three parts", token: "a.b.c"},
				{name: "an unknown API key", token: "dw_" + strings.Repeat("A", 43), method: "api_key"},
				{name: "an expired token", token: h.idp.Token(claims{"exp": now - 60, "iat": now - 600}), code: "identity.expired", subject: "alice"},
				{name: "a token for somebody else", token: h.idp.Token(claims{"aud": "https://other.example.com"})},
				{name: "empty", headers: []string{"Authorization", ""}, method: "-"},
				{name: "Basic", headers: []string{"Authorization", "Basic bG9jYWw6"}, method: "-"},
				{name: "a proof alone", headers: []string{"Authorization", "-", "DPoP", "x"}, method: "-"},
				{name: "a signature", headers: []string{"Authorization", "-", "Signature", "x", "Signature-Input", "x"}, method: "signature"},
				{name: "anonymous", token: "anonymous", method: "introspection"},
			}
			h.turns(credentials...)
			for _, b := range credentials {
				if b.token == "" {
					continue
				}
				for name, open := range map[string]func(*testing.T, opening) (voice, told){"sse": openSSE(h.GW), "websocket": openSocket(h.GW)} {
					before := h.up.Posts()
					if v, got := open(t, opening{key: b.token}); v != nil || got.code != 4010 || got.refusal != "identity.invalid" || h.up.Posts() != before {
						t.Errorf("%s over %s: %+v", b.name, name, got)
					}
				}
				if stranger.Session == "" {
					continue
				}
				for _, method := range []string{http.MethodGet, http.MethodDelete} {
					if r := stranger.Send(method, nil, "Authorization", "Bearer "+b.token, "Accept", "text/event-stream"); r.Status != http.StatusUnauthorized {
						t.Errorf("%s by %s: %s", b.name, method, r)
					}
				}
			}
			if r := stranger.Call("up__echo", `{}`); !r.OK() {
				t.Errorf("the stranger's own call afterwards: %s", r)
			}
		})
	}
}

// AUT-46: an API key is its very text, and the gateway keeps no copy of it (G4).
func TestAUT46_KeysThatAreNearlyRight(t *testing.T) {
	t.Parallel()
	h := welcome(t, gatetest.Provider(t), site{ask: "client_secret_basic"}).enter(modern)
	key := h.Key("carol", "reader")
	if r := h.alice.Post(h.call("up__echo"), "Authorization", "Bearer "+key); !r.OK() {
		t.Fatalf("the key: %s", r)
	}
	expired := h.ShortKey("dave", "reader")
	revoked := h.Key("erin", "reader")
	h.Revoke("erin")
	all := []forgery{
		{name: "expired", token: expired, method: "api_key", code: "identity.expired", subject: "dave"},
		{name: "revoked", token: revoked, method: "api_key", subject: "erin"},
		{name: "its public id", token: h.keyID("carol"), method: "introspection"},
		{name: "NULL", token: "NULL", method: "introspection"},
		{name: "the prefix", token: "dw_", method: "api_key"},
		{name: "in another scheme", headers: []string{"Authorization", "DPoP " + key}, method: "-"},
		{name: "as a password", headers: []string{"Authorization", "Basic " + key}, method: "-"},
	}
	for name, text := range map[string]string{
		"lower case": "dw_" + strings.ToLower(key[3:]), "upper case": "dw_" + strings.ToUpper(key[3:]), "cut": key[:len(key)-1], "longer": key + "A", "the prefix and NULL": "dw_NULL", "all zero": "dw_" + strings.Repeat("A", 43), "padding": key + "=",
		"the other alphabet": "dw_" + strings.NewReplacer("-", "+", "_", "/").Replace(key[3:]) + "+",
	} {
		all = append(all, forgery{name: name, token: text, method: "api_key"})
	}
	for name, text := range map[string]string{"percent encoding": "%64w_" + key[3:], "quoted": `"` + key + `"`, "a space in it": key[:20] + " " + key[20:], "a null byte by name": key + "%00", "a line break by name": key + `\n`} {
		all = append(all, forgery{name: name, headers: []string{"Authorization", "Bearer " + text}, method: "-"})
	}
	all = append(all, forgery{name: "another prefix", token: "DW_" + key[3:], method: "introspection"}, forgery{name: "without the prefix", token: key[3:], method: "introspection"})
	h.turns(all...)
}

func (h *guests) keyID(name string) string {
	h.t.Helper()
	keys, err := h.App.ListKeys(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	for _, k := range keys {
		if k.Name == name {
			return k.ID
		}
	}
	h.t.Fatalf("no key %s", name)
	return ""
}
