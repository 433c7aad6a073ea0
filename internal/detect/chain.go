package main

import (
	"encoding/json"
	"fmt"

	"doorward/internal/flow"
	"doorward/internal/gate"
)

// judgeChain asks the default rules about a conversation: a call that people are
// asked about counts as reviewed, one that is refused as blocked. Labels are those
// that the definitions propose; an operator's would be more exact.
func judgeChain(c *Case, _ *house) (verdict, error) {
	rules, err := flow.Compile(flow.Default())
	if err != nil {
		return verdict{}, fmt.Errorf("compiling the default flow rules: %w", err)
	}
	items := make([]gate.Item, 0, len(c.Calls))
	for i := range c.Calls {
		items = append(items, c.called(&c.Calls[i]))
	}
	said := flow.Chain(items, rules)
	v := verdict{worst: gate.NoSeverity}
	switch said.Action {
	case flow.Block:
		v.worst = gate.High
	case flow.Hold:
		v.worst = gate.Medium
	case flow.Pass:
		return v, nil
	}
	v.findings = []gate.Finding{{
		Rule: "flow." + said.Action.String(), Severity: v.worst,
		Where: fmt.Sprintf("/calls/%d", said.At), Why: said.Rule.String(),
	}}
	return v, nil
}

// called is the definition of the tool that is called. Where the corpus has none,
// it is what the call shows of it: the name and the parameters.
func (c *Case) called(call *Call) gate.Item {
	for _, p := range c.Peers {
		it := item(p.Server, p.Tool)
		if it.Name == call.Name && (call.Server == "" || call.Server == p.Server) {
			return it
		}
	}
	return item(call.Server, raw(object{"name": call.Name, "inputSchema": object{"type": "object", "properties": call.parameters()}}))
}

// parameters are a schema for the arguments of the call; empty for those that are
// no object.
func (c *Call) parameters() object {
	var arguments object
	properties := object{}
	if json.Unmarshal(c.Arguments, &arguments) != nil {
		return properties
	}
	for name := range arguments {
		properties[name] = object{}
	}
	return properties
}
