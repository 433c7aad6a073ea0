package main

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Ids have ten digits, so that they are patched in place. They start here.
const (
	idDigits = 10
	firstID  = 1_000_000_000
)

// filler is what a text is made of behind its id: prose, nothing to escape.
const filler = " the keeper of the lighthouse writes down every ship that passes and what the weather was like;"

// errForeign is the answer to another request, or to none. It ends the run: a
// figure for a target that mixes answers up means nothing.
var errForeign = errors.New("the answer is not the answer to this request")

// An endpoint is where a target listens and what it asks to be shown.
type endpoint struct {
	address string // host:port
	path    string
	token   string
}

// call is a tools/call request of which only the id changes.
type call struct {
	raw    []byte // head and body
	id     []byte // within raw
	text   []byte // within raw, the whole argument
	marker []byte // within text, the id again
}

// newCall prepares the request for one session (none in the stateless era).
func newCall(to endpoint, e era, session string, payload int) *call {
	id := strconv.Itoa(firstID)
	text := id + strings.Repeat(filler, payload/len(filler)+1)
	text = text[:payload]
	body := `{"jsonrpc":"2.0","id":` + id + `,"method":"tools/call","params":{"name":"echo","arguments":{"text":"` + text + `"}`
	if e == stateless {
		body += `,` + meta
	}
	body += `}}`
	headers := []string{"Mcp-Protocol-Version: " + e.revision()}
	if e == stateless {
		headers = append(headers, "Mcp-Method: tools/call", "Mcp-Name: echo")
	} else {
		headers = append(headers, "Mcp-Session-Id: "+session)
	}
	raw := post(to, body, headers...)
	start := len(raw) - len(body)
	idAt := start + strings.Index(body, id)
	textAt := start + strings.Index(body, text)
	return &call{
		raw:    raw,
		id:     raw[idAt : idAt+idDigits],
		text:   raw[textAt : textAt+payload],
		marker: raw[textAt : textAt+idDigits],
	}
}

// meta is what a stateless request says about its sender.
const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"` + statelessRevision + `",` +
	`"io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1"}}`

// post makes a POST request of body. Every target gets the same bytes, the
// token too, whether it looks or not.
func post(to endpoint, body string, headers ...string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: %s\r\n", to.path, to.address)
	b.WriteString("Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n")
	fmt.Fprintf(&b, "Authorization: Bearer %s\r\nContent-Length: %d\r\n", to.token, len(body))
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	b.WriteString("\r\n" + body)
	return b.Bytes()
}

// stamp gives the request its id, in the envelope and in the text.
func (c *call) stamp(id uint64) {
	for i := idDigits - 1; i >= 0; i-- {
		c.id[i] = byte('0' + id%10)
		id /= 10
	}
	copy(c.marker, c.id)
}

// check says whether a is the answer to the request as last stamped.
func (c *call) check(a answer) error {
	if a.status != 200 {
		return fmt.Errorf("status %d: %.300s", a.status, a.body)
	}
	if !bytes.Equal(valueOf(a.body, `"id":`), c.id) {
		return fmt.Errorf("%w: id %s, answer %.200s", errForeign, c.id, a.body)
	}
	const key = `"text":"`
	at := bytes.Index(a.body, []byte(key))
	if at < 0 || bytes.Contains(a.body[:at], []byte(`"error":`)) {
		return fmt.Errorf("refused: %.300s", a.body)
	}
	rest := a.body[at+len(key):]
	if len(rest) <= len(c.text) || rest[len(c.text)] != '"' || !bytes.Equal(rest[:len(c.text)], c.text) {
		if bytes.Contains(rest, []byte(`"isError":true`)) {
			return fmt.Errorf("refused: %.300s", a.body)
		}
		return fmt.Errorf("%w: id %s has the right id and another text: %.200s", errForeign, c.id, a.body)
	}
	return nil
}

// open makes a session on w and returns its id.
func open(w *wire, to endpoint) (string, error) {
	session, err := initialize(w, to)
	if err != nil {
		return "", err
	}
	return session, initialized(w, to, session)
}

func initialize(w *wire, to endpoint) (string, error) {
	a, err := w.roundTrip(post(to, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"`+statefulRevision+
		`","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}`))
	if err != nil {
		return "", fmt.Errorf("initialize: %w", err)
	}
	if a.status != 200 || a.session == "" || !bytes.Contains(a.body, []byte(`"protocolVersion":"`+statefulRevision+`"`)) {
		return "", fmt.Errorf("initialize: status %d, session %q: %.300s", a.status, a.session, a.body)
	}
	return a.session, nil
}

func initialized(w *wire, to endpoint, session string) error {
	a, err := w.roundTrip(post(to, `{"jsonrpc":"2.0","method":"notifications/initialized"}`,
		"Mcp-Protocol-Version: "+statefulRevision, "Mcp-Session-Id: "+session))
	if err != nil {
		return fmt.Errorf("initialized: %w", err)
	}
	if a.status != 202 {
		return fmt.Errorf("initialized: status %d: %.300s", a.status, a.body)
	}
	return nil
}

// end closes a session. What comes of it is the target's affair.
func end(w *wire, to endpoint, session string) {
	request := fmt.Sprintf("DELETE %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nMcp-Protocol-Version: %s\r\nMcp-Session-Id: %s\r\n\r\n",
		to.path, to.address, to.token, statefulRevision, session)
	_, _ = w.roundTrip([]byte(request))
}
