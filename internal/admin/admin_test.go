package admin

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"doorward/internal/gate"
)

// operator is an Operator that remembers who asked for what.
type operator struct {
	Operator
	asked []string
	fail  error
}

func (o *operator) note(actor, what string) error {
	o.asked = append(o.asked, actor+" "+what)
	return o.fail
}

func (o *operator) ListKeys(context.Context) ([]Key, error) {
	return []Key{{ID: "k_1", Name: "me"}}, o.fail
}

func (o *operator) CreateKey(_ context.Context, actor string, req KeyRequest) (NewKey, error) {
	return NewKey{Text: "dw_x", Name: req.Name, Roles: req.Roles}, o.note(actor, "create "+req.Name)
}

func (o *operator) RevokeKey(_ context.Context, actor, id string) error {
	return o.note(actor, "revoke "+id)
}

func (o *operator) Approve(_ context.Context, actor string, refs []Ref) (int, error) {
	return len(refs), o.note(actor, "approve "+refs[0].Name)
}

func (o *operator) Calls(_ context.Context, actor string, q CallQuery) (CallList, error) {
	return CallList{Calls: []Call{{Exchange: q.Exchange, Time: q.Since, Arguments: json.RawMessage(`{"a":"<&>\u2028"}`)}}, Cut: true}, o.note(actor, "calls")
}

func (o *operator) Status(context.Context) (Status, error) { return Status{Version: "test"}, nil }

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func listen(t *testing.T, dir string, op Operator) *Client {
	t.Helper()
	s, err := Listen(dir, op, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	c, err := Dial(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestTheKernelSaysWhoActs(t *testing.T) {
	op := &operator{}
	c := listen(t, t.TempDir(), op)
	key, err := c.CreateKey(t.Context(), "somebody else", KeyRequest{Name: "ci", Roles: []string{"reader"}})
	if err != nil || key.Text != "dw_x" || key.Name != "ci" {
		t.Fatalf("got %+v, %v", key, err)
	}
	if err := c.RevokeKey(t.Context(), "somebody else", "k_1"); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Approve(t.Context(), "", []Ref{{Name: "read"}}); err != nil || n != 1 {
		t.Fatalf("got %d, %v", n, err)
	}
	for _, got := range op.asked {
		if !strings.HasPrefix(got, "uid:") || strings.Contains(got, "somebody") {
			t.Errorf("the actor on record is %q", got)
		}
	}
	if len(op.asked) != 3 {
		t.Errorf("got %q", op.asked)
	}
}

// What was recorded comes over the socket as it was.
func TestCallsOverTheSocket(t *testing.T) {
	op := &operator{}
	c := listen(t, t.TempDir(), op)
	since := time.Date(2026, 11, 26, 1, 2, 3, 4, time.UTC)
	list, err := c.Calls(t.Context(), "somebody else", CallQuery{Exchange: "x", Since: since})
	if err != nil || !list.Cut || len(list.Calls) != 1 || list.Calls[0].Exchange != "x" || !list.Calls[0].Time.Equal(since) {
		t.Fatalf("got %+v, %v", list, err)
	}
	if got := string(list.Calls[0].Arguments); got != `{"a":"<&>\u2028"}` {
		t.Errorf("the arguments are %s", got)
	}
	if len(op.asked) != 1 || !strings.HasPrefix(op.asked[0], "uid:") {
		t.Errorf("asked %q", op.asked)
	}
	for _, r := range Routes() {
		if strings.HasSuffix(r.Pattern, "/v1/records/calls") && r.Permission != "records:open" {
			t.Errorf("%s needs %s", r.Pattern, r.Permission)
		}
	}
}

func TestSocketIsPrivate(t *testing.T) {
	dir := t.TempDir()
	listen(t, dir, &operator{})
	st, err := os.Stat(filepath.Join(dir, SocketName))
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v, %v", st.Mode(), err)
	}
}

// TestPermissions: every route needs one, and only the gateway's own user and
// root have any.
func TestPermissions(t *testing.T) {
	for _, r := range Routes() {
		if r.Permission == "" {
			t.Errorf("%s needs no permission", r.Pattern)
		}
		for _, tc := range []struct {
			p    peer
			want bool
		}{
			{peer{uid: os.Getuid(), ok: true}, true},
			{peer{uid: 0, ok: true}, true},
			{peer{uid: os.Getuid() + 1, ok: true}, false},
			{peer{uid: 0, ok: false}, false},
			{peer{}, false},
		} {
			if got := tc.p.may(r.Permission); got != tc.want {
				t.Errorf("%s for %+v: got %v", r.Pattern, tc.p, got)
			}
		}
	}
	if (peer{uid: os.Getuid(), ok: true}).may("") {
		t.Error("a route without a permission is open")
	}
}

func TestRefusalsOfTheAPI(t *testing.T) {
	op := &operator{fail: &gate.Error{Code: gate.CodeParams, Public: "there is no such key", Op: "revoking"}}
	dir := t.TempDir()
	c := listen(t, dir, op)
	if err := c.RevokeKey(t.Context(), "", "k_9"); err == nil || !strings.Contains(err.Error(), "no such key") {
		t.Errorf("got %v", err)
	}
	op.fail = errors.New("disk full")
	if _, err := c.ListKeys(t.Context()); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("got %v", err)
	}
	for _, tc := range []struct {
		method, path, body string
		want               int
	}{
		{"GET", "/v1/nothing", "", 404},
		{"DELETE", "/v1/keys", "", 405},
		{"POST", "/v1/keys", `{"name":"x","admin":true}`, 422},
		{"POST", "/v1/keys", `{`, 422},
		{"POST", "/v1/keys", "", 422},
		{"POST", "/v1/keys", `{"name":"x","name":"y"}`, 422},
		{"POST", "/v1/keys", `{"name":"x","Name":"y"}`, 422},
		{"POST", "/v1/keys", `{"NAME":"x"}`, 422},
		{"POST", "/v1/keys", `{"name":"x"}{"name":"y"}`, 422},
		{"POST", "/v1/keys", `{"name":"x"} x`, 422},
		{"POST", "/v1/keys", "{\"name\":\"\xff\"}", 422},
		{"POST", "/v1/keys", `{"name":"` + strings.Repeat("x", maxBody) + `"}`, 422},
		{"POST", "/v1/trust/approve", `[{"upstream":"x","upstream":"y"}]`, 422},
		{"POST", "/v1/trust/approve", `{"upstream":"x"}`, 422},
	} {
		req, err := http.NewRequestWithContext(t.Context(), tc.method, "http://gateway"+tc.path, strings.NewReader(tc.body))
		if err != nil {
			t.Fatal(err)
		}
		res, err := c.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != tc.want {
			t.Errorf("%s %s %s: got %d, want %d", tc.method, tc.path, tc.body, res.StatusCode, tc.want)
		}
	}
}

func TestNoGateway(t *testing.T) {
	if _, err := Dial(t.Context(), t.TempDir()); !errors.Is(err, ErrNoGateway) {
		t.Errorf("got %v", err)
	}
}

// TestLongDataDir: a socket's path is at most 107 bytes, a directory's is not.
func TestLongDataDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("d", 120))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if st, err := listen(t, dir, &operator{}).Status(t.Context()); err != nil || st.Version != "test" {
		t.Errorf("got %+v, %v", st, err)
	}
}

// health is a Health whose state the test writes.
type health struct{ reasons []string }

func (h *health) Ready(context.Context) []string { return h.reasons }
func (h *health) Metrics() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1\n") })
}

func TestHealth(t *testing.T) {
	h := &health{}
	var lc net.ListenConfig
	var s *HealthServer
	address, err := "", errors.New("no port")
	for n := 0; err != nil; n++ { // whom the system gives the port before it is listened on has it
		if n == 10 {
			t.Fatal(err)
		}
		var ln net.Listener
		if ln, err = lc.Listen(t.Context(), "tcp", "127.0.0.1:0"); err != nil {
			continue
		}
		address = ln.Addr().String()
		_ = ln.Close()
		s, err = ListenHealth(address, h, quiet())
	}
	defer func() {
		if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}()
	client := &http.Client{Timeout: time.Minute}
	get := func(path, host string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if host != "" {
			req.Host = host
		}
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(io.LimitReader(res.Body, 1<<10))
		return res.StatusCode, string(b)
	}
	for _, tc := range []struct {
		path, host string
		reasons    []string
		want       int
		says       string
	}{
		{"/healthz", "", nil, 200, "ok"},
		{"/readyz", "", nil, 200, "ready"},
		{"/readyz", "", []string{"audit log: disk full", "state: dial tcp 10.1.2.3:6379: refused"}, 503, `{"status":"not ready","reasons":["audit log","state"]}`},
		{"/metrics", "", nil, 200, "up 1"},
		{"/metrics", "evil.example.com", nil, 403, "loopback"},
		{"/metrics", "127.0.0.1.evil.example.com", nil, 403, "loopback"},
		{"/v1/keys", "", nil, 404, ""},
	} {
		h.reasons = tc.reasons
		if status, body := get(tc.path, tc.host); status != tc.want || !strings.Contains(body, tc.says) {
			t.Errorf("%s as %q: got %d %s", tc.path, tc.host, status, body)
		}
	}
}
