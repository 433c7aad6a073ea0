package doctor

import (
	"bufio"
	"bytes"
	"io"
)

// event is one event of an SSE stream (WHATWG HTML, section 9.2).
type event struct {
	name string // empty: message
	data []byte
}

// eventReader reads the events of a stream. Its reader must be bounded: a line
// has no bound of its own.
type eventReader struct{ lines *bufio.Reader }

func newEventReader(r io.Reader) *eventReader { return &eventReader{bufio.NewReader(r)} }

// next is the next event, of whatever name and also without data: an event that
// only carries an id shows that the stream flows. A comment is one without name
// or data. What the end cuts short is no event.
func (r *eventReader) next() (event, error) {
	var ev event
	begun, several := false, false
	for {
		line, err := r.lines.ReadBytes('\n')
		if err != nil {
			return event{}, err
		}
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		if len(line) == 0 {
			if begun {
				return ev, nil
			}
			continue
		}
		begun = true
		field, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(field) {
		case "event":
			ev.name = string(value)
		case "data":
			if several {
				ev.data = append(ev.data, '\n')
			}
			ev.data, several = append(ev.data, value...), true
		}
	}
}
