package cases

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"doorward/internal/gate"
	"doorward/internal/policy/condition"
)

// Suite is one file of cases.
type Suite struct {
	Name       string // of the file
	Principals map[string]Principal
	Cases      []Case
}

// Case is one question to the policy and the answer that it must give.
type Case struct {
	Name     string
	Line     int           // where it begins in the file, from 1
	Who      string        // a name of Principals
	Kind     gate.ItemKind // Tool, Prompt, Resource; of a list Template too
	List     bool          // whether it is shown, in place of whether it may be used
	Upstream string        // of a resource: what the case says, or AnyUpstream
	Item     string        // tool or prompt; URI; of a list also "*" or "**", which is all of the upstream
	Args     []byte        // JSON; nil for none
	Expect   string        // Allow, Deny, Approve; of a list Visible, Hidden
	Rule     string        // what the path of the rule that decides begins with; empty: any
	Reason   string        // what the reason must hold; empty: any
	At       time.Time     // zero: the time of the run
	Labels   []string      // of the tool
	Request  condition.Request
}

// AnyUpstream stands for the upstream of a resource where a case names none: a URI
// does not say whose it is, and no upstream has such a name.
const AnyUpstream = "(any)"

// The answers that a case can expect.
const (
	Allow   = "allow"
	Deny    = "deny"
	Approve = "approve" // allowed once people have agreed
	Visible = "visible"
	Hidden  = "hidden"
)

// Parse reads a file of cases. name is for messages. The error is Faults, all of
// them.
func Parse(name string, data []byte) (*Suite, error) {
	body, err := tree(data)
	if err != nil {
		return nil, err
	}
	s := &Suite{Name: name, Principals: map[string]Principal{}}
	r := &reader{}
	version := false
	r.keys(body, "", map[string]func(ast.Node, string){
		"version": func(n ast.Node, path string) {
			version = true
			if i, ok := n.(*ast.IntegerNode); !ok || i.Token.Value != "1" {
				r.fault(path, n, "must be 1")
			}
		},
		"principals": func(n ast.Node, path string) {
			r.members(n, path, func(key string, _, value ast.Node) { s.Principals[key] = r.principal(key, value, join(path, key)) })
		},
		"cases": func(n ast.Node, path string) {
			r.elements(n, path, func(n ast.Node, path string) { s.Cases = append(s.Cases, r.one(n, path)) })
		},
	})
	if !version {
		r.fault("version", nil, "is missing: write version: 1")
	}
	if len(s.Cases) == 0 && len(r.faults) == 0 {
		r.fault("cases", body, "there are none: a file that tests nothing passes by mistake")
	}
	for i := range s.Cases {
		if _, ok := s.Principals[s.Cases[i].Who]; !ok && s.Cases[i].Who != "" {
			f := Fault{Path: pathOf(i) + ".who", Line: s.Cases[i].Line, Column: 1, Text: "there is no principal " + shorten(s.Cases[i].Who)}
			r.faults = append(r.faults, f)
		}
	}
	if err := r.faults.orNil(); err != nil {
		return nil, err
	}
	return s, nil
}

// draft is a case while it is read.
type draft struct {
	Case
	verbs    []string // that it has: call, list, read, prompt
	target   string   // of the last of them
	kind, at string
}

func (r *reader) one(n ast.Node, path string) Case {
	d := draft{}
	d.Line, _ = place(n)
	before := len(r.faults)
	verb := func(n ast.Node, at string) {
		d.verbs = append(d.verbs, at[strings.LastIndexByte(at, '.')+1:])
		r.text(&d.target)(n, at)
	}
	r.keys(n, path, map[string]func(ast.Node, string){
		"name": r.text(&d.Name), "who": r.text(&d.Who),
		"call": verb, "list": verb, "read": verb, "prompt": verb,
		"kind": r.text(&d.kind), "upstream": r.text(&d.Upstream), "args": r.arguments(&d.Args),
		"expect": r.text(&d.Expect), "rule": r.text(&d.Rule), "reason": r.text(&d.Reason),
		"at": r.text(&d.at), "labels": r.texts(&d.Labels), "request": r.request(&d.Request),
	})
	if len(r.faults) == before {
		r.complete(&d, n, path)
	}
	return d.Case
}

// complete checks what the keys of a case say together.
func (r *reader) complete(d *draft, n ast.Node, path string) {
	if len(d.verbs) != 1 {
		r.fault(path, n, "a case asks one thing: write one of call, list, read and prompt")
		return
	}
	if d.Who == "" {
		r.fault(path+".who", n, "is missing: name one of principals")
	}
	if d.at != "" {
		t, err := time.Parse(time.RFC3339, d.at)
		if err != nil {
			r.fault(path+".at", n, "must be a time such as 2026-11-20T12:00:00Z")
		}
		d.At = t
	}
	verb := d.verbs[0]
	d.List = verb == "list"
	answers := []string{Allow, Deny, Approve}
	if d.List {
		answers = []string{Visible, Hidden}
	}
	if !slices.Contains(answers, d.Expect) {
		r.fault(path+".expect", n, "must be one of %s", strings.Join(answers, ", "))
	}
	if d.Args != nil && (verb == "read" || verb == "list") {
		r.fault(path+".args", n, "only calls and prompts have arguments")
	}
	r.kinds(d, verb, n, path)
	r.item(d, n, path)
	if d.Name == "" {
		d.Name = strings.Join([]string{d.Who, verb, d.target, d.Expect}, " ")
	}
}

func (r *reader) kinds(d *draft, verb string, n ast.Node, path string) {
	kinds := map[string]gate.ItemKind{"tool": gate.Tool, "prompt": gate.Prompt, "resource": gate.Resource, "template": gate.Template}
	d.Kind = map[string]gate.ItemKind{"call": gate.Tool, "prompt": gate.Prompt, "read": gate.Resource, "list": gate.Tool}[verb]
	switch {
	case d.kind == "":
	case verb != "list":
		r.fault(path+".kind", n, "is for list: %s says it already", verb)
	case kinds[d.kind] == gate.NoItem:
		r.fault(path+".kind", n, "must be one of %s", list(kinds))
	default:
		d.Kind = kinds[d.kind]
	}
	d.Request.Method = map[string]string{"call": "tools/call", "prompt": "prompts/get", "read": "resources/read", "list": "tools/list"}[verb]
	if d.List && d.Kind != gate.Tool {
		d.Request.Method = map[gate.ItemKind]string{
			gate.Prompt: "prompts/list", gate.Resource: "resources/list", gate.Template: "resources/templates/list",
		}[d.Kind]
	}
}

// item splits what the case is about.
func (r *reader) item(d *draft, n ast.Node, path string) {
	if d.Kind == gate.Resource || d.Kind == gate.Template {
		d.Item = d.target
		if d.Upstream == "" {
			d.Upstream = AnyUpstream
		}
		return
	}
	at := path + "." + d.verbs[0]
	up, name, ok := strings.Cut(d.target, "/")
	switch {
	case !ok || up == "" || name == "":
		r.fault(at, n, "must be upstream/name, such as files/read_text")
	case strings.ContainsAny(up, "*?[{\\"), strings.ContainsAny(name, "*?[{\\") && (!d.List || name != "*" && name != "**"):
		r.fault(at, n, "is a name, not a pattern; list takes upstream/* for all that the upstream may offer")
	case d.Upstream != "":
		r.fault(path+".upstream", n, "is for resources: %s names it already", d.verbs[0])
	}
	d.Upstream, d.Item = up, name
}

func (r *reader) request(into *condition.Request) func(ast.Node, string) {
	return func(n ast.Node, path string) {
		r.keys(n, path, map[string]func(ast.Node, string){
			"transport": r.text(&into.Transport), "era": r.text(&into.Era), "profile": r.text(&into.Profile),
			"address": r.text(&into.Address), "agent": r.text(&into.Agent),
		})
	}
}

func list[V any](known map[string]V) string {
	return strings.Join(slices.Sorted(maps.Keys(known)), ", ")
}
