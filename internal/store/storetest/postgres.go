package storetest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// postgresPrograms is where Debian keeps the programs of PostgreSQL 15.
const postgresPrograms = "/usr/lib/postgresql/15/bin"

// Postgres is a server of PostgreSQL of the test's own, at a socket in a directory alone
// and, over TLS, at a port of loopback. It does not run as root: then it runs as the user
// postgres, which its package made. It writes no disk that it waits for.
type Postgres struct {
	Roots *x509.CertPool // that its certificate is verified by
	Port  int

	tb    testing.TB
	dir   string
	homes atomic.Int64
}

// NewPostgres starts a server.
func NewPostgres(tb testing.TB) *Postgres {
	tb.Helper()
	if _, err := os.Stat(filepath.Join(postgresPrograms, "initdb")); err != nil {
		tb.Fatal("PostgreSQL 15 is missing: run scripts/parts")
	}
	// A socket's path is short, and the user postgres has to reach it.
	dir, err := os.MkdirTemp("/tmp", "doorward-state-") //nolint:usetesting // see above
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	p := &Postgres{tb: tb, dir: dir, Port: FreePort(tb)}
	p.run("initdb", "-D", p.data(), "-A", "trust", "-U", "owner", "-E", "UTF8", "--no-sync", "--no-instructions")
	p.certify()
	p.Start()
	tb.Cleanup(p.Stop)
	return p
}

func (p *Postgres) data() string { return filepath.Join(p.dir, "data") }

// Start starts the server again.
func (p *Postgres) Start() {
	p.tb.Helper()
	p.run("pg_ctl", "-D", p.data(), "-w", "-l", filepath.Join(p.dir, "log"), "-o",
		fmt.Sprintf("-F -k %s -p %d -c listen_addresses=127.0.0.1 -c ssl=on -c max_connections=60", p.dir, p.Port), "start")
}

// Stop ends the server as a crash does.
func (p *Postgres) Stop() {
	p.tb.Helper()
	if _, err := os.Stat(filepath.Join(p.data(), "postmaster.pid")); err == nil {
		p.run("pg_ctl", "-D", p.data(), "-w", "-m", "immediate", "stop")
	}
}

// certify makes the certificate of the server, for 127.0.0.1 and its own authority.
func (p *Postgres) certify() {
	p.tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.tb.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		p.tb.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		p.tb.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		p.tb.Fatal(err)
	}
	p.Roots = x509.NewCertPool()
	p.Roots.AddCert(parsed)
	for name, block := range map[string]*pem.Block{"server.crt": {Type: "CERTIFICATE", Bytes: der}, "server.key": {Type: "EC PRIVATE KEY", Bytes: secret}} {
		path := filepath.Join(p.data(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			p.tb.Fatal(err)
		}
		if err := giveToPostgres(path); err != nil {
			p.tb.Fatal(err)
		}
	}
}

func (p *Postgres) run(program string, args ...string) {
	p.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(postgresPrograms, program), args...)
	cmd.Dir = p.dir
	if err := errors.Join(giveToPostgres(p.dir), asPostgres(cmd)); err != nil {
		p.tb.Fatal(err)
	}
	// A file, not a pipe: the server has it, too, and goes on.
	out, err := os.CreateTemp(p.tb.TempDir(), "out")
	if err != nil {
		p.tb.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(out.Name())
		p.tb.Fatalf("%s: %v: %s", program, err, text)
	}
}

// DSN is how the server's owner reaches it, who may do everything.
func (p *Postgres) DSN() string {
	return fmt.Sprintf("postgres://owner:sesame@/postgres?host=%s&port=%d", p.dir, p.Port)
}

// At is a schema that a gateway has made, or will.
func (p *Postgres) At(tb testing.TB, name string) *Home {
	tb.Helper()
	h := &Home{Name: name, server: p, tb: tb}
	tb.Cleanup(func() {
		if h.conn != nil {
			_ = h.conn.Close(context.Background())
		}
	})
	return h
}

// Home is a schema in the server, and a role that may do everything in it and nothing
// elsewhere.
type Home struct {
	Name string // of both

	server *Postgres
	tb     testing.TB

	mu   sync.Mutex
	conn *pgx.Conn // of the server's owner
}

// Home makes one that is empty.
func (p *Postgres) Home(tb testing.TB) *Home {
	tb.Helper()
	h := p.At(tb, fmt.Sprint("home", p.homes.Add(1)))
	h.Do("CREATE ROLE " + h.Name + " LOGIN")
	h.Do("CREATE SCHEMA " + h.Name + " AUTHORIZATION " + h.Name)
	return h
}

// DSN is how a client reaches the server.
func (h *Home) DSN() string { return h.DSNAt(h.server.dir) }

// DSNAt is the DSN with another host: loopback, or that of a Link.
func (h *Home) DSNAt(host string) string {
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = host, strconv.Itoa(h.server.Port)
	}
	return fmt.Sprintf("postgres://%s:sesame@/postgres?host=%s&port=%s", h.Name, name, port)
}

// Do runs a statement as the owner of the server, in the schema, and returns the first
// column of its rows as texts. An error ends the test.
func (h *Home) Do(sql string, args ...any) (column []string) {
	h.tb.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	ctx := context.Background()                   // also in a cleanup
	if h.conn == nil || h.conn.Ping(ctx) != nil { // the server may have been stopped meanwhile
		var err error
		h.conn, err = pgx.Connect(ctx, h.server.DSN()+"&search_path="+h.Name)
		if err != nil {
			h.tb.Fatal(err)
		}
	}
	rows, err := h.conn.Query(ctx, sql, args...)
	if err == nil {
		column, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
			values, err := row.Values()
			if err != nil || len(values) == 0 {
				return "", err
			}
			if b, ok := values[0].([]byte); ok {
				return string(b), nil
			}
			return fmt.Sprint(values[0]), nil
		})
	}
	if err != nil {
		h.tb.Fatalf("%.100s: %v", sql, err)
	}
	return column
}

// Down keeps the role out, and ends its connections.
func (h *Home) Down() {
	h.tb.Helper()
	h.Do("ALTER ROLE " + h.Name + " NOLOGIN")
	h.End()
}

// End ends the role's connections.
func (h *Home) End() {
	h.tb.Helper()
	h.Do("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", h.Name)
}

// Up lets it in again.
func (h *Home) Up() {
	h.tb.Helper()
	h.Do("ALTER ROLE " + h.Name + " LOGIN")
}
