package validate

import (
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"

	"doorward/internal/gate"
)

// prompt is what the approved definition of a prompt asks of its arguments.
// Arguments that it does not name are let through, as MCP allows them, unless
// they are refused on the upstream's terms.
type prompt struct {
	required []string
	known    []string // all, sorted
}

// maxPromptArguments bounds a prompt's list: above any prompt that a person fills in.
const maxPromptArguments = 256

func newPrompt(raw []byte) (prompt, error) {
	var def struct {
		Arguments []struct {
			Name     string `json:"name"`
			Required bool   `json:"required"`
		} `json:"arguments"`
	}
	if err := json.Unmarshal(raw, &def); err != nil {
		return prompt{}, fmt.Errorf("reading the prompt: %w", err)
	}
	if len(def.Arguments) > maxPromptArguments {
		return prompt{}, fmt.Errorf("the prompt has more than %d arguments", maxPromptArguments)
	}
	var p prompt
	for _, a := range def.Arguments {
		p.known = append(p.known, a.Name)
		if a.Required {
			p.required = append(p.required, a.Name)
		}
	}
	slices.Sort(p.known)
	return p, nil
}

func (p prompt) judge(args []byte, closed bool) gate.Verdict {
	in, err := decode(args)
	if err != nil {
		return badPrompt(explain(err, nil))
	}
	given, ok := in.value.(map[string]any)
	if !ok {
		return badPrompt("the arguments are not an object")
	}
	for _, name := range p.required {
		if _, ok := given[name]; !ok {
			return badPrompt("the argument " + quoted(name) + " is required")
		}
	}
	if closed {
		u := unknown{known: p.known}
		for name := range given {
			if !slices.Contains(p.known, name) {
				u.names = append(u.names, name)
			}
		}
		if len(u.names) > 0 {
			return badPrompt(pointer(nil) + " " + u.text())
		}
	}
	for name, value := range given {
		if _, ok := value.(string); !ok {
			return badPrompt("/" + pointerToken(name) + " must be a string")
		}
	}
	return gate.Pass()
}

func badPrompt(text string) gate.Verdict {
	return gate.Refuse(gate.CodeArguments, text, bounded("The arguments do not fit the prompt: "+text))
}
