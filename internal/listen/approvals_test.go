package listen_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/listen"
)

// bench decides what it is told to.
type bench struct {
	identify func(ex *gate.Exchange) (gate.Verdict, error)
	err      error // of the rest
	asked    atomic.Int64
}

// Identify implements listen.Approvals.
func (b *bench) Identify(_ context.Context, ex *gate.Exchange) (gate.Verdict, error) {
	return b.identify(ex)
}

// List implements listen.Approvals.
func (b *bench) List(context.Context, *gate.Exchange) ([]gate.Approval, error) {
	b.asked.Add(1)
	return []gate.Approval{{ID: "apr_1", Arguments: []byte(`"CANARY"`)}}, b.err
}

// Show implements listen.Approvals.
func (b *bench) Show(_ context.Context, _ *gate.Exchange, id string) (gate.Approval, error) {
	b.asked.Add(1)
	return gate.Approval{ID: id, Arguments: []byte("\"CANARY\u202e\"")}, b.err
}

// Decide implements listen.Approvals.
func (b *bench) Decide(_ context.Context, _ *gate.Exchange, id string, _ bool) (gate.Approval, error) {
	b.asked.Add(1)
	return gate.Approval{ID: id}, b.err
}

func someone(ex *gate.Exchange) (gate.Verdict, error) {
	ex.Principal = &gate.Principal{Realm: gate.RealmKeys, Subject: "ann"}
	return gate.Pass(), nil
}

func seated(t *testing.T, b *bench, record func(context.Context, gate.Event) error) string {
	t.Helper()
	s, err := listen.New(listen.Config{
		Serve:    func(context.Context, *gate.Exchange, gate.Client) { t.Error("a message walked the line") },
		Settings: func() *listen.Settings { return &listen.Settings{Approvals: true} }, Approvals: b, Record: record,
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s)
	t.Cleanup(func() {
		srv.Close()
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return srv.URL + "/approvals"
}

// Whatever goes wrong refuses, and says nothing of why.
func TestApprovalsFailClosed(t *testing.T) {
	broken := errors.New("secret reason")
	fails := func(context.Context, gate.Event) error { return broken }
	for name, tc := range map[string]struct {
		bench  *bench
		record func(context.Context, gate.Event) error
		status int
		asked  int64 // of three requests, how many got past the door
	}{
		"no verdict":         {&bench{identify: func(*gate.Exchange) (gate.Verdict, error) { return gate.Verdict{}, nil }}, nil, 500, 0},
		"an error":           {&bench{identify: func(*gate.Exchange) (gate.Verdict, error) { return gate.Pass(), broken }}, nil, 500, 0},
		"a panic":            {&bench{identify: func(*gate.Exchange) (gate.Verdict, error) { panic("secret reason") }}, nil, 500, 0},
		"a hold":             {&bench{identify: func(*gate.Exchange) (gate.Verdict, error) { return gate.Verdict{Effect: gate.Hold}, nil }}, nil, 500, 0},
		"nobody passes":      {&bench{identify: func(*gate.Exchange) (gate.Verdict, error) { return gate.Pass(), nil }}, nil, 401, 0},
		"refused, no record": {&bench{identify: func(*gate.Exchange) (gate.Verdict, error) { return gate.Verdict{Code: gate.CodeBadCredential}, nil }}, fails, 401, 0},
		"keys cannot be judged": {&bench{identify: func(*gate.Exchange) (gate.Verdict, error) {
			return gate.Verdict{}, &gate.Error{Code: gate.CodeIdentityDown, Err: broken}
		}}, nil, 503, 0},
		"the store fails":   {&bench{identify: someone, err: broken}, nil, 500, 3},
		"the store is down": {&bench{identify: someone, err: &gate.Error{Code: gate.CodeApprovalDown, Err: broken}}, nil, 500, 3},
	} {
		t.Run(name, func(t *testing.T) {
			at := seated(t, tc.bench, tc.record)
			for _, r := range []struct{ method, path, body string }{
				{"GET", "", ""}, {"GET", "/apr_1", ""}, {"POST", "/apr_1", `{"decision":"grant"}`},
			} {
				resp := send(t, r.method, at+r.path, r.body, "Content-Type: application/json")
				if body := text(t, resp); resp.StatusCode != tc.status || strings.Contains(body, "secret") || strings.Contains(body, "CANARY") || !strings.Contains(body, `"exchange":"`) {
					t.Errorf("%s %s: %d %s, want %d", r.method, r.path, resp.StatusCode, body, tc.status)
				}
			}
			if n := tc.bench.asked.Load(); n != tc.asked {
				t.Errorf("%d got past the door, want %d", n, tc.asked)
			}
		})
	}
}

// A look without a record shows nothing; and what is shown is whole.
func TestALookIsOnRecord(t *testing.T) {
	b := &bench{identify: someone}
	resp := send(t, "GET", seated(t, b, func(context.Context, gate.Event) error { return errors.New("disk") })+"/apr_1", "")
	if body := text(t, resp); resp.StatusCode != http.StatusInternalServerError || strings.Contains(body, "CANARY") || !strings.Contains(body, "audit.unavailable") {
		t.Errorf("without a record: %d %s", resp.StatusCode, body)
	}
	resp = send(t, "GET", seated(t, b, nil)+"/apr_1", "")
	if body := text(t, resp); resp.StatusCode != http.StatusOK || !strings.Contains(body, `"arguments":"\"CANARY`+"\u202e"+`\"","shown":"\"CANARY⟨U+202E⟩\""`) {
		t.Errorf("the look: %d %s", resp.StatusCode, body)
	}
}
