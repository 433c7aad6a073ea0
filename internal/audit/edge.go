package audit

import "golang.org/x/mod/sumdb/tlog"

// edge is the right edge of a Merkle tree (RFC 6962, section 2.1) while it grows:
// the roots of its full subtrees, largest first. It needs no more than one hash for
// each bit of the size. The zero value is the empty tree.
type edge struct {
	size  uint64
	roots []tlog.Hash
}

// add appends the hash of the next leaf.
func (e *edge) add(leaf tlog.Hash) {
	for rest := e.size; rest&1 == 1; rest >>= 1 {
		last := len(e.roots) - 1
		leaf = tlog.NodeHash(e.roots[last], leaf)
		e.roots = e.roots[:last]
	}
	e.roots = append(e.roots, leaf)
	e.size++
}

// root is the hash of the whole tree; the zero hash when it is empty.
func (e *edge) root() tlog.Hash {
	if len(e.roots) == 0 {
		return tlog.Hash{}
	}
	last := len(e.roots) - 1
	hash := e.roots[last]
	for last--; last >= 0; last-- {
		hash = tlog.NodeHash(e.roots[last], hash)
	}
	return hash
}
