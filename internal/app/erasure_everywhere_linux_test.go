package app_test

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"doorward/internal/admin"
	"doorward/internal/app"
	"doorward/internal/audit"
	"doorward/internal/config"
	"doorward/internal/envelope"
	"doorward/internal/gatetest"
	"doorward/internal/index"
	"doorward/internal/store/storetest"
)

// crowd is how many calls the subject of TestGDP03 makes; DOORWARD_PRIVACY_CALLS says
// another number (10,000 for the whole of it).
func crowd(t *testing.T) int {
	t.Helper()
	text := os.Getenv("DOORWARD_PRIVACY_CALLS")
	if text == "" {
		return 20
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// copied is how long a copy may take to have everything, of 10,000 calls.
const copied = 5 * time.Minute

// copies are the places outside data_dir that have the log, beside the file of a sink.
type copies struct {
	dsn  string
	siem *siem // down until it is asked for
}

func (c *copies) yaml() string {
	return fmt.Sprintf(", {kind: postgres, dsn: copies}, {kind: http, name: siem, url: %q}", c.siem.url)
}

// rows is every row of every table, as text, and how many records are among them.
func (c *copies) rows(t *testing.T) (dump []byte, records int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), c.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	lines := func(sql string) []string {
		t.Helper()
		rows, err := conn.Query(t.Context(), sql)
		if err != nil {
			t.Fatal(err)
		}
		all, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	for _, table := range lines("SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')") {
		all := lines("SELECT t::text FROM " + table + " t")
		if table == "public.doorward_audit" {
			records = len(all)
		}
		dump = append(dump, strings.Join(all, "\n")...)
	}
	return dump, records
}

// whole waits until every copy has every record, and returns all of them.
func (c *copies) whole(t *testing.T, r *rights) []byte {
	t.Helper()
	var dump []byte
	storetest.Eventually(t, copied, "the copies are whole", func() bool {
		var rows int
		dump, rows = c.rows(t)
		n := len(allRecords(t, r, audit.Query{}))
		return rows == n && len(c.siem.taken()) == n
	})
	c.siem.mu.Lock()
	defer c.siem.mu.Unlock()
	return append(dump, c.siem.got.Bytes()...)
}

// GDP-01, GDP-03, GDP-09: of somebody who left traces in every store no place has the
// name or the arguments, before an erasure but for the lists that need the name, and
// after it none at all: not data_dir, nor the copies in a file and in PostgreSQL, nor one
// that was down meanwhile, nor an export of before; nothing opens what is sealed; the log
// verifies; what comes back with a backup is erased again before anything is served.
func TestGDP03_GDP09_ErasureReachesEverywhere(t *testing.T) {
	t.Parallel()
	c := &copies{dsn: "postgres://owner@/postgres?host=" + gatetest.Postgres(t), siem: newSiem(t)}
	c.siem.down.Store(true)
	r := newRightsWith(t, rightsWith{sinks: c.yaml(), secret: c.dsn})
	acme := "acme"
	r.busy(r.of(canarySubject, acme, "callers"), crowd(t))
	bob := r.of("bob", acme, approvers)
	op := r.operator()
	if err := op.Revoke(t.Context(), "", admin.Revocation{Kind: "subject", Issuer: r.idp.URL(), Value: canarySubject}); err != nil {
		t.Fatal(err)
	}
	about := admin.IncidentSubject{Kind: "principal", Realm: r.idp.URL(), Value: canarySubject}
	incident, err := op.OpenIncident(t.Context(), "", admin.NewIncident{Title: "what " + canarySubject + " did", Severity: "low", About: []admin.IncidentSubject{about}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := op.RebuildIndex(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the log is indexed", func() bool {
		s, err := index.Inspect(t.Context(), r.AuditDir())
		return err == nil && s.Records > 0
	})
	eventually(t, "an alert waits on disk", func() bool {
		return strings.Contains(spooled(t, filepath.Join(r.Dir, "data")), canarySubject)
	})
	eventually(t, "it is on record", func() bool { // what comes on record later is of somebody new
		return len(raisedOf(r.GW, "denied_calls")) > 0
	})
	for _, place := range r.places(canarySubject) {
		if place != "/data/revoked.json" {
			t.Errorf("GDP-01: the name is in %s", place)
		}
	}
	if places := r.places(canaryText); places != nil {
		t.Errorf("GDP-01: arguments are in %s", places)
	}
	backup := filepath.Join(t.TempDir(), "data")
	copyFiles(t, filepath.Join(r.Dir, "data"), backup)
	keys, err := op.KeysOf(t.Context(), "", admin.Person{Subject: canarySubject})
	if err != nil || len(keys) != 2 { // of the person, and of the subject in every tenant who was revoked
		t.Fatalf("keys %v, %v", keys, err)
	}
	export := r.lines()
	got, err := op.Erase(t.Context(), "", admin.Erasure{Whom: admin.Whom{Subject: canarySubject}, Basis: "Art. 17(1)(b) GDPR, request 7"})
	if err != nil || got.Keys != 2 || got.Approvals != 1 || got.Revocations != 1 || got.Profiles != 1 || got.Labels != 1 || got.Incidents != 1 || got.Alerts == 0 {
		t.Fatalf("erased %+v, %v", got, err)
	}
	c.siem.down.Store(false)
	r.nowhere("after the erasure", append(c.whole(t, r), export...))
	r.unreadable(export, keys)
	r.verifies()
	if one, err := op.RevealIncident(t.Context(), "", incident.ID); err != nil || one.Title != "what (erased) did" || len(one.About) != 1 || !one.About[0].Erased || len(one.Steps) != len(incident.Steps) {
		t.Errorf("the incident is %+v, %v", one, err)
	}
	if reply := r.Client("turned away", r.idp.Token(claims{"sub": canarySubject, "tenant": acme, "groups": []string{"callers"}, "aud": "house"})).TryOpen(modern); reply.OK() {
		t.Error("who was revoked is let in, since the name is gone")
	}
	again, err := op.Erase(t.Context(), "", admin.Erasure{Whom: admin.Whom{Subject: canarySubject}, Basis: "again"})
	if n := again.Keys + again.Approvals + again.Revocations + again.Labels + again.Profiles + again.Alerts + again.Incidents; err != nil || n != 0 {
		t.Errorf("GDP-06, twice: %+v, %v", again, err)
	}
	tombs := r.Records(audit.Query{Event: "privacy.erase"})
	if len(tombs) != 2 || !strings.HasSuffix(tombs[0].Detail, " Art. 17(1)(b) GDPR, request 7") || !slices.Contains(keys, strings.Fields(tombs[0].Detail)[0]) {
		t.Errorf("the tombstones are %+v", tombs)
	}
	if reply := bob.Call("up__echo", `{}`); reply.OK() {
		t.Error("a lead calls without a role that lets him")
	}
	r.Stop()
	latest := filepath.Join(t.TempDir(), "data")
	copyFiles(t, filepath.Join(r.Dir, "data"), latest)
	r.restored(backup, keys)
	r.replaced(latest)
	r.keysBack(backup)
}

// spooled is what the alerts that wait in a data directory say, unsealed.
func spooled(t *testing.T, dir string) string {
	t.Helper()
	state, err := os.ReadFile(filepath.Join(dir, "state.key"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := hkdf.Key(sha256.New, state, nil, "doorward alerts 1", sha256.Size)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "alerts", "al_*.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		var box struct {
			Sealed []byte `json:"sealed"`
		}
		content, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(content, &box)
		}
		if errors.Is(err, fs.ErrNotExist) {
			continue // delivered meanwhile
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := envelope.Open(key, box.Sealed, []byte("doorward alert spool 1\x00"+strings.TrimSuffix(filepath.Base(file), ".json")))
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

// lines is what audit export writes: those of the log.
func (r *rights) lines() (all []byte) {
	r.t.Helper()
	for _, rec := range allRecords(r.t, r, audit.Query{}) {
		all = append(rec.AppendJSON(all), '\n')
	}
	return all
}

// nowhere holds every file of the gateway, and what else is known, to have nothing of who
// was erased.
func (r *rights) nowhere(when string, elsewhere []byte) {
	r.t.Helper()
	for _, text := range []string{canarySubject, canaryText, "xq5e1fzw", "qz77aaxk"} {
		if places := r.places(text); places != nil {
			r.t.Errorf("%s %q is in %s", when, text, places)
		}
		if has(elsewhere, text) {
			r.t.Errorf("%s %q is in a copy", when, text)
		}
	}
}

// unreadable holds an export that was made before to open nothing of keys that are gone.
func (r *rights) unreadable(export []byte, keys []string) {
	r.t.Helper()
	ring, err := audit.OpenKeyring(r.AuditDir(), filepath.Join(r.Dir, "data", "audit.key"))
	if err != nil {
		r.t.Fatal(err)
	}
	theirs := 0
	for line := range bytes.Lines(export) {
		rec, err := audit.ParseRecord(bytes.TrimSpace(line))
		if err != nil {
			r.t.Fatal(err)
		}
		if !slices.Contains(keys, rec.Key.String()) {
			continue
		}
		theirs++
		if err := ring.Reveal(&rec); !errors.Is(err, audit.ErrErased) {
			r.t.Fatalf("record %d: %+v, %v", rec.Seq, rec.Principal, err)
		}
	}
	if theirs < 2*crowd(r.t) {
		r.t.Errorf("the export has %d records of them", theirs)
	}
}

// replaced puts other files in the place of data_dir.
func (r *rights) replaced(by string) {
	r.t.Helper()
	data := filepath.Join(r.Dir, "data")
	if err := os.RemoveAll(data); err != nil {
		r.t.Fatal(err)
	}
	copyFiles(r.t, by, data)
}

// restored puts a backup of all of data_dir in its place, erases again what a newer copy
// of the log says was erased, before anything is served, and looks for it.
func (r *rights) restored(backup string, keys []string) {
	r.t.Helper()
	r.replaced(backup)
	path := filepath.Join(r.Dir, "doorward.yaml")
	cfg, err := config.Load(path)
	if err != nil {
		r.t.Fatal(err)
	}
	a, err := app.New(app.Options{Config: cfg, Path: path, Version: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		r.t.Fatal(err)
	}
	got, err := a.Erase(r.t.Context(), "uid:0", admin.Erasure{Whom: admin.Whom{Keys: keys}, Basis: "again"})
	if err = errors.Join(err, a.Close()); err != nil || got.Keys != 2 || got.Approvals != 1 || got.Revocations != 1 || got.Incidents != 1 || got.Alerts == 0 {
		r.t.Errorf("GDP-09, again: %+v, %v", got, err)
	}
	r.nowhere("after the restore", nil)
	r.verifies()
}

// keysBack puts the keys of a backup alone back, under the latest log, and starts the
// gateway.
func (r *rights) keysBack(backup string) {
	r.t.Helper()
	data := filepath.Join(r.Dir, "data")
	for _, name := range []string{"audit.subjects", "audit.root"} {
		content, err := os.ReadFile(filepath.Join(backup, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(data, name), content, 0o600)
		}
		if err != nil {
			r.t.Fatal(err)
		}
	}
	c := audit.Config{Dir: r.AuditDir(), KeyFile: filepath.Join(data, "audit.key")}
	if _, err := audit.Open(c); err == nil { // it has no key of whoever came since
		r.t.Fatal("the log opens without keys that it names")
	}
	c.Accept = &audit.Acceptance{What: []audit.Lost{audit.LostPersons}, Reason: "a test"}
	l, err := audit.Open(c)
	if err == nil {
		err = l.Close()
	}
	if err != nil {
		r.t.Fatal(err)
	}
	r.GW = gatetest.Again(r.t, r.GW, "version: 1\ndata_dir: data\nlisten: {address: \"127.0.0.1:0\"}\nidentity: {api_keys: true}\nupstreams: {}\n", nil)
	ring, err := audit.OpenKeyring(r.AuditDir(), filepath.Join(data, "audit.key"))
	if err != nil {
		r.t.Fatal(err)
	}
	if ids := ring.Of(canarySubject); len(ids) != 0 {
		r.t.Errorf("GDP-09: %d keys came back with the backup", len(ids))
	}
}
