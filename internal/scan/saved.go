package scan

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// maxSaved bounds a saved list, in bytes.
const maxSaved = 64 << 20

// ErrNoList says that a file is no saved list of definitions.
var ErrNoList = errors.New("it is no saved list: want the result of tools/list, {\"tools\": […]}, with or without its envelope")

// Saved reads a saved list: the result of tools/list (or of prompts, resources
// and templates, in one object or several), with or without the JSON-RPC
// envelope. The server is named after the file.
func Saved(path string) (Offer, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Offer{}, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxSaved {
		return Offer{}, fmt.Errorf("%s is no regular file of at most %d bytes", path, maxSaved)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return Offer{}, err
	}
	o := Offer{Server: strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), File: path, Line: 1}
	if err := o.list(raw); err != nil {
		return Offer{}, fmt.Errorf("%s: %w", path, err)
	}
	return o, nil
}

// sections are the members of a result that hold definitions, in order.
//
//nolint:gochecknoglobals // a table; read-only
var sections = [...]struct {
	key  string
	kind gate.ItemKind
}{{"tools", gate.Tool}, {"prompts", gate.Prompt}, {"resources", gate.Resource}, {"resourceTemplates", gate.Template}}

// list takes the definitions of a result in. An object with a name twice is
// refused: of two, nobody knows which one the model reads.
func (o *Offer) list(raw []byte) error {
	if jsontext.Value(raw).Kind() == '[' {
		return o.section(gate.Tool, raw)
	}
	var members map[string]jsontext.Value
	if err := json.Unmarshal(raw, &members); err != nil {
		return fmt.Errorf("reading it: %w", err)
	}
	if result, ok := members["result"]; ok {
		members = nil
		if err := json.Unmarshal(result, &members); err != nil {
			return fmt.Errorf("reading its result: %w", err)
		}
	}
	found := false
	for _, s := range sections {
		if list, ok := members[s.key]; ok {
			found = true
			if err := o.section(s.kind, list); err != nil {
				return err
			}
		}
	}
	if text, ok := members["instructions"]; ok {
		found = true
		o.Items = append(o.Items, gate.Item{Kind: gate.Instructions, Upstream: o.Server, Raw: text})
	}
	if !found {
		return ErrNoList
	}
	return nil
}

func (o *Offer) section(kind gate.ItemKind, raw []byte) error {
	var list []jsontext.Value
	if err := json.Unmarshal(raw, &list); err != nil {
		return fmt.Errorf("reading its %ss: %w", kind, err)
	}
	for i, one := range list {
		name, err := mcp.NameOf(kind, one)
		if err != nil { // what a gateway would turn away is what a person should see
			name = fmt.Sprintf("[%d]", i)
		}
		o.Items = append(o.Items, gate.Item{Kind: kind, Upstream: o.Server, Name: name, Raw: one})
	}
	return nil
}
