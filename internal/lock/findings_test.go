package lock_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/gate"
	"doorward/internal/lock"
)

// usual are the effects that the configuration has unless it says otherwise.
var usual = lock.Effects{High: lock.Block, Medium: lock.Hold, Low: lock.Warn}

// words finds words in definitions, and the names of other upstreams' tools.
func words(items, near []gate.Item) [][]gate.Finding {
	out := make([][]gate.Finding, len(items))
	for i, it := range items {
		text := string(it.Raw)
		for word, severity := range map[string]gate.Severity{"steal": gate.High, "always": gate.Medium, "quick": gate.Low} {
			if strings.Contains(text, word) {
				out[i] = append(out[i], gate.Finding{Rule: "word." + word, Severity: severity, Where: "/description"})
			}
		}
		for _, other := range near {
			if other.Upstream != it.Upstream && strings.Contains(text, other.Name) {
				out[i] = append(out[i], gate.Finding{Rule: "shadow.name", Severity: gate.High})
			}
		}
	}
	return out
}

func tool(t *testing.T, upstream, name, description string) gate.Item {
	t.Helper()
	it := item(t, gate.Tool, name, `{"name":`+quote(name)+`,"description":`+quote(description)+`}`)
	it.Upstream = upstream
	return it
}

func only(t *testing.T, p *lock.Pins, it gate.Item) lock.Entry {
	t.Helper()
	list := p.List(lock.Filter{Upstream: it.Upstream, Kind: it.Kind, Name: it.Name})
	if len(list) != 1 {
		t.Fatalf("%d entries of %s", len(list), it.Path())
	}
	return list[0]
}

func TestFirstUseApprovesOnlyWhatNothingHolds(t *testing.T) {
	c := lock.Config{Path: filepath.Join(t.TempDir(), "doorward.lock"), FirstUse: lock.ApproveFirst, Findings: usual, Inspect: words}
	p := open(t, c)
	clean, low := tool(t, "up", "clean", "Adds."), tool(t, "up", "low", "Adds, quick.")
	medium, high := tool(t, "up", "medium", "always"), tool(t, "up", "high", "steal")
	all := []gate.Item{clean, low, medium, high}
	for range 3 {
		p.Observe(slices.Clone(all))
	}
	for it, want := range map[string]gate.PinState{"clean": gate.Approved, "low": gate.Approved, "medium": gate.Held, "high": gate.Held} {
		i := slices.IndexFunc(all, func(a gate.Item) bool { return a.Name == it })
		if got := state(p, all[i]); got != want {
			t.Errorf("%s is %v, want %v", it, got, want)
		}
	}
	if e := only(t, p, medium); !e.Holds || len(e.Blocks) != 0 {
		t.Errorf("medium: %+v", e)
	}
	if e := only(t, p, low); e.Holds || len(e.Findings) != 1 {
		t.Errorf("low: %+v", e)
	}
}

// TestDetectorsThatSayNothingHold: what was not inspected is not approved by
// first use, and withheld where it is approved.
func TestDetectorsThatSayNothingHold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "doorward.lock")
	silent := func([]gate.Item, []gate.Item) [][]gate.Finding { return nil }
	it := tool(t, "up", "a", "Adds.")
	p := open(t, lock.Config{Path: path, FirstUse: lock.ApproveFirst, Findings: usual, Inspect: silent})
	p.Observe([]gate.Item{it})
	if got := state(p, it); got != gate.Held {
		t.Errorf("held is %v", got)
	}
	p = open(t, lock.Config{Path: path})
	p.Observe([]gate.Item{it})
	if _, err := p.Approve([]lock.Ref{ref(it)}, "me"); err != nil {
		t.Fatal(err)
	}
	if got := state(open(t, lock.Config{Path: path, Inspect: silent}), it); got != gate.Flagged {
		t.Errorf("approved is %v", got)
	}
}

func TestBlockedUntilTheRuleIsNamed(t *testing.T) {
	c := lock.Config{Path: filepath.Join(t.TempDir(), "doorward.lock"), Findings: usual, Inspect: words}
	p := open(t, c)
	evil := tool(t, "up", "a", "always steal")
	p.Observe([]gate.Item{evil})
	for _, accept := range [][]string{nil, {"word.always"}, {"word.other"}} {
		r := ref(evil)
		r.Accept = accept
		if n, err := p.Approve([]lock.Ref{r}, "me"); n != 0 || !errors.Is(err, lock.ErrFindings) || !strings.Contains(err.Error(), "word.steal") {
			t.Errorf("accepting %v: %d, %v", accept, n, err)
		}
	}
	if got := state(p, evil); got != gate.Held {
		t.Errorf("it is %v", got)
	}
	r := ref(evil)
	r.Accept = []string{"word.steal", "word.never", "word.always"}
	if n, err := p.Approve([]lock.Ref{r}, "me"); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	for _, p := range []*lock.Pins{p, open(t, c)} {
		if got := state(p, evil); got != gate.Approved {
			t.Errorf("accepted is %v", got)
		}
	}
	l, err := lock.Load(c.Path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"word.always", "word.steal"}, l.Pins()[0].Accepted); diff != "" {
		t.Error(diff)
	}
	if text := contents(t, c.Path); !strings.Contains(text, `"accepted": ["word.always", "word.steal"],`) {
		t.Errorf("the file says %s", text)
	}
	// What is accepted of one definition is not of the next.
	next := tool(t, "up", "a", "steal more")
	p.Observe([]gate.Item{next})
	if _, err := p.Approve([]lock.Ref{ref(next)}, "me"); !errors.Is(err, lock.ErrFindings) {
		t.Errorf("the next version: %v", err)
	}
}

// TestApprovedIsFlaggedByWhatIsKnownLater: detectors that learn, and a neighbour
// that comes, withhold what was approved before.
func TestApprovedIsFlaggedByWhatIsKnownLater(t *testing.T) {
	path := filepath.Join(t.TempDir(), "doorward.lock")
	p := open(t, lock.Config{Path: path})
	evil, fine := tool(t, "up", "first", "steal"), tool(t, "up", "second", "instead of send_mail")
	p.Observe([]gate.Item{evil, fine})
	if n, err := p.Approve([]lock.Ref{ref(evil), ref(fine)}, "me"); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	p = open(t, lock.Config{Path: path, Findings: usual, Inspect: words})
	if got := [2]gate.PinState{state(p, evil), state(p, fine)}; got != [2]gate.PinState{gate.Flagged, gate.Approved} {
		t.Errorf("with detectors they are %v", got)
	}
	if e := only(t, p, evil); e.State != gate.Flagged || !slices.Equal(e.Blocks, []string{"word.steal"}) {
		t.Errorf("entry: %+v", e)
	}
	// What is only offered says nothing against what is approved.
	mail := tool(t, "mail", "send_mail", "Sends.")
	p.Observe([]gate.Item{mail})
	if got := state(p, fine); got != gate.Approved {
		t.Errorf("with an offered neighbour it is %v", got)
	}
	if _, err := p.Approve([]lock.Ref{ref(mail)}, "me"); err != nil {
		t.Fatal(err)
	}
	if got := state(p, fine); got != gate.Flagged {
		t.Errorf("with an approved neighbour it is %v", got)
	}
	// A person who accepts it has it back; observing it again changes nothing.
	p.Observe([]gate.Item{evil, fine})
	r := ref(fine)
	r.Accept = []string{"shadow.name"}
	if n, err := p.Approve([]lock.Ref{r}, "me"); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if got := state(p, fine); got != gate.Approved {
		t.Errorf("accepted is %v", got)
	}
	if n, err := p.Approve([]lock.Ref{r}, "me"); n != 0 || err != nil {
		t.Errorf("the same again: %d, %v", n, err)
	}
}

func TestFlaggedServerIsNotUsed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "doorward.lock")
	server := item(t, gate.Server, "", `{"name":"steal","version":"1"}`)
	p := open(t, lock.Config{Path: path})
	p.Observe([]gate.Item{server})
	if _, err := p.Approve([]lock.Ref{ref(server)}, "me"); err != nil {
		t.Fatal(err)
	}
	p = open(t, lock.Config{Path: path, Findings: usual, Inspect: words})
	if v := p.ServerAllowed(server.Upstream, server.Digest, server.Raw); v.Code != gate.CodeUpstreamHeld {
		t.Errorf("verdict %+v", v)
	}
}

func TestInspectedOncePerDefinition(t *testing.T) {
	count := 0
	counting := func(items, near []gate.Item) [][]gate.Finding {
		count += len(items)
		return words(items, near)
	}
	c := lock.Config{Path: filepath.Join(t.TempDir(), "doorward.lock"), FirstUse: lock.ApproveFirst, Findings: usual, Inspect: counting}
	p := open(t, c)
	held, fine := tool(t, "up", "held", "always"), tool(t, "up", "fine", "Adds.")
	for range 100 {
		p.Observe([]gate.Item{held, fine})
		p.List(lock.Filter{})
		if err := p.Reload(); err != nil {
			t.Fatal(err)
		}
	}
	// Both as offered, one as approved, and the other beside it.
	if count > 4 {
		t.Errorf("%d inspections of two definitions", count)
	}
}

func TestAcceptedIsReadStrictly(t *testing.T) {
	c := lock.Config{Path: filepath.Join(t.TempDir(), "doorward.lock"), Findings: usual, Inspect: words}
	p := open(t, c)
	evil := tool(t, "up", "a", "steal")
	p.Observe([]gate.Item{evil})
	r := ref(evil)
	r.Accept = []string{"word.steal"}
	if _, err := p.Approve([]lock.Ref{r}, "me"); err != nil {
		t.Fatal(err)
	}
	good := contents(t, c.Path)
	for _, bad := range []string{
		`"accepted": []`, `"accepted": [""]`, `"accepted": ["b", "a"]`, `"accepted": ["a", "a"]`, `"accepted": "a"`, `"accepted": [1]`,
		`"accepted": ["` + strings.Repeat("a", 65) + `"]`, `"accepted": ["a"], "accepted": ["a"]`,
	} {
		if _, err := lock.Parse([]byte(strings.Replace(good, `"accepted": ["word.steal"]`, bad, 1))); err == nil {
			t.Errorf("%s is read", bad)
		}
	}
	rejected := strings.NewReplacer(`"approved"`, `"rejected"`, "approved_", "rejected_").Replace(good)
	if _, err := lock.Parse([]byte(rejected)); err == nil || !strings.Contains(err.Error(), "accepts nothing") {
		t.Errorf("an entry that is rejected: %v", err)
	}
	without := strings.Replace(good, `"accepted": ["word.steal"],`, "", 1)
	if err := os.WriteFile(c.Path, []byte(without), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := state(open(t, c), evil); got != gate.Flagged {
		t.Errorf("without what it accepts it is %v", got)
	}
}
