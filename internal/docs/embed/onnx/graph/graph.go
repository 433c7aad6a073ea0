// Package graph runs models of text that are kept in the ONNX format: those operators that
// encoders of the BERT family are exported with, on 32-bit floats. A file is not trusted:
// what it may take in memory is bounded, it names no other file, and what it cannot be run
// with is an error when it is read. docs/embed/onnx calls it.
package graph

import (
	"context"
	"fmt"
	"slices"
)

// Graph is a model that was read. It never changes, and is run by many at a time.
type Graph struct {
	Inputs    []string
	Output    string
	constants []*Tensor // by place; nil: made while it runs
	steps     []step
	places    map[string]int
	opset     int64
}

// step is a node that is run: its operands and what it makes are in places.
type step struct {
	node     *node
	operator operator
	inputs   []int // -1: left out
	output   int
	last     []int // operands that nothing needs any more
}

// operator makes one tensor of others.
type operator struct {
	least, most int // operands
	make        func(c *call) (*Tensor, error)
}

// call is an operator at work.
type call struct {
	*node
	in    []*Tensor // nil: left out
	opset int64
}

// Read reads a model, to run it for the first of the wanted outputs that it has. What that
// needs not is left out; what depends on nothing but constants is made at once.
func Read(b []byte, wanted ...string) (*Graph, error) {
	m, err := readModel(b)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(wanted, func(name string) bool { return slices.Contains(m.outputs, name) })
	if at < 0 {
		return nil, fmt.Errorf("the model has the outputs %q, and none of %q", m.outputs, wanted)
	}
	g := &Graph{Inputs: m.inputs, Output: wanted[at], places: map[string]int{}, opset: m.opset}
	for name, t := range m.constants {
		g.constants[g.place(name)] = t
	}
	for _, name := range m.inputs {
		g.place(name)
	}
	live := 0
	for _, n := range m.needed(g.Output) {
		if err := g.add(n, &live); err != nil {
			return nil, fmt.Errorf("the node %s: %w", n.op, err)
		}
	}
	if _, ok := g.places[g.Output]; !ok {
		return nil, fmt.Errorf("nothing makes the output %q", g.Output)
	}
	g.forget()
	return g, nil
}

// needed are the nodes that an output depends on, in their order.
func (m *model) needed(output string) []*node {
	names, kept := map[string]bool{output: true}, []*node{}
	for _, n := range slices.Backward(m.nodes) {
		if !slices.ContainsFunc(n.outputs, func(name string) bool { return names[name] }) {
			continue
		}
		for _, name := range n.inputs {
			names[name] = true
		}
		kept = append(kept, n)
	}
	slices.Reverse(kept)
	return kept
}

// place gives a name its place.
func (g *Graph) place(name string) int {
	if p, ok := g.places[name]; ok {
		return p
	}
	p := len(g.constants)
	g.places[name] = p
	g.constants = append(g.constants, nil)
	return p
}

// add takes a node in, or what it makes where that is always the same.
func (g *Graph) add(n *node, live *int) error {
	op, ok := operatorOf(n.op)
	if !ok || n.domain != "" && n.domain != "ai.onnx" {
		return fmt.Errorf("there is no such operator here (%s of domain %q): export the model unoptimised, with 32-bit floats, and not quantised", n.op, n.domain)
	}
	if len(n.inputs) < op.least || len(n.inputs) > op.most || len(n.outputs) == 0 || n.outputs[0] == "" {
		return fmt.Errorf("it has %d inputs and %d outputs", len(n.inputs), len(n.outputs))
	}
	for _, more := range n.outputs[1:] {
		if more != "" {
			return fmt.Errorf("its output %q is not made", more)
		}
	}
	s := step{node: n, operator: op}
	constant := true
	in := make([]*Tensor, len(n.inputs))
	for i, name := range n.inputs {
		p := -1
		if name != "" {
			if p, ok = g.places[name]; !ok {
				return fmt.Errorf("nothing before it makes its input %q", name)
			}
			in[i] = g.constants[p]
			constant = constant && in[i] != nil
		} else if i < op.least {
			return fmt.Errorf("its input %d is missing", i)
		}
		s.inputs = append(s.inputs, p)
	}
	if _, twice := g.places[n.outputs[0]]; twice {
		return fmt.Errorf("its output %q was made before", n.outputs[0])
	}
	s.output = g.place(n.outputs[0])
	if !constant {
		g.steps = append(g.steps, s)
		return nil
	}
	t, err := g.run(&s, in, live)
	g.constants[s.output] = t
	return err
}

// run makes what a step makes, within what may be there at a time.
func (g *Graph) run(s *step, in []*Tensor, live *int) (*Tensor, error) {
	t, err := s.operator.make(&call{node: s.node, in: in, opset: g.opset})
	if err != nil {
		return nil, err
	}
	if *live += t.len(); *live > maxLive {
		return nil, errTooLarge
	}
	return t, nil
}

// forget says of each step which operands nothing needs after it.
func (g *Graph) forget() {
	needed := map[int]bool{g.places[g.Output]: true}
	for i := len(g.steps) - 1; i >= 0; i-- {
		s := &g.steps[i]
		for _, p := range s.inputs {
			if p >= 0 && !needed[p] {
				needed[p] = true
				s.last = append(s.last, p)
			}
		}
	}
}

// Run makes the output of the inputs, all of which must be given. It stops between two
// nodes when ctx is done.
func (g *Graph) Run(ctx context.Context, inputs map[string]*Tensor) (*Tensor, error) {
	values := make([]*Tensor, len(g.constants))
	copy(values, g.constants)
	for _, name := range g.Inputs {
		t := inputs[name]
		if t == nil {
			return nil, fmt.Errorf("the model wants the input %q, and there is none", name)
		}
		values[g.places[name]] = t
	}
	live := 0
	in := make([]*Tensor, maxInputs)
	for i := range g.steps {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s := &g.steps[i]
		for k, p := range s.inputs {
			in[k] = nil
			if p >= 0 {
				in[k] = values[p]
			}
		}
		t, err := g.run(s, in[:len(s.inputs)], &live)
		if err != nil {
			return nil, fmt.Errorf("the node %s that makes %q: %w", s.node.op, s.node.outputs[0], err)
		}
		values[s.output] = t
		for _, p := range s.last {
			if g.constants[p] == nil {
				live -= values[p].len()
				values[p] = nil
			}
		}
	}
	return values[g.places[g.Output]], nil
}
