package app_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"doorward/internal/audit"
	"doorward/internal/gatetest"
)

// MHB-16: what is kept stands in the upstream's place and nowhere earlier. Each reading is
// judged, its answer inspected, filtered and on record, with the exchange that it comes
// from; and a client is never told that an answer is public.
func TestMHB16_KeptAnswersWalkTheLine(t *testing.T) {
	t.Parallel()
	const secret = "ghp_016C7Qz0x8Lr2Vt5Ns9Kd3Wm6Yb1Ha2hTyYc"
	up := answering(t, gatetest.Script{Eras: []string{"stateless"}, Resources: []json.RawMessage{[]byte(`{"uri":"docs://a","name":"a"}`)}})
	var reads atomic.Int32
	up.on("resources/read", func([]byte) string {
		return fmt.Sprintf(`{"resultType":"complete","ttlMs":300000,"cacheScope":"public","contents":[{"uri":"docs://a","text":"reading %d, %s"}]}`, reads.Add(1), secret)
	})
	gw := gatetest.Gateway(t, `
roles:
  reader: {allow: [{resources: ["docs://**"]}]}
  caller: {allow: [{tools: ["up/*"]}]}
upstreams: {up: {url: "`+up.URL()+`"}}
limits: {per_principal: 100/1m}
`, nil)
	gw.Approve("")
	read := func(c *gatetest.Client) *gatetest.Reply {
		c.Version = "2026-07-28"
		return c.Post(c.Request("1", "resources/read", `"uri":"docs://a"`))
	}
	reading := func(want int, c *gatetest.Client) {
		t.Helper()
		r := read(c)
		text := string(r.Body)
		if !r.OK() || !strings.Contains(text, fmt.Sprintf("reading %d", want)) || strings.Contains(text, secret) || !strings.Contains(text, `"private"`) || strings.Contains(text, `"public"`) {
			t.Errorf("got %s, want reading %d, private and without a secret", r, want)
		}
	}
	alice, bob := gw.As("alice", "reader"), gw.As("bob", "reader")
	reading(1, alice)
	reading(1, alice)
	reading(1, bob)
	if r := read(gw.As("mallory", "caller")); r.OK() || r.Refusal == "" {
		t.Errorf("who may not read it reads what is kept: %s", r)
	}
	rewrite(t, gw, "per_principal: 100/1m", "per_principal: 90/1m")
	reading(2, alice)
	gw.Revoke("bob")
	if r := read(bob); r.Status != 401 {
		t.Errorf("who is let in no more: %s", r)
	}
	reading(3, alice)
	if n := reads.Load(); n != 3 {
		t.Errorf("the upstream was read %d times, want 3", n)
	}
	first := map[string]string{} // exchange by reading
	var cached []string
	for _, r := range gw.Records(audit.Query{Kind: audit.KindOutcome}) {
		if r.Method != "resources/read" || r.Status != "ok" {
			continue
		}
		first[r.Exchange] = r.Cached
		if r.Cached != "" {
			cached = append(cached, r.Cached)
		}
		if len(r.Findings) == 0 || r.Rule == "" {
			t.Errorf("exchange %s was not judged or not inspected: %+v", r.Exchange, r)
		}
	}
	if len(first) != 5 || len(cached) != 2 || cached[0] != cached[1] {
		t.Errorf("%d readings on record, of which %q were kept", len(first), cached)
	} else if from, ok := first[cached[0]]; !ok || from != "" {
		t.Errorf("what was kept comes from %s, which is %v, %q", cached[0], ok, from)
	}
}
