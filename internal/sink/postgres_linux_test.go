package sink_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"doorward/internal/gate"
	"doorward/internal/sink"
	"doorward/internal/sink/form"
	"doorward/internal/store/storetest"
)

// postgresPrograms is where Debian keeps the programs of PostgreSQL 15.
const postgresPrograms = "/usr/lib/postgresql/15/bin"

// database is a server of PostgreSQL of the test's own, on a socket in a directory
// alone. It does not run as root: then it runs as the user postgres, which its
// package made.
type database struct {
	t    *testing.T
	dir  string
	more string // options of the server beside those of start
}

func newDatabase(t *testing.T) *database {
	t.Helper()
	if _, err := os.Stat(filepath.Join(postgresPrograms, "initdb")); err != nil {
		t.Fatal("PostgreSQL 15 is missing: run scripts/parts first (make test does)")
	}
	// A socket's path is short, and the user postgres has to reach it.
	dir, err := os.MkdirTemp("/tmp", "doorward-sink-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	d := &database{t: t, dir: dir}
	d.run("initdb", "-D", filepath.Join(dir, "data"), "-A", "trust", "-U", "owner", "-E", "UTF8", "--no-sync")
	d.start()
	t.Cleanup(d.stop)
	return d
}

func (d *database) start() {
	d.t.Helper()
	d.run("pg_ctl", "-D", filepath.Join(d.dir, "data"), "-w", "-l", filepath.Join(d.dir, "log"), "-o", "-F -k "+d.dir+" -c listen_addresses= "+d.more, "start")
}

func (d *database) stop() {
	d.t.Helper()
	if _, err := os.Stat(filepath.Join(d.dir, "data", "postmaster.pid")); err == nil {
		d.run("pg_ctl", "-D", filepath.Join(d.dir, "data"), "-w", "-m", "immediate", "stop")
	}
}

func (d *database) run(program string, args ...string) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(postgresPrograms, program), args...)
	cmd.Dir = d.dir
	if os.Getuid() == 0 {
		id := func(flag string) uint32 {
			out, err := exec.Command("id", flag, "postgres").Output()
			n, bad := strconv.ParseUint(strings.TrimSpace(string(out)), 10, 32)
			if err != nil || bad != nil {
				d.t.Fatalf("there is no user postgres: %v", err)
			}
			return uint32(n)
		}
		if err := os.Chown(d.dir, int(id("-u")), int(id("-g"))); err != nil {
			d.t.Fatal(err)
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: id("-u"), Gid: id("-g")}}
	}

	out, err := os.Create(filepath.Join(d.t.TempDir(), "out"))
	if err != nil {
		d.t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(out.Name())
		d.t.Fatalf("%s: %v: %s", program, err, text)
	}
}

func (d *database) dsn(user string) func() (gate.Secret, error) {
	return func() (gate.Secret, error) {
		return gate.NewSecret(fmt.Sprintf("postgres://%s:%s@/postgres?host=%s", user, canary, d.dir)), nil
	}
}

func (d *database) receiver(user string) sink.Receiver {
	d.t.Helper()
	return must(d.t)(sink.NewPostgres(sink.PostgresConfig{DSN: d.dsn(user)}))
}

// query runs statements as the owner and returns the first column of the last.
func (d *database) query(sql string) (column []string) {
	d.t.Helper()
	conn, err := pgx.Connect(context.Background(), fmt.Sprintf("postgres://owner@/postgres?host=%s", d.dir))
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	rows, err := conn.Query(context.Background(), sql)
	if err != nil {
		d.t.Fatal(err)
	}
	column, err = pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		d.t.Fatal(err)
	}
	return column
}

// exec runs one statement as the owner.
func (d *database) exec(sql string) {
	d.t.Helper()
	conn, err := pgx.Connect(context.Background(), fmt.Sprintf("postgres://owner@/postgres?host=%s", d.dir))
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(context.Background(), sql); err != nil {
		d.t.Fatal(err)
	}
}

// DUR-08 with PostgreSQL: killed, a restart of the gateway in between, back; what
// comes twice is there once.
func TestDUR08PostgreSQL(t *testing.T) {
	d := newDatabase(t)
	h := newHouse(t)
	h.start(h.sink("db", d.receiver("owner")))
	h.write(1200)
	h.caughtUp()
	d.stop()
	h.write(700)
	until(t, "a failure", func() bool { return h.set.Stats()[0].Failing })
	h.stop(2 * time.Second)
	h.start(h.sink("db", d.receiver("owner")))
	h.write(100)
	until(t, "a failure", func() bool { return h.set.Stats()[0].Failing })
	d.start()
	h.caughtUp()
	h.stop(time.Minute)
	// The position is lost, and everything is sent again.
	if err := os.Remove(filepath.Join(h.logDir(), "sinks", "db")); err != nil {
		t.Fatal(err)
	}
	h.start(h.sink("db", d.receiver("owner")))
	h.write(10)
	h.caughtUp()
	h.stop(time.Minute)
	h.holds(d.query("SELECT line FROM doorward_audit ORDER BY seq"))
	if n := d.query("SELECT count(*)::text FROM doorward_audit"); n[0] != fmt.Sprint(h.log.Stats().Size) {
		t.Errorf("%s rows for %d records", n[0], h.log.Stats().Size)
	}
	if bad := d.query("SELECT line FROM doorward_audit WHERE digest <> encode(sha256(convert_to(line, 'UTF8')), 'hex') OR origin <> 'doorward/test' OR line::json->>'kind' <> kind"); len(bad) != 0 {
		t.Errorf("%d rows do not agree with their line", len(bad))
	}
	// The query of docs/how-to/ship-the-record.md holds the copy to the chain.
	const broken = `SELECT seq::text FROM (SELECT seq, line::json->>'prev' AS prev, lag(digest) OVER (ORDER BY seq) AS before
  FROM doorward_audit WHERE origin = 'doorward/test') AS r WHERE before IS NOT NULL AND prev <> before`
	if bad := d.query(broken); len(bad) != 0 {
		t.Errorf("the chain breaks at %q", bad)
	}
	d.exec("UPDATE doorward_audit SET digest = 'x' WHERE seq = 700")
	if bad := d.query(broken); len(bad) != 1 || bad[0] != "701" {
		t.Errorf("the chain breaks at %q, want 701", bad)
	}
	h.close()
}

// Many gateways that start at once make the tables once.
func TestMigrateAtOnce(t *testing.T) {
	d := newDatabase(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			r := d.receiver("owner")
			defer r.Close()
			if err := r.Deliver(context.Background(), oneRecord(t)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := d.query("SELECT count(*)::text FROM doorward_audit"); n[0] != "1" {
		t.Errorf("%s rows of one record", n[0])
	}
	if v := d.query("SELECT version::text FROM doorward_audit_version"); len(v) != 1 || v[0] != "1" {
		t.Errorf("versions %q", v)
	}
}

// A role that may insert and look at the version is enough; it can neither read nor
// change a record.
func TestARoleThatOnlyInserts(t *testing.T) {
	d := newDatabase(t)
	r := d.receiver("owner")
	if err := r.Deliver(t.Context(), oneRecord(t)); err != nil {
		t.Fatal(err)
	}
	r.Close()
	d.exec("CREATE ROLE writer LOGIN; GRANT INSERT ON doorward_audit TO writer; GRANT SELECT ON doorward_audit_version TO writer")
	w := d.receiver("writer")
	defer w.Close()
	for range 2 {
		if err := w.Deliver(t.Context(), oneRecord(t)); err != nil {
			t.Fatal(err)
		}
	}
	conn, err := pgx.Connect(t.Context(), fmt.Sprintf("postgres://writer@/postgres?host=%s", d.dir))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	for _, sql := range []string{"SELECT * FROM doorward_audit", "DELETE FROM doorward_audit", "UPDATE doorward_audit SET line = ''", "TRUNCATE doorward_audit"} {
		if _, err := conn.Exec(t.Context(), sql); err == nil {
			t.Errorf("the role may %s", sql)
		}
	}
}

// Tables of a later version are left alone.
func TestALaterVersion(t *testing.T) {
	d := newDatabase(t)
	d.exec("CREATE TABLE doorward_audit_version (version int PRIMARY KEY, at timestamptz DEFAULT now()); INSERT INTO doorward_audit_version VALUES (99)")
	r := d.receiver("owner")
	defer r.Close()
	if err := r.Deliver(t.Context(), oneRecord(t)); err == nil || !strings.Contains(err.Error(), "later version") {
		t.Errorf("%v", err)
	}
}

// A text that PostgreSQL cannot hold, or that tries to be SQL, is one value.
func TestPostgresTexts(t *testing.T) {
	d := newDatabase(t)
	r := d.receiver("owner")
	defer r.Close()
	line := `{"item":"a\u0000b'); DROP TABLE doorward_audit; --","kind":"event","seq":1,"time":"2026-11-27T07:00:00.000000000Z"}`
	rec, err := form.Parse("doorward/test", []byte(line))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Deliver(t.Context(), []form.Record{rec}); err != nil {
		t.Fatal(err)
	}
	if got := d.query("SELECT item FROM doorward_audit"); got[0] != "a⟨U+0000⟩b'); DROP TABLE doorward_audit; --" {
		t.Errorf("%q", got)
	}
	if got := d.query("SELECT line FROM doorward_audit"); got[0] != line {
		t.Errorf("%q", got)
	}
}

// An error says nothing of the DSN; a hang ends with the context.
func TestPostgresErrors(t *testing.T) {
	d := newDatabase(t)
	r := d.receiver("nobody")
	defer r.Close()
	if err := r.Deliver(t.Context(), oneRecord(t)); err == nil || err.Error() != "PostgreSQL answered 28000" {
		t.Errorf("%v", err)
	}
	good := d.receiver("owner")
	defer good.Close()
	if err := good.Deliver(t.Context(), oneRecord(t)); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), fmt.Sprintf("postgres://owner@/postgres?host=%s", d.dir))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(t.Context(), "BEGIN; LOCK TABLE doorward_audit"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := good.Deliver(ctx, oneRecord(t)); err == nil || !strings.Contains(err.Error(), "did not answer") {
		t.Errorf("%v", err)
	}
	if _, err := conn.Exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := good.Deliver(t.Context(), oneRecord(t)); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// With TLS the server's certificate is held to the configured authority.
func TestPostgresWithTLS(t *testing.T) {
	srv := httptest.NewTLSServer(nil) // for its certificate
	t.Cleanup(srv.Close)
	key, err := x509.MarshalPKCS8PrivateKey(srv.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	d := newDatabase(t)
	d.stop()
	cert := filepath.Join(d.dir, "data", "server.crt")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}, filepath.Join(d.dir, "data", "server.key"): {Type: "PRIVATE KEY", Bytes: key}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(filepath.Join(d.dir, "data", "PG_VERSION")); err == nil && os.Getuid() == 0 {
			owner, _ := info.Sys().(*syscall.Stat_t)
			if err := os.Chown(path, int(owner.Uid), int(owner.Gid)); err != nil {
				t.Fatal(err)
			}
		}
	}
	port := strconv.Itoa(storetest.FreePort(t))
	d.more = "-c ssl=on -c listen_addresses=127.0.0.1 -p " + port
	d.start()
	dsn := func() (gate.Secret, error) {
		return gate.NewSecret(fmt.Sprintf("postgres://owner:%s@127.0.0.1:%s/postgres?sslmode=verify-full", canary, port)), nil
	}
	distrusted := must(t)(sink.NewPostgres(sink.PostgresConfig{DSN: dsn}))
	if err := distrusted.Deliver(t.Context(), oneRecord(t)); err == nil || !strings.Contains(err.Error(), "certificate is not one to trust") {
		t.Errorf("%v", err)
	}
	transport, _ := srv.Client().Transport.(*http.Transport)
	trusting := must(t)(sink.NewPostgres(sink.PostgresConfig{DSN: dsn, Roots: transport.TLSClientConfig.RootCAs}))
	defer trusting.Close()
	if err := trusting.Deliver(t.Context(), oneRecord(t)); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), fmt.Sprintf("postgres://owner@/postgres?host=%s&port=%s", d.dir, port))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	var encrypted bool
	if err := conn.QueryRow(t.Context(), "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'doorward'").Scan(&encrypted); err != nil || !encrypted {
		t.Errorf("encrypted: %v, %v", encrypted, err)
	}
}

// To another machine nothing goes without TLS and a certificate that is verified.
func TestDSNs(t *testing.T) {
	for dsn, good := range map[string]bool{
		"postgres://u:p@db.example.com/audit?sslmode=verify-full":     true,
		"postgresql://u:p@db.example.com/audit?sslmode=verify-full":   true,
		"postgres://u:p@db.example.com/audit":                         false, // prefer
		"postgres://u:p@db.example.com/audit?sslmode=disable":         false,
		"postgres://u:p@db.example.com/audit?sslmode=allow":           false,
		"postgres://u:p@db.example.com/audit?sslmode=require":         false,
		"postgres://u:p@db.example.com,127.0.0.1/audit":               false,
		"postgres://u:p@127.0.0.1/audit":                              true,
		"postgres://u:p@localhost/audit?sslmode=disable":              true,
		"postgres://u:p@/audit?host=/run/postgresql":                  true,
		"host=db.example.com sslmode=verify-full":                     false,
		"mysql://u:p@127.0.0.1/audit":                                 false,
		"postgres://u:" + canary + "@127.0.0.1:x/audit":               false,
		"postgres://u:" + canary + "@db.example.com/a?sslmode=" + "x": false,
		"": false,
	} {
		err := sink.CheckDSN(gate.NewSecret(dsn))
		if (err == nil) != good {
			t.Errorf("%s: %v", dsn, err)
		}
		if err != nil && strings.Contains(err.Error(), "CANARY") {
			t.Errorf("it is repeated: %v", err)
		}
	}
}
