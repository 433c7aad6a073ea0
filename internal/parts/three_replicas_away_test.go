package parts_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// awayPage is where it says what becomes of calls: one row for each thing that is away,
// one column for each kind of call, and in it the codes of refusals, none where they go on.
const awayPage = "when-something-is-away.md"

var inCode = regexp.MustCompile("`([^`]+)`")

// awayRows are the codes of the page's table, by what is away and the kind of call.
func awayRows(t *testing.T) map[string]map[string][]string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "reference", awayPage))
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]map[string][]string{}
	var head []string
	for line := range strings.Lines(string(b)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case !strings.HasPrefix(line, "|"):
			head = nil
		case head == nil:
			head = cells
		case head[0] == "Away" && !strings.HasPrefix(cells[0], "-"):
			row := map[string][]string{}
			for i, cell := range cells[1:] {
				row[head[i+1]] = []string{}
				for _, m := range inCode.FindAllStringSubmatch(cell, -1) {
					row[head[i+1]] = append(row[head[i+1]], m[1])
				}
			}
			rows[cells[0]] = row
		}
	}
	return rows
}

// outage is the test of what is away.
type outage struct {
	t      *testing.T
	f      *three
	signer key
	asker  string
	old    [3]*caller // with a session each
	n      int
	last   string // what did not go on
	pace   *time.Ticker
	closed map[string]func(from string) got // what must never be let in again
}

// ask makes one call of each kind as a client at an address.
func (o *outage) ask(kind string, i int) got {
	o.n++
	n, from := fmt.Sprint(kind, o.n), o.f.from[i]
	switch kind {
	case "Calls":
		return o.f.caller(from, "").call(o.t, "look", n, "")
	case "Signed requests":
		body, h := o.f.signed(o.t, o.signer, n)
		return o.f.caller(from, "").bare().send(o.t, body, h)
	case "Calls in sessions":
		return o.old[i].call(o.t, "look", n, "")
	case "Calls that wait for a yes":
		a := o.f.caller(from, o.asker).call(o.t, "send", "waits", "") // one call: how many may wait is bounded
		if a.status == http.StatusOK && strings.Contains(string(a.body), "requestState") {
			a.code, a.body = "", []byte(`"result"`) // it waits, as it should
		}
		return a
	}
	o.t.Fatalf("%s has a column %q that this test does not know", awayPage, kind)
	return got{}
}

// good tells whether a call of each kind goes on at each gateway.
func (o *outage) good(row map[string][]string) bool {
	<-o.pace.C
	for kind := range row {
		for i := range 3 {
			if a := o.ask(kind, i); !a.good() {
				o.last = fmt.Sprintf("%s at %d: %v", kind, i, a)
				return false
			}
		}
	}
	return true
}

// shut fails when what was revoked, spent or used is let in.
func (o *outage) shut(when string) {
	o.t.Helper()
	for what, try := range o.closed {
		for _, from := range o.f.from {
			if a := try(from); a.good() {
				o.t.Errorf("%s: %s is let in: %v", when, what, a)
			}
		}
	}
}

// during makes calls of each kind until each that the row refuses is refused at each
// gateway: with the row's codes, and none that it does not refuse.
func (o *outage) during(what string, row map[string][]string) {
	o.t.Helper()
	seen := map[string]bool{}
	o.shut(what + " is away")
	eventually(o.t, what+" is away, and calls are refused", func() bool {
		<-o.pace.C
		all := true
		for kind, codes := range row {
			for i := range 3 {
				a, at := o.ask(kind, i), fmt.Sprint(kind, i)
				switch {
				case a.good():
				case slices.Contains(codes, a.code):
					seen[at] = true
				default:
					o.t.Fatalf("%s is away: %s: %v, want %q", what, kind, a, codes)
				}
				all = all && (len(codes) == 0 || seen[at])
			}
		}
		return all
	})
	o.shut(what + " is away and calls are refused")
}

// TestDUR21_DUR23_OneThingAway: what becomes of calls while something is away is what
// docs/reference says, nothing fails open, and everything is back by itself.
func TestDUR21_DUR23_OneThingAway(t *testing.T) {
	t.Parallel()
	f := newThree(t, noLimit)
	defer f.end()
	rows := awayRows(t)
	o := begin(t, f)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the last that did not go on: %s", o.last)
		}
	})
	for _, tc := range []struct {
		what       string
		away, back func()
	}{
		{"Redis", f.redis.Stop, f.redis.Start},
		{"PostgreSQL", f.database.Stop, f.database.Start},
		{"one replica", func() {
			_ = f.replicas[1].cmd.Process.Signal(syscall.SIGKILL) // it ended before, if it cannot
			<-f.replicas[1].exited
		}, func() { f.again(1) }},
		{"one upstream", func() { _ = f.web.Close() }, func() { f.rise(t) }},
		{"Redis and PostgreSQL", func() { f.redis.Stop(); f.database.Stop() }, func() { f.redis.Start(); f.database.Start() }},
	} {
		row := rows[tc.what]
		delete(rows, tc.what)
		if len(row) == 0 {
			t.Fatalf("%s has no row %q", awayPage, tc.what)
		}
		tc.away()
		o.during(tc.what, row)
		tc.back()
		began := time.Now()
		eventually(t, tc.what+" is back, and everything goes on", func() bool { return o.good(row) })
		o.shut(tc.what + " is back")
		t.Logf("%s: everything goes on %v after it is back", tc.what, time.Since(began).Round(time.Millisecond))
	}
	if len(rows) > 0 {
		t.Errorf("%s has rows that are not tried: %v", awayPage, rows)
	}
	for _, tool := range []string{"count", "send"} {
		for n, made := range f.made(tool) {
			if made > 1 {
				t.Errorf("%s %s was made %d times", tool, n, made)
			}
		}
	}
}

// begin uses up what is good once, and revokes somebody.
func begin(t *testing.T, f *three) *outage {
	t.Helper()
	o := &outage{t: t, f: f, closed: map[string]func(string) got{}, pace: time.NewTicker(200 * time.Millisecond)}
	t.Cleanup(o.pace.Stop)
	o.signer = f.signing(t)
	o.asker = f.replicas[0].key("create", "asker", "--role", "caller").Key
	lead := f.replicas[0].key("create", "lead", "--role", "lead").Key
	f.spread(o.asker)
	for i, from := range f.from {
		o.old[i] = f.caller(from, "")
		o.old[i].session = o.old[i].post(t, "initialize", `"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"old","version":"1"}`).session
	}
	body, h := f.signed(t, o.signer, "spent")
	if a := f.caller(f.from[0], "").bare().send(t, body, h.Clone()); !a.good() {
		t.Fatalf("a signed request: %v", a)
	}
	o.closed["a nonce that is spent"] = func(from string) got { return f.caller(from, "").bare().send(t, body, h.Clone()) }
	asker := f.caller(f.from[0], o.asker)
	id, resume := f.waits(t, asker, "used")
	if r := f.grant(0, lead, id); r.code != 0 {
		t.Fatalf("a yes: %s%s", r.stdout, r.stderr)
	}
	if a := asker.call(t, "send", "used", resume); !a.good() {
		t.Fatalf("an approved call: %v", a)
	}
	o.closed["an approval that is used"] = func(from string) got { return f.caller(from, o.asker).call(t, "send", "used", resume) }
	mallory := f.idp.Token(map[string]any{"sub": "mallory", "aud": publicURL + "/mcp"})
	if a := f.caller(f.from[0], mallory).call(t, "look", "mallory", ""); !a.good() {
		t.Fatalf("before the revocation: %v", a)
	}
	f.replicas[0].must("key", "revoke", "--subject", "mallory", "--issuer", f.idp.URL())
	revoked := func(from string) got { return f.caller(from, mallory).call(t, "look", "mallory", "") }
	for _, from := range f.from {
		eventually(t, "who is revoked is turned away", func() bool { return revoked(from).status == http.StatusUnauthorized })
	}
	o.closed["somebody who is revoked"] = revoked
	return o
}
