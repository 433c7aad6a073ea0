package gatetest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
)

// Reply is an answer as the client got it.
type Reply struct {
	Status   int
	Header   http.Header
	Body     []byte   // as it came
	Messages [][]byte // the JSON-RPC messages: one, or the events of a stream
	Exchange string
	Code     int    // of a JSON-RPC error
	Refusal  string // Doorward's code in error.data.code, or in a tool error's _meta
}

// String shows status and body.
func (r *Reply) String() string { return fmt.Sprintf("%d %.2000s", r.Status, r.Body) }

// Final is the last message: the answer.
func (r *Reply) Final() []byte {
	if len(r.Messages) == 0 {
		return nil
	}
	return r.Messages[len(r.Messages)-1]
}

// OK tells whether the answer is a result and no tool error.
func (r *Reply) OK() bool {
	var m struct {
		Result *struct{ IsError bool }
		Error  json.RawMessage
	}
	return r.Status == http.StatusOK && json.Unmarshal(r.Final(), &m) == nil && m.Result != nil && !m.Result.IsError && m.Error == nil
}

func (g *GW) read(resp *http.Response) *Reply {
	g.t.Helper()
	body, err := io.ReadAll(resp.Body)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) { // a server that has not read all resets
		g.t.Fatalf("reading an answer: %v", err)
	}
	r := &Reply{Status: resp.StatusCode, Header: resp.Header, Body: body, Exchange: resp.Header.Get("Doorward-Exchange")}
	switch kind, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";"); {
	case kind == "text/event-stream":
		s := bufio.NewScanner(bytes.NewReader(body))
		s.Buffer(nil, len(body)+1)
		for s.Scan() {
			if data, ok := strings.CutPrefix(s.Text(), "data: "); ok && data != "" {
				r.Messages = append(r.Messages, []byte(data))
			}
		}
	case len(body) > 0:
		r.Messages = [][]byte{body}
	}
	type data struct{ Code string }
	var m struct {
		Error struct {
			Code int
			Data data
		}
		Result struct {
			Meta map[string]json.RawMessage `json:"_meta"`
		}
	}
	if json.Unmarshal(r.Final(), &m) == nil {
		var d data
		_ = json.Unmarshal(m.Result.Meta["doorward/refusal"], &d) // absent in most answers
		r.Code, r.Refusal = m.Error.Code, m.Error.Data.Code+d.Code
	}
	if r.Status >= http.StatusBadRequest || r.Refusal != "" {
		g.Told(r.Header, body)
	}
	if r.Exchange != "" {
		g.note(r.Exchange, strings.HasPrefix(r.Refusal, "http."))
	}
	return r
}

// Raw sends bytes on a connection of their own and reads one HTTP answer.
func (g *GW) Raw(request []byte) *Reply {
	g.t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(g.t.Context(), "tcp", g.Address())
	if err != nil {
		g.t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		g.t.Fatal(err)
	}
	wrote := make(chan struct{})
	go func() { // the gateway may answer, and close, before it has read all
		defer close(wrote)
		_, _ = conn.Write(request)
	}()
	defer func() { conn.Close(); <-wrote }()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		g.t.Fatalf("no HTTP answer: %v", err)
	}
	defer resp.Body.Close()
	return g.read(resp)
}
