package judge_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/judge"
)

// bench is a judge that answers as a test says, and counts.
type bench struct {
	url   string
	asked atomic.Int32
	last  atomic.Pointer[http.Request]
	body  atomic.Pointer[[]byte]
}

func sit(t *testing.T, answer http.HandlerFunc) *bench {
	t.Helper()
	b := &bench{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		b.asked.Add(1)
		b.last.Store(r)
		b.body.Store(&body)
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	b.url = s.URL
	return b
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func appoint(t *testing.T, c judge.Config) *judge.Judge {
	t.Helper()
	if c.Timeout == 0 {
		c.Timeout = 5 * time.Second
	}
	j, err := judge.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

var question = judge.Question{
	Kind: "call", Upstream: "mail", Item: "send", ItemKind: "tool", Digest: "sha256:00",
	Definition: json.RawMessage(`{"name":"send"}`), Arguments: json.RawMessage(`{"to":"x@example.com"}`), Subject: "alice",
	Findings: []judge.Finding{{Rule: "flow.private", Severity: "high", Where: "/to"}},
}

func TestAnswers(t *testing.T) {
	for _, tc := range []struct {
		name, body string
		status     int
		want       judge.Opinion
		failed     bool
	}{
		{"pass", `{"verdict":"pass","reason":"fine"}`, 200, judge.NoWord, false},
		{"hold", `{"verdict":"hold"}`, 200, judge.Hold, false},
		{"block", ` {"verdict":"block","reason":"no"} `, 200, judge.Block, false},
		{"another word", `{"verdict":"allow"}`, 200, judge.Block, true},
		{"another case", `{"verdict":"PASS"}`, 200, judge.Block, true},
		{"no verdict", `{}`, 200, judge.Block, true},
		{"a member more", `{"verdict":"pass","but":"wait"}`, 200, judge.Block, true},
		{"two answers", `{"verdict":"pass"}{"verdict":"block"}`, 200, judge.Block, true},
		{"twice", `{"verdict":"block","verdict":"pass"}`, 200, judge.Block, true},
		{"the member in another case", `{"Verdict":"pass"}`, 200, judge.Block, true},
		{"no JSON", `pass`, 200, judge.Block, true},
		{"nothing", ``, 200, judge.Block, true},
		{"an error", `{"verdict":"pass"}`, 500, judge.Block, true},
		{"created", `{"verdict":"pass"}`, 201, judge.Block, true},
		{"endless", `{"verdict":"pass","reason":"` + strings.Repeat("x", 70<<10) + `"}`, 200, judge.Block, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := sit(t, says(tc.status, tc.body))
			for _, pass := range []bool{false, true} {
				a, err := appoint(t, judge.Config{URL: b.url, PassOnFailure: pass}).Ask(t.Context(), question)
				want := tc.want
				if tc.failed && pass {
					want = judge.NoWord
				}
				if a.Opinion != want || (err != nil) != tc.failed {
					t.Errorf("pass on failure %v: %v, %v; want %v", pass, a.Opinion, err, want)
				}
				if err != nil && strings.Contains(err.Error(), b.url) {
					t.Errorf("the error repeats the URL: %v", err)
				}
			}
		})
	}
}

func TestQuestionsAreRememberedByWhatTheyAre(t *testing.T) {
	b := sit(t, says(200, `{"verdict":"hold","reason":"look"}`))
	j := appoint(t, judge.Config{URL: b.url})
	for range 3 {
		if a, err := j.Ask(t.Context(), question); err != nil || a.Opinion != judge.Hold || a.Reason != "look" {
			t.Fatalf("%+v, %v", a, err)
		}
	}
	if n := b.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	other := question
	other.Arguments = json.RawMessage(`{"to":"y@example.com"}`)
	if _, err := j.Ask(t.Context(), other); err != nil || b.asked.Load() != 2 {
		t.Errorf("other arguments: asked %d times, %v", b.asked.Load(), err)
	}
	var sent struct {
		Version             int
		Kind, Item, Subject string
		Findings            []judge.Finding
	}
	if err := json.Unmarshal(*b.body.Load(), &sent); err != nil || sent.Version != 1 || sent.Kind != "call" || sent.Item != "send" || len(sent.Findings) != 1 {
		t.Errorf("sent %s, %v", *b.body.Load(), err)
	}
}

func TestAFailureIsNotRemembered(t *testing.T) {
	var down atomic.Bool
	down.Store(true)
	b := sit(t, func(w http.ResponseWriter, r *http.Request) {
		if down.Load() {
			says(503, "")(w, r)
			return
		}
		says(200, `{"verdict":"pass"}`)(w, r)
	})
	j := appoint(t, judge.Config{URL: b.url})
	if a, err := j.Ask(t.Context(), question); err == nil || a.Opinion != judge.Block {
		t.Errorf("%+v, %v", a, err)
	}
	down.Store(false)
	if a, err := j.Ask(t.Context(), question); err != nil || a.Opinion != judge.NoWord {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestASlowJudge(t *testing.T) {
	release := make(chan struct{})
	b := sit(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	t.Cleanup(func() { close(release) })
	j := appoint(t, judge.Config{URL: b.url, Timeout: 50 * time.Millisecond})
	if a, err := j.Ask(t.Context(), question); err == nil || a.Opinion != judge.Block {
		t.Errorf("%+v, %v", a, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if a, err := j.Ask(ctx, question); err == nil || a.Opinion != judge.Block {
		t.Errorf("a caller who left: %+v, %v", a, err)
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	away := sit(t, says(200, `{"verdict":"pass"}`))
	b := sit(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, away.url, http.StatusTemporaryRedirect)
	})
	if a, err := appoint(t, judge.Config{URL: b.url}).Ask(t.Context(), question); err == nil || a.Opinion != judge.Block || away.asked.Load() != 0 {
		t.Errorf("%+v, %v, asked elsewhere %d times", a, err, away.asked.Load())
	}
}

func TestTheSecretIsABearerToken(t *testing.T) {
	b := sit(t, says(200, `{"verdict":"pass"}`))
	c := judge.Config{URL: b.url, Secret: func() (gate.Secret, error) { return gate.NewSecret("CANARY-judge"), nil }}
	if _, err := appoint(t, c).Ask(t.Context(), question); err != nil || b.last.Load().Header.Get("Authorization") != "Bearer CANARY-judge" {
		t.Errorf("sent %q, %v", b.last.Load().Header.Get("Authorization"), err)
	}
	c.Secret = func() (gate.Secret, error) { return gate.NewSecret("CANARY\nX-Other: 1"), nil }
	if a, err := appoint(t, c).Ask(t.Context(), question); err == nil || a.Opinion != judge.Block || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("%+v, %v", a, err)
	}
}

func completion(content, finish string) string {
	raw, _ := json.Marshal(map[string]any{"choices": []any{map[string]any{"message": map[string]string{"role": "assistant", "content": content}, "finish_reason": finish}}})
	return string(raw)
}

func TestAModelIsAsked(t *testing.T) {
	for _, tc := range []struct {
		name, body string
		want       judge.Opinion
		failed     bool
	}{
		{"pass", completion(`{"verdict":"pass","reason":"ok"}`, "stop"), judge.NoWord, false},
		{"block", completion(`{"verdict":"block","reason":"bad"}`, "stop"), judge.Block, false},
		{"prose", completion(`I think it is fine. {"verdict":"pass"}`, "stop"), judge.Block, true},
		{"cut", completion(`{"verdict":"pass"}`, "length"), judge.Block, true},
		{"none", `{"choices":[]}`, judge.Block, true},
		{"two", `{"choices":[{"message":{"content":"{\"verdict\":\"pass\"}"},"finish_reason":"stop"},{"message":{"content":"{}"},"finish_reason":"stop"}]}`, judge.Block, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := sit(t, says(200, tc.body))
			a, err := appoint(t, judge.Config{URL: b.url, Model: "small"}).Ask(t.Context(), question)
			if a.Opinion != tc.want || (err != nil) != tc.failed {
				t.Errorf("%+v, %v", a, err)
			}
			var sent struct {
				Model    string
				Messages []struct{ Role, Content string }
			}
			if err := json.Unmarshal(*b.body.Load(), &sent); err != nil || sent.Model != "small" || len(sent.Messages) != 2 ||
				sent.Messages[0].Role != "system" || !strings.Contains(sent.Messages[1].Content, `"x@example.com"`) || strings.Contains(sent.Messages[0].Content, "example.com") {
				t.Errorf("sent %s, %v", *b.body.Load(), err)
			}
		})
	}
}

func TestURLsThatAreNotAsked(t *testing.T) {
	for _, url := range []string{"", "judge.example.com", "http://judge.example.com/", "ftp://127.0.0.1/", "https://u:p@judge.example.com/", "https:///x", "http://127.0.0.1.example.com/"} {
		if _, err := judge.New(judge.Config{URL: url, Timeout: time.Second}); err == nil {
			t.Errorf("%q was taken", url)
		}
	}
	if _, err := judge.New(judge.Config{URL: "https://judge.example.com/"}); err == nil {
		t.Error("no timeout was taken")
	}
}

// Whatever a judge answers, only the one word opens nothing more, and the reason
// stays short.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{`{"verdict":"pass"}`, `{"verdict":"block","reason":"x"}`, `{"Verdict":"pass"}`, `{"verdict":"pass","verdict":"block"}`, `[]`, `{"verdict":null}`} {
		f.Add(s)
	}
	var answer atomic.Pointer[string]
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, *answer.Load()) }))
	f.Cleanup(s.Close)
	f.Fuzz(func(t *testing.T, body string) {
		answer.Store(&body)
		a, err := appoint(t, judge.Config{URL: s.URL}).Ask(t.Context(), question)
		if a.Opinion == judge.NoWord && (err != nil || !strings.Contains(body, "pass")) {
			t.Errorf("%q passes", body)
		}
		if len(a.Reason) > 512 {
			t.Errorf("a reason of %d bytes", len(a.Reason))
		}
	})
}
