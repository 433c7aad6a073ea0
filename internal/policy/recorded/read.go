package recorded

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Bounds of a file of calls: as many as one answer of the gateway has, and lines
// as long as its largest message could make them.
const (
	maxCalls = 50_000
	maxLine  = 8 << 20 // bytes
)

// Read reads calls, one JSON object a line, strictly: a member that it does not
// know is an error, for a call that is half read would be judged wrongly.
func Read(r io.Reader) ([]Call, error) {
	var out []Call
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		if len(out) == maxCalls {
			return nil, fmt.Errorf("line %d: there are more than %d calls", n, maxCalls)
		}
		dec := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		dec.DisallowUnknownFields()
		var c Call
		if err := dec.Decode(&c); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if _, err := dec.Token(); !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("line %d: there is more than one call on it", n)
		}
		out = append(out, c)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading calls: %w", err)
	}
	return out, nil
}
