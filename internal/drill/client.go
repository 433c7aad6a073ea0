package drill

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// call is one call of a tool, as an attacker or somebody honest makes it.
type call struct {
	key     string
	tool    string
	text    string // its argument
	session string // empty: of the revision without sessions
}

// The revisions that the drill speaks: with sessions, and without.
const (
	stateful  = "2025-06-18"
	stateless = "2026-07-28"
)

// meta is what a message without a session carries.
const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"` + stateless + `","io.modelcontextprotocol/clientCapabilities":{}}`

// maxAnswer bounds what is read of an answer.
const maxAnswer = 1 << 20

// call makes one and returns the code of a refusal; empty: it was carried out.
func (s *stage) call(ctx context.Context, g *gateway, c call) (code string, err error) {
	argument, err := json.Marshal(c.text)
	if err != nil {
		return "", err
	}
	params := fmt.Sprintf(`"name":%q,"arguments":{"text":%s}`, c.tool, argument)
	header := http.Header{"Authorization": {"Bearer " + c.key}}
	if c.session == "" {
		params += "," + meta
		header.Set("Mcp-Protocol-Version", stateless)
		header.Set("Mcp-Method", "tools/call")
		header.Set("Mcp-Name", c.tool)
	} else {
		header.Set("Mcp-Protocol-Version", stateful)
		header.Set("Mcp-Session-Id", c.session)
	}
	_, answer, err := s.post(ctx, g, header, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{`+params+`}}`)
	if err != nil {
		return "", err
	}
	return refusal(answer)
}

// session begins one and returns its id.
func (s *stage) session(ctx context.Context, g *gateway, key string) (string, error) {
	header := http.Header{"Authorization": {"Bearer " + key}}
	resp, answer, err := s.post(ctx, g, header, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"`+stateful+
		`","capabilities":{},"clientInfo":{"name":"drill","version":"1"}}}`)
	if err != nil {
		return "", err
	}
	id := resp.Get("Mcp-Session-Id")
	if id == "" {
		return "", fmt.Errorf("no session: %.200s", answer)
	}
	return id, nil
}

func (s *stage) post(ctx context.Context, g *gateway, header http.Header, body string) (http.Header, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.URL(), bytes.NewReader([]byte(body)))
	if err != nil {
		return nil, nil, err
	}
	req.Header = header
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if closed := resp.Body.Close(); err == nil {
		err = closed
	}
	return resp.Header, answer, err
}

// refusal is the code of an answer that is a refusal.
func refusal(answer []byte) (string, error) {
	for line := range strings.Lines(string(answer)) { // of a stream, the last message
		if data, ok := strings.CutPrefix(line, "data: "); ok && strings.TrimSpace(data) != "" {
			answer = []byte(data)
		}
	}
	type refused struct{ Code string }
	var m struct {
		Error  *struct{ Data refused }
		Result *struct {
			IsError bool
			Meta    struct {
				Refusal refused `json:"doorward/refusal"`
			} `json:"_meta"`
		}
	}
	if err := json.Unmarshal(answer, &m); err != nil {
		return "", fmt.Errorf("no answer of MCP: %.200q", answer)
	}
	switch {
	case m.Error != nil && m.Error.Data.Code != "":
		return m.Error.Data.Code, nil
	case m.Result != nil && !m.Result.IsError:
		return "", nil
	case m.Result != nil && m.Result.Meta.Refusal.Code != "":
		return m.Result.Meta.Refusal.Code, nil
	}
	return "", fmt.Errorf("an answer that says nothing: %.200q", answer)
}

// every is how often a gateway is asked whether it has heard.
const every = 20 * time.Millisecond

// until makes calls at a gateway until one ends with a code; empty: until one is
// carried out.
func (s *stage) until(ctx context.Context, g *gateway, c call, want string) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		got, err := s.call(ctx, g, c)
		if err == nil && got == want {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the last answer was %q (%w), and must be %q", got, cmp.Or(err, ctx.Err()), want)
		}
	}
}
