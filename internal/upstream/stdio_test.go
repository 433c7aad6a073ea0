package upstream_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/upstream"
)

func stdioPool(t *testing.T, mode string, change func(*upstream.Settings)) *upstream.Pool {
	t.Helper()
	set := upstream.Settings{Name: "up", Command: childCommand(mode), Timeout: time.Minute, MaxResult: 1 << 20}
	if change != nil {
		change(&set)
	}
	return newPool(t, upstream.Config{Upstreams: []upstream.Settings{set}})
}

func TestStdioCalls(t *testing.T) {
	t.Parallel()
	for _, session := range []*gate.Session{newSession("a"), nil} {
		p := stdioPool(t, "echo", nil)
		msg := call("echo", `{"n":9007199254740993}`)
		if session == nil {
			msg = modernCall("echo", `{"n":9007199254740993}`)
		}
		got, err := forward(t, p, exchange(t, session, "up", msg))
		if err != nil || len(got) != 1 || !bytes.Contains(got[0].Raw, []byte("9007199254740993")) {
			t.Fatalf("session %v: got %v, error %v", session, got, err)
		}
		items, _, err := p.Items(t.Context(), exchange(t, session, "up", msg), "up", gate.Tool)
		if err != nil || len(items) != 1 || items[0].Name != "echo" || items[0].State != gate.Approved {
			t.Errorf("items %v, error %v; want echo alone: twice is ambiguous", items, err)
		}
	}
}

// Every client uses id 1 and its own canary on one shared process that answers
// out of order (A19: CVE-2026-48529, CVE-2026-25536).
func TestAnswersReachTheirOwnCall(t *testing.T) {
	t.Parallel()
	p := stdioPool(t, "echo", func(s *upstream.Settings) { s.Shared, s.Concurrency, s.Timeout = true, 256, time.Minute })
	for n := range 5 {
		var wg sync.WaitGroup
		for i := range 200 {
			wg.Go(func() {
				canary := fmt.Sprintf("canary-%d-%d-", i, n)
				msg := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"shuffle","arguments":%q,"_meta":{"progressToken":"t"}}}`, canary)
				got, err := forward(t, p, exchange(t, newSession(strconv.Itoa(i)), "up", msg))
				if err != nil || len(got) != 2 || got[0].Method != "notifications/progress" || got[1].Kind != gate.Result {
					t.Errorf("client %d: got %d messages, error %v", i, len(got), err)
				}
				for _, m := range got {
					if !bytes.Contains(m.Raw, []byte(canary)) {
						t.Errorf("client %d got %s", i, m.Raw)
					}
				}
			})
		}
		wg.Wait()
	}
}

func TestStdioMisbehaviour(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		tool string
		want gate.Code
	}{
		{"crash", gate.CodeUpstreamOutcome},
		{"giant", gate.CodeUpstreamProtocol},
		{"malformed", gate.CodeUpstreamProtocol},
		{"hang", gate.CodeUpstreamTimeout},
	} {
		t.Run(tc.tool, func(t *testing.T) {
			t.Parallel()
			p := stdioPool(t, "echo", func(s *upstream.Settings) {
				if tc.tool == "hang" {
					s.Timeout = 3 * time.Second // with the start of the child
				}
			})
			session := newSession("a")
			_, err := forward(t, p, exchange(t, session, "up", call(tc.tool, `{}`)))
			wantCode(t, err, tc.want)
			// The next use starts the server again, after its backoff.
			for deadline := time.Now().Add(time.Minute); ; {
				_, err := forward(t, p, exchange(t, session, "up", call("echo", `{}`)))
				if err == nil {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("not back: %v", err)
				}
			}
		})
	}
}

// lockedBuffer is a log that several goroutines write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestBannerIsSkippedAndHarmless(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	p := newPool(t, upstream.Config{
		Upstreams: []upstream.Settings{{Name: "up", Command: childCommand("banner")}},
		Log:       slog.New(slog.NewTextHandler(&log, nil)),
	})
	if _, err := forward(t, p, exchange(t, newSession("a"), "up", call("echo", `{}`))); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := log.String(); !strings.Contains(s, "Welcome") || !strings.Contains(s, "stderr") || strings.Contains(s, "\x1b") {
		t.Errorf("log: %q", s)
	}
}

func TestCommandMustBeAllowedAndOnRecord(t *testing.T) {
	t.Parallel()
	set := []upstream.Settings{{Name: "up", Command: childCommand("echo")}}
	held := newPool(t, upstream.Config{Upstreams: set, Pins: pins{state: gate.Approved, command: gate.Deny}})
	_, err := forward(t, held, exchange(t, newSession("a"), "up", call("echo", `{}`)))
	wantCode(t, err, gate.CodeUpstreamHeld)
	seen, err := held.Observe(t.Context(), "up")
	wantCode(t, err, gate.CodeUpstreamHeld)
	if len(seen.Items) != 1 || seen.Items[0].Kind != gate.Command {
		t.Errorf("observed %v, want the command", seen.Items)
	}
	mute := newPool(t, upstream.Config{Upstreams: set, Events: func(context.Context, gate.Event) error { return errors.New("disk full") }})
	_, err = forward(t, mute, exchange(t, newSession("a"), "up", call("echo", `{}`)))
	wantCode(t, err, gate.CodeAudit)
	if n := mute.Status()[0].Children; n != 0 {
		t.Errorf("%d children started", n)
	}
}

func TestAnotherServerIsNotUsed(t *testing.T) {
	t.Parallel()
	set := []upstream.Settings{{Name: "up", Command: childCommand("echo")}}
	public := "upstream up is not the server that was approved: doorward trust diff up"
	refused := pins{state: gate.Approved, command: gate.Continue, server: gate.Refuse(gate.CodeUpstreamHeld, "other name", public)}
	p := newPool(t, upstream.Config{Upstreams: set, Pins: refused})
	ex := exchange(t, newSession("a"), "up", call("echo", `{}`))
	check := func(what string, err error) {
		t.Helper()
		e, ok := errors.AsType[*gate.Error](err)
		if !ok || e.Code != gate.CodeUpstreamHeld || e.Public != public {
			t.Errorf("%s: %v", what, err)
		}
	}
	got, err := forward(t, p, ex)
	check("calling", err)
	if len(got) != 0 {
		t.Errorf("the call went through: %d messages", len(got))
	}
	for range 2 {
		_, _, err = p.Items(t.Context(), ex, "up", gate.Tool)
		check("listing", err)
		_, _, err = p.Find(t.Context(), ex, "up", gate.Tool, "echo")
		check("finding", err)
	}
	seen, err := p.Observe(t.Context(), "up")
	if err != nil || !slices.ContainsFunc(seen.Items, func(it gate.Item) bool { return it.Kind == gate.Tool }) {
		t.Errorf("it cannot be reviewed: %v, %v", seen.Items, err)
	}
}

func TestObserveFallsBackToTheOlderEra(t *testing.T) {
	t.Parallel()
	p := stdioPool(t, "legacy", nil)
	seen, err := p.Observe(t.Context(), "up")
	if err != nil || seen.Era != gate.Stateful || len(seen.Items) != 3 { // command, server, echo
		t.Fatalf("observed %+v, error %v", seen, err)
	}
	if got, err := forward(t, p, exchange(t, nil, "up", modernCall("echo", `{}`))); err != nil || !bytes.Contains(got[len(got)-1].Raw, []byte(`"resultType":"complete"`)) {
		t.Errorf("a stateless client is not served: %v, error %v", got, err)
	}
}

func TestAskAndAnswer(t *testing.T) {
	t.Parallel()
	p := stdioPool(t, "echo", nil)
	session, other := newSession("a"), newSession("b")
	var last *gate.Message
	err := p.Forward(t.Context(), exchange(t, session, "up", call("ask", `{}`)), func(_ context.Context, m *gate.Message) error {
		last = m
		if m.Kind != gate.Request {
			return nil
		}
		answer := fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"action":"accept"}}`, m.ShownID)
		if up, method, ok := p.Ask(session, m.ShownID); !ok || up != "up" || method != "elicitation/create" {
			t.Errorf("Ask: %s %s %v", up, method, ok)
		}
		_, err := forward(t, p, exchange(t, other, "up", answer))
		wantCode(t, err, gate.CodeAnswer)
		if _, err := forward(t, p, exchange(t, session, "up", answer)); err != nil {
			t.Error(err)
		}
		_, err = forward(t, p, exchange(t, session, "up", answer))
		wantCode(t, err, gate.CodeAnswer) // once only
		return nil
	})
	if err != nil || !bytes.Contains(last.Raw, []byte(`"answer":{"action":"accept"}`)) {
		t.Errorf("got %s, error %v", last.Raw, err)
	}
}

func TestCancelAndDuplicateID(t *testing.T) {
	t.Parallel()
	p := stdioPool(t, "echo", nil)
	session := newSession("a")
	if _, err := forward(t, p, exchange(t, session, "up", call("echo", `{}`))); err != nil {
		t.Fatal(err)
	}
	hung, begun := make(chan error, 1), make(chan struct{})
	go func() {
		msg := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"hang","_meta":{"progressToken":"t"}}}`
		hung <- p.Forward(t.Context(), exchange(t, session, "up", msg), func(context.Context, *gate.Message) error {
			close(begun)
			return nil
		})
	}()
	<-begun
	_, err := forward(t, p, exchange(t, session, "up", call("echo", `{}`)))
	wantCode(t, err, gate.CodeBadMessage)
	foreign := exchange(t, newSession("b"), "up", `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`)
	if _, err := forward(t, p, foreign); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-hung:
		t.Fatalf("another session's cancellation ended the call: %v", err)
	default:
	}
	if _, err := forward(t, p, exchange(t, session, "up", `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`)); err != nil {
		t.Fatal(err)
	}
	wantCode(t, <-hung, gate.CodeCancelled)
}

func pidsIn(t *testing.T, path string) (pids []int) {
	t.Helper()
	b, _ := os.ReadFile(path)
	for s := range strings.FieldsSeq(string(b)) {
		pid, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}

// alive: a zombie that its new parent has not reaped yet is dead.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	state := stat[bytes.LastIndexByte(stat, ')')+2]
	return state != 'Z' && state != 'X'
}

// eventually waits until something holds, a minute at least: the machine may be busy.
func eventually(t *testing.T, d time.Duration, what string, ok func() bool) {
	t.Helper()
	d = max(d, time.Minute)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(d); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", d, what)
		}
	}
}

// Close leaves nothing behind, not even a grandchild in a session of its own,
// and ends a child that ignores the end of its input.
func TestCloseLeavesNothing(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("needs /proc")
	}
	file := filepath.Join(t.TempDir(), "pids")
	p := newPool(t, upstream.Config{Upstreams: []upstream.Settings{
		{Name: "up", Command: childCommand("grandchild", file)},
		{Name: "stubborn", Command: childCommand("stubborn")},
	}})
	for _, name := range []string{"up", "stubborn"} {
		if _, err := forward(t, p, exchange(t, newSession("a"), name, call("echo", `{}`))); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, 5*time.Second, "the grandchild runs", func() bool { return len(pidsIn(t, file)) == 1 })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := p.Close(ctx); err != nil {
		t.Fatal(err)
	}
	for _, pid := range pidsIn(t, file) {
		if alive(pid) {
			t.Errorf("grandchild %d is alive", pid)
		}
	}
}

// gateway is the helper process of TestKillLeavesNothing.
func gateway(file string) {
	p, err := upstream.New(upstream.Config{
		Upstreams:   []upstream.Settings{{Name: "up", Command: childCommand("grandchild", file)}, {Name: "stubborn", Command: childCommand("stubborn")}},
		Pins:        approveAll(),
		Events:      func(context.Context, gate.Event) error { return nil },
		Environment: os.Environ(), Supervised: true,
	})
	if err != nil {
		panic(err)
	}
	for _, name := range []string{"up", "stubborn"} {
		if _, _, err := p.Items(context.Background(), exchange(&testing.T{}, newSession("a"), name, call("echo", `{}`)), name, gate.Tool); err != nil {
			panic(err)
		}
	}
	fmt.Println("ready")
	select {}
}

func TestKillLeavesNothing(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("needs /proc")
	}
	file := filepath.Join(t.TempDir(), "pids")
	cmd := exec.Command(self(), "-gateway", file, servers)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if n, err := out.Read(make([]byte, 6)); err != nil || n == 0 {
		t.Fatal("the helper is not ready", err)
	}
	eventually(t, 5*time.Second, "the grandchild runs", func() bool { return len(pidsIn(t, file)) == 1 })
	all := append(pidsIn(t, file), below(t, cmd.Process.Pid)...)
	if len(all) < 5 { // two supervisors, two children, a grandchild
		t.Fatalf("found only %v", all)
	}
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	eventually(t, 2*time.Second, "everything is dead", func() bool {
		return !slices.ContainsFunc(all, alive)
	})
}

// below lists the descendants of a process.
func below(t *testing.T, root int) (found []int) {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(filepath.Join("/proc", e.Name(), "stat"))
		if err != nil {
			continue
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if ppid, _ := strconv.Atoi(fields[1]); ppid == root {
			found = append(append(found, pid), below(t, pid)...)
		}
	}
	return found
}

// A child has the secrets that the configuration names in its environment, and
// what it writes of them is not in the log.
func TestSecretsOfAChildAreNotLogged(t *testing.T) {
	t.Parallel()
	logged := &lockedBuffer{}
	p := newPool(t, upstream.Config{
		Upstreams: []upstream.Settings{{Name: "up", Command: childCommand("tells"), Env: map[string]string{"TOKEN": "token"}}},
		Secret:    func(string) (upstream.Secret, error) { return known("canary-7Qx"), nil },
		Log:       slog.New(slog.NewTextHandler(logged, nil)),
	})
	if _, err := forward(t, p, exchange(t, newSession("a"), "up", call("echo", `{}`))); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, "both lines", func() bool { return strings.Count(logged.String(), "the token is [secret]") == 2 })
	if strings.Contains(logged.String(), "canary") {
		t.Errorf("logged: %s", logged.String())
	}
}
