package lock

import (
	"fmt"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// maxDepth bounds nesting in a definition; messages are bounded to 64
// (jsonrpc). Indentation grows with the square of it.
const maxDepth = 64

// canonical is a definition's canonical form, as a copy, and its digest.
func canonical(kind gate.ItemKind, raw []byte) ([]byte, gate.Digest, error) {
	text, err := mcp.Pinned(raw)
	if err != nil {
		return nil, gate.Digest{}, err
	}
	if d := depth(text); d > maxDepth {
		return nil, gate.Digest{}, fmt.Errorf("a definition is nested %d deep, more than %d", d, maxDepth)
	}
	digest, err := mcp.DigestOf(kind, text)
	return text, digest, err
}

// depth is how deep valid JSON is nested.
func depth(text []byte) (deepest int) {
	level := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i += stringLen(text[i:]) - 1
		case '{', '[':
			level++
			deepest = max(deepest, level)
		case '}', ']':
			level--
		}
	}
	return deepest
}
