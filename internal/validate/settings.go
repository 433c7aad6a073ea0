package validate

import (
	"bytes"
	"fmt"
)

// Settings are what one upstream's calls are held to beside its definitions. The
// zero value lets no argument pass.
type Settings struct {
	RefuseUnknown bool  // members that a schema does not name, where it says nothing of them
	Arguments     int64 // bytes of the arguments as the client wrote them
	Values        int   // JSON values in the arguments, and in a result's structured content
}

// Bounds of the settings that are not written.
const (
	DefaultArguments = 1 << 20
	DefaultValues    = 100_000 // ten times what a client's message may have at all: tables are results
)

func defaultSettings() Settings {
	return Settings{Arguments: DefaultArguments, Values: DefaultValues}
}

// size says why JSON is too large, before it is decoded; nil when it is not.
func (s Settings) size(raw []byte) error {
	if int64(len(raw)) > s.Arguments {
		return fmt.Errorf("they have %d bytes and may have %d: send less in one call", len(raw), s.Arguments)
	}
	return s.count(raw)
}

// count says why JSON has too many values; nil when it has not.
func (s Settings) count(raw []byte) error {
	if values(raw) > s.Values {
		return fmt.Errorf("there are more than %d values in it", s.Values)
	}
	return nil
}

// values counts the JSON values in raw, itself included, in one pass. Of what is
// no JSON it counts something: who decodes it refuses it.
func values(raw []byte) int {
	n, empty := 1, false // empty: since a bracket opened there was nothing
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; c {
		case ' ', '\t', '\r', '\n', ':':
			continue
		case '{', '[':
			if empty {
				n++
			}
			empty = true
			continue
		case '}', ']':
		case ',':
			n++
		default:
			if empty {
				n++
			}
			if c == '"' {
				i = afterString(raw, i)
			}
		}
		empty = false
	}
	return n
}

// afterString is where the string that begins at i ends.
func afterString(raw []byte, i int) int {
	for i++; i < len(raw); {
		next := bytes.IndexAny(raw[i:], `"\`)
		if next < 0 {
			return len(raw)
		}
		if i += next; raw[i] == '"' {
			return i
		}
		i += 2
	}
	return i
}
