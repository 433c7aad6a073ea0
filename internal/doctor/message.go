package doctor

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// probeID is the id of every request: each has an HTTP exchange of its own.
const probeID = 1

// message is a JSON-RPC answer as far as the checks look into it. It is read
// without the strictness of the gateway: any server may stand at the URL.
type message struct {
	JSONRPC string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Method  string          `json:"method"`
	Result  json.RawMessage `json:"result"`
	Error   *fault          `json:"error"`
}

// fault is the error of an answer.
type fault struct {
	Code    int             `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data"`
}

// readMessage reads a JSON-RPC message; anything else is the zero value.
func readMessage(data []byte) message {
	var m message
	if json.Unmarshal(data, &m) != nil || m.JSONRPC != "2.0" {
		return message{}
	}
	return m
}

// present tells whether there was a message.
func (m *message) present() bool { return m.JSONRPC != "" }

// answers tells whether the message ends the probe's request.
func (m *message) answers() bool {
	return m.present() && m.Method == "" && (m.Result != nil || m.Error != nil)
}

// ok tells whether the message is a result.
func (m *message) ok() bool { return m.answers() && m.Error == nil }

// code is Doorward's name of the refusal (docs/reference/refusals.md), empty
// when the message has none.
func (m *message) code() string {
	if m.Error == nil {
		return ""
	}
	var d struct {
		Code string `json:"code"`
	}
	if json.Unmarshal(m.Error.Data, &d) != nil {
		return ""
	}
	return d.Code
}

// versions are the protocol versions that the message says the server speaks:
// of server/discover, of an unsupported version (-32022), or of initialize.
func (m *message) versions() []string {
	var d struct {
		SupportedVersions []string `json:"supportedVersions"`
		Supported         []string `json:"supported"`
		ProtocolVersion   string   `json:"protocolVersion"`
	}
	from := m.Result
	if m.Error != nil {
		from = m.Error.Data
	}
	if json.Unmarshal(from, &d) != nil {
		return nil
	}
	all := append(d.SupportedVersions, d.Supported...)
	if d.ProtocolVersion != "" {
		all = append(all, d.ProtocolVersion)
	}
	return all
}

// negotiated is the version that an answer to initialize settles on, empty when
// it names none.
func (m *message) negotiated() string {
	var d struct {
		ProtocolVersion string `json:"protocolVersion"`
	}
	if !m.ok() || json.Unmarshal(m.Result, &d) != nil {
		return ""
	}
	return d.ProtocolVersion
}

// said is what an error says, for the report.
func (m *message) said() string {
	if m.Error == nil {
		return ""
	}
	if code := m.code(); code != "" {
		return fmt.Sprintf("%s: %s", code, m.Error.Message)
	}
	return fmt.Sprintf("%d: %s", m.Error.Code, m.Error.Message)
}

// ask is a request of an era. params are the members of its object.
func (e *exam) ask(in era, name, params string) request {
	if in == stateless {
		if params != "" {
			params += ","
		}
		params += `"_meta":{"io.modelcontextprotocol/protocolVersion":"` + string(stateless) +
			`","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":` + e.clientInfo() + `}`
	}
	body := `{"jsonrpc":"2.0","id":` + strconv.Itoa(probeID) + `,"method":"` + name + `","params":{` + params + `}}`
	r := request{era: in, name: name, body: []byte(body)}
	if in == stateful {
		r.session = e.session
	}
	return r
}

func (e *exam) discover() request { return e.ask(stateless, "server/discover", "") }

func (e *exam) initialize() request {
	r := e.ask(stateful, "initialize", `"protocolVersion":"`+string(stateful)+`","capabilities":{},"clientInfo":`+e.clientInfo())
	r.session = ""
	return r
}

func (e *exam) initialized() request {
	return request{
		era: stateful, session: e.session, name: "notifications/initialized",
		body: []byte(`{"jsonrpc":"2.0","method":"notifications/initialized"}`),
	}
}

func (e *exam) clientInfo() string {
	version := e.opts.Version
	if version == "" {
		version = "unknown"
	}
	b, err := json.Marshal(map[string]string{"name": "doorward-doctor", "version": version})
	if err != nil {
		return "{}" // strings always marshal
	}
	return string(b)
}
