// Package validate is the stage that holds a call to the approved definition:
// the arguments of a tool against its input schema, of a prompt against its
// list, and, on the way back, structured content against the output schema; and
// both to the bounds that their upstream has. The pipeline calls it after
// authorize, and again for every reply.
//
// A schema is hostile until it compiles within bounds: one that does not
// withholds its tool, from lists and from calls. The package never fetches a
// schema, never fills in a default, never changes a message, and never repeats
// an argument's value.
package validate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// Stage is the validate stage. It implements gate.Stage and gate.ReplyStage.
type Stage struct {
	compiled  *cache
	upstreams map[string]Settings // nil: the defaults for all
}

// New makes the stage. log hears once of every definition that is withheld.
// The cache of compiled definitions lives as long as the stage, so one stage
// should serve for many snapshots.
// All upstreams have the default settings until With.
func New(log *slog.Logger) *Stage { return &Stage{compiled: newCache(log)} }

// With is the stage of one snapshot, with the settings of its upstreams, by name;
// what is compiled is shared with s. A call to any other upstream is an error. The
// map is the stage's from then on.
func (s *Stage) With(upstreams map[string]Settings) *Stage {
	if upstreams == nil {
		upstreams = map[string]Settings{}
	}
	return &Stage{compiled: s.compiled, upstreams: upstreams}
}

func (s *Stage) settings(upstream string) (Settings, error) {
	if s.upstreams == nil {
		return defaultSettings(), nil
	}
	set, ok := s.upstreams[upstream]
	if !ok {
		return Settings{}, fmt.Errorf("validating: there are no settings of the upstream %s", upstream)
	}
	return set, nil
}

// Name is "validate".
func (s *Stage) Name() string { return "validate" }

// Applies tells whether the method's row asks for the stage.
func (s *Stage) Applies(r gate.Route) bool { return r.Stages&gate.OnValidate != 0 }

// Judge narrows a list of tools to those whose schemas compile, and holds the
// arguments of a call to the approved definition. What a client says of a task
// has no arguments; the tool that made the task must still be usable.
func (s *Stage) Judge(ctx context.Context, ex *gate.Exchange) (gate.Verdict, error) {
	switch r := &ex.Call.Route; {
	case r.Action == gate.Compose && r.Item == gate.Tool:
		ex.Target.Items = s.usable(ctx, ex.Target.Items)
		return gate.Pass(), nil
	case r.Action != gate.Relay || (r.Item != gate.Tool && r.Item != gate.Prompt):
		return gate.Pass(), nil
	}
	it := ex.Target.Item
	if it == nil || ex.Call.Message == nil {
		return gate.Verdict{}, errors.New("validating: the call has no approved definition")
	}
	at, _ := ex.Call.Message.Field("arguments")
	args := ex.Call.Message.Bytes(at)
	if args == nil {
		args = []byte("{}")
	}
	if it.Kind != ex.Call.Route.Item {
		return gate.Verdict{}, fmt.Errorf("validating: a %s was resolved for a %s", it.Kind, ex.Call.Route.Item)
	}
	def := s.compiled.get(ctx, it)
	if def.fault != nil {
		return gate.Refuse(gate.CodeBadSchema, def.fault.Error(), "This cannot be used: its definition is not valid."), nil
	}
	if ex.Call.Route.Task {
		return gate.Pass(), nil
	}
	set, err := s.settings(it.Upstream)
	if err != nil {
		return gate.Verdict{}, err
	}
	set.RefuseUnknown = set.RefuseUnknown || ex.Grant.Judged
	if err := set.size(args); err != nil {
		return gate.Refuse(gate.CodeArguments, err.Error(), "The arguments are too large: "+err.Error()), nil
	}
	if it.Kind == gate.Prompt {
		return def.prompt.judge(args, set.RefuseUnknown), nil
	}
	if ex.Inbound.Transport == "http" && ex.Call.Era == gate.Stateless {
		if v := mcp.CheckParams(ex.Inbound.Header, def.headers, args); v.Effect != gate.Continue {
			return v, nil
		}
	}
	absent := def.headers
	if ex.Call.Era != gate.Stateless {
		absent = nil
	}
	return judgeArguments(ctx, def.input, args, terms{absent, set.RefuseUnknown})
}

// terms are those on which one call's arguments are held to a schema.
type terms struct {
	nullable []mcp.HeaderParam // a null for one of these says that there is none
	closed   bool              // members that the schema does not name are refused
}

// judgeArguments holds arguments to a schema.
func judgeArguments(ctx context.Context, c *checker, args []byte, on terms) (gate.Verdict, error) {
	in, err := decode(args)
	if err == nil {
		if _, object := in.value.(map[string]any); !object {
			err = errors.New("the arguments are not an object")
		} else {
			dropNulls(in.value, on.nullable)
			err = c.check(ctx, in)
		}
	}
	if err == nil && on.closed {
		err = c.closed(ctx, in)
	}
	switch {
	case err == nil:
		return gate.Pass(), nil
	case ctx.Err() != nil:
		return gate.Verdict{}, fmt.Errorf("validating arguments: %w", ctx.Err())
	}
	text := explain(err, c.schema)
	return gate.Refuse(gate.CodeArguments, text, bounded("The arguments do not fit the tool's input schema: "+text)), nil
}

// Review holds the structured content of a tool's result to the approved
// output schema, also where a task brings it. A tool with an output schema must
// return some, unless the result is an error, or the answer asks for input or
// makes a task (2026-07-28, tools, MRTR and the extension for tasks). Structured
// content of any tool is held to its upstream's number of values; the content
// beside it is not looked at.
func (s *Stage) Review(ctx context.Context, ex *gate.Exchange, m *gate.Message) (*gate.Message, gate.Verdict, error) {
	result, ok := mcp.ToolResultOf(ex, m)
	if !ok {
		return nil, gate.Pass(), nil
	}
	if ex.Target.Item == nil {
		return nil, gate.Verdict{}, errors.New("validating a result: the call has no approved definition")
	}
	set, err := s.settings(ex.Target.Item.Upstream)
	if err != nil {
		return nil, gate.Verdict{}, err
	}
	if err := set.count(result.Content); err != nil {
		text := "structuredContent is too large: " + err.Error()
		return nil, gate.Refuse(gate.CodeResult, text, "The tool's result cannot be relayed: "+text), nil
	}
	def := s.compiled.get(ctx, ex.Target.Item)
	switch {
	case def.fault != nil:
		return nil, gate.Verdict{}, fmt.Errorf("validating a result: %w", def.fault)
	case def.output == nil:
		return nil, gate.Pass(), nil
	}
	if result.Content == nil {
		if result.Failed {
			return nil, gate.Pass(), nil
		}
		return nil, badResult("the result has no structured content, which its output schema asks for"), nil
	}
	in, err := decode(result.Content)
	if err == nil {
		err = def.output.check(ctx, in)
	}
	switch {
	case err == nil:
		return nil, gate.Pass(), nil
	case ctx.Err() != nil:
		return nil, gate.Verdict{}, fmt.Errorf("validating a result: %w", ctx.Err())
	}
	return nil, badResult(explain(err, def.output.schema)), nil
}

// dropNulls takes parameters that clients repeat in headers out of the arguments
// where they are null: a header cannot say null, so there null is absent, and what
// is required is missing (SEP-2243; 2026-07-28, x-mcp-header). The upstream still
// gets the null.
func dropNulls(args any, params []mcp.HeaderParam) {
	for _, p := range params {
		at, _ := args.(map[string]any)
		for _, name := range p.Path[:len(p.Path)-1] {
			at, _ = at[name].(map[string]any)
		}
		last := p.Path[len(p.Path)-1]
		if value, there := at[last]; there && value == nil {
			delete(at, last)
		}
	}
}

func badResult(text string) gate.Verdict {
	return gate.Refuse(gate.CodeResult, text, bounded("The tool's result does not fit its own output schema: "+text))
}

// usable keeps the tools whose definitions compile. The slice may be the
// catalogue's own, so it is copied when something is left out.
func (s *Stage) usable(ctx context.Context, all []gate.Item) []gate.Item {
	for i := range all {
		if s.compiled.get(ctx, &all[i]).fault == nil {
			continue
		}
		kept := make([]gate.Item, i, len(all))
		copy(kept, all)
		for j := i + 1; j < len(all); j++ {
			if s.compiled.get(ctx, &all[j]).fault == nil {
				kept = append(kept, all[j])
			}
		}
		return kept
	}
	return all
}
