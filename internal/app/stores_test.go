package app_test

import (
	"encoding/json"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/store/storetest"
)

// nobody is the answer of a store that holds nothing of people who call; why stands
// behind it.
const nobody = "nobody: "

// kept is one store, and what people's rights do with it (GDP-10). An answer is the name
// of what does it, or begins with nobody.
type kept struct {
	at       []string // files under the directory of the configuration, as path.Match has them; keys in Redis after "redis:"; tables in PostgreSQL after "postgres:", with the list
	export   string   // the file of an export that has it
	erase    string   // the count of admin.Erased, as JSON has it, that tells of it
	register string   // the activity in the register, which says how long it is kept
}

func storesKept() []kept {
	return []kept{
		{[]string{"data/audit/audit-*.jsonl", "copy.jsonl"}, "records.jsonl", "keys", "audit log"},
		{[]string{"data/audit.subjects"}, nobody + "the keys themselves", "keys", "audit log"},
		{[]string{"data/audit/tree", "data/audit/checkpoint", "data/audit/sinks/*", "data/audit/lock"}, nobody + "hashes of lines, and how far copies are", nobody + "hashes of lines", "audit log"},
		{[]string{"data/audit.root", "data/audit.key", "data/audit.signer", "data/state.key", "data/secrets.root", "data/keys.pepper"}, nobody + "keys of the gateway", nobody + "keys of the gateway", "audit log"},
		{[]string{"data/keys.json"}, "api_keys.json", "api_keys", "API keys and revocations"},
		{[]string{"data/revoked.json", "redis:{revoked}*", "postgres:entries/revoked"}, "revocations.json", "revocations", "API keys and revocations"},
		{[]string{"data/approvals.json", "data/approvals/*", "redis:{approvals}*", "postgres:entries/approvals", "postgres:arguments"}, "approvals.json", "approvals", "approvals"},
		{[]string{"data/taints.json", "redis:{taints}*"}, "labels.json", "labels", "what conversations have read"},
		{[]string{"data/profiles.json"}, "profile.json", "profiles", "monitoring"},
		{[]string{"data/alerts/al_*.json"}, "alerts.json", "alerts", "monitoring"},
		{[]string{"data/alerts/index"}, nobody + "ids of alerts that wait, sealed", nobody + "ids of alerts", "monitoring"},
		{[]string{"data/incidents.json", "redis:{incidents}*", "postgres:entries/incidents"}, "incidents.json", "incidents", "incidents"},
		{[]string{"data/holds.json"}, nobody + "keys of the log, and a claim of somebody else", "refused", "legal holds"},
		{[]string{"doorward.lock", "data/observed.json"}, nobody + "definitions, and which operator decided", nobody + "definitions", "decisions about definitions"},
		{[]string{"data/canaries.json", "data/secrets.json", "data/ages.json"}, nobody + "values of the operator's, and the ages of secrets", nobody + "values of the operator's", ""},
		{[]string{"data/packages/*/*"}, nobody + "programs of others, as they were published", nobody + "programs of others", ""},
		{[]string{"redis:{nonce}*", "redis:{nonces}*"}, nobody + "hashes of what was used once, for minutes", nobody + "hashes that end within minutes", ""},
		{[]string{"redis:{sessions}*"}, nobody + "hashes of the ids of sessions, for half an hour after their last use", nobody + "hashes that end by themselves", ""},
		{[]string{"data/quotas.json", "redis:{limits}*"}, nobody + "how often somebody called lately, under keyed hashes", nobody + "counts under keyed hashes that end by themselves", ""},
		{[]string{"data/index.db", "data/index.db-wal", "data/index.db-shm"}, nobody + "where records stand: hashes of what is not sealed in them", "keys", "audit log"},
		{[]string{"data/*.lock", "data/holds.turn", "data/holds.next"}, nobody + "empty", nobody + "empty", ""},
		{[]string{"postgres:lists", "postgres:migrations"}, nobody + "how often lists were changed, and statements", nobody + "counts", ""},
		{[]string{"doorward.yaml", "hook", "copies", "copies.dsn"}, nobody + "the operator's", nobody + "the operator's", ""},
	}
}

// knowing is the store that something belongs to; nil where nobody has said so.
func knowing(at string) *kept {
	all := storesKept()
	for i := range all {
		for _, pattern := range all[i].at {
			if ok, err := path.Match(pattern, at); ok && err == nil {
				return &all[i]
			}
		}
	}
	return nil
}

// leaveTraces makes a person leave something in every store that there is.
func (r *rights) leaveTraces() {
	r.t.Helper()
	op := r.operator()
	r.busy(r.of(canarySubject, "acme", "callers"), 2)
	r.Key(canarySubject, "caller")
	about := admin.IncidentSubject{Kind: "principal", Realm: r.idp.URL(), Value: canarySubject}
	if _, err := op.OpenIncident(r.t.Context(), "", admin.NewIncident{Title: "a test", Severity: "low", About: []admin.IncidentSubject{about}}); err != nil {
		r.t.Fatal(err)
	}
	if err := op.Revoke(r.t.Context(), "", admin.Revocation{Kind: "subject", Issuer: r.idp.URL(), Value: canarySubject}); err != nil {
		r.t.Fatal(err)
	}
	if _, err := op.AddHold(r.t.Context(), "", admin.HoldRequest{Subject: canarySubject, Reason: "claim 9"}); err != nil {
		r.t.Fatal(err)
	}
	eventually(r.t, "an alert is on disk", func() bool { return len(r.files("data/alerts/al_*.json")) > 0 })
}

// files are those of the gateway that match a pattern; empty: all.
func (r *rights) files(pattern string) (all []string) {
	r.t.Helper()
	walk(r.t, r.Dir, func(at string) error {
		at = strings.TrimPrefix(at, r.Dir+"/")
		ok, err := path.Match(pattern, at)
		if ok || pattern == "" {
			all = append(all, at)
		}
		return err
	})
	return all
}

// GDP-10: every file, key in Redis and table in PostgreSQL of gateways that are used to the full is in
// the table, and what the table says of it is there: in an export, in what an erasure
// tells, and in the register. Whoever adds a store says what people's rights do with it.
func TestGDP10EveryStoreIsCovered(t *testing.T) {
	t.Parallel()
	server := storetest.Redis(t)
	alone, shared := newRights(t), newRightsWith(t, rightsWith{yaml: "state: {redis: copies}\n", secret: server.URL()})
	database := storetest.NewPostgres(t)
	together := newRightsWith(t, rightsWith{yaml: "state: {kind: postgres, dsn: database, redis: copies}\n", secret: storetest.Redis(t).URL(), dsn: database.DSN()})
	for _, r := range []*rights{alone, shared, together} {
		r.leaveTraces()
	}
	met := map[string]bool{}
	meet := func(at string) {
		one := knowing(at)
		if one == nil {
			t.Errorf("%s is in no row of the table of stores: say what an export, an erasure and the register do with it", at)
			return
		}
		met[one.at[0]] = true
	}
	for _, key := range server.Do("KEYS", "*").([]any) { //nolint:forcetypeassert // of KEYS
		meet("redis:" + strings.TrimPrefix(key.(string), "doorward:")) //nolint:forcetypeassert // of KEYS
	}
	tables := database.At(t, "doorward").Do("SELECT relname::text FROM pg_class WHERE relnamespace = 'doorward'::regnamespace AND relkind = 'r' AND relname <> 'entries'")
	for _, table := range append(tables, database.At(t, "doorward").Do("SELECT 'entries/' || list FROM entries")...) {
		meet("postgres:" + table)
	}
	who := admin.Whom{Subject: canarySubject, Issuer: alone.idp.URL()}
	tenant := "acme"
	who.Tenant = &tenant
	files := alone.exported(who)
	alone.Stop() // writes what was learned
	for _, at := range slices.Concat(alone.files(""), shared.files(""), together.files("")) {
		meet(at)
	}
	reg, err := shared.App.Register(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	counts := erasedCounts(t)
	for _, one := range storesKept() {
		if !met[one.at[0]] && !strings.HasPrefix(one.export, nobody) {
			t.Errorf("nothing is in %s: the test leaves no trace there", one.at)
		}
		if _, ok := files[one.export]; !ok && !strings.HasPrefix(one.export, nobody) {
			t.Errorf("%s: an export has no %s", one.at, one.export)
		}
		if !slices.Contains(counts, one.erase) && !strings.HasPrefix(one.erase, nobody) {
			t.Errorf("%s: an erasure does not tell of %s", one.at, one.erase)
		}
		if one.register != "" && !slices.ContainsFunc(reg.Activities, func(a admin.Activity) bool { return a.Name == one.register && a.Retention != "" }) {
			t.Errorf("%s: the register has no %s", one.at, one.register)
		}
	}
	for _, name := range counts {
		if !slices.ContainsFunc(storesKept(), func(k kept) bool { return k.erase == name }) && !slices.Contains([]string{"persons", "elsewhere"}, name) {
			t.Errorf("an erasure tells of %s, which is no store", name)
		}
	}
	if held := shared.Records(audit.Query{Event: audit.EventHold}); len(held) == 0 {
		t.Error("no hold is on record")
	}
}

// erasedCounts are the members of what an erasure tells.
func erasedCounts(t *testing.T) (names []string) {
	t.Helper()
	text, err := json.Marshal(admin.Erased{Refused: []admin.Refusal{{}}})
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for name := range all {
		names = append(names, name)
	}
	return names
}

// writers are the packages of the gateway that write files, to Redis or to PostgreSQL, and what they
// keep.
func writers() map[string]string {
	return map[string]string{
		"audit": "records, their keys and hashes", "sink": "copies of records, and how far they are", "anchor": "checkpoints: hashes of records",
		"store": "keys, revocations, approvals, taints, incidents, holds, canaries, secrets, ages, nonces, what is left of limits, hashes of sessions", "monitor": "profiles", "monitor/delivery": "alerts",
		"lock": "definitions", "login": "tokens of the user of the bridge, on their own machine", "clients": "the user's own configuration of clients",
		"index": "where records stand: hashes of what is not sealed in them", "evidence": "bundles that an operator asked for, where they asked for them", "app": "what an operator asked to be written",
		"cli": "what an operator asked to be written", "durable": "what the others give it", "sandbox": "the root of a command, in memory: its one user, no person",
		"npm": "what npm is told to install, and the list by which it does so again", "python": "the same of pip, and the program that runs what it installed",
		"builtin/files": "what clients ask to be written, in a directory that its operator lets them write", "builtin/sql": "nothing: it reads",
		"docs/pgvector": "the same, in a schema of PostgreSQL", "docs/qdrant": "the same, in collections of Qdrant",
		"docs/embedded":     "documents that an operator brings in, with the roles that may read them",
		"docs/embed/remote": "a model's files, which an operator asks for by their digests",
		"upstream":          "nothing: it reads, by the bound of durable, what is installed for its commands",
		"docs/pinecone":     "the same, in an index of Pinecone",
		"config":            "nothing: it reads its file as durable opens one, and so do listen its certificates and dsn a database's",
		"listen":            "nothing: see config", "dsn": "nothing: see config",
		"builtin/sql/memory": "nothing: it counts what SQLite allocates",
	}
}

// GDP-10: a package that begins to keep something says what, here and in the table of
// stores.
func TestGDP10EveryWriterIsKnown(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..", "internal")
	apart := []string{"gatetest", "store/storetest", "docs/docstest", "builtin/sql/sqltest", "secret/keyring/keyringtest", "bench", "stress", "demo", "drill", "detect", "cputime"} // no part of a gateway
	err := filepath.WalkDir(root, func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(at, ".go") || strings.HasSuffix(at, "_test.go") {
			return err
		}
		pkg := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(at)), filepath.ToSlash(root)+"/")
		if _, known := writers()[pkg]; known || slices.Contains(apart, pkg) {
			return nil
		}
		content, err := os.ReadFile(at)
		if err != nil {
			return err
		}
		for _, call := range []string{"os.WriteFile(", "os.Create(", "os.CreateTemp(", "os.O_CREATE", "os.CopyFS("} {
			if strings.Contains(string(content), call) {
				t.Errorf("%s has %s), and is not among those that keep something", at, call)
			}
		}
		file, err := parser.ParseFile(token.NewFileSet(), at, content, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if slices.Contains([]string{"doorward/internal/durable", "database/sql", "github.com/redis/go-redis/v9", "github.com/jackc/pgx/v5"}, name) || strings.Contains(name, "sqlite") || strings.Contains(name, "bbolt") {
				t.Errorf("%s imports %s, and is not among those that keep something", at, name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// routesOf are those of the API, by the beginning of their path, and the store that they
// read or change.
func routesOf() map[string]string {
	return map[string]string{
		"/v1/keys": "data/keys.json", "/v1/revoked": "data/revoked.json", "/v1/approvals": "data/approvals.json", "/v1/incidents": "data/incidents.json",
		"/v1/records": "data/audit/audit-00000001.jsonl", "/v1/privacy/holds": "data/holds.json", "/v1/canaries": "data/canaries.json", "/v1/secrets": "data/secrets.json", "/v1/trust": "doorward.lock",
		"/v1/monitor/ages": "data/ages.json",
		"/v1/privacy":      nobody + "people's rights themselves", "/v1/monitor": nobody + "numbers, and whether receivers answer",
		"/v1/documents": nobody + "that documents are changed, and from which sources",
		"/v1/status":    nobody + "numbers", "/v1/reload": nobody + "the configuration", "/v1/log": nobody + "the level of the process log", "/v1/state": nobody + "that a list is lost, and which",
	}
}

// GDP-10: every route is of a store in the table, or of nobody; a new one says which.
func TestGDP10EveryRouteIsOfAStore(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for _, route := range admin.Routes() {
		_, at, _ := strings.Cut(route.Pattern, " ")
		longest := ""
		for prefix := range routesOf() {
			if (at == prefix || strings.HasPrefix(at, prefix+"/")) && len(prefix) > len(longest) {
				longest = prefix
			}
		}
		used[longest] = true
		of := routesOf()[longest]
		if longest == "" || !strings.HasPrefix(of, nobody) && knowing(of) == nil {
			t.Errorf("%s is of no store: say which it reads or changes", route.Pattern)
		}
		if route.Permission == "" {
			t.Errorf("%s asks for no permission", route.Pattern)
		}
	}
	for prefix := range routesOf() {
		if !used[prefix] {
			t.Errorf("there is no route %s", prefix)
		}
	}
}
