package app_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/mod/sumdb/note"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/gate"
)

// GDP-06: where a store fails on the way nothing that a person is found by is gone yet,
// and the same command, by the keys alone, finishes it.
func TestGDP06ErasureThatFailsIsFinished(t *testing.T) {
	t.Parallel()
	r := newRights(t)
	r.busy(r.of(canarySubject, "acme", "callers"), 1)
	op := r.operator()
	keys, err := op.KeysOf(t.Context(), "", admin.Person{Subject: canarySubject})
	if err != nil || len(keys) != 1 {
		t.Fatalf("keys %v, %v", keys, err)
	}
	profiles := filepath.Join(r.Dir, "data", "profiles.json")
	if err := errors.Join(os.RemoveAll(profiles), os.MkdirAll(filepath.Join(profiles, "in the way"), 0o700)); err != nil {
		t.Fatal(err)
	}
	e := admin.Erasure{Whom: admin.Whom{Keys: keys}, Basis: "request 12"}
	if got, err := op.Erase(t.Context(), "", e); err == nil {
		t.Errorf("it is not told: %+v", got)
	}
	if err := os.RemoveAll(profiles); err != nil {
		t.Fatal(err)
	}
	got, err := op.Erase(t.Context(), "", e)
	if err != nil || got.Keys != 1 {
		t.Errorf("the second time: %+v, %v", got, err)
	}
	for _, text := range []string{canarySubject, canaryText} {
		if places := r.places(text); places != nil {
			t.Errorf("%q is in %s", text, places)
		}
	}
	if content, err := os.ReadFile(profiles); err != nil || bytes.Contains(content, []byte(`"key"`)) {
		t.Errorf("what was learned: %s, %v", content, err)
	}
	r.verifies()
}

// GDP-02, GDP-08, GDP-10: an export holds one person of one tenant and nobody else, is
// signed, follows its schema and is on record; a correction stands beside what it
// corrects; who decided is not named.
func TestGDP02ExportOfOnePerson(t *testing.T) {
	t.Parallel()
	r := newRights(t)
	exchange := r.busy(r.of(canarySubject, "acme", "callers"), 3)
	r.busy(r.of(canarySubject, "globex", "callers"), 2)
	lead := r.idp.Token(claims{"sub": "lead-of-acme", "tenant": "acme", "groups": []string{approvers}, "aud": "house"})
	court := &court{GW: r.GW, t: t, keys: map[string]string{"lead": lead}, http: http.DefaultClient}
	op := r.operator()
	for _, a := range mustList(t, op) {
		if a.Tenant == "acme" {
			if s := court.ask("lead", "POST", "/"+a.ID, grant); s.status != http.StatusOK {
				t.Fatalf("deciding: %s", s)
			}
		}
	}
	var out bytes.Buffer
	err := op.Export(t.Context(), "", admin.Whom{Subject: canarySubject}, &out)
	if err == nil || !strings.Contains(err.Error(), "of 2 people") || out.Len() != 0 {
		t.Fatalf("of two tenants: %v, %d bytes", err, out.Len())
	}
	nowhere := "initech" // they are of no such tenant
	for _, issuer := range []string{"", r.idp.URL()} {
		other := admin.Whom{Subject: canarySubject, Tenant: &nowhere, Issuer: issuer}
		got, err := op.Erase(t.Context(), "", admin.Erasure{Whom: other, Basis: "request 6"})
		if err != nil || got.Keys+got.Approvals+got.Profiles+got.Alerts != 0 {
			t.Errorf("erased of a tenant that they are not of: %+v, %v", got, err)
		}
	}
	if err := op.Export(t.Context(), "", admin.Whom{Subject: canarySubject, Tenant: &nowhere}, &out); err == nil || out.Len() != 0 {
		t.Errorf("of a tenant that they are not of: %v, %d bytes", err, out.Len())
	}
	acme := "acme"
	who := admin.Whom{Subject: canarySubject, Tenant: &acme}
	if _, err := op.Rectify(t.Context(), "", admin.Rectification{Whom: who, Exchange: exchange, Field: "address", Value: "192.0.2.7", Reason: "a proxy"}); err != nil {
		t.Fatal(err)
	}
	if _, err := op.Rectify(t.Context(), "", admin.Rectification{Whom: who, Exchange: "nobody's", Field: "address", Value: "192.0.2.7", Reason: "a proxy"}); err == nil {
		t.Error("another's exchange is rectified")
	}
	eventually(t, "alerts wait", func() bool { return len(raisedOf(r.GW, "denied_calls")) >= 2 })
	files := r.exported(who)
	checkSchema(t, files)
	calls, corrected := 0, 0
	for _, one := range lines(t, files) {
		if one["subject"] != canarySubject || one["tenant"] != "acme" {
			t.Errorf("a record of another: %v", one)
		}
		if arguments, _ := one["arguments"].(map[string]any); arguments["text"] == canaryText && one["item"] == "echo" {
			calls++
		}
		if one["exchange"] == exchange && one["rectified"] != nil {
			corrected++
		}
	}
	if calls != 3 || corrected != 2 { // the intent and the outcome
		t.Errorf("%d calls with arguments, %d records with what is right", calls, corrected)
	}
	for name, content := range files {
		for _, other := range []string{"globex", "lead-of-acme", "uid:"} {
			if bytes.Contains(content, []byte(other)) {
				t.Errorf("%s holds %q of somebody else", name, other)
			}
		}
	}
	for name, want := range map[string]string{
		"approvals.json": `"by": "another person"`, "labels.json": `"private"`, "profile.json": `"calls": 4`, "alerts.json": `"denied_calls"`,
		"rectifications.json": `"192.0.2.7"`,
	} {
		if !bytes.Contains(files[name], []byte(want)) {
			t.Errorf("%s has no %s:\n%s", name, want, files[name])
		}
	}
	record := r.Records(audit.Query{Event: "privacy.export"})
	if len(record) != 1 || record[0].Principal.Subject != canarySubject || !strings.HasPrefix(record[0].Actor, "uid:") {
		t.Errorf("on record: %+v", record)
	}
	if places := r.places("192.0.2.7"); places != nil {
		t.Errorf("what is right is readable in %s", places)
	}
	r.verifies()
}

func mustList(t *testing.T, op admin.Operator) []admin.Approval {
	t.Helper()
	all, err := op.ListApprovals(t.Context())
	if err != nil || len(all) == 0 {
		t.Fatalf("approvals: %v, %v", all, err)
	}
	return all
}

// checkSchema holds every record of an export to the schema that goes with it.
func checkSchema(t *testing.T, files map[string][]byte) {
	t.Helper()
	text, err := jsonschema.UnmarshalJSON(bytes.NewReader(files["schema.json"]))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("records.json", text); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("records.json")
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(files["records.jsonl"]) {
		one, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
		if err == nil {
			err = schema.Validate(one)
		}
		if err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// GDP-06: an erasure among calls of the same person destroys what was before it and
// brings nothing of it back; of somebody unknown it does nothing.
func TestGDP06ErasureRaces(t *testing.T) {
	t.Parallel()
	r := newRights(t)
	c := r.of(canarySubject, "acme", "callers")
	r.busy(c, 2)
	before := r.Records(audit.Query{Principal: canarySubject})[0].Key
	op := r.operator()
	var calling sync.WaitGroup
	for range 4 {
		calling.Go(func() {
			for range 8 {
				if reply := c.Call("up__echo", `{}`); !reply.OK() {
					t.Errorf("a call meanwhile: %s", reply)
				}
			}
		})
	}
	for range 3 {
		if _, err := op.Erase(t.Context(), "", admin.Erasure{Whom: admin.Whom{Subject: canarySubject}, Basis: "request 8"}); err != nil {
			t.Error(err)
		}
	}
	calling.Wait()
	got, err := op.Erase(t.Context(), "", admin.Erasure{Whom: admin.Whom{Subject: "nobody"}, Basis: "request 9"})
	if err != nil || got.Keys != 0 || len(got.Persons) != 0 {
		t.Errorf("of nobody: %+v, %v", got, err)
	}
	ring, err := audit.OpenKeyring(r.AuditDir(), filepath.Join(r.Dir, "data", "audit.key"))
	if err != nil {
		t.Fatal(err)
	}
	if ring.Has(before) {
		t.Error("the key of before is there")
	}
	dead := map[audit.SubjectID]bool{}
	for _, tomb := range allRecords(t, r, audit.Query{Event: "privacy.erase"}) {
		id, _ := tomb.Erased()
		dead[id] = true
	}
	for _, rec := range allRecords(t, r, audit.Query{Kind: audit.KindIntent}) {
		if err := ring.Reveal(&rec); dead[rec.Key] != errors.Is(err, audit.ErrErased) || err != nil && !dead[rec.Key] {
			t.Errorf("record %d: erased %v, %v", rec.Seq, dead[rec.Key], err)
		}
	}
	r.verifies()
}

// allRecords are records as they are, sealed.
func allRecords(t *testing.T, r *rights, q audit.Query) (all []audit.Record) {
	t.Helper()
	err := audit.Read(t.Context(), r.AuditDir(), q, func(rec *audit.Record) error {
		all = append(all, *rec)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// GDP-08: what a credential, a session, a person or an address could touch is told
// completely, without names unless they are asked for.
func TestGDP08Breach(t *testing.T) {
	t.Parallel()
	r := newRights(t)
	key := r.Key("ci", "caller")
	ci := r.Client("ci", key).Open("2025-11-25")
	for range 3 {
		if reply := ci.Call("up__echo", `{"a":1}`); !reply.OK() {
			t.Fatal(reply)
		}
	}
	other := r.of("bob", "acme", "callers")
	if reply := other.Call("up__read", `{}`); !reply.OK() {
		t.Fatal(reply)
	}
	made, err := r.App.ListKeys(t.Context())
	if err != nil || len(made) != 1 {
		t.Fatal(err)
	}
	op := r.operator()
	session := ""
	for _, rec := range r.Records(audit.Query{Principal: "ci", Kind: audit.KindIntent}) {
		session = hex.EncodeToString(rec.Session[:])
	}
	for _, tc := range []struct {
		name    string
		ask     admin.Touch
		persons int
		item    string
	}{
		{"a key", admin.Touch{Credential: made[0].ID}, 1, "echo"},
		{"a session", admin.Touch{Session: session}, 1, "echo"},
		{"a person", admin.Touch{Principal: "ci", Open: true}, 1, "echo"},
		{"an address", admin.Touch{Address: "127.0.0.0/8"}, 2, "read"},
		{"nobody", admin.Touch{Credential: "k_0000000000"}, 0, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b, err := op.Breach(t.Context(), "", tc.ask)
			if err != nil || len(b.Persons) != tc.persons || b.Notify.Sub(b.Aware).Hours() != 72 || len(b.ToSay) == 0 || b.Controller != "House Ltd" {
				t.Fatalf("got %+v, %v", b, err)
			}
			i := slices.IndexFunc(b.Items, func(it admin.TouchItem) bool { return it.Name == tc.item })
			if tc.item != "" && (i < 0 || b.Items[i].Carried != b.Items[i].Calls || b.Items[i].Calls == 0) {
				t.Errorf("what was asked for: %+v", b.Items)
			}
			for _, p := range b.Persons {
				if open := tc.ask.Open; open != (p.Subject != "") || p.Records == 0 || p.Key == "" {
					t.Errorf("a person: %+v", p)
				}
			}
		})
	}
	if _, err := op.Breach(t.Context(), "", admin.Touch{Session: "the id of a session"}); err != nil {
		t.Error(err)
	}
	for _, bad := range []admin.Touch{{}, {Principal: "a", Address: "b"}, {Address: "nowhere"}} {
		if _, err := op.Breach(t.Context(), "", bad); err == nil {
			t.Errorf("%+v is answered", bad)
		}
	}
	for _, rec := range allRecords(t, r, audit.Query{Event: "privacy.breach"}) {
		if strings.Contains(string(rec.AppendJSON(nil)), "127.0.0.0") || strings.Contains(rec.Detail, "the id of a session") || !strings.HasPrefix(rec.Actor, "uid:") {
			t.Errorf("the record names an address: %s", rec.AppendJSON(nil))
		}
	}
	reg, err := op.Register(t.Context())
	if err != nil || !slices.Equal(reg.Missing, []string{"privacy.contact"}) || len(reg.Recipients) != 3 || reg.Recipients[0].Country != "Elsewhere" {
		t.Errorf("the register: %+v, %v", reg, err)
	}
}

// An API key that lets somebody in keeps its name until it is ended.
func TestErasureOfAnAPIKeysOwner(t *testing.T) {
	t.Parallel()
	r := newRights(t)
	c := r.Client(canarySubject, r.Key(canarySubject, "caller")).Open(modern)
	if reply := c.Call("up__echo", `{}`); !reply.OK() {
		t.Fatal(reply)
	}
	op := r.operator()
	e := admin.Erasure{Whom: admin.Whom{Subject: canarySubject, Issuer: gate.RealmKeys}, Basis: "request 10"}
	got, err := op.Erase(t.Context(), "", e)
	if err != nil || got.Keys != 1 || got.APIKeys != 0 || !strings.Contains(strings.Join(got.Elsewhere, "\n"), "API keys that let somebody in") {
		t.Fatalf("erased %+v, %v", got, err)
	}
	e.Revoke = true
	if got, err = op.Erase(t.Context(), "", e); err != nil || got.APIKeys != 1 {
		t.Fatalf("erased %+v, %v", got, err)
	}
	if places := r.places(canarySubject); places != nil {
		t.Errorf("the name is in %s", places)
	}
	if reply := c.Call("up__echo", `{}`); reply.OK() {
		t.Error("the key lets somebody in")
	}
}

// GDP-10: a record that cannot be made keeps everything shut.
func TestGDP10NothingWithoutARecord(t *testing.T) {
	t.Parallel()
	r := newRights(t)
	r.busy(r.of(canarySubject, "acme", "callers"), 1)
	r.Stop()
	var out bytes.Buffer
	who := admin.Whom{Subject: canarySubject}
	ctx := context.WithoutCancel(t.Context())
	_, erased := r.App.Erase(ctx, "test", admin.Erasure{Whom: who, Basis: "x"})
	_, rectified := r.App.Rectify(ctx, "test", admin.Rectification{Whom: who, Field: "a", Value: "b", Reason: "c"})
	_, breach := r.App.Breach(ctx, "test", admin.Touch{Principal: canarySubject})
	for name, err := range map[string]error{
		"export": r.App.Export(ctx, "test", who, &out), "erase": erased, "rectify": rectified, "breach": breach,
	} {
		if gate.CodeOf(err) != gate.CodeAudit {
			t.Errorf("%s without a record: %v", name, err)
		}
	}
	if out.Len() != 0 {
		t.Errorf("%d bytes went out", out.Len())
	}
}

// An export that anything was done to is not believed.
func TestExportIsSigned(t *testing.T) {
	t.Parallel()
	r := newRights(t)
	r.busy(r.of(canarySubject, "acme", "callers"), 1)
	files := r.exported(admin.Whom{Subject: canarySubject})
	sum := sha256.Sum256(files["manifest.json"])
	var m struct {
		Signer string
		Files  []struct{ Name, SHA256 string }
	}
	if err := json.Unmarshal(files["manifest.json"], &m); err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewVerifier(m.Signer)
	if err != nil {
		t.Fatal(err)
	}
	signed := func(what string) error {
		_, _, err := audit.Attested(string(files["manifest.note"]), what, sum, []note.Verifier{signer})
		return err
	}
	if err := signed(audit.OfExport); err != nil {
		t.Errorf("the signature: %v", err)
	}
	if _, err := audit.ParseCheckpoint(string(files["manifest.note"])); err == nil {
		t.Error("the signature of an export is a checkpoint")
	}
	if err := signed(audit.OfEvidence); err == nil {
		t.Error("it is believed for something else")
	}
	sum[0] ^= 1
	if err := signed(audit.OfExport); err == nil {
		t.Error("it is believed for another manifest")
	}
	if len(m.Files) != len(files)-2 {
		t.Errorf("%d files in the manifest, %d there", len(m.Files), len(files))
	}
	for _, f := range m.Files {
		if got := sha256.Sum256(files[f.Name]); hex.EncodeToString(got[:]) != f.SHA256 {
			t.Errorf("%s has another digest", f.Name)
		}
	}
}
