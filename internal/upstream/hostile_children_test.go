package upstream_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// evilPool is a pool whose upstream is an evilChild.
func evilPool(t *testing.T, cfg upstream.Config, timeout time.Duration, mode string, more ...string) *upstream.Pool {
	t.Helper()
	cfg.Upstreams = []upstream.Settings{{Name: "up", Command: childCommand(mode, more...), Timeout: timeout, MaxResult: 1 << 20}}
	return newPool(t, cfg)
}

// A child that ends is started again, and never in a hurry.
func TestRES02_ChildThatEnds(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		mode  string
		works bool
		least time.Duration // that three starts take: the halves of the first two waits
	}{{"exits", false, time.Second}, {"once", true, 150 * time.Millisecond}} {
		t.Run(tc.mode, func(t *testing.T) {
			t.Parallel()
			m := &meter{}
			p, session := evilPool(t, upstream.Config{Meter: m}, 10*time.Second, tc.mode), newSession("a")
			worked, begun := false, time.Now()
			eventually(t, 20*time.Second, "three starts", func() bool {
				_, err := forward(t, p, exchange(t, session, "up", call("echo", `{}`)))
				worked = worked || err == nil
				if err != nil && gate.CodeOf(err) != gate.CodeUpstreamOutcome {
					wantCode(t, err, gate.CodeUpstreamDown)
				}
				return m.of("child_start") == 3
			})
			if took := time.Since(begun); took < tc.least || worked != tc.works {
				t.Errorf("three starts in %s, a call worked: %v", took, worked)
			}
		})
	}
}

// What comes too fast for the client is dropped and counted, and the answer
// still comes.
func TestRES03_Flood(t *testing.T) {
	t.Parallel()
	m := &meter{}
	progress := `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":$TOKEN,"progress":1}}` + "\n"
	unknown := `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":77777,"progress":1}}` + "\n"
	p := evilPool(t, upstream.Config{Meter: m}, 20*time.Second, "says", strings.Repeat(progress, 400)+strings.Repeat(unknown, 100)+`{"jsonrpc":"2.0","id":$ID,"result":{"content":[]}}`+"\n")
	got := 0
	msg := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"evil","arguments":{},"_meta":{"progressToken":"t"}}}`
	err := p.Forward(t.Context(), exchange(t, newSession("a"), "up", msg), func(context.Context, *gate.Message) error {
		if got++; got == 1 { // the client keeps up with nothing, at first
			eventually(t, 10*time.Second, "the flood is over", func() bool { return m.of("stray_progress") == 100 })
		}
		return nil
	})
	if err != nil || got+m.of("dropped") != 401 || m.of("dropped") < 400-256-1 {
		t.Errorf("%d messages came, %d were dropped, error %v", got, m.of("dropped"), err)
	}
}

// A line that is no message costs the call that it may have been for, and no
// other.
func TestRES05_Lines(t *testing.T) {
	t.Parallel()
	const ok = `{"jsonrpc":"2.0","id":$ID,"result":{"content":[]}}`
	for _, tc := range []struct {
		name, mode, says string
		want             gate.Code
	}{
		{"HalfJSONThenSilence", "mute", `{"jsonrpc":"2.0","id":$ID,"resu`, gate.CodeUpstreamTimeout},
		{"NoNewline", "endless", `{"jsonrpc":"2.0","id":$ID,"result":"`, gate.CodeUpstreamProtocol},
		{"NUL", "says", `{"jsonrpc":"2.0","id":$ID,"result":{"a":"` + `\` + `0"}}` + "\n", gate.CodeUpstreamProtocol},
		{"UTF8", "says", `{"jsonrpc":"2.0","id":$ID,"result":{"a":"$RAW"}}` + "\n", gate.CodeUpstreamProtocol},
		{"TwoInALine", "says", ok + ok + "\n", gate.CodeUpstreamProtocol},
		{"Interleaved", "says", `{"jsonrpc":"2.0","id":$ID,"resu{"jsonrpc":"2.0","method":"notifications/message"}` + "\n", gate.CodeUpstreamProtocol},
		{"Deep", "says", `{"jsonrpc":"2.0","id":$ID,"result":` + strings.Repeat("[", 10000) + strings.Repeat("]", 10000) + "}\n", gate.CodeUpstreamTimeout},
		{"CRLF", "says", ok + "\r\n", ""},
		{"Banner", "says", "ready\n\n \n" + ok + "\n", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			timeout := 10 * time.Second
			if tc.want == gate.CodeUpstreamTimeout {
				timeout = 3 * time.Second // with the start of the child
			}
			m := &meter{}
			p, session := evilPool(t, upstream.Config{Meter: m}, timeout, tc.mode, tc.says), newSession("a")
			mustEcho(t, p, session)
			got, err := forward(t, p, exchange(t, session, "up", call("evil", `{}`)))
			if tc.want == "" && (err != nil || len(got) != 1) {
				t.Errorf("got %v, error %v", got, err)
			}
			if code := gate.CodeOf(err); tc.mode == "mute" && code == gate.CodeUpstreamProtocol {
				tc.want = code // the child was ended for its half a line just before the call was
			}
			if tc.want != "" {
				wantCode(t, err, tc.want)
			}
			if tc.mode != "says" { // it cannot be relied on any more
				eventually(t, 10*time.Second, "the child is ended", func() bool { return m.of("child_exit") == 1 })
			}
			if over := m.of("limit_output") == 1; over != (tc.mode == "endless") {
				t.Errorf("a limit of its output was met: %v", over)
			}
			mustEcho(t, p, session)
		})
	}
}

// A flood is read up to a bound: little of it is kept, its child is ended, that is on
// record and counted.
func TestSBX19_Floods(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"noisy", "babbling"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			var log lockedBuffer
			m, recorded := &meter{}, make(chan string, 100)
			cfg := upstream.Config{Log: slog.New(slog.NewTextHandler(&log, nil)), Meter: m, Events: func(_ context.Context, e gate.Event) error {
				if e.Kind == "upstream.limit" {
					recorded <- e.Detail
				}
				return nil
			}}
			p, session := evilPool(t, cfg, 20*time.Second, mode, ""), newSession("a")
			if _, err := forward(t, p, exchange(t, session, "up", call("echo", `{}`))); err != nil {
				wantCode(t, err, gate.CodeUpstreamProtocol) // the flood came first
			}
			eventually(t, 20*time.Second, "the child is ended", func() bool { return m.of("child_exit") == 1 })
			if got := <-recorded; !strings.HasPrefix(got, "output: ") || m.of("limit_output") != 1 {
				t.Errorf("on record %q, counted %d", got, m.of("limit_output"))
			}
			if err := p.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if s := log.String(); strings.Count(s, "upstream stderr")+strings.Count(s, "no message") > 200 || len(s) > 1<<20 || strings.Contains(s, "\x1b") {
				t.Errorf("%d bytes of log", len(s))
			}
		})
	}
}

func TestRES09_StrayAnswersOfAChild(t *testing.T) {
	t.Parallel()
	m := &meter{}
	says := `{"jsonrpc":"2.0","id":$ID,"result":{"content":[],"canary":"own"}}` + "\n" + strings.Join(strays, "\n") + "\n"
	p, session := evilPool(t, upstream.Config{Meter: m}, 10*time.Second, "says", says), newSession("a")
	for n := range 3 {
		got, err := forward(t, p, exchange(t, session, "up", call("evil", `{}`)))
		if err != nil || len(got) != 1 || !bytes.Contains(got[0].Raw, []byte(`"own"`)) {
			t.Fatalf("got %v, error %v", got, err)
		}
		mustEcho(t, p, session)
		if dropped := m.of("stray_answer") + m.of("malformed"); dropped != (n+1)*len(strays) {
			t.Errorf("%d dropped, want %d", dropped, (n+1)*len(strays))
		}
	}
}

// The answer to a call that has timed out is not that to the next.
func TestRES09_AnswerAfterTheTimeout(t *testing.T) {
	t.Parallel()
	m := &meter{}
	p, session := evilPool(t, upstream.Config{Meter: m}, 3*time.Second, "late"), newSession("a")
	_, err := forward(t, p, exchange(t, session, "up", call("evil", `{}`)))
	wantCode(t, err, gate.CodeUpstreamTimeout)
	got, err := forward(t, p, exchange(t, session, "up", call("echo", `"own"`)))
	if err != nil || len(got) != 1 || !bytes.Contains(got[0].Raw, []byte(`"own"`)) || m.of("stray_answer") != 1 {
		t.Errorf("got %v, error %v, %d stray answers", got, err, m.of("stray_answer"))
	}
}

// The cancellation of a call reaches a child.
func TestMHB18_Child(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "cancelled")
	p := evilPool(t, upstream.Config{}, 20*time.Second, "cancelled", file)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	msg := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"evil","arguments":{},"_meta":{"progressToken":"t"}}}`
	if err := p.Forward(ctx, exchange(t, newSession("a"), "up", msg), func(context.Context, *gate.Message) error { cancel(); return nil }); err == nil {
		t.Error("the call ended well")
	}
	eventually(t, time.Second, "the child is told", func() bool { _, err := os.Stat(file); return err == nil })
}
