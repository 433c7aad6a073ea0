package app_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"doorward/internal/admin"
	"doorward/internal/gatetest"
	"doorward/internal/store/storetest"
)

const inPostgres = `secrets: {redis: {from: "file:%[1]s/redis"}, database: {from: "file:%[1]s/database"}}
state: {kind: postgres, dsn: database, redis: redis}
`

// DUR-21, DUR-22, P14: what one replica suspends the other refuses within five seconds;
// while the database is gone, or is an older copy of itself, calls are refused and a
// replica says why; it goes on by itself, or once somebody has accepted the loss.
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
	storetest.Eventually(t, 5*time.Second, "the other replica refuses", refused("contained.principal"))
	if r := carol.Call("up__echo", `{}`); !r.OK() {
		t.Errorf("somebody else: %s", r)
	}

	says := func(why string) bool {
		return slices.ContainsFunc(two.App.Ready(t.Context()), func(reason string) bool {
			return strings.HasPrefix(reason, "state: ") && strings.Contains(reason, why)
		})
	}
	unavailable := func() bool {
		r := carol.Call("up__echo", `{}`)
		return r.Status == http.StatusServiceUnavailable && (r.Refusal == "contained.unavailable" || r.Refusal == "identity.unavailable")
	}
	database.Stop()
	storetest.Eventually(t, 7*time.Second, "without its lists a replica refuses", unavailable)
	if !says("postgres: ") {
		t.Errorf("it says %q", two.App.Ready(t.Context()))
	}
	database.Start()
	storetest.Eventually(t, 10*time.Second, "it serves again", func() bool { return carol.Call("up__echo", `{}`).OK() })
	if !refused("contained.principal")() {
		t.Error("who was suspended is let in after a restart of the database")
	}

	tables.Do("DELETE FROM entries WHERE list = 'incidents'")
	tables.Do("UPDATE lists SET (generation, mac) = (SELECT generation, mac FROM old_lists AS o WHERE o.name = lists.name) WHERE name = 'incidents'")
	tables.Do("INSERT INTO entries SELECT * FROM old_entries WHERE list = 'incidents'")
	storetest.Eventually(t, 7*time.Second, "with an older copy a replica refuses", unavailable)
	loss := admin.Loss{List: "incidents", Reason: "a test"}
	if err := two.App.AcceptLoss(t.Context(), "test", loss); err != nil {
		t.Fatal(err)
	}
	storetest.Eventually(t, 10*time.Second, "it goes on with that", func() bool { return suspect.Call("up__echo", `{}`).OK() })
	if err := two.App.AcceptLoss(t.Context(), "test", loss); err == nil {
		t.Error("accepted a loss where nothing is lost")
	}
}
