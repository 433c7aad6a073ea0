package inspect

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// blobText is the text inside a blob (base64) that a model or a tool chain may
// read: all of one that is text, whatever it is named or begins with, and of others
// the runs of characters that stand in it, such as what an image says of itself. It is at
// most four times as long as the blob. ok is false for what is no base64.
func blobText(s string) (text string, ok bool) {
	if len(s) < 8 || len(s)%4 != 0 || strings.ContainsAny(s[:8], " \t\n") {
		return "", false
	}
	raw, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return "", false
	}
	if utf8.Valid(raw) {
		return strings.Map(uncontrolled, string(raw)), true
	}
	// A mark of two bytes says nothing of what follows it: the runs are read all the same.
	var b strings.Builder
	if wide, ok := utf16Text(raw); ok {
		b.WriteString(wide)
		b.WriteByte('\n')
	}
	runs(&b, raw)
	wideRuns(&b, raw)
	return b.String(), true
}

// uncontrolled drops the bytes that make a short recording look like a text that
// hides something.
func uncontrolled(r rune) rune {
	if r < ' ' && r != '\n' && r != '\t' && r != '\r' || r == 0x7f {
		return -1
	}
	return r
}

// utf16Text reads UTF-16 that begins with its mark (RFC 2781).
func utf16Text(raw []byte) (string, bool) {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(raw, []byte{0xfe, 0xff}):
		order = binary.BigEndian
	case bytes.HasPrefix(raw, []byte{0xff, 0xfe}):
		order = binary.LittleEndian
	default:
		return "", false
	}
	units := make([]uint16, 0, len(raw)/2)
	for p := raw[2:]; len(p) >= 2; p = p[2:] {
		units = append(units, order.Uint16(p))
	}
	return string(utf16.Decode(units)), true
}

// minRun is the shortest run of printable characters that counts as text among
// other bytes: shorter ones come about by chance.
const minRun = 12

// runs writes the runs of printable ASCII among bytes, a line each.
func runs(b *strings.Builder, raw []byte) {
	run := 0
	for i, c := range raw {
		if printable(c) {
			run++
			if i < len(raw)-1 {
				continue
			}
			i++
		}
		if run >= minRun {
			b.Write(raw[i-run : i])
			b.WriteByte('\n')
		}
		run = 0
	}
}

func printable(c byte) bool { return c >= ' ' && c < 0x7f }

// wideRuns writes the runs of printable ASCII in UTF-16, wherever they begin and in
// either order of bytes, a line each. Where a zero stands before one and a
// character behind it, nothing tells the order: it is written in both.
func wideRuns(b *strings.Builder, raw []byte) {
	for i := 0; i+1 < len(raw); i++ {
		start := i
		for i+1 < len(raw) && printable(raw[i]) && raw[i+1] == 0 {
			i += 2
		}
		n := (i - start) / 2
		big := start > 0 && raw[start-1] == 0 && i < len(raw) && printable(raw[i])
		if n >= minRun || big && n+1 >= minRun {
			narrow(b, raw[start:i])
			if big {
				narrow(b, raw[start:i+1])
			}
		}
		if i > start {
			i--
		}
	}
}

// narrow writes every other byte, in a line.
func narrow(b *strings.Builder, wide []byte) {
	for i := 0; i < len(wide); i += 2 {
		b.WriteByte(wide[i])
	}
	b.WriteByte('\n')
}

// blob looks at the text inside a blob. It cannot be rewritten: where a text
// would be wrapped or masked the blob is taken out.
func (in *incoming) blob(t *mcp.Text, own string) {
	found := in.look(own)
	seen := make(map[[2]string]bool, len(found)) // one text may be read in several ways
	found = slices.DeleteFunc(found, func(f gate.Finding) bool {
		said := [2]string{f.Rule, f.Text}
		there := seen[said]
		seen[said] = true
		return there
	})
	for i := range found {
		f := &found[i]
		f.Where = t.Pointer()
		note(in.ex, f.Where, found[i:i+1])
		switch in.act(f) {
		case gate.Block:
			in.blocking = append(in.blocking, *f)
		case gate.Mask, gate.Wrap:
			if n := len(in.marks); n == 0 || in.marks[n-1].At != t.At {
				in.marks = append(in.marks, gate.Mark{At: t.At, Text: t.Value, Where: f.Where, Drop: true})
			}
		case gate.Warn, gate.Allow:
		}
	}
}
