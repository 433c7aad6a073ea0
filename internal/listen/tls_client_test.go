package listen_test

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"doorward/internal/listen"
)

// AUT-49: a client's certificate opens the connection only when everything about
// it is right, and a bad one is not an absent one.
func TestAUT49_ClientCertificates(t *testing.T) {
	day := 24 * time.Hour
	other := newAuthority(t, "clients") // by the same name
	for _, tc := range []struct {
		name   string
		with   func(*testing.T, *vault) *tls.Certificate
		opens  bool // where one is required
		absent bool // and where it is optional
	}{
		{"none", func(*testing.T, *vault) *tls.Certificate { return nil }, false, true},
		{"good", func(t *testing.T, v *vault) *tls.Certificate { return v.ca.client(t, nil) }, true, false},
		{"expired", func(t *testing.T, v *vault) *tls.Certificate {
			return v.ca.client(t, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = time.Now().Add(-2*day), time.Now().Add(-day) })
		}, false, false},
		{"not valid yet", func(t *testing.T, v *vault) *tls.Certificate {
			return v.ca.client(t, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = time.Now().Add(day), time.Now().Add(2*day) })
		}, false, false},
		{"another authority", func(t *testing.T, _ *vault) *tls.Certificate { return other.client(t, nil) }, false, false},
		{"self-signed", func(t *testing.T, _ *vault) *tls.Certificate {
			cert, key := certify(t, nil, nil)
			return &tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
		}, false, false},
		{"for servers", func(t *testing.T, v *vault) *tls.Certificate {
			return v.ca.client(t, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
		}, false, false},
		{"an authority's, signed by ours", func(t *testing.T, v *vault) *tls.Certificate {
			return v.ca.client(t, func(c *x509.Certificate) {
				c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign|x509.KeyUsageDigitalSignature
			})
		}, false, false},
		{"our authority's own", func(_ *testing.T, v *vault) *tls.Certificate {
			return &tls.Certificate{Certificate: [][]byte{v.ca.cert.Raw}, PrivateKey: v.ca.key}
		}, false, false},
		{"of our server's authority", func(t *testing.T, v *vault) *tls.Certificate { return v.server.client(t, nil) }, false, false},
		{"with a chain that is not ours", func(t *testing.T, v *vault) *tls.Certificate {
			c := other.client(t, nil)
			c.Certificate = append(c.Certificate, v.ca.cert.Raw)
			return c
		}, false, false},
	} {
		for _, optional := range []bool{false, true} {
			t.Run(tc.name+map[bool]string{true: ", optional", false: ""}[optional], func(t *testing.T) {
				v := mutual(t)
				v.config.OptionalClient = optional
				p, addr := startAt(t, place{tls: v.open(t)})
				cert := tc.with(t, v)
				for _, h2 := range []bool{false, true} {
					got := status(t, caller(t, v.dialer(cert), h2), addr)
					if want := map[bool]int{true: 200, false: 0}[tc.opens || tc.absent && optional]; got != want {
						t.Errorf("h2 %v: status %d, want %d", h2, got, want)
					}
				}
				for _, ex := range p.exchanges() {
					if has := ex.Inbound.Certificate != nil; has != tc.opens || has && ex.Inbound.Certificate.SerialNumber.Cmp(cert.Leaf.SerialNumber) != 0 {
						t.Errorf("the exchange has the certificate %v", ex.Inbound.Certificate)
					}
				}
			})
		}
	}
}

// AUT-49, the revocation list: whoever is on it, and everybody while nobody can
// tell, is kept out.
func TestAUT49_RevocationList(t *testing.T) {
	soon, day := time.Now().Add(time.Hour), 24*time.Hour
	partial := pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 28}, Critical: true, Value: []byte{0x30, 0x03, 0x81, 0x01, 0xff}}
	for _, tc := range []struct {
		name  string
		list  func(*testing.T, *vault, *big.Int) []byte
		start bool // whether there is a gateway at all
		want  int
	}{
		{"nobody, DER", func(t *testing.T, v *vault, _ *big.Int) []byte { return v.ca.list(t, soon) }, true, 200},
		{"nobody, PEM", func(t *testing.T, v *vault, _ *big.Int) []byte { return pemOf("X509 CRL", v.ca.list(t, soon)) }, true, 200},
		{"somebody else", func(t *testing.T, v *vault, _ *big.Int) []byte { return v.ca.list(t, soon, big.NewInt(7)) }, true, 200},
		{"the client", func(t *testing.T, v *vault, s *big.Int) []byte { return v.ca.list(t, soon, big.NewInt(7), s) }, true, 0},
		{"the client, in the second list", func(t *testing.T, v *vault, s *big.Int) []byte {
			return pemOf("X509 CRL", v.ca.list(t, soon), v.ca.list(t, soon, s))
		}, true, 0},
		{"out of date", func(t *testing.T, v *vault, _ *big.Int) []byte { return v.ca.list(t, time.Now().Add(-day)) }, true, 0},
		{"of another authority", func(t *testing.T, _ *vault, _ *big.Int) []byte { return newAuthority(t, "clients").list(t, soon) }, false, 0},
		{"of a part", func(t *testing.T, v *vault, _ *big.Int) []byte {
			der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
				Number: big.NewInt(1), ThisUpdate: time.Now(), NextUpdate: soon, ExtraExtensions: []pkix.Extension{partial},
			}, v.ca.cert, v.ca.key)
			if err != nil {
				t.Fatal(err)
			}
			return der
		}, false, 0},
		{"no list", func(*testing.T, *vault, *big.Int) []byte { return []byte("hello") }, false, 0},
		{"empty", func(*testing.T, *vault, *big.Int) []byte { return nil }, false, 0},
		{"no list in PEM", func(*testing.T, *vault, *big.Int) []byte { return []byte("-----BEGIN X509 CRL-----\n") }, false, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := mutual(t)
			v.config.ClientCRL = v.path("crl")
			cert := v.ca.client(t, nil)
			put(t, v.config.ClientCRL, tc.list(t, v, cert.Leaf.SerialNumber))
			made, err := listen.NewTLS(v.config)
			if err == nil != tc.start {
				t.Fatalf("error %v", err)
			}
			if !tc.start {
				return
			}
			_, addr := startAt(t, place{tls: made})
			if got := status(t, caller(t, v.dialer(cert), false), addr); got != tc.want {
				t.Errorf("status %d, want %d", got, tc.want)
			}
			if err := made.Revoked(cert.Leaf); err == nil != (tc.want == 200) {
				t.Errorf("judged as %v", err)
			}
		})
	}
	t.Run("of another authority of ours", func(t *testing.T) {
		v := mutual(t)
		second := newAuthority(t, "more clients")
		put(t, v.config.ClientCA, pemOf("CERTIFICATE", v.ca.cert.Raw, second.cert.Raw))
		v.config.ClientCRL = v.path("crl")
		put(t, v.config.ClientCRL, second.list(t, soon))
		_, addr := startAt(t, place{tls: v.open(t)})
		if got := status(t, caller(t, v.dialer(v.ca.client(t, nil)), false), addr); got != 0 {
			t.Errorf("a client whose authority has no list: status %d", got)
		}
		if got := status(t, caller(t, v.dialer(second.client(t, nil)), false), addr); got != 200 {
			t.Errorf("a client whose authority has one: status %d", got)
		}
	})
	var none *listen.TLS
	if none.Revoked(&x509.Certificate{}) == nil || newVault(t).open(t).Revoked(nil) == nil {
		t.Error("no TLS, or no certificate, is judged good")
	}
}

// turnsAway asks on the open connection of c, whose certificate is bad: the request
// is refused, and not taken for one without a certificate.
func turnsAway(t *testing.T, p *play, c *http.Client, addr string) {
	t.Helper()
	resp, err := post(t, c, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body := text(t, resp)
	if resp.StatusCode != 401 || !strings.Contains(body, "identity.invalid") || resp.ProtoMajor == 1 && !resp.Close || resp.Header.Get("Www-Authenticate") == "" {
		t.Errorf("status %d, closed %v, headers %v: %s", resp.StatusCode, resp.Close, resp.Header, body)
	}
	for _, ex := range p.exchanges() {
		if ex.Inbound.Certificate == nil {
			t.Error("an exchange without the certificate")
		}
	}
}
