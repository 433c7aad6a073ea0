package app_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"doorward/internal/app"
	"doorward/internal/audit"
	"doorward/internal/config"
	"doorward/internal/gatetest"
)

// told is an answer, over whatever transport.
type told struct {
	code    int    // of a JSON-RPC error
	refusal string // Doorward's code
	raw     string
}

func tell(raw []byte) told {
	type data struct{ Code string }
	var m struct {
		Error struct {
			Code int
			Data data
		}
		Result struct {
			Meta struct {
				Refusal data `json:"doorward/refusal"`
			} `json:"_meta"`
		}
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return told{refusal: "no message: " + string(raw)}
	}
	return told{m.Error.Code, m.Error.Data.Code + m.Result.Meta.Refusal.Code, string(raw)}
}

// A voice is a client on a transport. Its say sends a message and returns the
// answer.
type voice interface {
	say(t *testing.T, body []byte) told
}

// opening is who connects, and where.
type opening struct {
	key     string
	profile string
	version string
}

// A transport opens a connection. One that is refused at its opening returns
// the refusal and no voice.
type transport struct {
	open    func(t *testing.T, o opening) (voice, told)
	records func(t *testing.T, code string) int // outcomes of refusals with that code
	dir     string                              // of the audit log; empty: the gateway's
}

func (o opening) path(p string) string {
	if o.profile != "" {
		return p + "/" + o.profile
	}
	return p
}

// refusals counts the outcomes of refusals with a code in an audit log.
func refusals(t *testing.T, dir, code string) int {
	t.Helper()
	n := 0
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return 0 // the gateway has not started yet
	}
	err := audit.Read(t.Context(), dir, audit.Query{Kind: audit.KindOutcome}, func(r *audit.Record) error {
		if r.Code == code && r.Effect == "deny" {
			n++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// overHTTP is the Streamable HTTP transport.
type overHTTP struct{ client *gatetest.Client }

func (v overHTTP) say(t *testing.T, body []byte) told {
	t.Helper()
	var header []string
	if v.client.Stateless() && len(body) > 64<<10 { // too large to be read for it
		header = []string{"Mcp-Method", "tools/call", "Mcp-Name", "up__echo"}
	}
	return tell(v.client.Post(body, header...).Final())
}

func openHTTP(gw *gatetest.GW) func(*testing.T, opening) (voice, told) {
	return func(t *testing.T, o opening) (voice, told) {
		c := gw.Client(t.Name(), o.key)
		c.Path, c.Version = o.profile, o.version
		if o.key == "" || o.profile != "" {
			r := c.Post(hello(o.version))
			return nil, tell(r.Final())
		}
		return overHTTP{c}, told{}
	}
}

// overStream is a voice whose answers come as messages of their own.
type overStream struct {
	send    func(t *testing.T, body []byte) (now []byte)
	answers <-chan []byte
	closed  func() string // what the end of the connection is called
}

func (v overStream) say(t *testing.T, body []byte) told {
	t.Helper()
	if now := v.send(t, body); now != nil {
		return tell(now)
	}
	for late := time.After(limit); ; {
		select {
		case raw, ok := <-v.answers:
			if !ok {
				return told{refusal: v.closed()}
			}
			var m struct{ Method string }
			if json.Unmarshal(raw, &m) == nil && m.Method != "" {
				continue // no answer: an upstream that was slow to open is told of when it is there
			}
			return tell(raw)
		case <-late:
			t.Fatalf("no answer to %.200s", body)
		}
	}
}

// openSSE opens the HTTP+SSE transport of 2024-11-05.
func openSSE(gw *gatetest.GW) func(*testing.T, opening) (voice, told) {
	return func(t *testing.T, o opening) (voice, told) {
		base := "http://" + gw.Address()
		tr := &http.Transport{}
		client := &http.Client{Transport: tr}
		do := func(method, url string, body []byte) *http.Response {
			req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			if o.key != "" {
				req.Header.Set("Authorization", "Bearer "+o.key)
			}
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			return resp
		}
		stream := do(http.MethodGet, base+o.path("/sse"), nil)
		if stream.StatusCode != http.StatusOK {
			defer stream.Body.Close()
			return nil, turnedAway(t, gw, stream)
		}
		answers, done := make(chan []byte, 16), make(chan struct{})
		go func() {
			defer close(done)
			defer close(answers)
			for s := bufio.NewScanner(stream.Body); s.Scan(); {
				if data, ok := strings.CutPrefix(s.Text(), "data: "); ok {
					answers <- []byte(data)
				}
			}
		}()
		t.Cleanup(func() { stream.Body.Close(); <-done; tr.CloseIdleConnections() })
		endpoint := base + string(<-answers)
		return overStream{answers: answers, closed: func() string { return "closed" }, send: func(t *testing.T, body []byte) []byte {
			resp := do(http.MethodPost, endpoint, body)
			defer resp.Body.Close()
			if resp.StatusCode == http.StatusAccepted {
				return nil
			}
			return all(t, resp.Body)
		}}, told{}
	}
}

// turnedAway is the answer to an opening that was refused.
func turnedAway(t *testing.T, gw *gatetest.GW, resp *http.Response) told {
	t.Helper()
	body := all(t, resp.Body)
	gw.Told(resp.Header, body)
	return tell(body)
}

func all(t *testing.T, r io.Reader) []byte {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// openSocket opens a WebSocket.
func openSocket(gw *gatetest.GW) func(*testing.T, opening) (voice, told) {
	return func(t *testing.T, o opening) (voice, told) {
		header := http.Header{}
		if o.key != "" {
			header.Set("Authorization", "Bearer "+o.key)
		}
		conn, resp, err := websocket.Dial(t.Context(), "ws://"+gw.Address()+o.path("/ws"), &websocket.DialOptions{HTTPHeader: header, Subprotocols: []string{"mcp"}})
		if err != nil {
			if resp == nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			return nil, turnedAway(t, gw, resp)
		}
		answers, done, ended := make(chan []byte, 16), make(chan struct{}), ""
		go func() {
			defer close(done)
			defer close(answers)
			for {
				_, data, err := conn.Read(context.WithoutCancel(t.Context()))
				if err != nil {
					ended = "closed " + strconv.Itoa(int(websocket.CloseStatus(err)))
					return
				}
				answers <- data
			}
		}()
		t.Cleanup(func() { _ = conn.CloseNow(); <-done })
		return overStream{answers: answers, closed: func() string { return ended }, send: func(t *testing.T, body []byte) []byte {
			_ = conn.Write(t.Context(), websocket.MessageText, body) // one that is too large is cut off
			return nil
		}}, told{}
	}
}

// overStdio is another gateway with the same lock and the same upstream, whose
// one client is on stdin.
func overStdio(t *testing.T, gw *gatetest.GW, roles string) transport {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "doorward.yaml")
	if !strings.Contains(roles, "trust: {") {
		roles = "trust: {first_use: hold}\n" + roles
	}
	text := "version: 1\ndata_dir: data\nidentity: {anonymous: {subject: local, roles: [reader]}}\n" +
		strings.Replace(roles, "trust: {", "trust: {lock: \""+filepath.Join(gw.Dir, "doorward.lock")+"\", ", 1)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	open := func(t *testing.T, _ opening) (voice, told) {
		cfg, err := config.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		a, err := app.New(app.Options{Config: cfg, Path: path, Version: "test", Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		in, toIn := io.Pipe()
		fromOut, out := io.Pipe()
		served, done := make(chan error, 1), make(chan struct{})
		go func() {
			err := a.ServeStdio(context.Background(), in, out)
			served <- errors.Join(err, out.Close())
		}()
		answers := make(chan []byte, 16)
		go func() {
			defer close(done)
			defer close(answers)
			for s := bufio.NewScanner(fromOut); s.Scan(); {
				answers <- bytes.Clone(s.Bytes())
			}
		}()
		t.Cleanup(func() {
			if err := errors.Join(toIn.Close(), <-served); err != nil {
				t.Errorf("the gateway on stdio ended with %v", err)
			}
			<-done
		})
		return overStream{answers: answers, closed: func() string { return "closed" }, send: func(t *testing.T, body []byte) []byte {
			if _, err := toIn.Write(append(body, '\n')); err != nil {
				t.Error(err)
			}
			return nil
		}}, told{}
	}
	log := filepath.Join(dir, "data", "audit")
	return transport{open, func(t *testing.T, code string) int { return refusals(t, log, code) }, log}
}
