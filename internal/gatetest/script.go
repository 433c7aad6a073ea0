package gatetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// Script is what a recording upstream offers and answers. Definitions and
// answers are raw JSON and reach the gateway byte for byte.
type Script struct {
	Eras         []string                   `json:"eras"` // "stateful", "stateless"; none: both
	Info         json.RawMessage            `json:"info"`
	Instructions string                     `json:"instructions"`
	Tools        []json.RawMessage          `json:"tools"`
	Prompts      []json.RawMessage          `json:"prompts"`
	Resources    []json.RawMessage          `json:"resources"`
	Templates    []json.RawMessage          `json:"templates"`
	Answers      map[string]json.RawMessage `json:"answers"` // results, by tool, prompt or URI
	Errors       map[string]json.RawMessage `json:"errors"`  // error objects, likewise
	Behave       map[string]string          `json:"behave"`  // see misbehave, likewise
}

// ParseScript reads a script of a scenario file.
func ParseScript(t testing.TB, data []byte) Script {
	t.Helper()
	var s Script
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		t.Fatalf("upstream script: %v", err)
	}
	return s
}

func reply(w http.ResponseWriter, status int, id []byte, member string, value []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"%s":%s}`, id, member, value)
}

func (s *Script) speaks(stateless bool) bool {
	word := "stateful"
	if stateless {
		word = "stateless"
	}
	return len(s.Eras) == 0 || slices.Contains(s.Eras, word)
}

func (s *Script) capabilities() string {
	var parts []string
	for _, c := range []struct {
		name  string
		there bool
	}{{"tools", s.Tools != nil}, {"prompts", s.Prompts != nil}, {"resources", s.Resources != nil || s.Templates != nil}} {
		if c.there {
			parts = append(parts, `"`+c.name+`":{}`)
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func (s *Script) identity() string {
	b := `"serverInfo":{"name":"recorder","version":"1"}`
	if s.Info != nil {
		b = `"serverInfo":` + string(s.Info)
	}
	if s.Instructions != "" {
		text, err := json.Marshal(s.Instructions)
		if err != nil {
			panic(err)
		}
		b += `,"instructions":` + string(text)
	}
	return b
}

func (s *Script) hello(params []byte) []byte {
	var p struct{ ProtocolVersion string }
	_ = json.Unmarshal(params, &p) // the gateway's own request
	return fmt.Appendf(nil, `{"protocolVersion":%q,"capabilities":%s,%s}`, p.ProtocolVersion, s.capabilities(), s.identity())
}

func (s *Script) discover() []byte {
	era := gate.Stateless
	if s.speaks(false) {
		era = gate.NoEra // both
	}
	return fmt.Appendf(nil, `{"resultType":"complete","supportedVersions":["%s"],"capabilities":%s,%s,"ttlMs":300000,"cacheScope":"private"}`,
		strings.Join(mcp.Versions(era), `","`), s.capabilities(), s.identity())
}

// hugeBody is more than any upstream of a test may answer.
const hugeBody = 20 << 20

// misbehave answers as no upstream should, where the script says so.
func (s *Script) misbehave(w http.ResponseWriter, id []byte, name string) bool {
	how := s.Behave[name]
	switch how {
	case "wrong id":
		reply(w, http.StatusOK, []byte(`"somebody else's"`), "result", []byte(`{"content":[]}`))
	case "garbage":
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte("{\"jsonrpc\":\xff"))
	case "duplicate":
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":{"content":[]},"result":{"content":[]}}`, id)
	case "redirect":
		w.Header().Set("Location", "http://127.0.0.66:1/")
		w.WriteHeader(http.StatusTemporaryRedirect)
	case "huge":
		w.Header().Set("Content-Type", "application/json")
		zeros := bytes.Repeat([]byte("0"), 1<<20)
		for range hugeBody / len(zeros) {
			if _, err := w.Write(zeros); err != nil {
				return true
			}
		}
	case "drop":
		panic(http.ErrAbortHandler)
	case "unauthorized":
		w.Header().Set("WWW-Authenticate", `Bearer realm="upstream", error="invalid_token"`)
		w.WriteHeader(http.StatusUnauthorized)
	case "html":
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<h1>sign in</h1>"))
	case "":
		return false
	default:
		panic("gatetest: no behaviour " + how)
	}
	return true
}
