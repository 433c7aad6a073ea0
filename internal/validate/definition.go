package validate

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// definition is an approved definition, ready to judge with. It is immutable.
type definition struct {
	fault   error // why it cannot be used; everything else is unset then
	input   *checker
	output  *checker // nil when the tool has no output schema
	headers []mcp.HeaderParam
	prompt  prompt
}

// compile never fails: what is wrong becomes the definition's fault. A panic
// in the schema library is a fault of that one definition as well.
func compile(it *gate.Item) (def *definition) {
	defer func() {
		if p := recover(); p != nil {
			def = &definition{fault: fmt.Errorf("compiling the definition broke: %v", p)}
		}
	}()
	def = &definition{}
	var err error
	switch it.Kind {
	case gate.Tool:
		err = def.tool(it.Raw)
	case gate.Prompt:
		def.prompt, err = newPrompt(it.Raw)
	case gate.NoItem, gate.Resource, gate.Template, gate.Instructions, gate.Server, gate.Command:
		err = errors.New("a " + it.Kind.String() + " has nothing to validate")
	}
	if err != nil {
		return &definition{fault: err}
	}
	return def
}

func (d *definition) tool(raw []byte) error {
	// Names are matched exactly: encoding/json would take "InputSchema" as well.
	var t struct {
		Input  jsontext.Value `json:"inputSchema"`
		Output jsontext.Value `json:"outputSchema"`
	}
	if err := json.Unmarshal(raw, &t); err != nil {
		return fmt.Errorf("reading the tool: %w", err)
	}
	if t.Input == nil {
		return errors.New("the tool has no inputSchema")
	}
	var err error
	if d.input, err = newChecker(t.Input, forArguments); err != nil {
		return fmt.Errorf("inputSchema: %w", err)
	}
	if d.headers, err = mcp.HeaderParams(t.Input); err != nil {
		return fmt.Errorf("inputSchema: %w", err)
	}
	if t.Output != nil {
		if d.output, err = newChecker(t.Output, forResults); err != nil {
			return fmt.Errorf("outputSchema: %w", err)
		}
	}
	return nil
}
