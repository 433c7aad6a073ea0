package gatetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"doorward/internal/audit"
)

// AuditDir is where the gateway's audit log is.
func (g *GW) AuditDir() string { return filepath.Join(g.Dir, "data", "audit") }

// Records are the records that match, oldest first, with what is sealed of who they
// are about, but for those who were erased. An outcome is there before
// the client has its answer.
func (g *GW) Records(q audit.Query) []audit.Record {
	g.t.Helper()
	ring, err := audit.OpenKeyring(g.AuditDir(), filepath.Join(g.Dir, "data", "audit.key"))
	if err != nil {
		g.t.Fatalf("reading the audit log: %v", err)
	}
	q.Keys = ring.Of(q.Principal)
	var all []audit.Record
	err = audit.Read(context.Background(), g.AuditDir(), q, func(r *audit.Record) error {
		all = append(all, *r)
		if err := ring.Reveal(&all[len(all)-1]); !errors.Is(err, audit.ErrErased) {
			return err
		}
		return nil
	})
	if err != nil {
		g.t.Fatalf("reading the audit log: %v", err)
	}
	return all
}

// Exchanges are the intents and outcomes so far, oldest first.
func (g *GW) Exchanges() []audit.Record {
	g.t.Helper()
	var all []audit.Record
	for _, r := range g.Records(audit.Query{}) {
		if r.Kind == audit.KindIntent || r.Kind == audit.KindOutcome {
			all = append(all, r)
		}
	}
	return all
}

// checkInvariants holds the finished gateway to G1, G3, G4 and G8 of security.md §0.
func (g *GW) checkInvariants() {
	g.t.Helper()
	if text := g.log.text(); strings.Contains(text, "panic") {
		g.t.Errorf("G1: the log speaks of a panic")
	}
	if bytes.Contains(g.metrics, []byte(`stage_duration_seconds_count{stage="other"}`)) && !bytes.Contains(g.metrics, []byte(`stage_duration_seconds_count{stage="other"} 0`)) {
		g.t.Errorf("a stage of the line has no name in the metrics")
	}
	g.checkSecrets()
	g.checkDiscipline()
	report, err := audit.Verify(context.Background(), g.AuditDir(), audit.Options{})
	if err != nil {
		g.t.Errorf("G3: the audit log does not verify: %v", err)
		return
	}
	if report.Unanswered > 0 {
		g.t.Errorf("G8: %d intents without an outcome: %v", report.Unanswered, report.Examples)
	}
	exchanges := g.Exchanges()
	g.checkExecuted(exchanges)
	g.checkAcknowledged(exchanges)
}

// checkSecrets: no text of a key, a token or any other secret is in a file of the
// gateway, in its log, in its metrics, in what it told a client that it refused,
// or at an upstream (AUT-60).
func (g *GW) checkSecrets() {
	g.t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	places := map[string][]byte{"the log": []byte(g.log.text()), "the metrics": g.metrics, "what clients were told": g.errors}
	err := filepath.WalkDir(g.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		places[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		g.t.Errorf("G4: looking for secrets: %v", err)
	}
	for name, up := range g.ups {
		for _, s := range up.Seen("") {
			places["upstream "+name] = fmt.Appendf(places["upstream "+name], "%v\n%s\n", s.Header, s.Raw)
		}
	}
	slices.Sort(g.secrets)
	for _, secret := range slices.Compact(g.secrets) {
		for place, text := range places {
			if has(text, []byte(secret)) {
				g.t.Errorf("G4: %.24s… is in %s", secret, place)
			}
		}
	}
}

// quick is how many bytes the library looks for with the processor's own instructions,
// on every processor that has some; what is longer it hashes byte by byte.
const quick = 16

// has tells whether a text has a secret. It looks for the end of the secret first: tokens
// begin alike.
func has(text, secret []byte) bool {
	return bytes.Contains(text, secret[max(len(secret)-quick, 0):]) && bytes.Contains(text, secret)
}

// deed is something that an upstream was made to do.
type deed struct{ upstream, method, item string }

// checkExecuted: what upstreams executed ⊆ what has an intent. Ids are
// rewritten on the way, so the two are counted.
func (g *GW) checkExecuted(exchanges []audit.Record) {
	g.t.Helper()
	meant := map[deed]int{}
	for i := range exchanges {
		r := &exchanges[i]
		if r.Kind == audit.KindIntent && r.Upstream != "" {
			item := r.Item
			if r.ItemKind != "tool" && r.ItemKind != "prompt" || r.Method == "completion/complete" {
				item = "" // as the upstream tells it
			}
			meant[deed{r.Upstream, r.Method, item}]++
		}
	}
	for name, up := range g.ups {
		for _, s := range up.Judged() {
			d := deed{name, s.Method, s.Name}
			if meant[d]--; meant[d] < 0 {
				g.t.Errorf("G8: upstream %s executed %s %s without an intent on record", name, s.Method, s.Name)
			}
		}
	}
}

// checkAcknowledged: what clients were answered ⊆ what has an outcome.
func (g *GW) checkAcknowledged(exchanges []audit.Record) {
	g.t.Helper()
	ended := map[string]bool{}
	for i := range exchanges {
		r := &exchanges[i]
		if r.Kind == audit.KindOutcome {
			id, _, _ := strings.Cut(r.Exchange, ".") // a batch's items
			ended[id] = true
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, a := range g.answers {
		if !a.turned && !ended[a.exchange] {
			g.t.Errorf("G8: a client was answered in exchange %s, which has no outcome on record", a.exchange)
		}
	}
}

func (g *GW) note(exchange string, turned bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.answers = append(g.answers, answered{exchange, turned})
}

// Told takes note of what a client was told that it was refused, for checkSecrets.
// What a Client gets is noted already.
func (g *GW) Told(header http.Header, body []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.errors = fmt.Appendf(g.errors, "%v\n%s\n", header, body)
}
