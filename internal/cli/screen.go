package cli

import (
	"io"
	"strings"

	"doorward/internal/gate"
)

// screen writes text for people: what a terminal would hide or obey is marked, whoever
// forgot to (security case LOG-02). Line breaks and tabs stay: what may have some of
// its own goes through visible first.
type screen struct{ w io.Writer }

// Write implements io.Writer.
func (s screen) Write(p []byte) (int, error) {
	var b strings.Builder
	for rest := string(p); rest != ""; {
		i := strings.IndexAny(rest, "\n\t")
		if i < 0 {
			i = len(rest)
		}
		b.WriteString(unseen(rest[:i]))
		if i < len(rest) {
			b.WriteByte(rest[i])
			i++
		}
		rest = rest[i:]
	}
	if _, err := s.w.Write([]byte(b.String())); err != nil {
		return 0, err
	}
	return len(p), nil
}

// unseen marks hidden characters alone: marks that are there already, and the spaces
// of a table, stay.
func unseen(s string) string {
	if strings.IndexFunc(s, gate.Hidden) < 0 {
		return strings.ToValidUTF8(s, "⟨U+FFFD⟩")
	}
	var b strings.Builder
	for _, c := range s {
		if gate.Hidden(c) {
			b.WriteString(gate.Visible(string(c)))
		} else {
			b.WriteRune(c)
		}
	}
	return b.String()
}

// screenJSON writes JSON: the same characters are escaped, and it means the same.
type screenJSON struct{ w io.Writer }

// Write implements io.Writer.
func (s screenJSON) Write(p []byte) (int, error) {
	if _, err := s.w.Write(gate.VisibleJSON(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// out is where text for people goes, errs where what is said beside it goes.
func (r *run) out() io.Writer  { return screen{r.Stdout} }
func (r *run) errs() io.Writer { return screen{r.Stderr} }
