package parts_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"doorward/internal/store/storetest"
)

// nginx is a running nginx with deploy/nginx as it is shipped, but for site/, and
// the gateways behind it.
type nginx struct {
	t        *testing.T
	dir      string
	address  string // where it listens
	roots    *x509.CertPool
	replicas []*gateway
	behind   []string // where the gateways listen
	key      string   // a client's, good at all
	cmd      *exec.Cmd
	log      *printed
}

const publicURL = "https://mcp.example.com"

// Addresses that one of the two lists leaves out: nginx's is the whole of 127/8
// without the first, the gateways' has everything below 127.0.0.128.
const nginxDenies, gatewayDenies = "127.0.0.9", "127.0.0.200"

// newNginx starts two gateways with the same keys in front of an upstream, and
// nginx in front of them. All end with the test. more goes on with the gateways'
// configuration, env with their environment.
func newNginx(t *testing.T, upstream, more string, env ...string) *nginx {
	t.Helper()
	return nginxBefore(t, 2, nil, func(address string) string {
		return fmt.Sprintf(`version: 1
listen:
  address: %s
  public_url: %s
  allowed_addresses: [127.0.0.0/25]
  trusted_proxies: [127.0.0.1/32]
  websocket: true
upstreams: {up: %s}
profiles: {plain: {upstreams: [up], names: plain}}
trust: {first_use: approve}
%s`, address, publicURL, upstream, more)
	}, env...)
}

// nginxBefore is newNginx for so many gateways, each with the configuration of its address;
// role is how the client's key gets one, where there are any.
func nginxBefore(t *testing.T, count int, role []string, config func(address string) string, env ...string) *nginx {
	t.Helper()
	n := &nginx{t: t, dir: t.TempDir(), log: new(printed)}
	for range count {
		at := freeAddress(t)
		g := directory(t, config(at))
		g.env = env
		n.behind, n.replicas = append(n.behind, at), append(n.replicas, g)
	}
	n.replicas[0].serve()
	n.key = n.replicas[0].key(append([]string{"create", "client"}, role...)...).Key
	for _, g := range n.replicas[1:] {
		n.copyKeys(g)
		g.serve()
	}
	n.configure()
	n.run()
	return n
}

// copyKeys gives a gateway the keys that the first one has, as an operator copies them.
func (n *nginx) copyKeys(to *gateway) {
	n.t.Helper()
	data := filepath.Join(to.dir, "doorward-data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		n.t.Fatal(err)
	}
	for _, name := range []string{"keys.json", "keys.pepper", "state.key"} {
		b, err := os.ReadFile(filepath.Join(n.replicas[0].dir, "doorward-data", name))
		if err != nil {
			n.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(data, name), b, 0o600); err != nil {
			n.t.Fatal(err)
		}
	}
}

// in is the same nginx in a test below, whose failures are its own.
func (n *nginx) in(t *testing.T) *nginx {
	below := *n
	below.t, below.replicas = t, nil
	for _, g := range n.replicas {
		below.replicas = append(below.replicas, &gateway{t: t, dir: g.dir}) // to look at, not to end
	}
	return &below
}

// freeAddress is one of loopback that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(storetest.FreePort(t)))
}

// configure copies what is shipped and writes what is an installation's own.
func (n *nginx) configure() {
	n.t.Helper()
	if err := os.CopyFS(n.dir, os.DirFS(filepath.Join("..", "..", "deploy", "nginx"))); err != nil {
		n.t.Fatal(err)
	}
	shipped, err := filepath.Glob(filepath.Join(n.dir, "site", "*.conf"))
	if err != nil {
		n.t.Fatal(err)
	}
	n.certify()
	n.address = freeAddress(n.t)
	var replicas strings.Builder
	for _, at := range n.behind {
		fmt.Fprintf(&replicas, "server %s max_fails=2 fail_timeout=5s;\n", at)
	}
	site := map[string]string{
		"listen.conf": fmt.Sprintf("listen %s ssl http2;\nserver_name mcp.example.com;\nssl_certificate %[2]s/tls.crt;\nssl_certificate_key %[2]s/tls.key;\n", n.address, n.dir),
		// Its own paths too, so that it runs as anybody.
		"log.conf": fmt.Sprintf("access_log %[1]s/access.json doorward;\nerror_log %[1]s/error.log warn;\nclient_body_temp_path %[1]s/body;\nproxy_temp_path %[1]s/proxy;\n"+
			"fastcgi_temp_path %[1]s/fastcgi;\nuwsgi_temp_path %[1]s/uwsgi;\nscgi_temp_path %[1]s/scgi;\n", n.dir),
		"allow.conf":    "deny " + nginxDenies + ";\nallow 127.0.0.0/8;\ndeny all;\n",
		"replicas.conf": replicas.String(),
	}
	for _, path := range shipped {
		text, ours := site[filepath.Base(path)]
		if !ours {
			n.t.Fatalf("deploy/nginx/site has %s, which this test does not know", filepath.Base(path))
		}
		delete(site, filepath.Base(path))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			n.t.Fatal(err)
		}
	}
	if len(site) > 0 {
		n.t.Fatalf("deploy/nginx/site lacks files: %v", site)
	}
}

// certify makes nginx's certificate, which vouches for itself.
func (n *nginx) certify() {
	n.t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		n.t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"mcp.example.com"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		n.t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		n.t.Fatal(err)
	}
	n.roots = x509.NewCertPool()
	for name, block := range map[string]*pem.Block{"tls.crt": {Type: "CERTIFICATE", Bytes: der}, "tls.key": {Type: "PRIVATE KEY", Bytes: secret}} {
		text := pem.EncodeToMemory(block)
		if err := os.WriteFile(filepath.Join(n.dir, name), text, 0o600); err != nil {
			n.t.Fatal(err)
		}
		if block.Type == "CERTIFICATE" && !n.roots.AppendCertsFromPEM(text) {
			n.t.Fatal("the certificate is none")
		}
	}
}

// run runs nginx until the test ends, and waits until it listens.
func (n *nginx) run() {
	n.t.Helper()
	path, err := exec.LookPath("nginx")
	if err != nil {
		n.t.Fatal("nginx is missing: run scripts/parts first (make test does)")
	}
	n.cmd = exec.Command(path, "-p", n.dir, "-c", filepath.Join(n.dir, "nginx.conf"), "-e", filepath.Join(n.dir, "error.log"),
		"-g", "daemon off; pid "+filepath.Join(n.dir, "nginx.pid")+";")
	n.cmd.Stdout, n.cmd.Stderr = n.log, n.log
	if err := n.cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() {
		_ = n.cmd.Process.Signal(syscall.SIGTERM)
		_ = n.cmd.Wait() // it ends at once, and its workers with it
		if n.t.Failed() {
			n.t.Logf("nginx printed:\n%s\n%s", n.log.String(), n.errors())
		}
	})
	eventually(n.t, "nginx listens", func() bool {
		c, err := net.Dial("tcp", n.address)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
}

// errors is nginx's error log.
func (n *nginx) errors() string {
	n.t.Helper()
	b, err := os.ReadFile(filepath.Join(n.dir, "error.log"))
	if err != nil {
		n.t.Fatal(err)
	}
	return string(b)
}

// dial opens a TCP connection to nginx from an address.
func (n *nginx) dial(ctx context.Context, from string) (net.Conn, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	return d.DialContext(ctx, "tcp", n.address)
}

// client is one at an address, that has the key and speaks HTTP/1.1, or HTTP/2.
func (n *nginx) client(from string, two bool) *http.Client {
	transport := &http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return n.dial(ctx, from) },
		TLSClientConfig:   &tls.Config{RootCAs: n.roots, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2: two,
	}
	n.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: keyed{transport, n.key}}
}

// keyed adds a key to requests that have none.
type keyed struct {
	next http.RoundTripper
	key  string
}

func (k keyed) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("Authorization") == "" {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+k.key)
	}
	return k.next.RoundTrip(r)
}

// passed is one line of nginx's log.
type passed struct {
	Request       string `json:"request_id"`
	Exchange      string `json:"exchange"`
	Remote        string `json:"remote"`
	Method        string `json:"method"`
	Path          string `json:"path"`
	Protocol      string `json:"protocol"`
	TLS           string `json:"tls"`
	Status        int    `json:"status"`
	Replica       string `json:"replica"` // those that it tried, with a comma between
	ReplicaStatus string `json:"replica_status"`
	Agent         string `json:"agent"`
}

// lines are nginx's log, but for one that nginx is writing.
func (n *nginx) lines() (all []passed) {
	n.t.Helper()
	b, err := os.ReadFile(filepath.Join(n.dir, "access.json"))
	if err != nil {
		n.t.Fatal(err)
	}
	for line := range bytes.Lines(b) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break
		}
		var p passed
		if err := json.Unmarshal(line, &p); err != nil {
			n.t.Fatalf("nginx's log has %q: %v", line, err)
		}
		all = append(all, p)
	}
	return all
}

// line is the one line of nginx's log of which ok tells that it is the one; nginx
// writes it when the answer has gone.
func (n *nginx) line(what string, ok func(passed) bool) passed {
	n.t.Helper()
	var found []passed
	eventually(n.t, "a line of nginx's log: "+what, func() bool {
		found = nil
		for _, p := range n.lines() {
			if ok(p) {
				found = append(found, p)
			}
		}
		return len(found) > 0
	})
	if len(found) > 1 {
		n.t.Errorf("%s: nginx's log has %+v", what, found)
	}
	return found[0]
}

// of is the line of an exchange.
func of(exchange string) func(passed) bool {
	return func(p passed) bool { return p.Exchange == exchange }
}

// replica is which of them a client at an address is sent to.
func (n *nginx) replica(from string) int {
	n.t.Helper()
	a := echoes(n.t, n.client(from, false), publicURL+"/mcp", nil)
	p := n.line("from "+from, of(a.exchange))
	for i, at := range n.behind {
		if p.Replica == at {
			return i
		}
	}
	n.t.Fatalf("a client at %s was sent to %q: %v", from, p.Replica, a)
	return 0
}

// clientsOfBoth are an address whose client is sent to the first replica, and one
// whose client is sent to the second.
func (n *nginx) clientsOfBoth() (both [2]string) {
	n.t.Helper()
	for i := 10; i < 100 && (both[0] == "" || both[1] == ""); i++ {
		from := fmt.Sprintf("127.0.0.%d", i)
		if r := n.replica(from); both[r] == "" {
			both[r] = from
		}
	}
	if both[0] == "" || both[1] == "" {
		n.t.Fatalf("90 addresses are all sent to one replica: %q", both)
	}
	return both
}

// records are what a replica has on record of an exchange.
func (n *nginx) records(exchange string) (all []record) {
	n.t.Helper()
	for _, g := range n.replicas {
		all = append(all, g.records("--exchange", exchange)...)
	}
	return all
}

// echoed is the answer to a call that must succeed.
func (n *nginx) echoed(c *http.Client, header http.Header) answer {
	n.t.Helper()
	a := echoes(n.t, c, publicURL+"/mcp", header)
	if a.status != http.StatusOK || !strings.Contains(a.body, "echo of me") || a.exchange == "" {
		n.t.Errorf("%v, want the tool's answer", a)
	}
	return a
}
