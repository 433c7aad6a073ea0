package flow

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"doorward/internal/gate"
)

// definition is what a proposal looks at of a tool or a prompt.
type definition struct {
	Name        string `json:"name"`
	Title       string `json:"title"`
	Description string `json:"description"`
	InputSchema struct {
		Properties parameters `json:"properties"`
	} `json:"inputSchema"`
	Arguments []struct {
		Name string `json:"name"`
	} `json:"arguments"` // of a prompt
	Annotations struct {
		Destructive jsontext.Value `json:"destructiveHint"`
		OpenWorld   jsontext.Value `json:"openWorldHint"`
	} `json:"annotations"`
}

// Propose are the labels of a definition by what it says of itself: its name, title,
// first sentence and parameters. Its annotations may add labels and never remove one
// (security case POL-59). It errs on the side of more; an operator's labels replace
// it. What cannot be read has every label.
func Propose(it *gate.Item) Labels {
	switch it.Kind {
	case gate.Tool:
		return ofTool(it)
	case gate.Resource, gate.Template:
		return bring
	case gate.Prompt:
		return ofPrompt(it)
	case gate.Instructions, gate.Server, gate.Command:
		return 0 // what a person has approved, byte for byte
	case gate.NoItem:
	}
	return all
}

func ofTool(it *gate.Item) Labels {
	d := definition{}
	if len(it.Raw) > 0 {
		if err := json.Unmarshal(it.Raw, &d); err != nil {
			return all
		}
	}
	labels, verb := ofWords(it.Name, &d)
	asked := Labels(0)
	for name := range d.InputSchema.Properties {
		asked |= ofParameter(strings.ToLower(name), verb)
	}
	if asked.Has(Leaves|Untrusted) && verb&reads != 0 { // what any address serves is public, whatever the sentence calls it
		named, _ := ofPhrase(tokens(it.Name), d.InputSchema.Properties)
		labels &^= Private &^ named
	}
	labels |= asked
	if string(d.Annotations.Destructive) == "true" {
		labels |= Acts
	}
	if string(d.Annotations.OpenWorld) == "true" {
		labels |= Untrusted
	}
	return labels
}

// ofWords are the labels of what a tool says of itself, and its kinds of verb.
func ofWords(name string, d *definition) (Labels, role) {
	p := d.InputSchema.Properties
	called := tokens(name)
	labels, verb := ofPhrase(called, p)
	if titled, v := ofPhrase(tokens(d.Title), p); v != 0 {
		labels |= titled
		verb |= v
	}
	first := tokens(sentence(d.Description))
	if said, v := ofPhrase(first, p); v != 0 {
		switch {
		case verb&^either != 0 && !sure(called) && tells(first, v) && !p.speaks(): // "message-detail: Retrieves a message": the name was a noun
			verb = v
			labels = said | meaning(v, objects(called), p)
		case verb != 0: // the name has said what is done; the sentence says with what
			labels |= said.Brought() | said&(Leaves|Acts)*confirmed(verb, v)
			verb |= v
		default:
			labels |= said
			verb = v
		}
	}
	if slices.Contains(called, "public") && !slices.Contains(called, "private") {
		labels &^= Private
	}
	return labels, verb
}

// ofPrompt are the labels of a prompt. To get one is to read what its upstream says
// now: its definition was approved, its messages are made anew for each call. What it
// asks the model to do, "send", "delete", is done by tools, which have labels of their
// own; what it is about, it may hold.
func ofPrompt(it *gate.Item) Labels {
	d := definition{}
	if len(it.Raw) > 0 {
		if err := json.Unmarshal(it.Raw, &d); err != nil {
			return all
		}
	}
	labels := Untrusted
	for _, phrase := range [...]string{it.Name, d.Title, sentence(d.Description)} {
		for _, w := range tokens(phrase) {
			if words()[w]&private != 0 {
				labels |= Private
			}
		}
	}
	for i := range d.Arguments {
		if destinations[strings.ToLower(d.Arguments[i].Name)] {
			labels |= Leaves
		}
	}
	return labels
}
