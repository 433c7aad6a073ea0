package app_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/gatetest"
	"doorward/internal/httpsig"
)

// courtRules hold deletions until two leads agree, and moves until a chief does.
const courtRules = `
upstreams: {up: {url: "${up}"}}
roles:
  caller:
    allow:
      - tools: [up/echo]
      - {tools: [up/delete_all], mode: approve, approvers: {roles: [lead], count: 2, expires: 15m}}
      - {tools: [up/move], mode: approve, approvers: {roles: [chief]}}
  lead: {allow: [{tools: [up/echo]}]}
  chief: {}
`

const (
	courtSigning = "identity: {api_keys: true, signed_requests: {}}\n"
	courtGuests  = "identity: {api_keys: true, anonymous: {subject: guest, roles: [lead]}}\n"
)

// court is a gateway whose calls wait for people.
type court struct {
	*gatetest.GW
	t     *testing.T
	up    *gatetest.UP
	alice *gatetest.Client // calls
	keys  map[string]string
	http  *http.Client
}

func newCourt(t *testing.T, version, more string) *court {
	t.Helper()
	c := &court{t: t, up: gatetest.Upstream(t, gatetest.Script{Tools: rawTools("echo", "delete_all", "move")}), keys: map[string]string{}}
	c.GW = gatetest.Gateway(t, more+courtRules, map[string]*gatetest.UP{"up": c.up})
	c.Approve("")
	c.http = &http.Client{Transport: &http.Transport{}, Timeout: limit}
	t.Cleanup(c.http.CloseIdleConnections)
	for name, roles := range map[string][]string{
		"alice": {"caller", "lead"}, "lead-1": {"lead"}, "lead-2": {"lead"}, "chief-1": {"chief"}, "bob": {"caller"},
	} {
		c.keys[name] = c.Key(name, roles...)
	}
	c.alice = c.Client("alice", c.keys["alice"]).Open(version)
	return c
}

// held makes a call that waits, and returns the approval's id.
func (c *court) held(tool, arguments string) string {
	c.t.Helper()
	r := c.alice.Call(tool, arguments)
	_, rest, _ := bytes.Cut(r.Final(), []byte(`"approval":{"id":"`))
	id, _, found := bytes.Cut(rest, []byte(`"`))
	if r.Refusal != "approval.required" || !found {
		c.t.Fatalf("the call does not wait: %s", r)
	}
	return string(id)
}

// ruling is an answer at /approvals.
type ruling struct {
	status   int
	header   http.Header
	body     []byte
	code     string // of a refusal
	exchange string

	ID, State, Arguments, Shown string
	Approved, Needed            int
	Approvals                   []map[string]any
}

// String shows status and body.
func (s *ruling) String() string { return fmt.Sprintf("%d %.500s", s.status, s.body) }

// ask sends a request to /approvals and what path says, as the owner of a key. header
// are pairs; a value "-" leaves one out.
func (c *court) ask(who, method, path, body string, header ...string) *ruling {
	c.t.Helper()
	url := "http://" + c.Address() + "/approvals" + path
	req, err := http.NewRequestWithContext(c.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if key := c.keys[who]; key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		if req.Header.Set(header[i], header[i+1]); header[i+1] == "-" {
			req.Header.Del(header[i])
		}
	}
	return c.send(req)
}

func (c *court) send(req *http.Request) *ruling {
	c.t.Helper()
	resp, err := c.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	s := &ruling{status: resp.StatusCode, header: resp.Header, exchange: resp.Header.Get("Doorward-Exchange")}
	if s.body, err = io.ReadAll(resp.Body); err != nil {
		c.t.Fatal(err)
	}
	var refused struct {
		Error struct{ Data struct{ Code string } }
	}
	_ = json.Unmarshal(s.body, &refused) // what is no refusal has none
	if s.code = refused.Error.Data.Code; s.code != "" {
		c.Told(s.header, s.body)
	} else if err := json.Unmarshal(s.body, s); err != nil {
		c.t.Errorf("the answer %s: %v", s, err)
	}
	return s
}

const (
	grant = `{"decision":"grant"}`
	deny  = `{"decision":"deny"}`
)

// on are the events of a kind on record.
func (c *court) on(kind string) []audit.Record {
	c.t.Helper()
	var all []audit.Record
	for _, r := range c.Records(audit.Query{}) {
		if r.Event == kind {
			all = append(all, r)
		}
	}
	return all
}

func inCourts(t *testing.T, more string, try func(t *testing.T, c *court)) {
	t.Helper()
	for _, version := range eras {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			try(t, newCourt(t, version, more))
		})
	}
}

// Two people agree over HTTP, and the call runs once (P8, POL-56).
func TestTwoPeopleGrantOverHTTP(t *testing.T) {
	t.Parallel()
	inCourts(t, "", func(t *testing.T, c *court) {
		const arguments = `{"what": "all\u202e", "n":  1}`
		id := c.held("up__delete_all", arguments)
		list := c.ask("lead-1", "GET", "", "")
		if list.status != 200 || len(list.Approvals) != 1 || list.Approvals[0]["id"] != id || list.Approvals[0]["arguments"] != nil || list.Approvals[0]["shown"] != nil {
			t.Fatalf("the list: %s", list)
		}
		one := c.ask("lead-1", "GET", "/"+id, "")
		if one.status != 200 || one.Arguments != arguments || one.Shown != arguments || one.State != "waiting" || one.Needed != 2 {
			t.Errorf("the approval: %s", one)
		}
		if h := one.header; h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Access-Control-Allow-Origin") != "" || h.Get("Content-Type") != "application/json" {
			t.Errorf("the header: %v", h)
		}
		if r := c.on("approval.show"); len(r) != 1 || r[0].Principal.Subject != "lead-1" || r[0].Exchange != one.exchange {
			t.Errorf("on record of the look: %+v", r)
		}
		if s := c.ask("lead-1", "POST", "/"+id, grant); s.status != 200 || s.State != "waiting" || s.Approved != 1 {
			t.Errorf("the first yes: %s", s)
		}
		if again := c.held("up__delete_all", arguments); again != id {
			t.Errorf("after one yes the call waits for %s, not %s", again, id)
		}
		if s := c.ask("lead-1", "POST", "/"+id, grant); s.status != 409 || s.code != "approval.settled" {
			t.Errorf("the same person again: %s", s)
		}
		if s := c.ask("lead-2", "POST", "/"+id, grant); s.status != 200 || s.State != "granted" {
			t.Errorf("the second yes: %s", s)
		}
		if s := c.ask("lead-2", "GET", "", ""); len(s.Approvals) != 0 {
			t.Errorf("the list still has it: %s", s)
		}
		var wg sync.WaitGroup
		var ran atomic.Int64
		for range 20 {
			wg.Go(func() {
				if r := c.alice.Call("up__delete_all", arguments); r.OK() && r.Refusal == "" {
					ran.Add(1)
				}
			})
		}
		wg.Wait()
		if n := c.up.Count("tools/call"); ran.Load() != 1 || n != 1 {
			t.Errorf("it ran %d times, and the upstream saw it %d times", ran.Load(), n)
		}
		if r := c.on("approval.grant"); len(r) != 4 || r[0].Principal.Subject != "lead-1" || r[0].Status != "begun" || r[2].Status != "failed" || r[3].Principal.Subject != "lead-2" {
			t.Errorf("on record: %+v", r)
		}
	})
}

// One no ends it.
func TestOnePersonDeniesOverHTTP(t *testing.T) {
	t.Parallel()
	inCourts(t, "", func(t *testing.T, c *court) {
		id := c.held("up__delete_all", `{}`)
		if s := c.ask("lead-1", "POST", "/"+id, deny); s.status != 200 || s.State != "denied" {
			t.Errorf("the no: %s", s)
		}
		if s := c.ask("lead-2", "POST", "/"+id, grant); s.status != 409 || s.code != "approval.settled" {
			t.Errorf("a yes after it: %s", s)
		}
		if r := c.alice.Call("up__delete_all", `{}`); r.Refusal != "approval.denied" || c.up.Count("tools/call") != 0 {
			t.Errorf("the call: %s", r)
		}
	})
}

// signs makes a signed request.
func (c *court) signs(key admin.NewKey, method, path, body, nonce string) *http.Request {
	c.t.Helper()
	base := "http://" + c.Address()
	req, err := http.NewRequestWithContext(c.t.Context(), method, base+"/approvals"+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	h, err := httpsig.Sign(
		httpsig.Request{Method: method, Base: base, Target: "/approvals" + path, Header: req.Header},
		httpsig.Key{ID: key.ID, Secret: httpsig.Secret(key.Text)},
		httpsig.Params{Created: soon(), Nonce: nonce, Digest: sha256.Sum256([]byte(body))})
	if err != nil {
		c.t.Fatal(err)
	}
	maps.Copy(req.Header, h)
	return req
}

// A signature decides once, and about the body that was signed (AUT-39, AUT-41).
func TestASignedDecision(t *testing.T) {
	t.Parallel()
	c := newCourt(t, modern, courtSigning)
	key, err := c.App.CreateKey(t.Context(), "test", admin.KeyRequest{Name: "signer", Roles: []string{"chief"}, Signing: true})
	if err != nil {
		t.Fatal(err)
	}
	c.Hide(key.Text)
	id := c.held("up__move", `{}`)

	swapped := c.signs(key, "POST", "/"+id, deny, nonceOf(1))
	swapped.Body, swapped.ContentLength = io.NopCloser(strings.NewReader(grant)), int64(len(grant))
	if s := c.send(swapped); s.status != 401 || s.code != "identity.invalid" {
		t.Errorf("another body than was signed: %s", s)
	}
	other := c.held("up__move", `{"n":1}`)
	moved := c.signs(key, "POST", "/"+other, grant, nonceOf(2))
	moved.URL.Path = "/approvals/" + id
	if s := c.send(moved); s.status != 401 {
		t.Errorf("another approval than was signed: %s", s)
	}
	if s := c.send(c.signs(key, "GET", "", "", nonceOf(3))); s.status != 200 || len(s.Approvals) != 2 {
		t.Errorf("a signed look: %s", s)
	}
	good := c.signs(key, "POST", "/"+id, grant, nonceOf(4))
	replay := good.Clone(t.Context())
	replay.Body = io.NopCloser(strings.NewReader(grant))
	if s := c.send(good); s.status != 200 || s.State != "granted" {
		t.Fatalf("a signed yes: %s", s)
	}
	if s := c.send(replay); s.status != 401 || s.code != "identity.invalid" {
		t.Errorf("a replay: %s", s)
	}
	if r := c.alice.Call("up__move", `{}`); !r.OK() || c.up.Count("tools/call") != 1 {
		t.Errorf("the call: %s", r)
	}
	if r := c.on("approval.request"); len(r) != 3 {
		t.Errorf("%d refusals on record", len(r))
	}
}
