package doctor_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"doorward/internal/doctor"
	"doorward/internal/gatetest"
)

// authority is a root and an intermediate that signs for servers.
type authority struct {
	root, middle *x509.Certificate
	middleKey    *ecdsa.PrivateKey
}

// issued is a certificate, DER, with its key.
type issued struct {
	der []byte
	key *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	rootKey, middleKey := newKey(t), newKey(t)
	root := template("Test Root")
	root.IsCA, root.BasicConstraintsValid, root.KeyUsage = true, true, x509.KeyUsageCertSign
	a := &authority{middleKey: middleKey}
	a.root = parsed(t, sign(t, root, root, rootKey, rootKey))
	middle := template("Test Intermediate")
	middle.IsCA, middle.BasicConstraintsValid, middle.KeyUsage = true, true, x509.KeyUsageCertSign
	a.middle = parsed(t, sign(t, middle, a.root, middleKey, rootKey))
	return a
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.root)
	return p
}

// leaf is a server's certificate, with what change makes of it.
func (a *authority) leaf(t *testing.T, change ...func(*x509.Certificate)) issued {
	t.Helper()
	key, c := newKey(t), template("gateway")
	c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	c.IssuingCertificateURL = []string{"http://ca.example/intermediate.cer"}
	for _, f := range change {
		f(c)
	}
	return issued{sign(t, c, a.middle, key, a.middleKey), key}
}

// chain is what a server sends that is set up as it should be.
func (a *authority) chain(_ *testing.T, leaf issued) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.der, a.middle.Raw}, PrivateKey: leaf.key}}}
}

func (*authority) serve(t *testing.T, h http.Handler, conf *tls.Config) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.TLS, s.Config.ErrorLog = conf, log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s.URL
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func template(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
	}
}

func sign(t *testing.T, c, by *x509.Certificate, key, byKey *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, by, key.Public(), byKey)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func parsed(t *testing.T, der []byte) *x509.Certificate {
	t.Helper()
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestCertificates: each reason not to trust a server is told apart from the
// others.
func TestCertificates(t *testing.T) {
	gw := gatetest.Gateway(t, open, nil)
	through := proxy(t, gw.URL())
	a := newAuthority(t)
	good := a.leaf(t)
	alone := a.chain(t, good)
	alone.Certificates[0].Certificate = alone.Certificates[0].Certificate[:1]
	private := a.leaf(t, func(c *x509.Certificate) { c.IssuingCertificateURL = nil })
	privateAlone := a.chain(t, private)
	privateAlone.Certificates[0].Certificate = privateAlone.Certificates[0].Certificate[:1]
	old := a.chain(t, good)
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	asks := a.chain(t, good)
	asks.ClientAuth, asks.MaxVersion = tls.RequireAnyClientCert, tls.VersionTLS12
	asksLate := a.chain(t, good)
	asksLate.ClientAuth, asksLate.MinVersion = tls.RequireAnyClientCert, tls.VersionTLS13
	may := a.chain(t, good)
	may.ClientAuth = tls.RequestClientCert
	selfKey, self := newKey(t), template("self")
	self.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	own := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{sign(t, self, self, selfKey, selfKey)}, PrivateKey: selfKey}}}
	expired := a.leaf(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-24 * time.Hour) })
	early := a.leaf(t, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(24 * time.Hour) })
	other := a.leaf(t, func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"other.example"} })
	for _, tc := range []struct {
		name, want string
		conf       *tls.Config
		roots      *x509.CertPool
		says       string
	}{
		{"good", "", a.chain(t, good), a.pool(), "TLS 1.3"},
		{"unknown authority", "tls.chain/unknown_authority", a.chain(t, good), newAuthority(t).pool(), "Test Intermediate"},
		{"private authority, leaf alone", "tls.chain/unknown_authority", privateAlone, newAuthority(t).pool(), "NODE_EXTRA_CA_CERTS"},
		{"missing intermediate", "tls.chain/incomplete", alone, a.pool(), "cat cert.pem intermediate.pem"},
		{"self-signed", "tls.chain/self_signed", own, a.pool(), "signed by itself"},
		{"expired", "tls.chain/expired", a.chain(t, expired), a.pool(), "expired on"},
		{"not yet valid", "tls.chain/not_yet_valid", a.chain(t, early), a.pool(), "good only from"},
		{"another name", "tls.chain/name", a.chain(t, other), a.pool(), "other.example, not for 127.0.0.1"},
		{"old TLS", "tls.chain/version", old, a.pool(), "TLSv1.2"},
		{"client certificate", "tls.chain/client_certificate", asks, a.pool(), "ssl_verify_client off"},
		{"client certificate in TLS 1.3", "tls.chain/client_certificate", asksLate, a.pool(), ""},
		{"client certificate that may be left out", "", may, a.pool(), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var want []string
			if tc.want != "" {
				want = append(want, tc.want)
			}
			r := found(t, doctor.Options{URL: a.serve(t, through, tc.conf) + "/mcp", Roots: tc.roots}, want...)
			says(t, r, "tls.chain", tc.says)
		})
	}
}
