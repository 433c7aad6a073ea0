package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/pipeline"
)

// world plays everything around the line and keeps what happened, in order.
type world struct {
	events  []string
	out     gate.Outcome // as recorded
	refused gate.Outcome // as shown to the client
	fail    string       // which of intent, outcome, event cannot be written
	reply   []*gate.Message
	err     error  // what the forwarder returns
	crash   bool   // whether the forwarder panics
	left    func() // ends the client's context while its call is forwarded; nil: it stays
}

func (w *world) note(format string, args ...any) {
	w.events = append(w.events, fmt.Sprintf(format, args...))
}

func (w *world) write(what string) error {
	if w.fail == what {
		return errors.New("disk full")
	}
	w.note("%s", what)
	return nil
}

func (w *world) Intent(context.Context, *gate.Exchange) error { return w.write("intent") }

func (w *world) Outcome(_ context.Context, _ *gate.Exchange, out gate.Outcome) error {
	w.out = out
	return w.write("outcome")
}

func (w *world) Event(_ context.Context, e gate.Event) error { return w.write(e.Kind) }

func (w *world) Forward(ctx context.Context, _ *gate.Exchange, emit gate.Emit) error {
	w.note("forward")
	if w.left != nil {
		w.left()
	}
	if w.crash {
		panic("upstream adapter broke")
	}
	for _, m := range w.reply {
		if err := emit(ctx, m); err != nil {
			return err
		}
	}
	return w.err
}

func (w *world) Deliver(_ context.Context, _ *gate.Exchange, m *gate.Message) error {
	w.note("deliver %s", m.Raw)
	return nil
}

func (w *world) Refuse(_ context.Context, _ *gate.Exchange, out gate.Outcome) error {
	w.refused = out
	w.note("refuse %s", out.Verdict.Code)
	return nil
}

func (w *world) Sample(*gate.Exchange) bool        { return false }
func (w *world) Stage(string, time.Duration)       {}
func (w *world) Done(*gate.Exchange, gate.Outcome) {}

// stage is a stage whose answer the test writes.
type stage struct {
	name  string
	judge func(*gate.Exchange) (gate.Verdict, error)
}

func (s stage) Name() string            { return s.name }
func (s stage) Applies(gate.Route) bool { return true }
func (s stage) Judge(_ context.Context, ex *gate.Exchange) (gate.Verdict, error) {
	return s.judge(ex)
}

type reply struct {
	review func(*gate.Message) (*gate.Message, gate.Verdict, error)
}

func (reply) Name() string { return "decode" }
func (r reply) Review(_ context.Context, _ *gate.Exchange, m *gate.Message) (*gate.Message, gate.Verdict, error) {
	return r.review(m)
}

func pass(*gate.Exchange) (gate.Verdict, error) { return gate.Pass(), nil }

func call(raw string) *gate.Message {
	return &gate.Message{Raw: []byte(raw), Kind: gate.Request, Method: "tools/call", ID: gate.Span{Start: 0, End: 1}}
}

func answer(raw string) *gate.Message { return &gate.Message{Raw: []byte(raw), Kind: gate.Result} }

// stages is a line on which everybody agrees; tests replace one.
func stages() []stage {
	return []stage{
		{"identify", func(ex *gate.Exchange) (gate.Verdict, error) {
			ex.Principal = &gate.Principal{Subject: "alice"}
			return gate.Pass(), nil
		}},
		{"decode", func(ex *gate.Exchange) (gate.Verdict, error) {
			body, err := ex.Inbound.Body(context.Background())
			if err != nil {
				return gate.Verdict{}, err
			}
			if string(body) == "[batch]" {
				ex.Call.Batch = [][]byte{[]byte("a"), []byte("b"), []byte("c")}
				return gate.Pass(), nil
			}
			ex.Call.Message = call(string(body))
			ex.Call.Route = gate.Route{Method: "tools/call", Kind: gate.Request, Action: gate.Relay}
			return gate.Pass(), nil
		}},
		{"resolve", pass},
		{"authorize", pass},
		{"validate", pass},
	}
}

func serve(t *testing.T, w *world, list []stage, replies []gate.ReplyStage, body string) {
	t.Helper()
	var as []gate.Stage
	for _, s := range list {
		as = append(as, s)
	}
	l, err := pipeline.New(pipeline.Config{Stages: as, Replies: replies, Forward: w, Record: w, Observe: w})
	if err != nil {
		t.Fatal(err)
	}
	ex := &gate.Exchange{ID: "x", Start: time.Now()}
	ex.Inbound.Body = func(context.Context) ([]byte, error) { return []byte(body), nil }
	l.Serve(t.Context(), ex, w)
}

func TestOrder(t *testing.T) {
	w := &world{reply: []*gate.Message{{Raw: []byte("note"), Kind: gate.Notification}, {Raw: []byte("ask"), Kind: gate.Request}, answer("done")}}
	serve(t, w, stages(), nil, "call")
	want := []string{"intent", "forward", "deliver note", "ask", "deliver ask", "outcome", "deliver done"}
	if !slices.Equal(w.events, want) {
		t.Errorf("got %q, want %q", w.events, want)
	}
}

// TestRequestStagesFailClosed injects an error, a panic, a zero verdict, a
// refusal and an edit into each stage: nothing may reach the upstream, and one
// outcome must be on record.
func TestRequestStagesFailClosed(t *testing.T) {
	faults := map[string]func(*gate.Exchange) (gate.Verdict, error){
		"error":   func(*gate.Exchange) (gate.Verdict, error) { return gate.Pass(), errors.New("store is down") },
		"panic":   func(*gate.Exchange) (gate.Verdict, error) { panic("bug") },
		"zero":    func(*gate.Exchange) (gate.Verdict, error) { return gate.Verdict{}, nil },
		"refusal": func(*gate.Exchange) (gate.Verdict, error) { return gate.Refuse(gate.CodeDenied, "no", ""), nil },
		"hold": func(*gate.Exchange) (gate.Verdict, error) {
			return gate.Verdict{Effect: gate.Hold, Code: gate.CodeHeldTool}, nil
		},
	}
	edits := map[string]func(*gate.Exchange) (gate.Verdict, error){
		"edited bytes": func(ex *gate.Exchange) (gate.Verdict, error) { ex.Call.Message.Raw[0] = 'X'; return gate.Pass(), nil },
		"swapped message": func(ex *gate.Exchange) (gate.Verdict, error) {
			ex.Call.Message = call("other")
			return gate.Pass(), nil
		},
	}
	for i, s := range stages() {
		for name, f := range faults {
			t.Run(s.name+" "+name, func(t *testing.T) {
				list := stages()
				list[i].judge = f
				refusedWithout(t, list, gate.CodeUnset)
			})
		}
		for name, f := range edits {
			if i < 2 {
				continue
			}
			t.Run(s.name+" "+name, func(t *testing.T) {
				list := stages()
				list[i].judge = f
				refusedWithout(t, list, gate.CodeStageEditedRequest)
			})
		}
	}
	t.Run("identify leaves nobody", func(t *testing.T) {
		list := stages()
		list[0].judge = pass
		refusedWithout(t, list, gate.CodeInternal)
	})
}

func refusedWithout(t *testing.T, list []stage, code gate.Code) {
	t.Helper()
	w := &world{reply: []*gate.Message{answer("done")}}
	serve(t, w, list, nil, "call")
	if len(w.events) != 2 || w.events[0] != "outcome" {
		t.Errorf("got %q, want one outcome and one refusal", w.events)
	}
	if w.refused.Verdict.Code == gate.CodeUnset || (code != gate.CodeUnset && w.refused.Verdict.Code != code) {
		t.Errorf("got code %q, want %q", w.refused.Verdict.Code, code)
	}
}

func TestAuditFailsClosed(t *testing.T) {
	for _, tc := range []struct {
		fail string
		want []string
	}{
		{"intent", []string{"outcome", "refuse audit.unavailable"}},
		{"outcome", []string{"intent", "forward", "refuse audit.unavailable"}},
	} {
		t.Run(tc.fail, func(t *testing.T) {
			w := &world{fail: tc.fail, reply: []*gate.Message{answer("done")}}
			serve(t, w, stages(), nil, "call")
			if !slices.Equal(w.events, tc.want) {
				t.Errorf("got %q, want %q", w.events, tc.want)
			}
		})
	}
	t.Run("ask", func(t *testing.T) {
		w := &world{fail: "ask", reply: []*gate.Message{{Raw: []byte("ask"), Kind: gate.Request}, answer("done")}}
		serve(t, w, stages(), nil, "call")
		want := []string{"intent", "forward", "outcome", "refuse audit.unavailable"}
		if !slices.Equal(w.events, want) {
			t.Errorf("got %q, want %q", w.events, want)
		}
	})
}

// A client that hangs up is no failure: what the log says of it at WARN is for those who look after failures.
func TestAClientThatHangsUp(t *testing.T) {
	for name, tc := range map[string]struct {
		err    error
		ended  error // of the client's context
		failed bool
	}{
		"hangs up":         {context.Canceled, context.Canceled, false},
		"cannot be sent":   {errors.New("the client is gone"), context.Canceled, false},
		"cancels":          {&gate.Error{Code: gate.CodeCancelled, Op: "calling"}, nil, false},
		"another's cancel": {context.Canceled, nil, true},
		"too late":         {context.DeadlineExceeded, context.DeadlineExceeded, true},
		"an upstream's":    {&gate.Error{Code: gate.CodeUpstreamDown, Op: "calling"}, context.Canceled, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{err: tc.err}
			var as []gate.Stage
			for _, s := range stages() {
				as = append(as, s)
			}
			var log strings.Builder
			l, err := pipeline.New(pipeline.Config{
				Stages: as, Forward: w, Record: w, Observe: w, Log: slog.New(slog.NewTextHandler(&log, nil)), // INFO and above
			})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if errors.Is(tc.ended, context.DeadlineExceeded) {
				ctx, cancel = context.WithDeadline(ctx, time.Now())
				defer cancel()
			}
			ex := &gate.Exchange{ID: "x", Start: time.Now()}
			ex.Inbound.Body = func(context.Context) ([]byte, error) { return []byte("call"), nil }
			if errors.Is(tc.ended, context.Canceled) {
				w.left = cancel
			}
			l.Serve(ctx, ex, w)
			if failed := strings.Contains(log.String(), "exchange failed"); failed != tc.failed || w.out.Status != "failed" {
				t.Errorf("the log says %q; on record: %+v", log.String(), w.out)
			}
		})
	}
}

func TestForwardFails(t *testing.T) {
	for name, w := range map[string]*world{
		"error":     {err: &gate.Error{Code: gate.CodeUpstreamDown, Op: "dial"}},
		"panic":     {crash: true},
		"no answer": {},
	} {
		t.Run(name, func(t *testing.T) {
			serve(t, w, stages(), nil, "call")
			if len(w.events) != 4 || w.events[2] != "outcome" || !w.out.Intent || w.out.Status != "failed" {
				t.Errorf("got %q with outcome %+v", w.events, w.out)
			}
		})
	}
}

func TestReplyStagesFailClosed(t *testing.T) {
	for name, f := range map[string]func(*gate.Message) (*gate.Message, gate.Verdict, error){
		"error": func(*gate.Message) (*gate.Message, gate.Verdict, error) {
			return nil, gate.Pass(), errors.New("broken")
		},
		"panic": func(*gate.Message) (*gate.Message, gate.Verdict, error) { panic("bug") },
		"zero":  func(*gate.Message) (*gate.Message, gate.Verdict, error) { return nil, gate.Verdict{}, nil },
		"refusal": func(*gate.Message) (*gate.Message, gate.Verdict, error) {
			return nil, gate.Refuse(gate.CodeResult, "", ""), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{reply: []*gate.Message{{Raw: []byte("note"), Kind: gate.Notification}, answer("done")}}
			serve(t, w, stages(), []gate.ReplyStage{reply{f}}, "call")
			for _, e := range w.events {
				if e == "deliver note" || e == "deliver done" {
					t.Errorf("a refused message reached the client: %q", w.events)
				}
			}
			if w.out.Verdict.Effect == gate.Continue || !w.out.Intent {
				t.Errorf("outcome on record is %+v", w.out)
			}
		})
	}
	t.Run("rewrite", func(t *testing.T) {
		w := &world{reply: []*gate.Message{answer("secret")}}
		mask := func(*gate.Message) (*gate.Message, gate.Verdict, error) { return answer("masked"), gate.Pass(), nil }
		serve(t, w, stages(), []gate.ReplyStage{reply{mask}}, "call")
		if w.events[len(w.events)-1] != "deliver masked" {
			t.Errorf("got %q", w.events)
		}
	})
}

// TestBatch: each item is decided and recorded for itself, and the items do not
// sign in again.
func TestBatch(t *testing.T) {
	list := stages()
	list[3].judge = func(ex *gate.Exchange) (gate.Verdict, error) {
		if string(ex.Call.Message.Raw) == "b" {
			return gate.Refuse(gate.CodeDenied, "", ""), nil
		}
		return gate.Pass(), nil
	}
	w := &world{reply: []*gate.Message{answer("done")}}
	serve(t, w, list, nil, "[batch]")
	want := []string{
		"intent", "forward", "outcome", "deliver done",
		"outcome", "refuse policy.denied",
		"intent", "forward", "outcome", "deliver done",
	}
	if !slices.Equal(w.events, want) {
		t.Errorf("got %q, want %q", w.events, want)
	}
}

func TestNothingAfterTheFinalMessage(t *testing.T) {
	w := &world{reply: []*gate.Message{answer("done"), answer("again")}}
	serve(t, w, stages(), nil, "call")
	want := []string{"intent", "forward", "outcome", "deliver done"}
	if !slices.Equal(w.events, want) {
		t.Errorf("got %q, want %q", w.events, want)
	}
}

func TestNewRefusesAnotherOrder(t *testing.T) {
	w := &world{}
	for _, list := range [][]gate.Stage{
		nil,
		{stage{name: "identify"}},
		{stage{name: "decode"}, stage{name: "identify"}},
	} {
		if _, err := pipeline.New(pipeline.Config{Stages: list, Forward: w, Record: w, Observe: w}); err == nil {
			t.Errorf("a line of %d stages in that order was accepted", len(list))
		}
	}
}
