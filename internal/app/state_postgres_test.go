package app_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/gatetest"
	"doorward/internal/store"
	"doorward/internal/store/storetest"
)

const inPostgres = `secrets: {redis: {from: "file:%[1]s/redis"}, database: {from: "file:%[1]s/database"}}
state: {kind: postgres, dsn: database, redis: redis}
`

// DUR-21, DUR-22, P14: what one replica suspends the other refuses within five seconds;
// while the database is gone, what asks it is refused at once and a replica says why (that
// calls are when the lists are old is TestP14's); it goes on by itself, from an older copy
// once somebody has accepted the loss. A gateway that comes from elsewhere says so.
func TestDUR21StateInPostgreSQL(t *testing.T) {
	t.Parallel()
	dir, database, redis := t.TempDir(), storetest.NewPostgres(t), storetest.Redis(t)
	for name, text := range map[string]string{"redis": redis.URL(), "database": database.DSN()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	up := gatetest.Upstream(t, gatetest.Script{Tools: rawTools("echo")})
	yaml := strings.ReplaceAll(houseRoles, "${up}", up.URL()) + fmt.Sprintf(inPostgres, dir)
	one := gatetest.Gateway(t, yaml, nil)
	mallorys, carols := one.Key(mallory, "reader"), one.Key("carol", "reader")
	two := gatetest.Replica(t, one, yaml, nil)
	for _, g := range []*gatetest.GW{one, two} {
		g.Hide(mallorys, carols)
		g.Approve("")
	}
	suspect, carol := two.Client(mallory, mallorys).Open(modern), two.Client("carol", carols).Open(modern)
	refused := func(code string) func() bool {
		return func() bool { return suspect.Call("up__echo", `{}`).Refusal == code }
	}
	contain(t, one, admin.IncidentSubject{Kind: "principal", Realm: "api_key", Value: "nobody else"}, 0)
	tables := database.At(t, "doorward")
	tables.Do("CREATE TABLE old_lists AS SELECT * FROM lists")
	tables.Do("CREATE TABLE old_entries AS SELECT * FROM entries")
	contain(t, one, admin.IncidentSubject{Kind: "principal", Realm: "api_key", Value: mallory}, 0)
	within(t, 5*time.Second, "the other replica refuses", refused("contained.principal"))
	if r := carol.Call("up__echo", `{}`); !r.OK() {
		t.Errorf("somebody else: %s", r)
	}

	says := func(why string) bool {
		return slices.ContainsFunc(two.App.Ready(t.Context()), func(reason string) bool {
			return strings.HasPrefix(reason, "state: ") && strings.Contains(reason, why)
		})
	}
	act := func() error { // what needs the list as it is now
		_, err := local(t, two).ListIncidents(t.Context())
		return err
	}
	database.Stop()
	within(t, 7*time.Second, "without its lists a replica says so", func() bool { return says("postgres: ") && act() != nil })
	database.Start()
	eventually(t, "it serves again", func() bool { return !says("postgres: ") && act() == nil && carol.Call("up__echo", `{}`).OK() })
	if !refused("contained.principal")() {
		t.Error("who was suspended is let in after a restart of the database")
	}

	tables.Do("BEGIN")
	tables.Do("DELETE FROM entries WHERE list = 'incidents'")
	tables.Do("UPDATE lists SET (generation, mac) = (SELECT generation, mac FROM old_lists AS o WHERE o.name = lists.name) WHERE name = 'incidents'")
	tables.Do("INSERT INTO entries SELECT * FROM old_entries WHERE list = 'incidents'")
	tables.Do("COMMIT")
	if err := act(); err == nil || !strings.Contains(err.Error(), "older than it was") {
		t.Errorf("an older copy is taken: %v", err)
	}
	if !refused("contained.principal")() {
		t.Error("who was suspended is let in by an older copy")
	}
	loss := admin.Loss{List: "incidents", Reason: "a test"}
	if err := two.App.AcceptLoss(t.Context(), "test", loss); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it goes on with that", func() bool { return suspect.Call("up__echo", `{}`).OK() })
	if err := two.App.AcceptLoss(t.Context(), "test", loss); err == nil {
		t.Error("accepted a loss where nothing is lost")
	}
	if got := two.Records(audit.Query{Event: audit.EventAccepted}); len(got) != 1 {
		t.Errorf("%d losses are on record as accepted, want 1", len(got))
	}
	t.Run("from files", func(t *testing.T) { fromFiles(t, one, fmt.Sprintf(inPostgres, dir)) })
	t.Run("from redis", func(t *testing.T) { fromRedis(t, one, dir, fmt.Sprintf(inPostgres, dir)) })
}

// newcomer is the directory of a gateway with the key of another's state.
func newcomer(t *testing.T, of *gatetest.GW) string {
	t.Helper()
	dir := t.TempDir()
	key, err := os.ReadFile(filepath.Join(of.Dir, "data", "state.key"))
	if err == nil {
		err = os.Mkdir(filepath.Join(dir, "data"), 0o700)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "data", "state.key"), key, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// A gateway whose own files suspend or revoke does not begin with a database that does not,
// also when others have: not before they are put away, and their loss was accepted where
// the database has been written less often.
func fromFiles(t *testing.T, one *gatetest.GW, settings string) {
	dir := newcomer(t, one)
	data, revokes := filepath.Join(dir, "data"), admin.Revocation{Kind: store.RevokedSubject, Issuer: "https://id.example.com", Value: mallory}
	a := opened(t, dir)
	_, err := a.Contain(t.Context(), "uid:1", admin.ContainRequest{IncidentSubject: admin.IncidentSubject{Kind: "everything"}, Reason: "a test"})
	if err = errors.Join(err, a.Revoke(t.Context(), "uid:1", revokes)); err != nil {
		t.Fatal(err)
	}
	shut(t, a)
	for _, kept := range []store.Kept{store.KeptIncidents, store.KeptRevocations} {
		a, path := openedWith(t, dir, settings), filepath.Join(data, string(kept))
		if _, err := a.ListIncidents(t.Context()); err == nil || !strings.Contains(err.Error(), path+" is there") {
			t.Errorf("it begins beside %s: %v", path, err)
		}
		shut(t, a)
		if err := os.Rename(path, filepath.Join(t.TempDir(), "away")); err != nil {
			t.Fatal(err)
		}
	}
	a = openedWith(t, dir, settings)
	defer shut(t, a)
	if err := a.Revoke(t.Context(), "uid:1", revokes); err == nil || !strings.Contains(err.Error(), "accept-loss revocations") {
		t.Errorf("it begins with an empty list: %v", err)
	}
	if err := a.AcceptLoss(t.Context(), "uid:1", admin.Loss{List: "revocations", Reason: "a test"}); err != nil {
		t.Fatal(err)
	}
	if err := a.Revoke(t.Context(), "uid:1", revokes); err != nil {
		t.Error(err)
	}
}

// A gateway whose list was in Redis, where nobody counts, begins with that of the database
// once somebody has said so.
func fromRedis(t *testing.T, one *gatetest.GW, secrets, settings string) {
	dir := newcomer(t, one)
	revokes := admin.Revocation{Kind: store.RevokedSubject, Issuer: "https://id.example.com", Value: "eve"}
	a := openedWith(t, dir, fmt.Sprintf("secrets: {redis: {from: \"file:%s/redis\"}}\nstate: {redis: redis}\n", secrets))
	if err := a.Revoke(t.Context(), "uid:1", revokes); err != nil {
		t.Fatal(err)
	}
	shut(t, a)
	a = openedWith(t, dir, settings)
	defer shut(t, a)
	if err := a.Revoke(t.Context(), "uid:1", revokes); err == nil || !strings.Contains(err.Error(), "never in this database") {
		t.Errorf("it begins with another list: %v", err)
	}
	loss := admin.Loss{List: "revocations", Reason: "a test"}
	if err := a.AcceptLoss(t.Context(), "uid:1", loss); err != nil {
		t.Fatal(err)
	}
	if err := a.AcceptLoss(t.Context(), "uid:1", loss); err == nil || !strings.Contains(err.Error(), "nothing of it is lost") {
		t.Errorf("accepted twice: %v", err)
	}
	if err := a.Revoke(t.Context(), "uid:1", revokes); err != nil {
		t.Error(err)
	}
}
