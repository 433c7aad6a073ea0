package app_test

import (
	"testing"

	"doorward/internal/audit"
	"doorward/internal/gatetest"
)

// MHB-15: what a stateful upstream asks and nobody is asked is on record, though
// the call during which it asked goes on.
func TestMHB15_DeclinedQuestionIsOnRecord(t *testing.T) {
	t.Parallel()
	for _, version := range eras {
		t.Run(version, func(t *testing.T) {
			k := talking(t, false, gatetest.Script{Tools: rawTools("ask")})
			k.question = `"method":"sampling/createMessage","params":{"messages":[],"maxTokens":1}`
			gw := gatetest.Gateway(t, `upstreams: {up: {url: "`+k.URL()+`"}}`, nil)
			gw.Approve("")
			if r := gw.As("alice").Open(version).Call("up__ask", `{}`); !r.OK() || len(k.told()) != 1 {
				t.Fatalf("got %s, and the upstream was told %q", r, k.told())
			}
			for _, rec := range gw.Records(audit.Query{}) {
				if rec.Kind == audit.KindEvent && rec.Upstream == "up" && rec.Status == "refused" {
					return
				}
			}
			t.Error("A1: no record says that the upstream was refused its question")
		})
	}
}
