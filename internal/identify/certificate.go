package identify

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"strings"
	"time"

	"doorward/internal/gate"
)

// The names of a certificate that can be its subject (identity.mtls.subject).
const (
	nameURI   = "san_uri"
	nameDNS   = "san_dns"
	nameEmail = "san_email"
)

func goodName(kind string) bool { return kind == nameURI || kind == nameDNS || kind == nameEmail }

// certificate judges the certificate that TLS has verified. The name is exactly
// one of the configured kind (SPIFFE X.509-SVID §2: one URI): of several nobody
// could say which counts, and a common name is none (RFC 6125 §6.4.4).
func (s *Stage) certificate(_ context.Context, ex *gate.Exchange) (*proof, gate.Verdict, error) {
	cert := ex.Inbound.Certificate
	if cert == nil || s.Certificates == "" {
		return nil, gate.Pass(), nil
	}
	id := fingerprint(cert)
	ex.Attempt = gate.Attempt{Method: gate.MethodMTLS, Realm: gate.RealmMTLS, Credential: id}
	switch now := time.Now(); {
	case cert.IsCA:
		return refused("the certificate of an authority")
	case now.Before(cert.NotBefore):
		return refused("a certificate that is not valid yet")
	case now.After(cert.NotAfter):
		return nil, gate.Refuse(gate.CodeExpiredCredential, "expired certificate", notAccepted), nil
	}
	names := s.names(cert)
	if len(names) != 1 {
		return refused("a certificate without exactly one name of the kind " + s.Certificates)
	}
	name := names[0]
	if name == "" || len(name) > maxSubject || strings.ContainsFunc(name, unprintable) || strings.TrimSpace(name) != name {
		return refused("a certificate with a name that is not 1 to 256 printable characters")
	}
	who := &gate.Principal{Method: gate.MethodMTLS, Realm: gate.RealmMTLS, Subject: name, Credential: id, Expires: cert.NotAfter}
	if s.Roles != nil {
		who.Roles = s.Roles(who, nil)
	}
	return &proof{who: who}, gate.Pass(), nil
}

// fingerprint is a certificate's public id: its SHA-256 in hex.
func fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return hex.EncodeToString(sum[:])
}

func (s *Stage) names(cert *x509.Certificate) []string {
	switch s.Certificates {
	case nameDNS:
		return cert.DNSNames
	case nameEmail:
		return cert.EmailAddresses
	}
	all := make([]string, 0, len(cert.URIs))
	for _, u := range cert.URIs {
		all = append(all, u.String())
	}
	return all
}
