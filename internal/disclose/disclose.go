// Package disclose is the reply stage that says on results that they came
// through an AI tool gateway, with what the operator declared of the upstream
// (Regulation 2024/1689, article 50). It is the last of the reply stages.
//
// It never changes structured content, an error, or a byte that it does not add;
// and what an upstream says under the gateway's name never reaches a client.
package disclose

import (
	"context"
	"encoding/json"
	"fmt"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// Meta is the member of a result's _meta that holds the disclosure. It is the
// gateway's alone.
const Meta = "io.doorward/disclosure"

// Config is what is disclosed. The zero value discloses nothing.
type Config struct {
	Label     string // the sentence; empty: nothing is disclosed
	Content   bool   // also as a block of text in a tool's content
	Server    bool   // also in the answers to initialize and server/discover
	Upstreams map[string]Declared
}

// Declared is what the operator says of an upstream; each part may be empty.
type Declared struct {
	Purpose string
	AIAct   string // risk class of the EU AI Act: minimal, limited or high
}

// Stage is the disclose stage. It implements gate.ReplyStage.
type Stage struct {
	label, text string
	server      bool
	own         []byte            // disclosed where no upstream's declaration is
	upstreams   map[string][]byte // disclosed of each, JSON
}

// New makes the stage.
func New(cfg Config) (*Stage, error) {
	s := &Stage{label: cfg.Label, server: cfg.Server, upstreams: make(map[string][]byte, len(cfg.Upstreams))}
	if cfg.Content {
		s.text = cfg.Label
	}
	var err error
	if s.own, err = disclosed(cfg.Label, Declared{}); err != nil {
		return nil, err
	}
	for name, d := range cfg.Upstreams {
		if s.upstreams[name], err = disclosed(cfg.Label, d); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func disclosed(label string, d Declared) ([]byte, error) {
	raw, err := json.Marshal(struct {
		Label   string `json:"label"`
		Purpose string `json:"purpose,omitempty"`
		AIAct   string `json:"ai_act,omitempty"`
	}{label, d.Purpose, d.AIAct})
	if err != nil {
		return nil, fmt.Errorf("writing the disclosure: %w", err)
	}
	return raw, nil
}

// Name is "disclose".
func (s *Stage) Name() string { return "disclose" }

// Review notes the disclosure on a result of a tool, a prompt or a resource, and
// on what the gateway says of itself. From every other message it takes away
// what is noted under the gateway's name.
func (s *Stage) Review(_ context.Context, ex *gate.Exchange, m *gate.Message) (*gate.Message, gate.Verdict, error) {
	out, err := s.noted(ex, m)
	switch {
	case err != nil:
		return nil, gate.Verdict{}, fmt.Errorf("disclosing: %w", err)
	case out == m:
		return nil, gate.Pass(), nil
	}
	return out, gate.Pass(), nil
}

func (s *Stage) noted(ex *gate.Exchange, m *gate.Message) (*gate.Message, error) {
	if s.label == "" || m.Kind != gate.Result {
		return mcp.Unnoted(m, Meta)
	}
	if a := ex.Call.Route.Action; a == gate.Handshake || a == gate.Discover {
		if !s.server {
			return mcp.Unnoted(m, Meta)
		}
		return mcp.NotedServer(ex, m, mcp.Note{Name: Meta, Value: s.own, Text: s.label})
	}
	value, ok := s.upstreams[ex.Target.Upstream]
	if !ok {
		value = s.own
	}
	return mcp.Noted(ex, m, mcp.Note{Name: Meta, Value: value, Text: s.text})
}
