package upstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/gate"
	"doorward/internal/leak"
)

// guarded is a guard that has handed a secret out, and what it put on record.
func guarded(t *testing.T, blocks bool, failing *error) (*guard, *[]string) {
	t.Helper()
	var details []string
	g := &guard{
		name: "up", keep: time.Minute, count: func(string) {}, blocks: func() bool { return blocks }, told: map[telling]*tally{},
		record: func(_ context.Context, e gate.Event) error {
			if failing != nil && *failing != nil {
				return *failing
			}
			details = append(details, e.Kind+": "+e.Detail)
			return nil
		},
	}
	g.hand("api", "Bearer ", "CANARY-of-upstream-1")
	return g, &details
}

func toolsCall(*gate.Message) string { return "tools/call" }

const leakingResult = `{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"CANARY-of-upstream-1"}]}}`

func TestGuard_Rotation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, _ := guarded(t, false, nil)
		finds := func(value string) bool {
			_, names := g.watch.Load().Mask([]byte("<" + value + ">"))
			return len(names) == 1
		}
		g.hand("api", "Bearer ", "CANARY-of-upstream-2")
		g.hand("api", "Bearer ", "CANARY-of-upstream-2")
		if !finds("CANARY-of-upstream-1") || !finds("CANARY-of-upstream-2") || len(g.handed) != 2 {
			t.Errorf("%d values are looked for, want the new one and the old one", len(g.handed))
		}
		for range 100 { // an upstream that takes the old one alone is shown both with each call
			g.hand("api", "Bearer ", "CANARY-of-upstream-1")
			g.hand("api", "Bearer ", "CANARY-of-upstream-2")
		}
		if len(g.handed) != 2 {
			t.Errorf("two versions that take turns are %d values", len(g.handed))
		}
		time.Sleep(2 * time.Minute) // of the bubble's clock
		g.expire(time.Now())
		if finds("CANARY-of-upstream-1") || !finds("CANARY-of-upstream-2") || len(g.handed) != 1 {
			t.Errorf("%d values are kept, want the new one alone", len(g.handed))
		}
	})
}

func TestGuard_RecordsOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, details := guarded(t, false, nil)
		counted := map[string]int{}
		g.count = func(what string) { counted[what]++ }
		for range 3 {
			m, err := g.parse([]byte(leakingResult), toolsCall)
			if err != nil || !m.Leaked || strings.Contains(string(m.Raw), "CANARY") {
				t.Fatalf("%v, %v", m, err)
			}
		}
		time.Sleep(leakEvery)
		if _, err := g.parse([]byte(leakingResult), toolsCall); err != nil {
			t.Fatal(err)
		}
		want := "secret.leaked: secret api in the answer to tools/call"
		if got := *details; len(got) != 2 || got[0] != want || got[1] != want+", and 2 times since it was last told" {
			t.Errorf("on record %q", got)
		}
		if len(counted) != 1 || counted["secret_leaked"] != 4 {
			t.Errorf("counted %v, want each of them", counted)
		}
	})
}

// A record that could not be made is owed: what follows within the minute is refused, too, until
// one is made, which counts all of them.
func TestGuard_OwesTheRecord(t *testing.T) {
	t.Parallel()
	failing := errors.New("the disk is full")
	g, details := guarded(t, false, &failing)
	for range 3 {
		if m, err := g.parse([]byte(leakingResult), toolsCall); m != nil || gate.CodeOf(err) != gate.CodeAudit {
			t.Errorf("without a record: %v, %v", m, err)
		}
	}
	failing = nil
	if _, err := g.parse([]byte(leakingResult), toolsCall); err != nil {
		t.Error(err)
	}
	if got := *details; len(got) != 1 || !strings.HasSuffix(got[0], ", and 3 times since it was last told") {
		t.Errorf("on record %q", got)
	}
}

// A leak that comes while the record of the one before is written waits for what becomes of it.
func TestGuard_WaitsForTheRecord(t *testing.T) {
	t.Parallel()
	failing := errors.New("the disk is full")
	g, details := guarded(t, false, &failing)
	found, second := make(chan struct{}, 2), make(chan error, 1)
	g.count = func(string) { found <- struct{}{} }
	began, record := false, g.record
	g.record = func(ctx context.Context, e gate.Event) error {
		if !began {
			began = true
			<-found // the first leak
			go func() {
				_, err := g.parse([]byte(leakingResult), toolsCall)
				second <- err
			}()
			<-found // the second one
		}
		return record(ctx, e)
	}
	if _, err := g.parse([]byte(leakingResult), toolsCall); gate.CodeOf(err) != gate.CodeAudit {
		t.Errorf("the first: %v", err)
	}
	if err := <-second; gate.CodeOf(err) != gate.CodeAudit || len(*details) != 0 {
		t.Errorf("while the record of the first failed: %v, on record %q", err, *details)
	}
}

// Methods that an upstream makes up are not places of their own: records and memory
// have a bound.
func TestGuard_Bounds(t *testing.T) {
	t.Parallel()
	g, details := guarded(t, false, nil)
	for i := range 2 * maxLeaking {
		if _, err := g.parse(fmt.Appendf(nil, `{"jsonrpc":"2.0","method":"notifications/x%d","params":{"a":"CANARY-of-upstream-1"}}`, i), toolsCall); err != nil {
			t.Fatal(err)
		}
		if err := g.report([]string{"api"}, fmt.Sprint("place ", i)); err != nil {
			t.Fatal(err)
		}
	}
	if len(g.told) > maxLeaking+1 || len(*details) > maxLeaking+1 {
		t.Errorf("%d places are told apart, %d are on record", len(g.told), len(*details))
	}
}

func TestGuard_Refuses(t *testing.T) {
	t.Parallel()
	full := errors.New("the disk is full")
	for _, c := range []struct {
		name    string
		blocks  bool
		failing error
		want    gate.Code
	}{
		{"without a record", false, full, gate.CodeAudit},
		{"where leaks are blocked", true, nil, gate.CodeResultRefused},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g, _ := guarded(t, c.blocks, &c.failing)
			m, err := g.parse([]byte(leakingResult), toolsCall)
			if refused, ok := errors.AsType[*leakError](err); m != nil || !ok || string(refused.id) != "7" || gate.CodeOf(err) != c.want {
				t.Errorf("%v, %v", m, err)
			}
			if line := conceal([]byte("it is CANARY-of-upstream-1"), &given{g, leak.New([]leak.Secret{{Name: "api", Text: "CANARY-of-upstream-1"}})}); strings.Contains(string(line), "CANARY") || c.failing != nil && string(line) != leak.Mark {
				t.Errorf("a line becomes %q", line)
			}
		})
	}
}

// A call on a shared link ends with the refusal, and waits for nothing.
func TestGuard_RefusalEndsTheCall(t *testing.T) {
	t.Parallel()
	g, _ := guarded(t, true, nil)
	x := lonely(t, Settings{URL: "http://127.0.0.1"}).newMux(func(*gate.Message) {}, true)
	x.guard = g
	w := x.enter(&outgoing{id: 7, method: "tools/call"})
	x.receive([]byte(leakingResult))
	err := w.finish(<-w.final, func(*gate.Message) error { t.Error("the message was taken"); return nil })
	if gate.CodeOf(err) != gate.CodeResultRefused {
		t.Errorf("the call ended with %v", err)
	}
}

// A secret that begins in what the log shows of a line and ends behind it is masked whole.
func TestGuard_LongSecretOnStderr(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	secret := strings.Repeat("CANARY-of-a-key.", 50)
	_, _ = fmt.Fprintf(w, "TOKEN=%s rest\n", secret)
	w.Close()
	g, _ := guarded(t, false, nil)
	var b strings.Builder
	x := lonely(t, Settings{URL: "http://127.0.0.1"}).newMux(func(*gate.Message) {}, true)
	x.log = slog.New(slog.NewTextHandler(&b, nil))
	l := &stdioLink{mux: x, stderr: r, secrets: &given{g, leak.New([]leak.Secret{{Name: "api", Text: secret}})}}
	l.readErrors()
	if s := b.String(); strings.Contains(s, "CANARY") || !strings.Contains(s, "TOKEN=[secret] rest") {
		t.Errorf("logged %s", s)
	}
}

// A client's own key is looked for as long as its call is under way, and in no other's.
func TestGuard_OwnKeyOnASharedLink(t *testing.T) {
	t.Parallel()
	x := lonely(t, Settings{URL: "http://127.0.0.1"}).newMux(func(*gate.Message) {}, true)
	w := x.enter(&outgoing{id: 7, method: "tools/call", own: gate.NewSecret("CANARY-of-alice")})
	raw := `{"jsonrpc":"2.0","id":%d,"result":{"content":[{"type":"text","text":"CANARY-of-alice"}]}}`
	x.receive(fmt.Appendf(nil, raw, 7))
	if m := <-w.final; strings.Contains(string(m.Raw), "CANARY") {
		t.Errorf("%s", m.Raw)
	}
	other := x.enter(&outgoing{id: 8, method: "tools/call"})
	x.receive(fmt.Appendf(nil, raw, 8))
	if m := <-other.final; !strings.Contains(string(m.Raw), "CANARY") {
		t.Errorf("%s: nobody holds that key any more", m.Raw)
	}
}

// What the transport quotes of an upstream is quiet, too, and so is the log.
func TestGuard_ErrorsAndLog(t *testing.T) {
	t.Parallel()
	g, _ := guarded(t, false, nil)
	wire := quietWire{quoting(func(*http.Request) (*http.Response, error) {
		return nil, fmt.Errorf("malformed HTTP response %q: %w", "CANARY-of-upstream-1", context.DeadlineExceeded)
	}), g}
	_, err := wire.RoundTrip(nil)
	if err == nil || strings.Contains(err.Error(), "CANARY") || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	var b strings.Builder
	log := slog.New(quietLog{slog.NewTextHandler(&b, nil), g})
	log.With("with", "CANARY-of-upstream-1").WithGroup("g").Info("m", "text", "a CANARY-of-upstream-1", "error", errors.New("b CANARY-of-upstream-1"), "n", 1)
	if s := b.String(); strings.Contains(s, "CANARY") || strings.Count(s, "[secret]") != 3 || !strings.Contains(s, "g.n=1") {
		t.Errorf("logged %s", s)
	}
}

type quoting func(*http.Request) (*http.Response, error)

func (f quoting) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A credential has parts that are secrets as well, and a URL may hold some.
func TestGuard_Parts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		list   []leak.Secret
		finds  []string
		leaves []string
	}{
		{
			"HTTP Basic", spelledOut("api", "Basic ", "dXNlcjpodW50ZXIyaHVudGVyMg=="),
			[]string{"dXNlcjpodW50ZXIyaHVudGVyMg==", "user:hunter2hunter2", "hunter2hunter2"},
			[]string{"user"},
		},
		{
			"a key in a file", spelledOut("key", "", "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF\nAASCBKcwggSjAgEAAoIBAQC7VJTU\n-----END PRIVATE KEY-----\n"),
			[]string{"AASCBKcwggSjAgEAAoIBAQC7VJTU"},
			[]string{"-----BEGIN PRIVATE KEY-----"},
		},
		{
			"a URL", ofURL("https://u:pass-of-url@example.com/mcp?apiKey=in-the-query&region=eu-central-1"),
			[]string{"pass-of-url", "in-the-query"},
			[]string{"eu-central-1", "example.com"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := leak.New(c.list)
			for _, text := range c.finds {
				if _, names := w.Mask([]byte("<" + text + ">")); len(names) != 1 {
					t.Errorf("%q is not found", text)
				}
			}
			for _, text := range c.leaves {
				if _, names := w.Mask([]byte("<" + text + ">")); len(names) != 0 {
					t.Errorf("%q is found, as %q", text, names)
				}
			}
		})
	}
}

// What a server of Doorward's own asks for by itself is looked for in what it answers, and so are
// the parts of it, whatever it is called with.
func TestGuard_HandedOwn(t *testing.T) {
	g, details := guarded(t, false, nil)
	dsn := "postgres://dwr:PWCANARY%2Fpgpass1@db.example/shop?sslmode=verify-full"
	s := &server{guard: g, set: Settings{Handed: []string{"shop", "absent"}}, pool: &Pool{cfg: Config{Secret: func(name string) (Secret, error) {
		if name != "shop" {
			return nil, errors.New("there is none")
		}
		return gate.NewSecret(dsn), nil
	}}}}
	if h, err := s.credential(gate.Secret{}); h != nil || err != nil {
		t.Fatalf("%v, %v: none is sent", h, err)
	}
	raw := `{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"[7,\"PWCANARY/pgpass1\"]"}],"structuredContent":{"rows":[[7,"PWCANARY/pgpass1"]]}}}`
	m, err := g.parse([]byte(raw), toolsCall)
	if err != nil || !m.Leaked || strings.Contains(string(m.Raw), "CANARY") {
		t.Errorf("%v: %s", err, m.Raw)
	}
	if want := "secret.leaked: secret shop in the answer to tools/call"; len(*details) != 1 || (*details)[0] != want {
		t.Errorf("records %q, want %q", *details, want)
	}
}

func TestPasswords(t *testing.T) {
	for _, tc := range []struct{ value, want string }{
		{"postgres://dwr:hunter2%40home@db.example/shop", "hunter2@home"},
		{"mysql://dwr:hunter2home@db.example/shop?tls=true", "hunter2home"},
		{"redis://:hunter2home@cache.example:6379", "hunter2home"},
		{"https://search.example/?api_key=hunter2home", "hunter2home"},
		{"host=db.example user=dwr password=hunter2home dbname=shop", "hunter2home"},
		{`user=dwr password = 'hunter2\'s home'`, "hunter2's home"},
		{"dwr:hunter2@home@tcp(db.example:3306)/shop?tls=true", "hunter2@home"},
		{"dwr:hunter2home@/shop", "hunter2home"},
		{"hunter2home", ""},
		{"postgres://postgres@localhost/shop", ""},
		{"postgres://postgres:postgres@localhost/shop", ""},
		{"postgres://dwr:warehouse@localhost/warehouse", ""},
		{"sqlite:/srv/shop.db", ""},
		{"https://db.example/", ""},
	} {
		found := false
		for _, s := range passwords("shop", tc.value) {
			if tc.want == "" {
				t.Errorf("%q: a part that is none", tc.value)
			}
			found = found || s.Name == "shop" && s.Text == tc.want
		}
		if !found && tc.want != "" {
			t.Errorf("%q: %q is no part of it", tc.value, tc.want)
		}
	}
}
