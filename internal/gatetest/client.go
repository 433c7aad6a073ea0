package gatetest

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"doorward/internal/jsonrpc"
	"doorward/internal/mcp"
)

// Meta is the _meta of a stateless request, as a member of params.
const Meta = `"_meta":{"` + mcp.MetaVersion + `":"` + mcp.V20260728 + `","` + mcp.MetaCapabilities + `":{}}`

// Client is a client of one principal, in one era. It sends bytes as they are
// given and follows no rule of the protocol by itself but its headers.
type Client struct {
	Name    string
	Key     string // empty: no credential
	Path    string // of the profile; "" is /mcp
	Version string
	Session string // Mcp-Session-Id, in the stateful era
	Base    string // where to send instead of the gateway's own address

	t    testing.TB
	gw   *GW
	http *http.Client
}

// As is the client of that name, the same one each time. It gets a key of the
// roles when it is first asked for.
func (g *GW) As(name string, roles ...string) *Client {
	g.t.Helper()
	g.mu.Lock()
	c, ok := g.clients[name]
	g.mu.Unlock()
	if ok {
		return c
	}
	return g.Client(name, g.Key(name, roles...))
}

// Client makes a client with a credential; an empty one sends none.
func (g *GW) Client(name, key string) *Client {
	c := &Client{Name: name, Key: key, t: g.t, gw: g, http: &http.Client{
		Transport: &http.Transport{DisableCompression: true},
		Timeout:   patience,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}}
	g.Hide(key)
	g.mu.Lock()
	g.clients[name] = c
	g.mu.Unlock()
	return c
}

// Over makes the client connect over TLS.
func (c *Client) Over(cfg *tls.Config) *Client {
	c.http.Transport = &http.Transport{DisableCompression: true, TLSClientConfig: cfg}
	return c
}

// Stateless tells whether the client's version has no sessions.
func (c *Client) Stateless() bool { return c.Version >= mcp.V20260728 }

// Open makes the client speak a version: in the stateful era it does the
// handshake, which must succeed.
func (c *Client) Open(version string) *Client {
	c.t.Helper()
	if r := c.TryOpen(version); r.Status != http.StatusOK && r.Status != http.StatusAccepted {
		c.t.Fatalf("handshake of %s in %s: %s", c.Name, version, r)
	}
	return c
}

// TryOpen is Open for a handshake that may be refused.
func (c *Client) TryOpen(version string) *Reply {
	c.t.Helper()
	c.Version, c.Session = version, ""
	if c.Stateless() {
		return &Reply{Status: http.StatusOK}
	}
	r := c.Post(fmt.Appendf(nil, `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":%q,`+
		`"capabilities":{},"clientInfo":{"name":"test","version":"1"}}}`, version))
	if c.Session = r.Header.Get(mcp.HeaderSession); c.Session == "" {
		return r
	}
	return c.Post([]byte(`{"jsonrpc":"2.0","method":"notifications/initialized"}`))
}

// Request makes a request in the client's era: params are the members of its
// object; the stateless era's _meta is added.
func (c *Client) Request(id, method, params string) []byte {
	if c.Stateless() {
		if params != "" {
			params += ","
		}
		params += Meta
	}
	return fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%s,"method":%q,"params":{%s}}`, id, method, params)
}

// Call is Request and Post of a tool call.
func (c *Client) Call(tool, arguments string, header ...string) *Reply {
	c.t.Helper()
	name, err := json.Marshal(tool)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.Post(c.Request("1", "tools/call", fmt.Sprintf(`"name":%s,"arguments":%s`, name, arguments)), header...)
}

// maxRepeated is the size up to which a body's names are repeated in headers;
// larger ones are refused before anybody looks at those.
const maxRepeated = 64 << 10

// Headers are those that a proper client of the era sends with the body.
func (c *Client) Headers(body []byte) http.Header {
	h := http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json, text/event-stream"}}
	if c.Key != "" {
		h.Set("Authorization", "Bearer "+c.Key)
	}
	if c.Session != "" {
		h.Set(mcp.HeaderSession, c.Session)
		if c.Version >= mcp.V20250618 {
			h.Set(mcp.HeaderVersion, c.Version)
		}
	}
	if !c.Stateless() {
		return h
	}
	h.Set(mcp.HeaderVersion, c.Version)
	var m struct {
		Method string
		Params struct{ Name, URI string }
	}
	if len(body) <= maxRepeated {
		_ = json.Unmarshal(body, &m) // what cannot be read has no names to repeat
	}
	if m.Method != "" {
		h.Set(mcp.HeaderMethod, m.Method)
	}
	if name := m.Params.Name + m.Params.URI; name != "" {
		h.Set(mcp.HeaderName, mcp.EncodeHeader(name))
	}
	return h
}

// Post sends the bytes. header are pairs of names and values that are added to
// the era's own, the first one of a name in their place; a name with the value
// "-" is left out.
func (c *Client) Post(body []byte, header ...string) *Reply {
	c.t.Helper()
	return c.Send(http.MethodPost, body, header...)
}

// Send is Post with another HTTP method.
func (c *Client) Send(method string, body []byte, header ...string) *Reply {
	c.t.Helper()
	url := c.gw.URL()
	if c.Base != "" {
		url = c.Base + "/mcp"
	}
	if c.Path != "" {
		url += "/" + c.Path
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header = c.Headers(body)
	c.gw.hear(body)
	replaced := map[string]bool{}
	for i := 0; i+1 < len(header); i += 2 {
		name, value := header[i], header[i+1]
		if !replaced[strings.ToLower(name)] {
			req.Header.Del(name)
		}
		replaced[strings.ToLower(name)] = true
		if value != "-" {
			req.Header[textName(name)] = append(req.Header[textName(name)], value)
		}
	}
	resp, err := c.http.Do(req)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, url, err)
	}
	defer resp.Body.Close()
	return c.gw.read(resp)
}

// textName keeps names that are not in the canonical form, such as Mcp_Name.
func textName(name string) string {
	if strings.Contains(name, "_") {
		return name
	}
	return http.CanonicalHeaderKey(name)
}

// WithMeta adds the stateless era's _meta to a message that has none; what is
// no message stays as it is.
func WithMeta(body []byte) []byte {
	m, err := jsonrpc.Parse(body, jsonrpc.ClientLimits())
	if err != nil || m.Kind != jsonrpc.Request || m.MetaSpan.Present() {
		return body
	}
	p := m.Patch()
	p.SetMeta(mcp.MetaVersion, jsonrpc.AppendString(nil, mcp.V20260728))
	p.SetMeta(mcp.MetaCapabilities, []byte("{}"))
	return p.Bytes()
}
