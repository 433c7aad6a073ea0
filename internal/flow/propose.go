package flow

import (
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
		Properties map[string]jsontext.Value `json:"properties"`
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
	named, verb := ofPhrase(tokens(it.Name))
	labels := named
	if titled, v := ofPhrase(tokens(d.Title)); v != 0 {
		labels |= titled
		verb |= v
	}
	if said, v := ofPhrase(tokens(sentence(d.Description))); v != 0 {
		if verb != 0 { // the name has said what is done; the sentence says with what
			said = said.Brought() | said&(Leaves|Acts)*confirmed(verb, v)
		}
		labels |= said
		verb |= v
	}
	asked := Labels(0)
	for name := range d.InputSchema.Properties {
		asked |= ofParameter(strings.ToLower(name), verb)
	}
	if asked.Has(Leaves|Untrusted) && verb&reads != 0 { // what any address serves is public, whatever the sentence calls it
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
			if words[w]&private != 0 {
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

// confirmed is 1 when the verbs of a name and of its sentence have a kind in common.
func confirmed(name, said role) Labels {
	if name&said&^either != 0 {
		return 1
	}
	return 0
}

const verbs = reads | sends | destroys | runs | writes

// ofPhrase are the labels of a name or sentence, and what kinds of verb it has. The
// first word that can only be a verb is the verb; without one, the first word that
// can be one.
func ofPhrase(phrase []string) (Labels, role) {
	at, verb := -1, role(0)
	for i, w := range phrase {
		r := words[w]
		if r&verbs == 0 {
			continue
		}
		if r&either == 0 {
			at, verb = i, r&verbs
			break
		}
		if at < 0 {
			at, verb = i, r&verbs
		}
	}
	var objects role
	for i, w := range phrase {
		if i != at || verb&(reads|runs) != 0 { // "browse", "shell" are what they reach
			objects |= words[w] &^ (verbs | either | reaches)
		}
	}
	if at >= 0 && words[phrase[at]]&reaches != 0 && objects == 0 {
		objects = web
	}
	return meaning(verb, objects), verb
}

// meaning are the labels of a verb of some kinds with objects of some kinds.
func meaning(verb, objects role) Labels {
	var l Labels
	if verb == 0 || verb&reads != 0 { // a bare noun is read: "inbox", "weather"
		if objects&private != 0 {
			l |= Private
		}
		if objects&foreign != 0 {
			l |= Untrusted
		}
		if objects&web != 0 {
			l |= Leaves | Untrusted
		}
	}
	if verb&sends != 0 {
		l |= Leaves | Acts
	}
	if verb&destroys != 0 {
		l |= Acts
	}
	if verb&runs != 0 && objects&runnable != 0 {
		l |= Leaves | Acts | Untrusted
	}
	if verb&writes != 0 && verb&reads == 0 {
		if objects&shared != 0 {
			l |= Leaves | Acts
		}
		if objects&access != 0 {
			l |= Acts
		}
	}
	return l
}

// ofParameter are the labels that a parameter adds to a tool with a verb.
func ofParameter(name string, verb role) Labels {
	switch {
	case recipients[name] && verb&reads == 0:
		return Leaves | Acts
	case destinations[name]:
		return Leaves | Untrusted
	case codes[name] && verb&(runs|sends) != 0:
		return Leaves | Acts | Untrusted
	}
	return 0
}
