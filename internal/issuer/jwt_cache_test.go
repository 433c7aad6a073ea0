package issuer_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"doorward/internal/issuer"
)

func TestAUT30_CachesAreOfWholeTokens(t *testing.T) {
	s := one(t, nil)
	// The same header, and payloads that begin with the same 200 bytes.
	pad := strings.Repeat("p", 200)
	token := func(sub string) string {
		c := encode(claims("sub", sub))
		return jws(header(), `{"a":"`+pad+`",`+c[1:], "ES256", p256Key())
	}
	alice, bob := token("alice"), token("bob")
	for range 3 {
		if got := accepted(t, s, alice); got.Subject != "alice" {
			t.Errorf("got %s", got.Subject)
		}
		if got := accepted(t, s, bob); got.Subject != "bob" {
			t.Errorf("got %s", got.Subject)
		}
	}
	a, b := strings.Split(alice, "."), strings.Split(bob, ".")
	forged := []string{
		a[0] + "." + a[1] + "." + b[2], a[0] + "." + b[1] + "." + a[2], b[0] + "." + b[1] + "." + a[2], alice + " ", " " + alice,
		alice + "\n", strings.ToUpper(alice), strings.ToLower(alice), alice + "=", alice + "\x00",
	}
	for _, n := range []int{20, 32, 64, 128, 250} {
		forged = append(forged, alice[:n]+strings.Repeat("A", len(alice)-n), alice[:len(alice)-1]+"!", alice[:n])
	}
	for _, token := range forged {
		refused(t, s, token)
	}
	if n, _, _ := s.Remembered(); n != 2 {
		t.Errorf("%d tokens are remembered, want 2: a refusal is not", n)
	}
}

func TestAUT31_CachesAreOfOneResource(t *testing.T) {
	s := one(t, func(s *issuer.Settings) { s.OtherAudiences = true })
	const other = "https://gw.test/other"
	single, both := good(), good("aud", []string{ours, other})
	for range 2 {
		accepted(t, s, single)
		accepted(t, s, both)
		for _, audience := range []string{
			other, "", ours + "/", "https://gw.test/mc", strings.ToUpper(ours), ours + "\x00", " " + ours, other + ours,
			"https://gw.test", "*",
		} {
			if _, err := s.Verify(context.Background(), nobody, single, resource(audience)); !errors.Is(err, issuer.ErrInvalid) {
				t.Errorf("a token for %s was used for %q: %v", ours, audience, err)
			}
		}
		if _, err := s.Verify(context.Background(), nobody, both, resource(other)); err != nil {
			t.Error(err)
		}
	}
}
