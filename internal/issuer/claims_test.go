package issuer_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/issuer"
)

// raw is a good token whose claim is text as it stands.
func raw(name, value string) string {
	body := encode(with(claims(), name, nil))
	return jws(header(), fmt.Sprintf(`{%q:%s,%s`, name, value, body[1:]), "ES256", p256Key())
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
