package app_test

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/gatetest"
)

// canarySubject is a name that is searched for where it must not be.
const (
	canarySubject = "canary-subject-xq5e1fzw"
	canaryText    = "canary-argument-qz77aaxk"
	approvers     = "approvers"
)

// rights is a gateway that keeps as much about people as one can: with a copy of its
// log in a file, alerts that nobody takes, approvals and learned profiles.
type rights struct {
	*gatetest.GW
	t   *testing.T
	idp *gatetest.IDP
	up  *gatetest.UP
}

const rightsYAML = `
identity: {api_keys: true, issuers: [{issuer: %q, audience: house, claims: {tenant: tenant, groups: groups}}]}
upstreams: {up: {url: "${up}", labels: {read: [private]}}}
roles:
  caller: {groups: [callers], allow: [{tools: [up/echo, up/read]}, {tools: [up/move], mode: approve, approvers: {roles: [lead]}}]}
  lead: {groups: [approvers]}
trust: {flows: [{from: [private, untrusted], to: leaves, then: block}]}
secrets: {hook: {from: "file:hook"}, copies: {from: "file:copies"}, database: {from: "file:copies.dsn"}}
audit: {sinks: [{kind: file, path: copy.jsonl}%s]}
monitor: {alerts: [{kind: webhook, url: %q, secret: hook}], rules: {denied_calls: 1/1h}}
privacy: {controller: "House Ltd", transfers: [{recipient: up, country: Elsewhere, safeguard: "standard contractual clauses"}]}
`

func newRights(t *testing.T) *rights {
	t.Helper()
	return newRightsWith(t, rightsWith{secret: "of no copy"})
}

// rightsWith is what a gateway has beside that of rights.
type rightsWith struct {
	sinks  string // more copies, as the configuration has them
	yaml   string
	secret string // that they use, by the name of copies
	dsn    string // of the state, by the name of database
}

func newRightsWith(t *testing.T, with rightsWith) *rights {
	t.Helper()
	r := &rights{t: t, idp: gatetest.Provider(t)}
	r.up = gatetest.Upstream(t, gatetest.Script{Tools: rawTools("echo", "read", "move")})
	down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	t.Cleanup(down.Close)
	dir := t.TempDir()
	for name, text := range map[string]string{"hook": "whsec_" + "QnJlYWQgYW5kIGJ1dHRlciwgamFtIGFuZCBqZWxseQ==", "copies": with.secret + "\n", "copies.dsn": cmp.Or(with.dsn, "of no database") + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r.GW = gatetest.GatewayAt(t, dir, fmt.Sprintf(rightsYAML, r.idp.URL(), with.sinks, down.URL)+with.yaml, map[string]*gatetest.UP{"up": r.up})
	r.idp.For(r.GW)
	r.Approve("")
	return r
}

// of is a client of somebody of a tenant.
func (r *rights) of(subject, tenant, group string) *gatetest.Client {
	r.t.Helper()
	token := r.idp.Token(claims{"sub": subject, "tenant": tenant, "groups": []string{group}, "aud": "house"})
	return r.Client(subject+" of "+tenant, token).Open(modern)
}

// operator is the command line's side of the local socket.
func (r *rights) operator() *admin.Client {
	r.t.Helper()
	c, err := admin.Dial(r.t.Context(), filepath.Join(r.Dir, "data"))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(c.Close)
	return c
}

// busy lets somebody leave traces everywhere: n calls, one that is held, one that is
// refused, which raises an alert, and a revocation.
func (r *rights) busy(c *gatetest.Client, n int) (exchange string) {
	r.t.Helper()
	for i := range n {
		reply := c.Call("up__echo", fmt.Sprintf(`{"n":%d,"text":%q}`, i, canaryText))
		if !reply.OK() {
			r.t.Fatalf("call %d: %s", i, reply)
		}
		exchange = reply.Exchange
	}
	if reply := c.Call("up__read", `{}`); !reply.OK() {
		r.t.Fatal(reply)
	}
	holdOf(r.t, c.Call("up__move", fmt.Sprintf(`{"text":%q}`, canaryText)))
	for range 3 {
		if reply := c.Call("up__none", `{}`); reply.OK() {
			r.t.Fatal("it was not refused")
		}
	}
	return exchange
}

// places are all files of the gateway that have a text, as it is or in hexadecimal, its
// configuration apart.
func (r *rights) places(text string) (found []string) {
	r.t.Helper()
	walk(r.t, r.Dir, func(path string) error {
		content, err := os.ReadFile(path)
		if err == nil && has(content, text) {
			found = append(found, strings.TrimPrefix(path, r.Dir))
		}
		return err
	})
	return found
}

// has tells whether content has a text, as it is or in hexadecimal.
func has(content []byte, text string) bool {
	return bytes.Contains(content, []byte(text)) || bytes.Contains(content, hex.AppendEncode(nil, []byte(text)))
}

// unzip is an export, by file.
func unzip(t *testing.T, content []byte) map[string][]byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, f := range z.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(in); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// exported is what the gateway gives out about somebody, over the socket.
func (r *rights) exported(w admin.Whom) map[string][]byte {
	r.t.Helper()
	var out bytes.Buffer
	if err := r.operator().Export(r.t.Context(), "", w, &out); err != nil {
		r.t.Fatalf("exporting %+v: %v", w, err)
	}
	return unzip(r.t, out.Bytes())
}

// lines are the records of an export.
func lines(t *testing.T, files map[string][]byte) (all []map[string]any) {
	t.Helper()
	for line := range bytes.Lines(files["records.jsonl"]) {
		var one map[string]any
		if err := json.Unmarshal(line, &one); err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
	return all
}

// verifies holds the log to what Verify finds.
func (r *rights) verifies() {
	r.t.Helper()
	if _, err := audit.Verify(context.Background(), r.AuditDir(), audit.Options{}); err != nil {
		r.t.Errorf("the log does not verify: %v", err)
	}
}
