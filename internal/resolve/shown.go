package resolve

import (
	"slices"
	"strings"

	"doorward/internal/mcp"
)

// separator stands between an upstream's name and an item's in the flat names
// that clients see. Upstream names do not contain it (config).
const separator = "__"

// Join is the flat name of an item for display; false when it would not lead
// back to the same upstream and item, and the item must then not be shown. The
// identity of an item is the pair, never the flat name.
func Join(upstream, name string) (string, bool) {
	flat := upstream + separator + name
	u, n, ok := Split(flat)
	return flat, ok && u == upstream && n == name
}

// Split takes a flat name apart at the first separator. Neither part is empty.
func Split(flat string) (upstream, name string, ok bool) {
	upstream, name, ok = strings.Cut(flat, separator)
	return upstream, name, ok && upstream != "" && name != ""
}

// twin tells whether another of the upstreams has a name that looks like this
// one's, so that their flat names cannot be told apart.
func twin(upstreams []string, upstream string) bool {
	want := mcp.Fold(upstream)
	return slices.ContainsFunc(upstreams, func(u string) bool {
		return u != upstream && mcp.Fold(u) == want
	})
}
