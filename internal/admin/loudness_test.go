package admin

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

// SetLogLevel makes operator remember who asked.
func (o *operator) SetLogLevel(_ context.Context, actor string, req LogLevelRequest) (LogLevel, error) {
	return LogLevel{Level: req.Level}, o.note(actor, "log "+req.Level+" "+req.For.String())
}

// LOG-18: who may not change the level is refused, and nobody is asked; who may is.
func TestLOG18_WhoMayChangeTheLevel(t *testing.T) {
	var route Route
	for _, r := range Routes() {
		if r.Pattern == "POST /v1/log/level" {
			route = r
		}
	}
	if route.Permission != LogWrite {
		t.Fatalf("the route needs %q", route.Permission)
	}
	op := &operator{}
	s := &Server{op: op, log: quiet()}
	for _, tc := range []struct {
		name string
		peer peer
		want int
	}{
		{"another user", peer{uid: os.Getuid() + 1, ok: true}, http.StatusForbidden},
		{"nobody knows who", peer{uid: 0}, http.StatusForbidden},
		{"its own user", peer{uid: os.Getuid(), ok: true}, http.StatusOK},
	} {
		op.asked = nil
		body := strings.NewReader(`{"level":"debug","for":600000000000}`)
		r := httptest.NewRequestWithContext(context.WithValue(t.Context(), peerKey{}, tc.peer), http.MethodPost, "/v1/log/level", body)
		w := httptest.NewRecorder()
		s.guard(route).ServeHTTP(w, r)
		if w.Code != tc.want || (len(op.asked) == 1) != (tc.want == http.StatusOK) {
			t.Errorf("%s: got %d and asked %q", tc.name, w.Code, op.asked)
		}
	}
	c := listen(t, t.TempDir(), op)
	op.asked = nil
	if is, err := c.SetLogLevel(t.Context(), "somebody else", LogLevelRequest{Level: "debug", For: 10 * time.Minute}); err != nil || is.Level != "debug" {
		t.Errorf("got %+v, %v", is, err)
	}
	if len(op.asked) != 1 || !strings.HasPrefix(op.asked[0], "uid:") || !strings.HasSuffix(op.asked[0], " log debug 10m0s") {
		t.Errorf("asked %q", op.asked)
	}
}
