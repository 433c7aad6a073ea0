package store_test

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"doorward/internal/dsn/dsntest"
	"doorward/internal/store"
	"doorward/internal/store/storetest"
)

func openPostgresAt(tb testing.TB, h *storetest.Home, dsn string, roots *x509.CertPool) (*store.Postgres, error) {
	tb.Helper()
	p, err := store.OpenPostgres(tb.Context(), store.PostgresConfig{DSN: dsn, Schema: h.Name, Roots: roots, Log: slog.New(slog.DiscardHandler)})
	if err == nil {
		tb.Cleanup(func() { closing(tb, p) })
	}
	return p, err
}

func openPostgres(tb testing.TB, h *storetest.Home) *store.Postgres {
	tb.Helper()
	p, err := openPostgresAt(tb, h, h.DSN(), nil)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func openRevokedIn(tb testing.TB, h *storetest.Home, ledger *store.Ledger) *store.Revocations {
	tb.Helper()
	r, err := store.OpenPostgresRevocations(tb.Context(), openPostgres(tb, h), revokedKey, ledger)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { closing(tb, r) })
	return r
}

func openApprovedIn(tb testing.TB, h *storetest.Home) *store.Approvals {
	tb.Helper()
	a, err := store.OpenPostgresApprovals(tb.Context(), openPostgres(tb, h), approvalsKey, nil)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { closing(tb, a) })
	return a
}

func openIncidentsIn(tb testing.TB, h *storetest.Home) *store.Incidents {
	tb.Helper()
	i, err := store.OpenPostgresIncidents(tb.Context(), openPostgres(tb, h), incidentKey, nil)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { closing(tb, i) })
	return i
}

// One server for all of them, a schema and a role for each.
func TestPostgres(t *testing.T) {
	t.Parallel()
	s := storetest.NewPostgres(t)
	t.Run("DUR-21 stopped", func(t *testing.T) { stoppedPostgres(t, s) })
	t.Run("DUR-21 demoted", func(t *testing.T) { demotedPostgres(t, s) })
	for name, f := range map[string]func(*testing.T, *storetest.Home){
		"DUR-21 down at start": downAtStart, "DUR-21 slow": slowPostgres, "DUR-21 no connection left": noConnectionLeft,
		"DUR-22 revocations": olderRevocations, "DUR-22 approvals": olderApprovals,
		"DUR-39 at once": migratedAtOnce, "DUR-39 interrupted": interruptedMigration, "DUR-39 versions": versionsOfTables,
		"DUR-22 fork of revocations": forkedRevocations, "DUR-22 fork of approvals": forkedApprovals, "DUR-22 begun anew": begunAnew,
		"new password": newPassword, "orphans": orphanedArguments, "too many bytes": tooManyBytes,
		"incidents": incidentsInPostgres, "altered": alteredPostgres, "another key": anotherKey, "least rights": leastRights,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, s.Home(t))
		})
	}
	t.Run("over TLS", func(t *testing.T) {
		t.Parallel()
		overTLS(t, s)
	})
	t.Run("revocations", func(t *testing.T) { postgresRevocations(t, s) })
	t.Run("approvals", func(t *testing.T) { postgresApprovals(t, s) })
}

func postgresRevocations(t *testing.T, s *storetest.Postgres) {
	t.Parallel()
	storetest.TestRevocations(t, storetest.RevocationKind{
		Run: asItIs, Most: 1000, Quick: true,
		New: func(t *testing.T) storetest.RevocationState {
			h := s.Home(t)
			return storetest.RevocationState{
				Open: func() (storetest.Revocations, error) {
					return store.OpenSmallPostgresRevocations(t.Context(), openPostgres(t, h), revokedKey, 1000)
				},
				Fill: func(count int, until time.Time) {
					p := openPostgres(t, h)
					var ids, texts []string
					for i := range count {
						ids, texts = append(ids, field(store.RevokedSubject, storetest.Issuer, fmt.Sprint(i))), append(texts, object(i, until))
					}
					h.Do("INSERT INTO lists VALUES ('revoked', 0, '')")
					h.Do("INSERT INTO entries SELECT 'revoked', id, 1, convert_to(content, 'UTF8') FROM unnest($1::text[], $2::text[]) AS new (id, content)", ids, texts)
					if err := store.StampPostgres(t.Context(), p, store.KeptRevocations, revokedKey); err != nil {
						t.Fatal(err)
					}
				},
			}
		},
	})
}

func postgresApprovals(t *testing.T, s *storetest.Postgres) {
	t.Parallel()
	storetest.TestApprovals(t, storetest.ApprovalKind{
		Run: asItIs, Step: 64,
		New: func(t *testing.T) storetest.ApprovalState {
			h := s.Home(t)
			p := openPostgres(t, h)
			return storetest.ApprovalState{
				Open: func() (*store.Approvals, error) {
					return store.OpenPostgresApprovals(t.Context(), openPostgres(t, h), approvalsKey, nil)
				},
				Records:   rowsOf(t, h, p, "entries"),
				Arguments: rowsOf(t, h, p, "arguments"),
			}
		},
	})
}

// rowsOf are those of a table of approvals, put in the place of others under an HMAC that
// holds.
func rowsOf(t *testing.T, h *storetest.Home, p *store.Postgres, table string) storetest.Sealed {
	more, values := "", ""
	if table == "entries" {
		more, values = ", list, generation", ", 'approvals', 1"
	}
	return storetest.Sealed{
		All: func() map[string]string {
			found := map[string]string{}
			texts := h.Do("SELECT content FROM " + table + " ORDER BY id")
			for i, id := range h.Do("SELECT id FROM " + table + " ORDER BY id") {
				found[id] = texts[i]
			}
			return found
		},
		Set: func(id, text string) {
			t.Helper()
			h.Do("DELETE FROM "+table+" WHERE id = $1", id)
			if text != "" {
				h.Do("INSERT INTO "+table+" (id, content"+more+") VALUES ($1, $2"+values+")", id, []byte(text))
			}
			if err := store.StampPostgres(t.Context(), p, store.KeptApprovals, approvalsKey); err != nil {
				t.Fatal(err)
			}
		},
	}
}

// A server that ends and comes back: what needs it is refused, and then is not.
func stoppedPostgres(t *testing.T, s *storetest.Postgres) {
	h := s.Home(t)
	r, a := openRevokedIn(t, h, nil), openApprovedIn(t, h)
	revoke(t, r, "alice")
	grantIt(t, a, askFor(t, a, 1).ID)
	s.Stop()
	if _, used, err := a.Use(t.Context(), asking(1).Binding); used || !errors.Is(err, store.ErrApprovals) {
		t.Errorf("used %v, %v", used, err)
	}
	if _, err := r.List(t.Context()); !errors.Is(err, store.ErrRevocations) {
		t.Errorf("listed: %v", err)
	}
	if err := r.Add(t.Context(), store.Revocation{Kind: store.RevokedSubject, Realm: storetest.Issuer, Value: "bob"}); err == nil {
		t.Error("says that it has revoked")
	}
	s.Start()
	storetest.Eventually(t, 5*time.Second, "it recovers", func() bool {
		_, err := r.List(t.Context())
		return err == nil && a.Healthy(t.Context()) == nil
	})
	if !isRevoked(r, "alice") || isRevoked(r, "bob") {
		t.Error("it has another list than before")
	}
	if !passes(t, a) {
		t.Error("a yes is lost")
	}
}

// A server that takes writes no more, and does not end its connections, may lag behind the
// one that took over: nothing of it is believed.
func demotedPostgres(t *testing.T, s *storetest.Postgres) {
	h := s.Home(t)
	a := openApprovedIn(t, h)
	grantIt(t, a, askFor(t, a, 1).ID)
	set := func(on string) {
		h.Do("SET default_transaction_read_only = off")
		h.Do("ALTER SYSTEM SET default_transaction_read_only = " + on)
		h.Do("SELECT pg_reload_conf()")
	}
	set("on")
	storetest.Eventually(t, 3*time.Second, "it is noticed", func() bool {
		err := a.Healthy(t.Context())
		return err != nil && strings.Contains(err.Error(), "takes no writes")
	})
	if _, used, err := a.Use(t.Context(), asking(1).Binding); used || !errors.Is(err, store.ErrApprovals) {
		t.Errorf("used %v, %v", used, err)
	}
	if _, err := openPostgresAt(t, h, h.DSN(), nil); err == nil || !strings.Contains(err.Error(), "takes no writes") {
		t.Errorf("opened: %v", err)
	}
	set("off")
	storetest.Eventually(t, 3*time.Second, "it recovers", func() bool { return a.Healthy(t.Context()) == nil })
	if !passes(t, a) {
		t.Error("a yes is lost")
	}
}

// passes tells whether the first call is let pass.
func passes(tb testing.TB, a *store.Approvals) bool {
	tb.Helper()
	_, used, err := a.Use(tb.Context(), asking(1).Binding)
	if err != nil {
		tb.Error(err)
	}
	return used
}

func downAtStart(t *testing.T, h *storetest.Home) {
	h.Down()
	if _, err := openPostgresAt(t, h, h.DSN(), nil); err == nil || strings.Contains(err.Error(), "sesame") {
		t.Errorf("opened: %v", err)
	}
	h.Up()
	openPostgres(t, h)
}

// Who waits for a lock that is not given is refused in time, and nobody is let pass.
func slowPostgres(t *testing.T, h *storetest.Home) {
	a := openApprovedIn(t, h)
	grantIt(t, a, askFor(t, a, 1).ID)
	h.Do("BEGIN")
	h.Do("LOCK TABLE lists IN ACCESS EXCLUSIVE MODE")
	began := time.Now()
	if _, used, err := a.Use(t.Context(), asking(1).Binding); used || !errors.Is(err, store.ErrApprovals) {
		t.Errorf("used %v, %v", used, err)
	}
	if took := time.Since(began); took > time.Minute {
		t.Errorf("refused after %v", took)
	}
	h.Do("ROLLBACK")
	if !passes(t, a) {
		t.Error("it does not recover")
	}
}

func noConnectionLeft(t *testing.T, h *storetest.Home) {
	a := openApprovedIn(t, h)
	grantIt(t, a, askFor(t, a, 1).ID)
	h.Do("ALTER ROLE " + h.Name + " CONNECTION LIMIT 0")
	h.End()
	storetest.Eventually(t, 3*time.Second, "it says why", func() bool {
		err := a.Healthy(t.Context())
		return err != nil && strings.Contains(err.Error(), "no more connections")
	})
	if _, used, err := a.Use(t.Context(), asking(1).Binding); used || !errors.Is(err, store.ErrApprovals) {
		t.Errorf("used %v, %v", used, err)
	}
	h.Do("ALTER ROLE " + h.Name + " CONNECTION LIMIT -1")
	if !passes(t, a) {
		t.Error("it does not recover")
	}
}

// snapshot keeps what a list is, and puts it back.
func snapshot(h *storetest.Home, list string) (restore func()) {
	h.Do("CREATE TABLE old_lists AS SELECT * FROM lists")
	h.Do("CREATE TABLE old_entries AS SELECT * FROM entries")
	return func() {
		h.Do("DELETE FROM entries WHERE list = $1", list)
		h.Do("DELETE FROM lists WHERE name = $1", list)
		h.Do("INSERT INTO lists SELECT * FROM old_lists WHERE name = $1", list)
		h.Do("INSERT INTO entries SELECT * FROM old_entries WHERE list = $1", list)
	}
}

// An older copy of the list lets in nobody who was revoked since: not where it was known,
// and not at a gateway that starts and knows by its log; until somebody accepts that.
func olderRevocations(t *testing.T, h *storetest.Home) {
	seen := map[store.Kept]uint64{}
	ledger := store.NewLedger(nil, func(list store.Kept, generation uint64) error {
		seen[list] = generation
		return nil
	})
	r := openRevokedIn(t, h, ledger)
	revoke(t, r, "alice")
	restore := snapshot(h, "revoked")
	revoke(t, r, "bob")
	for i, lose := range []func(){restore, func() { h.Do("TRUNCATE lists CASCADE") }} {
		name := []string{"restored", "emptied"}[i]
		lose()
		if _, err := r.List(t.Context()); !errors.Is(err, store.ErrRevocations) || !strings.Contains(err.Error(), "older than it was") {
			t.Errorf("%s: listed: %v", name, err)
		}
		if err := r.Add(t.Context(), store.Revocation{Kind: store.RevokedSubject, Realm: storetest.Issuer, Value: "carol"}); err == nil {
			t.Errorf("%s: revoked", name)
		}
		var stale *store.StaleError
		if _, err := store.OpenPostgresRevocations(t.Context(), openPostgres(t, h), revokedKey, store.NewLedger(seen, nil)); !errors.As(err, &stale) || stale.List != store.KeptRevocations {
			t.Errorf("%s: opened: %v", name, err)
		}
	}
	p := openPostgres(t, h)
	if err := p.GoOn(t.Context(), store.KeptRevocations, revokedKey, ledger); err != nil {
		t.Fatal(err)
	}
	if behind, err := p.Behind(t.Context(), store.KeptRevocations, revokedKey, ledger); behind || err != nil {
		t.Errorf("still behind: %v, %v", behind, err)
	}
	if list, err := openRevokedIn(t, h, store.NewLedger(seen, nil)).List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
	if seen[store.KeptRevocations] != 3 {
		t.Errorf("it counts as changed %d times, want 3", seen[store.KeptRevocations])
	}
}

// A yes that was used is used, whatever the database remembers.
func olderApprovals(t *testing.T, h *storetest.Home) {
	a := openApprovedIn(t, h)
	grantIt(t, a, askFor(t, a, 1).ID)
	restore := snapshot(h, "approvals")
	if !passes(t, a) {
		t.Error("not used")
	}
	restore()
	if _, used, err := a.Use(t.Context(), asking(1).Binding); used || !errors.Is(err, store.ErrApprovals) {
		t.Errorf("used twice: %v, %v", used, err)
	}
}

// What one gateway suspends every other does, and releases too; of two that add to one at
// the same time both are kept, whatever isolation the server gives by itself.
func incidentsInPostgres(t *testing.T, h *storetest.Home) {
	h.Do("ALTER ROLE " + h.Name + " SET default_transaction_isolation = 'repeatable read'") // which a change does not take over
	a, b := openIncidentsIn(t, h), openIncidentsIn(t, h)
	one := keep(t, a, suspended(t, "uid:1", principalOf("bob"), 0))
	storetest.Eventually(t, 2*time.Second, "the other gateway knows", func() bool { return isContained(b, principalOf("bob")) })
	done := make(chan error, 20)
	for i := range 20 {
		go func() {
			_, err := []*store.Incidents{a, b}[i%2].Grow(t.Context(), one.ID, func(i *store.Incident) error {
				return i.Note(store.Step{At: time.Now(), Actor: "uid:1", Kind: store.StepNote, Text: "a note"})
			})
			done <- err
		}()
	}
	for range 20 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if got, err := openIncidentsIn(t, h).Get(t.Context(), one.ID); err != nil || len(got.Steps) != 22 {
		t.Errorf("%d steps, %v", len(got.Steps), err)
	}
	release(t, b, one.ID)
	storetest.Eventually(t, 2*time.Second, "released everywhere", func() bool { return !isContained(a, principalOf("bob")) })
	if text := strings.Join(h.Do("SELECT content FROM entries"), ""); strings.Contains(text, "bob") {
		t.Error("who is suspended can be read in the database")
	}
}

// Who writes the database, and has not the key, is noticed by the next gateway, and by
// each one that looks.
func alteredPostgres(t *testing.T, h *storetest.Home) {
	r := openRevokedIn(t, h, nil)
	revoke(t, r, "alice")
	revoke(t, r, "bob")
	for _, sql := range []string{
		"DELETE FROM entries WHERE id = '" + field(store.RevokedSubject, storetest.Issuer, "bob") + "'",
		"UPDATE entries SET content = convert_to(replace(convert_from(content, 'UTF8'), 'bob', 'eve'), 'UTF8')",
		"UPDATE entries SET id = '" + field(store.RevokedSubject, storetest.Issuer, "eve") + "' WHERE id = '" + field(store.RevokedSubject, storetest.Issuer, "bob") + "'",
		"UPDATE lists SET generation = generation + 1",
		"INSERT INTO entries VALUES ('revoked', 'x', 1, '{}')",
		"INSERT INTO entries VALUES ('revoked', 'x', 1, repeat('x', 100000)::bytea)",
	} {
		restore := snapshot(h, "revoked")
		h.Do(sql)
		if other, err := store.OpenPostgresRevocations(t.Context(), openPostgres(t, h), revokedKey, nil); err == nil {
			closing(t, other)
			t.Errorf("opened after %s", sql)
		}
		restore()
		h.Do("DROP TABLE old_lists, old_entries")
	}
	h.Do("UPDATE lists SET generation = generation + 1")
	if _, err := r.List(t.Context()); !errors.Is(err, store.ErrRevocations) {
		t.Errorf("listed: %v", err)
	}
	if !isRevoked(r, "bob") {
		t.Error("what is known is in force no more")
	}
}

func anotherKey(t *testing.T, h *storetest.Home) {
	keep(t, openIncidentsIn(t, h), suspended(t, "uid:1", principalOf("bob"), 0))
	other := incidentKey
	other[0]++
	if _, err := store.OpenPostgresIncidents(t.Context(), openPostgres(t, h), other, nil); err == nil || !strings.Contains(err.Error(), "state.key") {
		t.Errorf("opened: %v", err)
	}
}

// The role of docs/how-to/share-state.md, which does not own the tables, is enough.
func leastRights(t *testing.T, h *storetest.Home) {
	openPostgres(t, h) // makes them
	who := "least_" + h.Name
	for _, sql := range []string{
		"CREATE ROLE " + who + " LOGIN", "GRANT USAGE ON SCHEMA " + h.Name + " TO " + who,
		"GRANT SELECT ON migrations TO " + who, "GRANT SELECT, INSERT, UPDATE ON lists TO " + who,
		"GRANT SELECT, INSERT, UPDATE, DELETE ON entries, arguments TO " + who,
	} {
		h.Do(sql)
	}
	p, err := openPostgresAt(t, h, strings.Replace(h.DSN(), h.Name, who, 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := store.OpenPostgresApprovals(t.Context(), p, approvalsKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, a)
	grantIt(t, a, askFor(t, a, 1).ID)
	if !passes(t, a) {
		t.Error("not used")
	}
}

func overTLS(t *testing.T, s *storetest.Postgres) {
	h := s.Home(t)
	at := h.DSNAt("127.0.0.1") + "&sslmode=verify-full"
	if _, err := openPostgresAt(t, h, at, s.Roots); err != nil {
		t.Error(err)
	}
	if _, err := openPostgresAt(t, h, at, x509.NewCertPool()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("opened with another authority: %v", err)
	}
	// The first of two hosts is gone: the other is used.
	two := fmt.Sprintf("postgres://%s:sesame@/postgres?host=127.0.0.1,127.0.0.1&port=1,%d&sslmode=verify-full", h.Name, s.Port)
	if _, err := openPostgresAt(t, h, two, s.Roots); err != nil {
		t.Error(err)
	}
}

// A DSN that would show the password, or believe anybody on the way, is refused, and no
// error repeats it.
func TestPostgresDSNs(t *testing.T) {
	for name, dsn := range map[string]string{
		"no URL":          "host=127.0.0.1 password=sesame",
		"another scheme":  "mysql://u:sesame@127.0.0.1/d",
		"no port":         "postgres://u:sesame@127.0.0.1:x/d",
		"in the clear":    "postgres://u:sesame@192.0.2.1/d?sslmode=disable",
		"by default":      "postgres://u:sesame@192.0.2.1/d",
		"unverified":      "postgres://u:sesame@192.0.2.1/d?sslmode=require",
		"any name":        "postgres://u:sesame@192.0.2.1/d?sslmode=verify-ca",
		"one of two":      "postgres://u:sesame@127.0.0.1,192.0.2.1/d?sslmode=disable",
		"by its fallback": "postgres://u:sesame@192.0.2.1/d?sslmode=prefer",
	} {
		_, err := store.OpenPostgres(t.Context(), store.PostgresConfig{DSN: dsn})
		if err == nil || strings.Contains(err.Error(), "sesame") || !strings.Contains(err.Error(), "DSN") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What a server announces is refused by its header, before there is room made for it.
func TestDUR21_PostgresThatAnnouncesTooMuch(t *testing.T) {
	t.Parallel()
	_, err := store.OpenPostgres(t.Context(), store.PostgresConfig{DSN: "postgres://u@" + dsntest.Answering(t, dsntest.LongMessage) + "/d?sslmode=disable"})
	if err == nil || !strings.Contains(err.Error(), "announced a longer message") {
		t.Errorf("128 MiB: %v", err)
	}
}
