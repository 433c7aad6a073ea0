//go:build linux

package stress_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// The revisions that clients of this package speak.
const (
	batches   = "2025-03-26"
	stateful  = "2025-11-25"
	stateless = "2026-07-28"
)

// patience bounds every wait for something that must happen. It is long, for tests of other
// packages may have the machine busy.
const patience = 2 * time.Minute

const statelessMeta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"` + stateless + `","io.modelcontextprotocol/clientCapabilities":{}}`

// client writes requests by hand on one connection that it keeps. One goroutine
// uses it.
type client struct {
	name    string
	address string
	profile string
	key     string
	version string
	session string
	conn    net.Conn
	in      *bufio.Reader
	out     []byte
}

// reply is an answer: its final message, taken apart.
type reply struct {
	status   int
	exchange string
	session  string
	retry    string // Retry-After
	raw      []byte
	ID       json.RawMessage
	Result   struct {
		IsError bool
		Content []struct{ Text string }
		Tools   []struct{ Name string }
		Meta    struct {
			Refusal struct{ Code string } `json:"doorward/refusal"`
		} `json:"_meta"`
	}
	Error *struct {
		Code    int
		Message string
		Data    struct{ Code string }
	}
}

// refusal is Doorward's code; empty where it refused nothing.
func (r *reply) refusal() string {
	if r.Error != nil {
		return r.Error.Data.Code
	}
	return r.Result.Meta.Refusal.Code
}

// text is the text of a call's result.
func (r *reply) text() string {
	if len(r.Result.Content) == 0 {
		return ""
	}
	return r.Result.Content[0].Text
}

func (c *client) dial() error {
	conn, err := (&net.Dialer{Timeout: patience}).Dial("tcp", c.address)
	if err != nil {
		return err
	}
	c.conn, c.in = conn, bufio.NewReader(conn)
	return nil
}

func (c *client) close() {
	if c.conn != nil {
		c.conn.Close()
	}
}

// open connects and does the handshake of the era.
func (c *client) open() error {
	if c.conn == nil {
		if err := c.dial(); err != nil {
			return err
		}
	}
	if c.version == stateless {
		return nil
	}
	c.session = ""
	r, err := c.send("", `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"`+c.version+
		`","capabilities":{},"clientInfo":{"name":"stress","version":"1"}}}`)
	if err != nil {
		return err
	}
	if r.session == "" {
		return fmt.Errorf("%s: handshake answered with %d %s", c.name, r.status, r.raw)
	}
	c.session = r.session
	_, err = c.send("", `{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	return err
}

// list asks for the tools.
func (c *client) list() (*reply, error) {
	params := ""
	if c.version == stateless {
		params = statelessMeta
	}
	return c.send("tools/list", `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{`+params+`}}`)
}

// call calls a tool with a canary. id is a JSON token.
func (c *client) call(id, tool, canary string) (*reply, error) {
	params := `"name":"` + tool + `","arguments":{"canary":"` + canary + `"}`
	header := ""
	if c.version == stateless {
		params += "," + statelessMeta
		header = "tools/call\r\nMcp-Name: " + tool
	}
	return c.send(header, `{"jsonrpc":"2.0","id":`+id+`,"method":"tools/call","params":{`+params+`}}`)
}

// echo calls echo and says what is wrong with the answer, if anything is.
func (c *client) echo(id, canary string) (*reply, error) {
	r, err := c.call(id, "echo", canary)
	switch {
	case err != nil:
		return nil, err
	case string(r.ID) != id || r.text() != canary:
		return r, fmt.Errorf("%s sent id %s and canary %s and got %d %s", c.name, id, canary, r.status, r.raw)
	}
	return r, nil
}

// send sends one message and reads the answer. method is the Mcp-Method header
// of the stateless era, with what follows it.
func (c *client) send(method, body string) (*reply, error) {
	if err := c.write(method, body); err != nil {
		return nil, err
	}
	return c.read()
}

// write sends one message.
func (c *client) write(method, body string) error {
	b := append(c.out[:0], "POST /mcp"...)
	if c.profile != "" {
		b = append(append(b, '/'), c.profile...)
	}
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, c.address...)
	b = append(b, "\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\nAuthorization: Bearer "...)
	b = append(b, c.key...)
	if c.session != "" {
		b = append(append(b, "\r\nMcp-Session-Id: "...), c.session...)
	}
	if c.version == stateless || c.session != "" && c.version != batches {
		b = append(append(b, "\r\nMCP-Protocol-Version: "...), c.version...)
	}
	if c.version == stateless {
		b = append(append(b, "\r\nMcp-Method: "...), method...)
	}
	b = fmt.Appendf(b, "\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	c.out = b
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err := c.conn.Write(b)
	return err
}

func (c *client) read() (*reply, error) {
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	r := &reply{status: resp.StatusCode, exchange: resp.Header.Get("Doorward-Exchange"), session: resp.Header.Get("Mcp-Session-Id"), retry: resp.Header.Get("Retry-After"), raw: raw}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		at := bytes.LastIndex(raw, []byte("data: "))
		if at < 0 {
			return nil, fmt.Errorf("a stream without an answer: %q", raw)
		}
		r.raw, _, _ = bytes.Cut(raw[at+len("data: "):], []byte("\n"))
	}
	if len(r.raw) > 0 && r.raw[0] == '{' {
		if err := json.Unmarshal(r.raw, r); err != nil {
			return nil, fmt.Errorf("an answer that is no JSON: %w: %q", err, r.raw)
		}
	}
	return r, nil
}
