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

// sound tells whether the flat names of these upstreams' items cannot be taken
// for those of another's: no two of the upstreams look the same, and none holds
// the separator or ends in an underscore, so that the first separator of a flat
// name is the one that Join wrote (CVE-2026-30856, security case POL-14). Those
// that configuration allows are so.
func sound(upstreams []string) bool {
	return !slices.ContainsFunc(upstreams, func(u string) bool {
		return mcp.Fold(u) != u || strings.Contains(u, separator) || strings.HasSuffix(u, "_")
	})
}

// against is what the flat name of an upstream's item could be taken for, by
// the names of the upstreams alone; empty when nothing.
func (l *lookup) against(upstream, flat string) string {
	if l.sound {
		return ""
	}
	want := mcp.Fold(upstream)
	for _, u := range l.candidates {
		if u == upstream {
			continue
		}
		if mcp.Fold(u) == want {
			return u + "/"
		}
		if name, ok := strings.CutPrefix(flat, u+separator); ok && name != "" {
			return u + "/" + name
		}
	}
	if u, name, ok := Split(flat); !ok || u != upstream {
		return u + "/" + name
	}
	return ""
}
