package mcp

import (
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"

	"doorward/internal/gate"
)

// Bounds of what names a thing, in bytes. MCP recommends at most 128
// characters for a tool's name (SEP-986); a URI has no bound there.
const (
	maxName = 256
	maxURI  = 2048
)

// NameOf is the identity of a definition among its kind: the name of a tool or
// prompt, the uri of a resource, the uriTemplate of a template. It is bounded
// and holds printable text only, so that it can be shown and matched.
func NameOf(kind gate.ItemKind, raw []byte) (string, error) {
	key := ""
	switch kind {
	case gate.Tool, gate.Prompt:
		key = "name"
	case gate.Resource:
		key = "uri"
	case gate.Template:
		key = "uriTemplate"
	default:
		return "", fmt.Errorf("a %s has no name of its own", kind)
	}
	name, ok := memberText(raw, key)
	if !ok {
		return "", fmt.Errorf("%s without a %s that is a string", kind, key)
	}
	return name, checkName(kind, name)
}

// checkName refuses names that are empty, too long, or hold a character that
// does not show: two names that look the same must not differ in one.
func checkName(kind gate.ItemKind, name string) error {
	limit := maxURI
	if kind == gate.Tool || kind == gate.Prompt {
		limit = maxName
	}
	switch {
	case name == "":
		return errors.New("empty name")
	case len(name) > limit:
		return fmt.Errorf("name of more than %d bytes", limit)
	case !utf8.ValidString(name):
		return errors.New("name is not UTF-8")
	}
	for _, r := range name {
		if !unicode.IsPrint(r) || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) {
			return fmt.Errorf("name holds the character %U, which does not show", r)
		}
	}
	return nil
}
