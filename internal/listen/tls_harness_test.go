package listen_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"doorward/internal/listen"
)

// authority certifies for a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// newAuthority makes one with a certificate of its own.
func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{}
	a.cert, a.key = certify(t, nil, func(c *x509.Certificate) {
		c.Subject.CommonName = name
		c.IsCA, c.KeyUsage, c.ExtKeyUsage = true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign, nil
	})
	return a
}

// certify makes a certificate that by, or without it the certificate itself, signs:
// valid from an hour ago for a day, for clients, and then as change says.
func certify(t *testing.T, by *authority, change func(*x509.Certificate)) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "client"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}
	if change != nil {
		change(c)
	}
	parent, signer := c, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made, key
}

// client makes a client's certificate.
func (a *authority) client(t *testing.T, change func(*x509.Certificate)) *tls.Certificate {
	t.Helper()
	cert, key := certify(t, a, change)
	return &tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}
}

// list is a revocation list of serials.
func (a *authority) list(t *testing.T, until time.Time, serials ...*big.Int) []byte {
	t.Helper()
	template := &x509.RevocationList{Number: big.NewInt(time.Now().UnixNano()), ThisUpdate: until.Add(-time.Hour), NextUpdate: until}
	for _, s := range serials {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: s, RevocationTime: time.Now()})
	}
	der, err := x509.CreateRevocationList(rand.Reader, template, a.cert, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// put writes a file whole, in the place of the one before.
func put(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func pemOf(kind string, ders ...[]byte) []byte {
	var all []byte
	for _, der := range ders {
		all = append(all, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})...)
	}
	return all
}

// vault is a directory with a gateway's TLS files.
type vault struct {
	dir    string
	server *authority // certifies the gateway
	ca     *authority // certifies clients
	config listen.TLSConfig
	log    *journal
}

func (v *vault) path(name string) string { return filepath.Join(v.dir, name) }

// newVault is one with a certificate for localhost, and without client certificates.
func newVault(t *testing.T) *vault {
	t.Helper()
	v := &vault{dir: t.TempDir(), server: newAuthority(t, "servers"), ca: newAuthority(t, "clients"), log: &journal{}}
	v.config = listen.TLSConfig{Cert: v.path("tls.crt"), Key: v.path("tls.key"), Log: logTo(v.log)}
	v.certificate(t, nil)
	return v
}

// mutual is one that asks clients for certificates.
func mutual(t *testing.T) *vault {
	t.Helper()
	v := newVault(t)
	v.config.ClientCA = v.path("clients.pem")
	put(t, v.config.ClientCA, pemOf("CERTIFICATE", v.ca.cert.Raw))
	return v
}

// certificate writes a new certificate of the gateway's.
func (v *vault) certificate(t *testing.T, change func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	cert, key := certify(t, v.server, func(c *x509.Certificate) {
		c.ExtKeyUsage, c.DNSNames, c.IPAddresses = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}
		if change != nil {
			change(c)
		}
	})
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	put(t, v.config.Key, pemOf("PRIVATE KEY", der))
	put(t, v.config.Cert, pemOf("CERTIFICATE", cert.Raw))
	return cert
}

func (v *vault) open(t *testing.T) *listen.TLS {
	t.Helper()
	made, err := listen.NewTLS(v.config)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// dialer is a client's TLS settings. cert may be nil.
func (v *vault) dialer(cert *tls.Certificate) *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(v.server.cert)
	conf := &tls.Config{RootCAs: roots, ServerName: "localhost", MinVersion: tls.VersionTLS12}
	if cert != nil { // whatever the server asks for
		conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return cert, nil }
	}
	return conf
}

// caller makes requests over one connection, HTTP/2 when h2 is set.
func caller(t *testing.T, conf *tls.Config, h2 bool) *http.Client {
	t.Helper()
	tr := &http.Transport{TLSClientConfig: conf, ForceAttemptHTTP2: h2, MaxConnsPerHost: 1}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 20 * time.Second}
}

// post makes one request; the error is that there was no answer.
func post(t *testing.T, c *http.Client, addr string, header ...string) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "POST", "https://"+addr+"/mcp", strings.NewReader(list))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range append(append([]string{"Authorization: Bearer alice", "Content-Type: application/json"}, modern...), header...) {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	return c.Do(r)
}

// status is of one request; 0 when there was no answer.
func status(t *testing.T, c *http.Client, addr string, header ...string) int {
	t.Helper()
	resp, err := post(t, c, addr, header...)
	if err != nil {
		return 0
	}
	text(t, resp)
	resp.Body.Close()
	return resp.StatusCode
}

// pipes is a listener in memory, for tests whose clock is not the machine's.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

// Accept implements net.Listener.
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// Addr implements net.Listener.
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8443} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.conns <- ended{far, p.Addr()}:
		return ended{near, p.Addr()}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// ended is a connection with addresses.
type ended struct {
	net.Conn
	addr net.Addr
}

// LocalAddr implements net.Conn.
func (e ended) LocalAddr() net.Addr { return e.addr }

// RemoteAddr implements net.Conn.
func (e ended) RemoteAddr() net.Addr { return e.addr }

// through makes the client's connections ones of p.
func (p *pipes) through(c *http.Client) *http.Client {
	c.Transport.(*http.Transport).DialContext = p.dial //nolint:forcetypeassert // caller made it
	return c
}
