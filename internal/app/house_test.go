package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"doorward/internal/audit"
	"doorward/internal/gatetest"
)

// eras are the versions in which attacks are tried: the last of each era.
var eras = []string{"2025-11-25", "2026-07-28"}

const tool = `{"name":%q,"description":"A tool.","inputSchema":{"type":"object"}}`

func loose(name string) []byte { return fmt.Appendf(nil, tool, name) }

// house is a gateway before one upstream, with the two principals of every
// attack: alice, who tries it, and bob, who must not notice.
type house struct {
	*gatetest.GW
	t     *testing.T
	up    *gatetest.UP
	alice *gatetest.Client
	bob   *gatetest.Client
}

const houseRoles = `
upstreams: {up: {url: "${up}"}}
roles:
  reader:
    allow:
      - {tools: ["up/**"], prompts: ["up/**"], resources: ["**"]}
    deny:
      - tools: [up/delete_all]
`

func newHouse(t *testing.T, version string, tools ...[]byte) *house {
	t.Helper()
	s := gatetest.Script{}
	for _, name := range []string{"echo", "get_weather", "delete_all"} {
		s.Tools = append(s.Tools, loose(name))
	}
	for _, def := range tools {
		s.Tools = append(s.Tools, def)
	}
	return open(t, version, s)
}

// open starts the house; both clients have made a call, so that nothing has to
// be read from the upstream any more.
func open(t *testing.T, version string, s gatetest.Script) *house {
	t.Helper()
	h := &house{t: t, up: gatetest.Upstream(t, s)}
	h.GW = gatetest.Gateway(t, houseRoles, map[string]*gatetest.UP{"up": h.up})
	h.Approve("")
	h.alice = h.As("alice", "reader").Open(version)
	h.bob = h.As("bob", "reader").Open(version)
	for _, c := range []*gatetest.Client{h.alice, h.bob} {
		if r := c.Call("up__echo", `{}`); !r.OK() {
			t.Fatalf("ordinary call of %s: %s", c.Name, r)
		}
	}
	return h
}

// reopen makes alice speak another version, and lets the gateway read what it
// needs for her from the upstream.
func (h *house) reopen(version string) {
	h.t.Helper()
	if r := h.alice.Open(version).Call("up__echo", `{}`); !r.OK() {
		h.t.Fatalf("ordinary call in %s: %s", version, r)
	}
}

// refusal is what an attack must come to: an HTTP status, a JSON-RPC code and a
// code of Doorward's. Zero values are not looked at.
type refusal struct {
	status int
	code   int
	gate   string
}

var (
	notJSON     = refusal{http.StatusBadRequest, -32700, "message.parse"}
	notAllowed  = refusal{http.StatusBadRequest, -32600, "message.invalid"}
	mismatch    = refusal{http.StatusBadRequest, -32020, "message.header_mismatch"}
	batchTurned = refusal{http.StatusBadRequest, -32600, "message.batch"}
)

// refused makes the attack and holds it to the refusal, to U0, A1 and G7 of
// security.md §0.
func (h *house) refused(want refusal, attack func() *gatetest.Reply) {
	h.t.Helper()
	before := h.up.Posts()
	r := attack()
	if r.Status != want.status || r.Code != want.code || want.gate != "" && r.Refusal != want.gate {
		h.t.Errorf("got %s, want status %d, code %d, %s", r, want.status, want.code, want.gate)
	}
	if n := h.up.Posts() - before; n != 0 {
		h.t.Errorf("U0: %d requests reached the upstream", n)
	}
	h.oneRecord(r.Exchange, h.alice.Name, want.gate)
	h.neighbour()
}

// oneRecord is A1: the refusal is on record once, with who and why.
func (h *house) oneRecord(exchange, subject, code string) {
	h.t.Helper()
	got := h.Records(audit.Query{Exchange: exchange})
	if len(got) != 1 {
		h.t.Errorf("A1: %d records of exchange %s: %+v", len(got), exchange, got)
		return
	}
	if r := got[0]; r.Kind != audit.KindOutcome || r.Effect != "deny" || r.Principal.Subject != subject ||
		code != "" && r.Code != code || r.Code == "" || r.Status != "refused" && r.Status != "failed" {
		h.t.Errorf("A1: the record is %+v, want a denial of %s with code %s", r, subject, code)
	}
}

// neighbour is G7: an ordinary call of another principal works.
func (h *house) neighbour() {
	h.t.Helper()
	if r := h.bob.Call("up__echo", `{}`); !r.OK() {
		h.t.Errorf("G7: an ordinary call of %s fails: %s", h.bob.Name, r)
	}
	if reasons := h.App.Ready(h.t.Context()); len(reasons) > 0 {
		h.t.Errorf("G7: the gateway is not ready: %v", reasons)
	}
}

// inEras runs an attack in a house of each era.
func inEras(t *testing.T, attack func(t *testing.T, h *house)) {
	t.Helper()
	for _, version := range eras {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			attack(t, newHouse(t, version))
		})
	}
}

// body is a tool call with members as they are given: params has the _meta of
// the client's era at its end.
func (h *house) body(params string) []byte {
	return h.alice.Request("7", "tools/call", params)
}

// each refuses every body, and says which was not.
func (h *house) each(want refusal, bodies map[string]string) {
	h.t.Helper()
	t := h.t
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			h.t = t
			h.refused(want, func() *gatetest.Reply { return h.alice.Post([]byte(body)) })
		})
	}
	h.t = t
}

func rawTools(names ...string) []json.RawMessage {
	all := make([]json.RawMessage, 0, len(names))
	for _, name := range names {
		all = append(all, loose(name))
	}
	return all
}
