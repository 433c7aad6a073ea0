package config

import (
	"reflect"
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

// Lines tells on which line a file writes a path as faults name it, or what is
// nearest above it: for findings about a file that Parse has taken. 0: nowhere.
func Lines(data []byte) func(path string) int {
	at := written(data)
	return func(path string) int { return at.locate(Fault{Path: path}).Line }
}

// written are the positions of what a file writes that Parse has taken; none of another.
func written(data []byte) positions {
	d := decoder{at: positions{}}
	if unreadable(data) == nil {
		if file, err := tree(data); err == nil && len(file.Docs) == 1 && file.Docs[0].Body != nil {
			c := defaults()
			d.value(file.Docs[0].Body, reflect.ValueOf(&c).Elem(), "", "")
		}
	}
	return d.at
}
