package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"doorward/internal/audit"
	"doorward/internal/gate"
)

const schemaFile = "../../docs/reference/audit-record.schema.json"

func recordSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	s, err := c.Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// everything is an exchange with all that an exchange can have on record.
func everything(id string) *gate.Exchange {
	ex := delegated(id)
	args := `{"a":"x","b":2,"c":null,"d":"y"}`
	ex.Call = says(id, "tools/call", `{"name":"files_read","arguments":`+args+`}`, args).Call
	ex.Inbound.Request = "proxy-1"
	ex.Principal.Tenant, ex.Principal.Credential = "acme", "jti-1"
	ex.Principal.Groups, ex.Principal.Roles, ex.Principal.Scopes = []string{"g"}, []string{"reader"}, []string{"mcp"}
	ex.Target.Unavailable, ex.Target.Weaker = []string{"mail"}, []string{"landlock", "seccomp"}
	ex.Cached = "ex-before"
	ex.Grant, ex.Approved = granted(id).Grant, "ap_1"
	ex.Findings = []gate.Finding{{Rule: "secret.jwt", Severity: gate.High, Where: "/a"}}
	return ex
}

// Records of every kind are as their schema says, and the schema has no member that no
// record has.
func TestRecordsAreAsTheirSchemaSays(t *testing.T) {
	schema, seen, who := recordSchema(t), map[string]bool{}, map[string]bool{}
	for _, plain := range []bool{false, true} {
		cfg := config(t.TempDir())
		cfg.Fields = map[string][]audit.Field{"files/read": {{Path: "/a", How: audit.Hashed}, {Path: "/b", How: audit.None}, {Path: "/c", How: audit.Sealed}, {Path: "/d", How: audit.Plain}}}
		if cfg.PlainIdentity = plain; plain {
			cfg.Arguments = audit.Plain
		}
		l := open(t, cfg)
		refused := gate.Outcome{Verdict: gate.Refuse(gate.CodeDenied, "no rule", ""), Stage: "authorize", Status: "refused"}
		err := errors.Join(
			l.Intent(t.Context(), everything("x")), l.Outcome(t.Context(), everything("x"), done()),
			l.Outcome(t.Context(), everything("refused"), refused),
			l.Outcome(t.Context(), &gate.Exchange{ID: "y", Start: time.Now(), Trace: gate.BeginTrace(nil), Inbound: gate.Inbound{Transport: "http", Op: gate.OpStream}}, refused),
			l.Event(t.Context(), gate.Event{Kind: "ask", Actor: "files", Upstream: "files", Exchange: "x", Detail: "sampling", Status: "ok"}),
			l.Close(),
		)
		if err != nil {
			t.Fatal(err)
		}
		log, err := os.ReadFile(filepath.Join(cfg.Dir, "audit-00000001.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(log) {
			var r map[string]any
			if err := json.Unmarshal(line, &r); err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(any(r)); err != nil {
				t.Errorf("%s: %v", line, err)
			}
			for name := range r {
				seen[name] = true
			}
			if p, ok := r["principal"].(map[string]any); ok {
				for name := range p {
					who[name] = true
				}
			}
		}
	}
	if diff := cmp.Diff(properties(schema), slices.Sorted(maps.Keys(seen))); diff != "" {
		t.Errorf("members of the schema, and of records (-schema +records):\n%s", diff)
	}
	if diff := cmp.Diff(properties(schema.Properties["principal"]), slices.Sorted(maps.Keys(who))); diff != "" {
		t.Errorf("members of a principal (-schema +records):\n%s", diff)
	}
}

func properties(s *jsonschema.Schema) []string { return slices.Sorted(maps.Keys(s.Properties)) }

// What is no record is none for the schema.
func TestTheSchemaRefuses(t *testing.T) {
	schema := recordSchema(t)
	good := map[string]any{"kind": "event", "event": "ask", "prev": string(bytes.Repeat([]byte("0"), 64)), "seq": 1.0, "time": "2026-01-01T00:00:00.000000000Z"}
	if err := schema.Validate(any(good)); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]any{
		"kind": "call", "event": nil, "prev": "0", "seq": 0.0, "time": "2026-01-01T00:00:00Z", "more": "x", "origin": "log", "trace": "X",
		"stages_us": map[string]any{}, "fields": map[string]any{"/a": map[string]any{"as": "plain"}}, "principal": map[string]any{"name": "x"},
	} {
		bad := maps.Clone(good)
		if bad[name] = value; value == nil {
			delete(bad, name)
		}
		if schema.Validate(any(bad)) == nil {
			t.Errorf("it takes %s %v", name, value)
		}
	}
}
