package gate

import (
	"encoding/hex"
	"errors"
	"strings"
)

// ItemKind is the kind of a definition that an upstream offers and that
// doorward.lock pins.
type ItemKind uint8

// The kinds. The zero value is none.
const (
	NoItem ItemKind = iota
	Tool
	Prompt
	Resource
	Template     // a resource template
	Instructions // the server's instructions to the model
	Server       // the server's name and version
	Command      // how the server is started or reached: argv and digests, or URL and transport
)

// String is the kind's word in the lock file, the CLI and the audit log.
func (k ItemKind) String() string {
	switch k {
	case Tool:
		return "tool"
	case Prompt:
		return "prompt"
	case Resource:
		return "resource"
	case Template:
		return "template"
	case Instructions:
		return "instructions"
	case Server:
		return "server"
	case Command:
		return "command"
	case NoItem:
	}
	return "none"
}

// PinState is how an observed definition stands against its pin. The zero
// value withholds.
type PinState uint8

// The states of an observed definition.
const (
	Held     PinState = iota // never approved
	Approved                 // byte for byte (in canonical form) what was approved
	Changed                  // differs from what was approved
	Rejected                 // a person said no
	Flagged                  // what was approved, and something was found in it that blocks it
)

// String is the state's word in the CLI, the API and the audit log.
func (s PinState) String() string {
	switch s {
	case Approved:
		return "approved"
	case Changed:
		return "changed"
	case Rejected:
		return "rejected"
	case Flagged:
		return "flagged"
	case Held:
	}
	return "held"
}

// Digest is the SHA-256 of a definition's pinned form (mcp.Pinned).
type Digest [32]byte

// String is "sha256:" and lower-case hex, as written in doorward.lock.
func (d Digest) String() string { return "sha256:" + hex.EncodeToString(d[:]) }

// Item is one definition that an upstream offered: a tool, a prompt, a
// resource. Its identity is (Kind, Upstream, Name); Shown is display only.
type Item struct {
	Kind     ItemKind
	Upstream string
	Name     string // as the upstream names it: tool name, URI, URI template
	Shown    string // as clients of this profile see it
	Digest   Digest
	Raw      []byte // the definition as the upstream sent it
	State    PinState
	Unread   bool // nobody approves it by itself: a resource of a server of Doorward's own, whose settings are approved
}

// Path is "upstream/name", the form that policy rules match.
func (it *Item) Path() string { return it.Upstream + "/" + it.Name }

// ParseDigest reads what Digest.String wrote.
func ParseDigest(s string) (Digest, error) {
	var d Digest
	text, ok := strings.CutPrefix(s, "sha256:")
	if ok && len(text) == hex.EncodedLen(len(d)) {
		if _, err := hex.Decode(d[:], []byte(text)); err == nil {
			return d, nil
		}
	}
	return Digest{}, errors.New("not a digest: want sha256: and 64 hex digits")
}
