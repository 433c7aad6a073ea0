package listen

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// DUR-23: a state that hangs is no answer: five seconds after the last good one nobody is served,
// however many ask meanwhile.
func TestDUR23_SessionsWhileTheirStateHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwo(t)
		defer w.stop()
		gs := w.begin(w.a, "", talks)
		good := time.Now()
		w.both.hang(2 * time.Second)
		w.both.set(errAway)
		var all sync.WaitGroup
		var served atomic.Int64
		for range 60 {
			time.Sleep(500 * time.Millisecond)
			all.Go(func() {
				asked := time.Now()
				got, _ := w.a.Find(t.Context(), of("alice", ""), gs.ID)
				switch {
				case got != nil && asked.Sub(good) > goodFor:
					t.Errorf("it is served %v after the last answer", asked.Sub(good))
				case got != nil:
					served.Add(1)
				}
			})
			synctest.Wait()
		}
		all.Wait()
		if served.Load() == 0 {
			t.Error("nobody is served by the answer before")
		}
		w.both.hang(0)
		w.both.set(nil)
		if got, code := w.find(w.a, of("alice", ""), gs.ID); got == nil {
			t.Errorf("it does not go on once the state answers: %q", code)
		}
	})
}

// What has ended here does not go on here, as long as the replicas have not heard of it.
func TestEndsThatAreOwed(t *testing.T) {
	for name, end := range map[string]func(*two, *gate.Session) error{
		"DELETE":  func(w *two, gs *gate.Session) error { return w.a.finish(w.t.Context(), gs) },
		"revoked": func(w *two, _ *gate.Session) error { w.a.CloseThose(everySession); return errAway },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTwo(t)
				defer w.stop()
				gs := w.begin(w.a, "", talks)
				w.both.deafen(errAway)
				if err := end(w, gs); err == nil {
					t.Error("the end was told")
				}
				for range 5 {
					if got, code := w.find(w.a, of("alice", ""), gs.ID); got != nil || code != gate.CodeUnset {
						t.Fatalf("it goes on: %+v, %q", got, code)
					}
					time.Sleep(time.Second)
				}
				w.both.deafen(nil)
				time.Sleep(2 * tellAgain)
				if got, _ := w.find(w.b, of("alice", ""), gs.ID); got != nil {
					t.Error("it goes on elsewhere once the end was told")
				}
				if id, left := w.a.sessions.ended.next(); left != 0 {
					t.Errorf("%d ends are owed, of %s", left, id)
				}
			})
		})
	}
}

func everySession(*gate.Session) bool { return true }

// An answer of the replicas that is older than the session's end begins nothing anew.
func TestAnAnswerThatIsOlderThanTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwo(t)
		defer w.stop()
		gs := w.begin(w.b, "", talks)
		w.both.hang(time.Second)
		var slow *gate.Session
		var all sync.WaitGroup
		all.Go(func() { slow, _ = w.a.Find(t.Context(), of("alice", ""), gs.ID) })
		synctest.Wait()
		w.both.hang(0)
		there, _ := w.find(w.a, of("alice", ""), gs.ID)
		if there == nil {
			t.Fatal("it does not go on")
		}
		if err := w.a.finish(t.Context(), there); err != nil {
			t.Fatal(err)
		}
		all.Wait()
		if slow != nil || len(w.a.sessions.byID) != 0 {
			t.Error("a session goes on that has ended")
		}
		if n := len(w.a.sessions.ended.asked); n != 0 {
			t.Errorf("%d questions are left", n)
		}
	})
}

// Ends that find no room are counted and logged, and a client is not told that a session has ended
// of which the others cannot be told.
func TestEndsWithoutRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwo(t)
		var log bytes.Buffer
		s, err := New(Config{
			Serve: func(context.Context, *gate.Exchange, gate.Client) {}, Settings: func() *Settings { return &Settings{} },
			SessionKey: [32]byte{1}, Replicas: w.both.as("c"), Moves: func(string) bool { return true },
			Limits: Limits{Sessions: 1}, Log: slog.New(slog.NewTextHandler(&log, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		w.both.deafen(errAway)
		for range 3 {
			w.begin(s, "", talks)
			s.CloseThose(everySession)
			synctest.Wait()
		}
		if n := s.EndsDropped(); n != 2 {
			t.Errorf("%d ends were dropped, want 2", n)
		}
		gs := w.begin(s, "", talks)
		if err := s.finish(t.Context(), gs); gate.CodeOf(err) != gate.CodeSessionDown {
			t.Errorf("DELETE without room: %v", err)
		}
		if got, _ := w.find(s, of("alice", ""), gs.ID); got == nil {
			t.Error("it has ended here, and goes on elsewhere")
		}
		w.both.deafen(nil)
		w.stop(s)
		if n := strings.Count(log.String(), "sessions end faster than the replicas can be told"); n != 1 {
			t.Errorf("logged %d times:\n%s", n, log.String())
		}
	})
}

// Who has no room for a session costs neither a seal nor a question.
func TestLimitsOfSessionsComeFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwo(t)
		s, err := New(Config{
			Serve: func(context.Context, *gate.Exchange, gate.Client) {}, Settings: func() *Settings { return &Settings{} },
			SessionKey: [32]byte{1}, Replicas: w.both.as("c"), Moves: func(string) bool { return true }, Limits: Limits{SessionsPerPrincipal: 1},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer w.stop(s)
		elsewhere := w.begin(w.a, "", talks)
		w.begin(s, "", talks)
		unsealable := gate.Session{Version: strings.Repeat("x", 300)}
		if _, err := s.Begin(t.Context(), of("alice", ""), unsealable); gate.CodeOf(err) != gate.CodeSessionLimit {
			t.Errorf("a second session: %v", err)
		}
		asked := w.both.asked
		if _, code := w.find(s, of("alice", ""), elsewhere.ID); code != gate.CodeSessionLimit || w.both.asked != asked {
			t.Errorf("one of another replica: %q, asked %d times", code, w.both.asked-asked)
		}
	})
}

// served is a server whose line does what serve says, before the state of w.
func (w *two) served(serve func(*Server, context.Context, *gate.Exchange, gate.Client)) *Server {
	w.t.Helper()
	var s *Server
	s, err := New(Config{
		Serve:    func(ctx context.Context, ex *gate.Exchange, c gate.Client) { serve(s, ctx, ex, c) },
		Settings: func() *Settings { return &Settings{AllowedHosts: []string{"gateway.example:443"}} }, SessionKey: [32]byte{1}, Replicas: w.both.as("c"), Moves: func(string) bool { return true },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// HTT-33: an initialize that brings an id of a session that is not here is no call of the one that
// it begins: its answer is no stream that could start before the new id is known.
func TestHTT33_InitializeWithAnOldID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwo(t)
		old := w.begin(w.a, "", talks)
		s := w.served(func(s *Server, ctx context.Context, ex *gate.Exchange, c gate.Client) {
			ex.Principal = of("alice", "").Principal
			raw, err := ex.Inbound.Body(ctx)
			if err != nil {
				t.Error(err)
			}
			if ex.Call.Message, err = mcp.ParseClient(raw); err != nil {
				t.Error(err)
			}
			ex.Call.Route, _ = mcp.Lookup("initialize")
			if ex.Call.Session, err = s.Begin(ctx, ex, gate.Session{Version: mcp.V20251125}); err != nil {
				t.Error(err)
			}
			ex.Inbound.Decoded()
			time.Sleep(time.Minute) // longer than KeepAlive
			if err := c.Deliver(ctx, ex, mcp.NewResult([]byte("1"), []byte(`{}`))); err != nil {
				t.Error(err)
			}
		})
		defer w.stop(s)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/mcp", strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}`))
		r.Host, r.RemoteAddr = "gateway.example:443", "127.0.0.1:1"
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", "application/json, text/event-stream")
		r.Header.Set(mcp.HeaderSession, old.ID)
		out := httptest.NewRecorder()
		s.ServeHTTP(out, r)
		id := out.Result().Header.Get(mcp.HeaderSession)
		if out.Code != http.StatusOK || id == "" || id == old.ID || !strings.HasPrefix(out.Result().Header.Get("Content-Type"), "application/json") {
			t.Errorf("%d, session %q, %v: %s", out.Code, id, out.Result().Header, out.Body)
		}
	})
}

// DUR-23: a stream does not outlast by long that the state cannot be asked about its session.
func TestDUR23_StreamsWithoutTheirState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwo(t)
		s := w.served(func(s *Server, ctx context.Context, ex *gate.Exchange, _ gate.Client) {
			ex.Principal = of("alice", "").Principal
			ex.Call.Route, _ = mcp.Lookup(gate.OpStream)
			ex.Call.Session, _ = s.Find(ctx, ex, ex.Inbound.Header.Get(mcp.HeaderSession))
			if err := s.Forward(ctx, ex, nil); err != nil {
				t.Error(err)
			}
		})
		defer w.stop(s)
		gs := w.begin(s, "", talks)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/mcp", http.NoBody)
		r.Host, r.RemoteAddr = "gateway.example:443", "127.0.0.1:1"
		r.Header.Set("Accept", "text/event-stream")
		r.Header.Set(mcp.HeaderSession, gs.ID)
		ended := make(chan struct{})
		go func() { defer close(ended); s.ServeHTTP(httptest.NewRecorder(), r) }()
		time.Sleep(10 * time.Minute)
		select {
		case <-ended:
			t.Fatal("the stream has ended while the state answers")
		default:
		}
		w.both.set(errAway)
		time.Sleep(askLate + time.Minute)
		select {
		case <-ended:
		default:
			t.Error("the stream is open still")
			if err := w.a.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		}
		w.both.set(nil)
	})
}
