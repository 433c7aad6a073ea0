package config

import (
	"strings"

	"github.com/goccy/go-yaml/token"
)

// positions are where the file writes each path.
type positions map[string]*token.Position

// locate gives a fault the position of its path, or of the nearest one above
// that the file writes.
func (p positions) locate(f Fault) Fault {
	for path := f.Path; path != ""; path = path[:max(0, strings.LastIndexAny(path, ".["))] {
		if at := p[path]; at != nil {
			f.Line, f.Column = at.Line, at.Column
			return f
		}
	}
	return f
}
