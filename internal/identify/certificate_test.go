package identify_test

import (
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/identify"
)

// What TLS has verified can still be no identity (AUT-49).
func TestAUT49_Names(t *testing.T) {
	with := func(change func(*x509.Certificate)) *x509.Certificate {
		c := *leaf
		change(&c)
		return &c
	}
	now := time.Now()
	for _, tc := range []struct {
		name string
		rule string
		cert *x509.Certificate
		want gate.Code
		who  string
	}{
		{"one URI", "san_uri", leaf, "", "spiffe://house/alice"},
		{"two URIs", "san_uri", certificate("spiffe://house/a", "spiffe://house/b"), gate.CodeBadCredential, ""},
		{"no URI", "san_uri", certificate(), gate.CodeBadCredential, ""},
		{"a common name is none", "san_uri", with(func(c *x509.Certificate) { c.URIs = nil; c.Subject.CommonName = "alice" }), gate.CodeBadCredential, ""},
		{"another kind of name", "san_dns", leaf, gate.CodeBadCredential, ""},
		{"one DNS name", "san_dns", with(func(c *x509.Certificate) { c.DNSNames = []string{"alice.test"} }), "", "alice.test"},
		{"two DNS names", "san_dns", with(func(c *x509.Certificate) { c.DNSNames = []string{"a.test", "b.test"} }), gate.CodeBadCredential, ""},
		{"one address", "san_email", with(func(c *x509.Certificate) { c.EmailAddresses = []string{"a@b.test"} }), "", "a@b.test"},
		{"NUL", "san_dns", with(func(c *x509.Certificate) { c.DNSNames = []string{"alice\x00.test"} }), gate.CodeBadCredential, ""},
		{"newline", "san_dns", with(func(c *x509.Certificate) { c.DNSNames = []string{"alice\nadmin"} }), gate.CodeBadCredential, ""},
		{"not UTF-8", "san_dns", with(func(c *x509.Certificate) { c.DNSNames = []string{"\xff"} }), gate.CodeBadCredential, ""},
		{"empty", "san_dns", with(func(c *x509.Certificate) { c.DNSNames = []string{""} }), gate.CodeBadCredential, ""},
		{"spaces", "san_dns", with(func(c *x509.Certificate) { c.DNSNames = []string{" a "} }), gate.CodeBadCredential, ""},
		{"long", "san_dns", with(func(c *x509.Certificate) { c.DNSNames = []string{strings.Repeat("a", 257)} }), gate.CodeBadCredential, ""},
		{"of an authority", "san_uri", with(func(c *x509.Certificate) { c.IsCA = true }), gate.CodeBadCredential, ""},
		{"expired on an open connection", "san_uri", with(func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Second) }), gate.CodeExpiredCredential, ""},
		{"not yet valid", "san_uri", with(func(c *x509.Certificate) { c.NotBefore = now.Add(time.Minute) }), gate.CodeBadCredential, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := stage(t, identify.Config{Certificates: tc.rule, Anonymous: &identify.AnonymousPrincipal{Subject: "local"}})
			ex := from("127.0.0.1")
			ex.Inbound.Certificate = tc.cert
			if got := code(t, s, ex); got != tc.want {
				t.Fatalf("got %q, want %q", got, tc.want)
			}
			if ex.Attempt.Method != gate.MethodMTLS || len(ex.Attempt.Credential) != 64 {
				t.Errorf("attempt %+v", ex.Attempt)
			}
			if tc.who != "" && (ex.Principal.Subject != tc.who || ex.Principal.Realm != gate.RealmMTLS || !ex.Principal.Expires.Equal(tc.cert.NotAfter)) {
				t.Errorf("principal %+v", ex.Principal)
			}
		})
	}
}
