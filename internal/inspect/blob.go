package inspect

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// blobText is the text inside a blob (base64) that a model or a tool chain may
// read: all of one that is text, whatever it is named or begins with, and of others
// the runs of characters that stand in it, such as what an image says of itself. ok is
// false for what is no base64.
func blobText(s string) (text string, ok bool) {
	if len(s) < 8 || len(s)%4 != 0 || strings.ContainsAny(s[:8], " \t\n") {
		return "", false
	}
	raw, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return "", false
	}
	if wide, ok := utf16Text(raw); ok {
		return wide, true
	}
	if utf8.Valid(raw) {
		return strings.Map(uncontrolled, string(raw)), true
	}
	return printable(raw), true
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

// printable are the runs of printable ASCII among bytes, a line each.
func printable(raw []byte) string {
	var b strings.Builder
	run := 0
	for i, c := range raw {
		if c >= ' ' && c < 0x7f {
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
	return b.String()
}

// blob looks at the text inside a blob. It cannot be rewritten: where a text
// would be wrapped or masked the blob is taken out.
func (in *incoming) blob(t *mcp.Text, own string) {
	found := in.look(own)
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
