package mcp

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

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
	if err := checkName(kind, name); err != nil {
		return name, err
	}
	if named(kind) && mixed(name) {
		return name, errMixed
	}
	return name, nil
}

var errMixed = errors.New("name mixes letters of scripts that can be taken for each other")

// named tells whether what names a thing of the kind is a name, and not a URI.
func named(kind gate.ItemKind) bool { return kind == gate.Tool || kind == gate.Prompt }

// checkName refuses names that are empty, too long, or hold a character that
// does not show: two names that look the same must not differ in one. White space
// at an end of a name does not show either. The name of a client's request may
// have its upstream's, which is ASCII, and "__" before it, so scripts are compared
// in what comes after.
//
// Look-alikes within ASCII (l1st and list) and names that are wholly of another
// script pass: which are meant cannot be told by the name.
func checkName(kind gate.ItemKind, name string) error {
	limit := maxURI
	if named(kind) {
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
	if !named(kind) {
		return nil
	}
	upstream, own, joined := strings.Cut(name, "__")
	if !joined || !isASCII(upstream) {
		own = name
	}
	switch {
	case strings.TrimSpace(name) != name || strings.TrimSpace(own) != own:
		return errors.New("name begins or ends with white space")
	case mixed(own):
		return errMixed
	}
	return nil
}

// mixed tells whether a name mixes scripts in a way that is not highly
// restrictive (UTS 39, section 5.2): its letters are of one script, or of Latin
// and those that are written together in Japanese, Chinese or Korean. Digits,
// punctuation and marks belong to every script. The NFKC form is looked at, for
// that is what Fold compares: a mathematical alpha is a Greek one there.
func mixed(name string) bool {
	if isASCII(name) {
		return false
	}
	name = norm.NFKC.String(name)
	for _, together := range [...][]*unicode.RangeTable{
		{unicode.Latin, unicode.Han, unicode.Hiragana, unicode.Katakana},
		{unicode.Latin, unicode.Han, unicode.Bopomofo},
		{unicode.Latin, unicode.Han, unicode.Hangul},
	} {
		if within(name, together) {
			return false
		}
	}
	return !within(name, []*unicode.RangeTable{scriptOf(name)})
}

// within tells whether every character of s is of one of the scripts, or of all.
func within(s string, scripts []*unicode.RangeTable) bool {
	for _, r := range s {
		if !unicode.In(r, unicode.Common, unicode.Inherited) && !unicode.In(r, scripts...) {
			return false
		}
	}
	return true
}

// scriptOf is the script of the first character that has one of its own, Common
// when none has.
func scriptOf(s string) *unicode.RangeTable {
	for _, r := range s {
		if unicode.In(r, unicode.Common, unicode.Inherited) {
			continue
		}
		for _, script := range unicode.Scripts {
			if unicode.Is(script, r) {
				return script
			}
		}
	}
	return unicode.Common
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
