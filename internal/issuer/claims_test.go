package issuer_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/issuer"
)

// raw is a good token whose claim is text as it stands.
func raw(name, value string) string {
	body := encode(with(claims(), name, nil))
	return jws(header(), fmt.Sprintf(`{%q:%s,%s`, name, value, body[1:]), "ES256", p256Key())
}

func TestAUT08_Exp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := one(t, nil)
		now := time.Now().Unix()
		for _, exp := range []any{now - 29, now - 15, now + 1, now + 3600, float64(now) + 0.5, now + 24*3600} {
			accepted(t, s, good("exp", exp, "iat", now-60))
		}
		for _, exp := range []string{
			"", `"` + fmt.Sprint(now+600) + `"`, "1e400", "-1", "-1e400", fmt.Sprint(now + 10*365*24*3600), "null", "true", "[]", "{}",
			fmt.Sprintf("[%d]", now+600),
			"1e308", "99999999999999999999", fmt.Sprint(now+600) + "000", fmt.Sprintf("%d.%s", now+600, strings.Repeat("0", 40)),
			fmt.Sprint((now + 600) * 1000), "NaN", "Infinity", "0x7fffffff",
			fmt.Sprint(now + 24*3600 + 31), "253402300800", "-0.1", "+1", "01",
		} {
			token := raw("exp", exp)
			if exp == "" {
				token = good("exp", nil)
			}
			refused(t, s, token)
		}
		for _, ago := range []int64{30, 31, 32, 60, 3600, 24 * 3600, 365 * 24 * 3600, now - 1, now} {
			token := good("exp", now-ago, "iat", max(now-ago-10, 0))
			got, err := verify(s, token)
			want := issuer.Token{Method: "jwt", Issuer: issuer1, Subject: "alice", ID: "t-1"}
			if diff := cmp.Diff(want, got); !errors.Is(err, issuer.ErrExpired) || diff != "" {
				t.Errorf("expired %d s ago: %v (-want +got):\n%s", ago, err, diff)
			}
		}
		// A proof that was never good is not expired.
		for _, token := range []string{
			good("exp", now-31, "aud", "https://other.test"), good("exp", now-31)[:100], good("exp", now-31, "sub", nil),
			good("exp", now-31, "iat", nil),
		} {
			refused(t, s, token)
		}
	})
}

// What is remembered is judged anew each time.
func TestAUT08_ARememberedTokenExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := one(t, nil)
		token := good("exp", time.Now().Unix()+10)
		for range 39 {
			accepted(t, s, token)
			time.Sleep(time.Second)
		}
		time.Sleep(time.Second)
		if got, err := verify(s, token); !errors.Is(err, issuer.ErrExpired) || got.Subject != "alice" || got.Scopes != nil {
			t.Errorf("after 40 s: %+v, %v", got, err)
		}
	})
}

func TestAUT09_NbfAndIat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := one(t, nil)
		now := time.Now().Unix()
		for _, more := range [][]any{
			{"nbf", now},
			{"nbf", now + 29},
			{"nbf", now + 30},
			{"nbf", 0},
			{"iat", now + 29},
			{"iat", now - 24*3600},
			{"iat", float64(now) - 0.25},
			{"nbf", now - 10, "iat", now},
		} {
			accepted(t, s, good(more...))
		}
		for _, more := range [][]any{
			{"nbf", now + 31},
			{"nbf", now + 601},
			{"nbf", now + 600, "exp", now + 599},
			{"nbf", now + 20, "exp", now + 10},
			{"nbf", fmt.Sprint(now)},
			{"nbf", true},
			{"nbf", []int64{now}},
			{"nbf", fields{}},
			{"nbf", -1},
			{"iat", nil},
			{"iat", now + 31},
			{"iat", now + 3600},
			{"iat", fmt.Sprint(now)},
			{"iat", false},
			{"iat", now - 24*3600 - 31},
			{"iat", 0},
			{"iat", -1},
			{"iat", now * 1000},
			{"iat", now + 5, "exp", now + 2},
			{"iat", fields{"at": now}},
			{"nbf", now * 1000},
		} {
			refused(t, s, good(more...))
		}
		for _, value := range []string{"null", "1e400", "-1e400", "[]"} {
			refused(t, s, raw("nbf", value))
			refused(t, s, raw("iat", value))
		}
	})
}

func TestMaxAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := one(t, func(s *issuer.Settings) { s.MaxAge = 5 * time.Minute })
		now := time.Now().Unix()
		accepted(t, s, good("exp", now+300, "iat", now-300))
		for _, more := range [][]any{{"exp", now + 331}, {"exp", now + 300, "iat", now - 331}, {}} {
			refused(t, s, good(more...))
		}
	})
}

func TestAUT10_Audience(t *testing.T) {
	strict := one(t, nil)
	loose := one(t, func(s *issuer.Settings) { s.OtherAudiences = true })
	for _, aud := range []any{ours, []string{ours}} {
		accepted(t, strict, good("aud", aud))
		accepted(t, loose, good("aud", aud))
	}
	for _, aud := range []any{[]string{ours, "https://other.test"}, []string{"https://other.test", ours}, []string{"a", "b", ours}} {
		refused(t, strict, good("aud", aud))
		accepted(t, loose, good("aud", aud))
	}
	many := make([]string, 101)
	for i := range many {
		many[i] = fmt.Sprint("https://other.test/", i)
	}
	many[100] = ours
	auds := []any{
		nil, "", "https://other.test/mcp", ours + ".evil", "https://gw.test/mc", "https://gw.test/MCP", ours + "/",
		fields{"aud": ours},
		[]string{"https://other.test"},
		[]string{},
		[]string{ours, ours},
		[]any{ours, 1},
		[]any{ours, nil},
		[]any{[]string{ours}},
		1, true, "HTTPS://gw.test/mcp", "https://GW.test/mcp", "http://gw.test/mcp", "https://gw.test:443/mcp",
		ours + " ", " " + ours, ours + "\x00", ours + "?", ours + "#", "https://gw.test/./mcp", "https://gw.test/%6dcp",
		"https://alice@gw.test/mcp", "gw.test/mcp", "*", "https://gw.test/*",
		ours + "," + ours, ours + " https://other.test", many, "https://gw.test\\mcp", "\u200bhttps://gw.test/mcp",
		[]string{""},
	}
	for _, aud := range auds {
		refused(t, strict, good("aud", aud))
		refused(t, loose, good("aud", aud))
	}
	refused(t, strict, raw("aud", "null"))
	refused(t, strict, raw("aud", fmt.Sprintf("[%q", ours)))
}

func TestAUT11_KeysBelongToIssuers(t *testing.T) {
	const issuer2 = "http://127.0.0.1/two"
	i := newIDP()
	i.handler = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/jwks2" {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, keySet(jwk(pair{kid: "k1", private: p384Key()}), jwk(pair{kid: "only2", private: p384Key()})))
		return true
	}
	st1, st2 := settings(), settings()
	st1.Algorithms = []string{"ES256", "ES384"}
	st2.Issuer, st2.JWKSURL, st2.Algorithms = issuer2, "http://127.0.0.1/jwks2", st1.Algorithms
	s := start(t, serve(t, i), issuer.Config{Issuers: []issuer.Settings{st1, st2}})
	accepted(t, s, good())
	if got := accepted(t, s, jws(header("alg", "ES384"), claims("iss", issuer2), "ES384", p384Key())); got.Issuer != issuer2 {
		t.Errorf("of %s", got.Issuer)
	}
	for _, kid := range []any{"k1", "only2", nil} {
		refused(t, s, jws(header("alg", "ES384", "kid", kid), claims(), "ES384", p384Key()))
		refused(t, s, jws(header("kid", kid), claims("iss", issuer2), "ES256", p256Key()))
	}
	for _, iss := range []any{
		nil, "", issuer1 + "/", "https://I1@evil", strings.ToUpper(issuer1), "http://127.0.0.1/One", "http://127.0.0.1",
		"http://127.0.0.1/", "http://127.0.0.1:80/one", "https://127.0.0.1/one",
		"http://127.0.0.1/one@evil.test", "http://127.0.0.1@evil.test/one", "http://localhost/one",
		[]string{issuer1},
		fields{"iss": issuer1},
		1, true, issuer1 + " ", " " + issuer1, issuer1 + "\x00",
		issuer1 + "#", issuer1 + "?", "http://127.0.0.1/%6fne", "http://127.0.0.1/./one", "//127.0.0.1/one", issuer1 + issuer1,
		"http://127.1/one", "http://127.0.0.1/one/../two",
	} {
		refused(t, s, good("iss", iss))
	}
	refused(t, s, raw("iss", "null"))
}

// The audience of one issuer is not that of another, also for what is remembered.
func TestAudiencesBelongToIssuers(t *testing.T) {
	const issuer2 = "http://127.0.0.1/two"
	st1, st2 := settings(), settings()
	st2.Issuer = issuer2
	s := start(t, serve(t, newIDP()), issuer.Config{Issuers: []issuer.Settings{st1, st2}})
	each := func(iss string) string { return map[string]string{issuer1: "api://one", issuer2: "api://two"}[iss] }
	for range 2 {
		for _, tc := range []struct {
			iss, aud string
			good     bool
		}{{issuer1, "api://one", true}, {issuer2, "api://two", true}, {issuer1, "api://two", false}, {issuer2, "api://one", false}} {
			got, err := s.Verify(t.Context(), nobody, good("iss", tc.iss, "aud", tc.aud, "iat", 1+time.Now().Unix()/1000*1000-1), each)
			if (err == nil) != tc.good || tc.good && got.Issuer != tc.iss || !tc.good && !errors.Is(err, issuer.ErrInvalid) {
				t.Errorf("%s for %s: %+v, %v", tc.iss, tc.aud, got, err)
			}
		}
		// The same audience at all, and then not any more.
		token := good("iss", issuer2, "aud", "api://one")
		if _, err := s.Verify(t.Context(), nobody, token, resource("api://one")); err != nil {
			t.Error(err)
		}
		if _, err := s.Verify(t.Context(), nobody, token, each); !errors.Is(err, issuer.ErrInvalid) {
			t.Errorf("remembered for an audience of another issuer: %v", err)
		}
	}
}

func TestAUT12_Subjects(t *testing.T) {
	s := one(t, nil)
	for _, sub := range []string{
		"a", "alice", "Älice 日本", "a b", strings.Repeat("a", 256), "auth0|507f1f77", "CN=alice,O=Acme", "-1", "<script>",
		"' OR 1=1 --", "a\u0301",
	} {
		if got := accepted(t, s, good("sub", sub)); got.Subject != sub {
			t.Errorf("sub %q became %q", sub, got.Subject)
		}
	}
	for _, sub := range []any{
		nil, "",
		[]string{"alice"},
		strings.Repeat("a", 10<<10), strings.Repeat("a", 257), "a\x00b", "a\nadmin", "a\r\nadmin", "   ", " ", "\u202ealice", "a\u202eb",
		"\u2066a\u2069", "a\u200bb", "\ufeffalice",
		1, true,
		fields{"sub": "alice"},
		" alice", "alice ", "alice\t", "\u00a0alice", "a\u00a0b", "a\u2028b", "a\u2029b", "a\x1b[2Jb", "a\u0085b", "\ue000", "a\u00adb",
		"\u3000", "a\u2003b", "\x7f",
	} {
		refused(t, s, good("sub", sub))
	}
	refused(t, s, raw("sub", "null"))
}

func TestAUT56_ClaimsAreWhatTheyAre(t *testing.T) {
	s := one(t, func(s *issuer.Settings) {
		s.Claims = issuer.Claims{Groups: "groups", Roles: "/realm_access/roles", Tenant: "/org/id"}
		s.RequireTenant = true
	})
	base := func(more ...any) string { return good(append([]any{"org", fields{"id": "acme"}}, more...)...) }
	for _, tc := range []struct {
		groups any
		want   []string
	}{
		{nil, nil},
		{"admins", []string{"admins"}},
		{"x,admins", []string{"x,admins"}},
		{"x admins", []string{"x admins"}},
		{"x;admins", []string{"x;admins"}},
		{`["admins"]`, []string{`["admins"]`}},
		{[]string{"b", "a", "b"}, []string{"a", "b"}},
		{[]string{}, nil},
		{[]string{"x,admins"}, []string{"x,admins"}},
		{"CN=admins,OU=x", []string{"CN=admins,OU=x"}},
		{"/admins", []string{"/admins"}},
		{"Admins", []string{"Admins"}},
		{"admins|x", []string{"admins|x"}},
	} {
		if diff := cmp.Diff(tc.want, accepted(t, s, base("groups", tc.groups)).Groups); diff != "" {
			t.Errorf("groups %v (-want +got):\n%s", tc.groups, diff)
		}
		roles := base("realm_access", with(fields{"x": 1}, "roles", tc.groups))
		if diff := cmp.Diff(tc.want, accepted(t, s, roles).Roles); diff != "" {
			t.Errorf("roles %v (-want +got):\n%s", tc.groups, diff)
		}
	}
	some := make([]string, 1000) // as many as a token of 16 KiB may have
	for i := range some {
		some[i] = fmt.Sprint(i)
	}
	if got := accepted(t, s, base("groups", some)); len(got.Groups) != 1000 {
		t.Errorf("%d groups", len(got.Groups))
	}
	for _, groups := range []any{
		append(some, "x"),
		[][]string{{"admins"}},
		[]any{"admins", []string{"x"}},
		fields{"admins": true},
		fields{},
		1, true,
		[]any{"a", nil},
		[]any{"a", 1},
		[]string{""},
		"",
		[]string{"a", "a\nadmins"},
		[]string{"a\x00"},
		[]string{" admins"},
		[]string{"admins\u200b"},
		[]string{strings.Repeat("g", 257)},
		"admins\u202e", "\u00a0admins",
	} {
		refused(t, s, base("groups", groups))
		refused(t, s, base("realm_access", fields{"roles": groups}))
	}
	for _, more := range [][]any{
		{"_claim_names", fields{"groups": "src1"}, "_claim_sources", fields{"src1": fields{"endpoint": "https://sink.test"}}},
		{"_claim_names", fields{"groups": "src1"}, "groups", []string{"a"}},
		{"_claim_names", fields{"Groups": "src1"}},
		{"_claim_names", "groups"},
		{"_claim_names", []string{"groups"}},
		{"_claim_names", fields{"realm_access": "src1"}},
		{"_claim_names", fields{"org": "x"}},
		{"_claim_names", fields{"sub": "x"}},
		{"_claim_names", fields{"scope": "x"}},
		{"hasgroups", true},
		{"hasgroups", "true"},
		{"realm_access", "roles"},
		{"realm_access", []string{"roles"}},
		{"realm_access", 1},
		{"org", nil},
		{"org", fields{}},
		{"org", "acme"},
		{"org", fields{"id": ""}},
		{"org", fields{"id": []string{"acme"}}},
		{"org", fields{"id": 1}},
		{"org", fields{"id": "a\nb"}},
		{"org", fields{"ID": "acme"}},
		{"org", fields{"id": "acme", "Id": "evil"}},
		{"org", []string{"acme"}},
		{"org", fields{"id": strings.Repeat("a", 257)}},
		{"org", fields{"id": " acme"}},
	} {
		refused(t, s, base(more...))
	}
	accepted(t, s, base("_claim_names", fields{"photo": "src1"}, "hasgroups", false))
	if got := accepted(t, s, base()); got.Tenant != "acme" {
		t.Errorf("tenant %q", got.Tenant)
	}
}

func TestAUT56_Mail(t *testing.T) {
	for _, claim := range []string{"email", "/person/email"} {
		s := one(t, func(s *issuer.Settings) { s.Claims.Subject = claim })
		token := func(mail, verified any) string {
			person := with(fields{}, "email", mail, "email_verified", verified)
			if claim == "email" {
				return good("email", mail, "email_verified", verified)
			}
			return good("person", person)
		}
		for _, mail := range []string{"a@corp.test", "a+b@corp.test", "a@corp.test.evil"} { // the last is another's, and says so
			if got := accepted(t, s, token(mail, true)); got.Subject != mail {
				t.Errorf("%q became %q", mail, got.Subject)
			}
		}
		for _, verified := range []any{nil, false, "true", 1, "false", []bool{true}, fields{}} {
			refused(t, s, token("a@corp.test", verified))
		}
		for _, mail := range []any{
			nil, "", "a@evil@corp.test", "a@\u0441orp.test", "\u0430@corp.test", "a", "@corp.test", "a@", "a@corp.test ", "a@corp.test\n",
			"a b@corp.test",
			[]string{"a@corp.test"},
			"a@corp\u3002test", 1, "@",
			"a@corp.test\x00", "a@corp.test@",
		} {
			refused(t, s, token(mail, true))
		}
		refused(t, s, good())
		refused(t, s, good("email", "a@corp.test", "email_verified", true, "person", fields{"email": "a@corp.test", "email_verified": true}, "sub", 1))
	}
}

func TestAUT63_Scopes(t *testing.T) {
	s := one(t, nil)
	for _, tc := range []struct {
		more []any
		want []string
	}{
		{[]any{"scope", "read write"}, []string{"read", "write"}},
		{[]any{"scope", "readwrite"}, []string{"readwrite"}},
		{[]any{"scope", "b a b"}, []string{"a", "b"}},
		{[]any{"scope", "admin"}, []string{"admin"}},
		{[]any{"scope", "admin:read"}, []string{"admin:read"}},
		{[]any{"scope", "a,b"}, []string{"a,b"}},
		{[]any{"scope", ""}, nil},
		{[]any{"scope", nil}, nil},
		{[]any{"scope", "A a"}, []string{"A", "a"}},
		{[]any{"scope", nil, "scp", "b a"}, []string{"a", "b"}},
		{[]any{"scope", nil, "scp", []string{"b", "a"}}, []string{"a", "b"}},
		{[]any{"scope", "a", "scp", "b"}, []string{"a"}},
		{[]any{"scope", "*"}, []string{"*"}},
		{[]any{"scope", "https://x.test/a.b"}, []string{"https://x.test/a.b"}},
		{[]any{"scope", strings.TrimSpace(strings.Repeat("a ", 100))}, []string{"a"}},
	} {
		if diff := cmp.Diff(tc.want, accepted(t, s, good(tc.more...)).Scopes); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tc.more, diff)
		}
	}
	for _, scope := range []any{
		"read\u00a0write", "read\twrite", "read\nwrite", "read  write", " read", "read ", " ", "read\u2003write",
		strings.TrimSpace(strings.Repeat("a ", 101)), `a"b`, `a\b`, "rêad", "a\x00b", "a\x7f",
		[]string{"read", "write"},
		1, true,
		fields{"read": true},
		strings.Repeat("a", 257), "read\u200bwrite", "read\rwrite", "read\vwrite", "read\u3000write", strings.TrimSpace(strings.Repeat("s ", 7000)),
	} {
		refused(t, s, good("scope", scope))
	}
	for _, scp := range []any{
		[]string{"a b"},
		[]string{""},
		[]any{"a", 1},
		[][]string{{"a"}},
		1,
		fields{},
		"a  b",
		[]string{"a\u00a0"},
		true,
		make([]string, 101),
	} {
		refused(t, s, good("scope", nil, "scp", scp))
	}
	named := one(t, func(s *issuer.Settings) { s.Claims.Scopes = "/perm/mcp" })
	if diff := cmp.Diff([]string{"a", "b"}, accepted(t, named, good("perm", fields{"mcp": []string{"b", "a"}})).Scopes); diff != "" {
		t.Error(diff)
	}
	if got := accepted(t, named, good()); got.Scopes != nil {
		t.Errorf("scopes of a claim that is not configured: %v", got.Scopes)
	}
}

func TestAUT51_Confirmation(t *testing.T) {
	s := one(t, nil)
	if got := accepted(t, s, good("cnf", fields{"jkt": sha("k")})); got.Thumbprint != sha("k") || got.CertificateSHA256 != "" {
		t.Errorf("%+v", got)
	}
	if got := accepted(t, s, good("cnf", fields{"x5t#S256": sha("c")})); got.CertificateSHA256 != sha("c") || got.Thumbprint != "" {
		t.Errorf("%+v", got)
	}
	for _, cnf := range []any{
		fields{},
		"", sha("k"),
		[]string{sha("k")},
		1, true,
		fields{"jwk": jwk(pair{private: p256Key()})},
		fields{"kid": "k"},
		fields{"jku": "https://sink.test"},
		fields{"jwe": "x"},
		fields{"x5t": "x"},
		fields{"jkt": sha("k"), "kid": "k"},
		fields{"jkt": ""},
		fields{"jkt": nil},
		fields{"jkt": sha("k") + "="},
		fields{"jkt": sha("k")[:42]},
		fields{"jkt": 1},
		fields{"jkt": []string{sha("k")}},
		fields{"JKT": sha("k")},
		fields{"x5t#s256": sha("c")},
		fields{"x5t#S256": "AA"},
		fields{"jkt": sha("k"), "x5t#S256": ""},
		fields{"jkt\x00": sha("k")},
		fields{"osc": fields{}},
	} {
		refused(t, s, good("cnf", cnf))
	}
	refused(t, s, raw("cnf", "null"))
	refused(t, s, raw("cnf", fmt.Sprintf(`{"jkt":%q,"jkt":%q}`, sha("a"), sha("b"))))
}

func TestClients(t *testing.T) {
	any1 := one(t, nil)
	listed := one(t, func(s *issuer.Settings) { s.Clients = []string{"agent", "other"} })
	for _, more := range [][]any{{}, {"client_id", nil, "azp", "agent"}, {"azp", "agent"}, {"client_id", "other"}} {
		accepted(t, any1, good(more...))
		accepted(t, listed, good(more...))
	}
	for _, more := range [][]any{
		{"client_id", nil},
		{"client_id", "evil"},
		{"client_id", "Agent"},
		{"client_id", nil, "azp", "evil"},
		{"client_id", "agent.evil"},
		{"client_id", "age"},
	} {
		accepted(t, any1, good(more...))
		refused(t, listed, good(more...))
	}
	for _, more := range [][]any{
		{"azp", "evil"},
		{"client_id", "evil", "azp", "agent"},
		{"client_id", ""},
		{"client_id", []string{"agent"}},
		{"client_id", 1},
		{"azp", 1},
		{"azp", ""},
		{"client_id", "agent "},
		{"client_id", "agent\n"},
		{"client_id", fields{}},
	} {
		refused(t, any1, good(more...))
		refused(t, listed, good(more...))
	}
	for _, jti := range []any{"", 1, []string{"x"}, "a\nb", strings.Repeat("j", 257), fields{}, true, " j", "j\u200b", "\x00"} {
		refused(t, any1, good("jti", jti))
	}
	if got := accepted(t, any1, good("jti", nil)); got.ID != "" {
		t.Errorf("id %q", got.ID)
	}
}
