package issuer_test

import (
	"context"
	"crypto"
	"testing"

	"doorward/internal/issuer"
)

// A token that was judged before: less than 2 µs.
func BenchmarkVerifyCached(b *testing.B) {
	s := one(b, nil)
	token, audience, ctx := good(), resource(ours), context.Background()
	if _, err := s.Verify(ctx, nobody, token, audience); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Verify(ctx, nobody, token, audience); err != nil {
			b.Fatal(err)
		}
	}
}

// A token from the start: every step but the last ones, so that none is remembered.
func BenchmarkVerify(b *testing.B) {
	for alg, private := range map[string]crypto.Signer{"ES256": p256Key(), "RS256": rsaKey(), "EdDSA": edKey()} {
		b.Run(alg, func(b *testing.B) {
			i := newIDP()
			i.keys = keySet(jwk(pair{kid: "k1", private: private}))
			st := settings()
			st.Algorithms = []string{alg}
			s := start(b, serve(b, i), issuer.Config{Issuers: []issuer.Settings{st}})
			token, ctx := jws(header("alg", alg), claims(), alg, private), context.Background()
			if _, err := s.Verify(ctx, nobody, token, resource(ours)); err != nil {
				b.Fatal(err)
			}
			elsewhere := resource("https://gw.test/other")
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Verify(ctx, nobody, token, elsewhere); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}

func BenchmarkIntrospectionCached(b *testing.B) {
	s, _, _ := asking(b, active(), func(s *issuer.Settings) { s.Introspection.MaxCache = 0 })
	audience, ctx := resource(ours), context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Verify(ctx, nobody, "2YotnFZFEjr1zCsicMWpAA", audience); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkProof(b *testing.B) {
	s, m := provers(b)
	p, ctx := shown(proof(nil, nil)), context.Background()
	b.ReportAllocs()
	for b.Loop() {
		clear(m.used)
		m.made = m.made[:0]
		if err := s.Proof(ctx, p); err != nil {
			b.Fatal(err)
		}
	}
}
