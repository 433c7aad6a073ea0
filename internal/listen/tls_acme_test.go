package listen_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"doorward/internal/listen"
)

// names answers every question of DNS over TCP for an IPv4 address with 127.0.0.1,
// and every other with nothing (RFC 1035, sections 4.1 and 4.2.2).
func names(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(func() { l.Close(); all.Wait() })
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				var size [2]byte
				for {
					if _, err := io.ReadFull(c, size[:]); err != nil {
						return
					}
					question := make([]byte, binary.BigEndian.Uint16(size[:]))
					if _, err := io.ReadFull(c, question); err != nil || len(question) < 17 {
						return
					}
					reply := named(question)
					_, _ = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)) // whoever asked asks again
				}
			})
		}
	})
	return l.Addr().String()
}

// named answers one question.
func named(question []byte) []byte {
	end := 12
	for end < len(question)-5 && question[end] != 0 {
		end += int(question[end]) + 1
	}
	end += 5 // the end of the name, a type and a class
	reply := append([]byte{}, question[:min(end, len(question))]...)
	copy(reply[2:], []byte{0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}) // a recursive answer to one question
	if reply[len(reply)-3] == 1 {                               // an IPv4 address
		reply[7] = 1
		reply = append(reply, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1)
	}
	return reply
}

// pebble is Let's Encrypt's authority for tests.
type pebble struct {
	cmd       *exec.Cmd
	directory string
	roots     string // PEM file that its own certificate is verified by
	issued    *x509.CertPool
}

// freePort is a port of loopback that nothing listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// startPebble starts one that connects to tlsPort to see who is there.
func startPebble(t *testing.T, tlsPort string) *pebble {
	t.Helper()
	bin, err := filepath.Abs(filepath.Join("..", "..", ".parts", "bin", "pebble"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(bin); err != nil {
		t.Fatal(".parts/bin/pebble is missing: run scripts/parts first (make test does)")
	}
	v := newVault(t)
	p := &pebble{roots: v.path("roots.pem"), issued: x509.NewCertPool()}
	put(t, p.roots, pemOf("CERTIFICATE", v.server.cert.Raw))
	address, management := "127.0.0.1:"+freePort(t), "127.0.0.1:"+freePort(t)
	p.directory = "https://" + address + "/dir"
	put(t, v.path("pebble.json"), fmt.Appendf(nil, `{"pebble":{"listenAddress":%q,"managementListenAddress":%q,"certificate":%q,"privateKey":%q,
		"httpPort":1,"tlsPort":%s,"keyAlgorithm":"ecdsa","retryAfter":{"authz":1,"order":1},"profiles":{"default":{"description":"","validityPeriod":86400}}}}`,
		address, management, v.config.Cert, v.config.Key, tlsPort))
	p.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), bin, "-config", v.path("pebble.json"), "-dnsserver", names(t), "-strict")
	p.cmd.Env = []string{"PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=20", "PATH=" + os.Getenv("PATH")}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	p.trust(t, caller(t, v.dialer(nil), false), "https://"+management+"/roots/0")
	return p
}

// trust waits until it runs, and gets the root of what it issues.
func (p *pebble) trust(t *testing.T, c *http.Client, url string) {
	t.Helper()
	for {
		r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.Do(r)
		if err != nil && t.Context().Err() == nil {
			continue // it is starting
		}
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		root, err := io.ReadAll(resp.Body)
		if err != nil || !p.issued.AppendCertsFromPEM(root) {
			t.Fatalf("no root: %v %s", err, root)
		}
		return
	}
}

func (p *pebble) stop() {
	if p.cmd.ProcessState == nil {
		_ = p.cmd.Process.Kill() // it may have ended
		_ = p.cmd.Wait()
	}
}

// shown is the certificate that a client is shown which asks for host.
func (p *pebble) shown(t *testing.T, addr, host string) (*x509.Certificate, error) {
	t.Helper()
	c, err := (&tls.Dialer{Config: &tls.Config{RootCAs: p.issued, ServerName: host}}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.(*tls.Conn).ConnectionState().PeerCertificates[0], nil //nolint:forcetypeassert // of a TLS dialer
}

// TestACME gets a certificate from a real authority, on the listener itself, also
// where clients need certificates.
func TestACME(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	authority := startPebble(t, port)
	v, log := mutual(t), &journal{}
	conf := listen.TLSConfig{
		ClientCA: v.config.ClientCA, OptionalClient: false, Log: logTo(log), MinVersion: tls.VersionTLS13,
		ACME: &listen.ACME{Directory: authority.directory, Email: "ops@mcp.test", Hosts: []string{"mcp.test"}, CacheDir: v.path("acme"), RootCAs: authority.roots},
	}
	made, err := listen.NewTLS(conf)
	if err != nil {
		t.Fatal(err)
	}
	settings := &listen.Settings{AllowedHosts: []string{"mcp.test"}}
	p, addr := startAt(t, place{tls: made, listener: l, settings: settings, limits: listen.Limits{HeaderWait: time.Minute}}) // it bounds the handshake too
	if _, err := authority.shown(t, addr, "other.test"); err == nil {
		t.Error("a certificate for another host")
	}
	cert, err := authority.shown(t, addr, "mcp.test")
	if err != nil {
		t.Fatalf("%v; log %s", err, log.text())
	}
	if err := cert.VerifyHostname("mcp.test"); err != nil {
		t.Error(err)
	}
	tests := &tls.Config{RootCAs: authority.issued, ServerName: "mcp.test", Certificates: []tls.Certificate{*v.ca.client(t, nil)}}
	if got := status(t, caller(t, tests, true), addr, "Host: mcp.test"); got != 200 {
		t.Errorf("with a client certificate: status %d", got)
	}
	tests.Certificates = nil
	if got := status(t, caller(t, tests, true), addr); got != 0 {
		t.Errorf("without: status %d", got)
	}
	// An authority may speak TLS 1.2 (RFC 8737, section 4), and has no certificate.
	_, err = (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, ServerName: "mcp.test", NextProtos: []string{"acme-tls/1"}, MaxVersion: tls.VersionTLS12}}).DialContext(t.Context(), "tcp", addr)
	if err == nil || strings.Contains(err.Error(), "protocol version") {
		t.Errorf("an authority that asks when nothing is under way: %v", err)
	}
	// Whoever says to be an authority gets the answer to a challenge at most.
	c, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, ServerName: "mcp.test", NextProtos: []string{"acme-tls/1"}}}).DialContext(t.Context(), "tcp", addr)
	if err == nil {
		_, _ = io.WriteString(c, head1(addr, "1.1", "Content-Length: 0")) // what comes back tells
		if answer, _ := io.ReadAll(c); len(answer) > 0 {
			t.Errorf("it was answered %q", answer)
		}
		c.Close()
	}
	if n := len(p.exchanges()); n != 1 {
		t.Errorf("%d exchanges", n)
	}
	info, err := os.Stat(v.path("acme"))
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info, err)
	}

	authority.stop()
	again, err := listen.NewTLS(conf)
	if err != nil {
		t.Fatal(err)
	}
	_, addr = startAt(t, place{tls: again, settings: settings})
	kept, err := authority.shown(t, addr, "mcp.test")
	if err != nil || kept.SerialNumber.Cmp(cert.SerialNumber) != 0 {
		t.Errorf("after a restart: %v", err)
	}
}
