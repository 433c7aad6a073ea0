package issuer_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"doorward/internal/issuer"
)

func TestNewRefuses(t *testing.T) {
	of := func(change func(*issuer.Settings)) issuer.Config {
		s := settings()
		change(&s)
		return issuer.Config{Issuers: []issuer.Settings{s}}
	}
	asked := func(change func(*issuer.Introspection)) issuer.Config {
		s := opaque()
		change(s.Introspection)
		return issuer.Config{Issuers: []issuer.Settings{s}}
	}
	configs := map[string]issuer.Config{
		"nothing": {}, "zero": {Issuers: []issuer.Settings{{}}}, "twice": {Issuers: []issuer.Settings{settings(), settings()}},
		"two are asked":       {Issuers: []issuer.Settings{opaque(), func() issuer.Settings { s := opaque(); s.Issuer = "http://127.0.0.1/two"; return s }()}},
		"proofs by HMAC":      {Issuers: []issuer.Settings{settings()}, DPoPAlgorithms: []string{"HS256"}},
		"proofs by none":      {Issuers: []issuer.Settings{settings()}, DPoPAlgorithms: []string{"none"}},
		"no tenant claim":     of(func(s *issuer.Settings) { s.RequireTenant = true }),
		"tenant not required": of(func(s *issuer.Settings) { s.Claims.Tenant = "tenant" }),
		"tenants of no claim": of(func(s *issuer.Settings) { s.Tenants = []string{"acme"} }),
		"a tenant of no name": of(func(s *issuer.Settings) {
			s.Claims.Tenant, s.RequireTenant, s.Tenants = "tenant", true, []string{"acme", ""}
		}),
		"negative age":   of(func(s *issuer.Settings) { s.MaxAge = -1 }),
		"short stale":    of(func(s *issuer.Settings) { s.Stale = time.Second }),
		"negative stale": of(func(s *issuer.Settings) { s.Stale = -time.Second }),
		"type":           of(func(s *issuer.Settings) { s.TokenType = "JWT" }), "client": of(func(s *issuer.Settings) { s.Clients = []string{""} }),
		"no algorithms":        of(func(s *issuer.Settings) { s.Algorithms = nil }),
		"keys on this machine": of(func(s *issuer.Settings) { s.Issuer = "https://id.test" }),
		"keys elsewhere":       of(func(s *issuer.Settings) { s.JWKSURL = "http://sink.test/jwks" }),
		"keys with user":       of(func(s *issuer.Settings) { s.JWKSURL = "https://u:p@id.test/jwks" }),
		"keys in a file":       of(func(s *issuer.Settings) { s.JWKSURL = "file:///etc/keys" }),
		"no method":            asked(func(i *issuer.Introspection) { i.Method = "" }),
		"method none":          asked(func(i *issuer.Introspection) { i.Method = "none" }),
		"no secret":            asked(func(i *issuer.Introspection) { i.Secret = nil }),
		"no key":               asked(func(i *issuer.Introspection) { i.Method = "private_key_jwt" }),
		"no client":            asked(func(i *issuer.Introspection) { i.ClientID = "" }),
		"cache":                asked(func(i *issuer.Introspection) { i.MaxCache = 31 * time.Second }),
		"negative cache":       asked(func(i *issuer.Introspection) { i.MaxCache = -1 }),
		"asked elsewhere":      asked(func(i *issuer.Introspection) { i.URL = "http://sink.test/" }),
		"asked, with keys and no algorithms": func() issuer.Config {
			s := opaque()
			s.JWKSURL = "http://127.0.0.1/jwks"
			return issuer.Config{Issuers: []issuer.Settings{s}}
		}(),
	}
	for _, alg := range []string{"none", "HS256", "ES256K", "", "es256", "RSA-OAEP", "dir", "Ed25519", "RS1", "HS512", "PBES2-HS256+A128KW"} {
		configs["alg "+alg] = of(func(s *issuer.Settings) { s.Algorithms = []string{"ES256", alg} })
	}
	configs["alg twice"] = of(func(s *issuer.Settings) { s.Algorithms = []string{"ES256", "ES256"} })
	for _, name := range []string{
		"", "id.test", "http://id.test", "https://", "https://u@id.test", "https://id.test/?a=b", "https://id.test/#a",
		"https://id.test?", "https:id.test", "ftp://127.0.0.1", "http://127.1", "http://0x7f.0.0.1", "https://id.test/\n",
		"//id.test", "http://localhost.id.test", "http://128.0.0.1",
	} {
		configs["issuer "+name] = of(func(s *issuer.Settings) { s.Issuer, s.JWKSURL = name, "" })
	}
	for _, pointer := range []string{"/", "/a/", "//a", "/a/~2", "/a~", "/a/b/c/d/e/f/g/h/i", "/~"} {
		configs["pointer "+pointer] = of(func(s *issuer.Settings) { s.Claims.Groups = pointer })
	}
	for name, cfg := range configs {
		if s, err := issuer.New(cfg); err == nil {
			closed(t, s)
			t.Errorf("%s: accepted", name)
		} else if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPointersToClaims(t *testing.T) {
	for pointer, member := range map[string]fields{
		"g": {"g": "a"}, "https://corp.test/groups": {"https://corp.test/groups": "a"}, "/a/b": {"a": fields{"b": "a"}},
		"/a~1b/~0c": {"a/b": fields{"~c": "a"}}, "/~01": {"~1": "a"},
		"/a/b/c/d/e/f/g/h": {"a": fields{"b": fields{"c": fields{"d": fields{"e": fields{"f": fields{"g": fields{"h": "a"}}}}}}}},
		"a.b":              {"a.b": "a"}, "urn:x/y": {"urn:x/y": "a"},
	} {
		s := one(t, func(s *issuer.Settings) { s.Claims.Groups = pointer })
		for name, value := range member {
			if got := accepted(t, s, good(name, value)); len(got.Groups) != 1 || got.Groups[0] != "a" {
				t.Errorf("%s: %q", pointer, got.Groups)
			}
		}
		if got := accepted(t, s, good()); got.Groups != nil {
			t.Errorf("%s: %q of nothing", pointer, got.Groups)
		}
	}
}

// The real dialer, by the name and by the address of this machine.
func TestIssuerOnThisMachine(t *testing.T) {
	i := newIDP()
	server := httptest.NewServer(i)
	defer server.Close()
	for _, name := range []string{server.URL, strings.Replace(server.URL, "127.0.0.1", "localhost", 1)} {
		s, err := issuer.New(issuer.Config{Issuers: []issuer.Settings{{Issuer: name, Algorithms: []string{"ES256"}, JWKSURL: name + "/jwks"}}})
		if err != nil {
			t.Fatal(err)
		}
		accepted(t, s, good("iss", name))
		closed(t, s)
	}
}
